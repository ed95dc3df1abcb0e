# SPDX-License-Identifier: BSD-2-Clause
"""What moddump shows of good modules: overview, parts, JSON."""

import json
import json.tool
import os
import re
import subprocess
import sys

from moddump_run import GOOD, OK, RETURN_0, SOURCE, ToolTest, encoder, main, modref

PARTS = ("headers", "segments", "relocs", "imports", "exports", "tags", "hex", "disassemble")


def vectors():
    found = sorted(GOOD.glob("*.bin"))
    assert found
    return found


class Overview(ToolTest):
    def test_says_what_matters(self):
        path = self.image(
            text=bytes(8) + RETURN_0 + bytes(4), data=bytes(4), data_mem=20, entry=9,
            imports=[encoder.Symbol("puts")],
            fixes=[encoder.word("text", 4, "import", imp=0), encoder.word("text", 12, "data")],
            header={"needs": 0x487, "stack_size": 256},
            tags=[encoder.tag("name", b"hello"), encoder.tag("version", encoder.version(1, 2, 3)),
                  encoder.tag("description", b"Says hello"),
                  encoder.tag("origin", encoder.u32(8, 0x8000, 0x8008)),
                  encoder.tag("import_names", encoder.strings("puts"))])
        output, _ = self.expect(OK, path)
        for text in ("hello 1.2.3", "Says hello", "ARMv7E-M, FPv4-SP, softfp",
                     "one block; text and data apart", "text+0x8 (Thumb)", "256 bytes",
                     "the first 8 are veneers", "20 bytes, 4 stored, 16 bss",
                     "36 bytes\n", "1 in text: word += import", "1 in text: word += data",
                     "imports       1 in 12 bytes, with names", "ok\n"):
            self.assertIn(text, output)

    def test_needs_in_words(self):
        for needs, words in ((0x401, "ARMv6-M, soft float"), (0x403, "ARMv7-M, soft float"),
                             (0x887, "ARMv7E-M, FPv4-SP, hard float"),
                             (0xb87, "ARMv7E-M, FPv5 with double precision, hard float"),
                             (0x409, "ARMv8-M Baseline, soft float"),
                             (0x41f, "ARMv8-M Mainline with DSP, soft float"),
                             (0x41b, "ARMv8-M Mainline, soft float"),
                             (0xaff, "ARMv8.1-M Mainline with DSP, MVE, FPv5-SP, hard float")):
            path = self.image(header={"needs": needs})
            self.assertIn(f"{words}\n", self.expect(OK, path)[0])

    def test_where_data_lies(self):
        for name, text in (("align_apart", "aligned to 8\n"),
                           ("align_20_of_32", "aligned to 32 (lies at 20 modulo that)\n"),
                           ("align_empty_text", "aligned to 64\n"), ("align_no_data", "none\n")):
            self.assertIn(text, self.expect(OK, GOOD / f"{name}.bin")[0])

    def test_nothing_in_it(self):
        output, _ = self.expect(OK, GOOD / "empty.bin")
        for text in ("without a name", "entry         none", "data          none",
                     "relocations   0 in 0 bytes"):
            self.assertIn(text, output)

    def test_hostile_text(self):
        path = self.image(tags=[
            encoder.tag("name", "n\u202e\u009b31m".encode()),
            encoder.tag("description", b"bad \xff\xfe utf-8")])
        output, _ = self.expect(OK, path)
        self.assertIn("n\\u{202e}\\u{009b}31m", output)
        self.assertIn("bad \\xff\\xfe utf-8", output)
        decoded = json.loads(self.expect(OK, "--json", path)[0])
        self.assertEqual(decoded["name"], "n\u202e\u009b31m")
        self.assertEqual(decoded["description"], "bad \ufffd\ufffd utf-8")


class Parts(ToolTest):
    def test_combined(self):
        for path in (GOOD / "every_tag.bin", GOOD / "mov_alone.bin", GOOD / "import_names.bin"):
            single = "".join(self.expect(OK, f"--{part}", path)[0] for part in PARTS)
            both, _ = self.expect(OK, *(f"--{part}" for part in reversed(PARTS)), path)
            self.assertEqual(both, single)

    def test_every_part_of_every_vector(self):
        for path in vectors():
            if path.name != "compressed.bin":
                output, _ = self.expect(OK, *(f"--{part}" for part in PARTS), path)
                self.assertGreater(output.count("\n"), 30)

    def test_headers(self):
        output, _ = self.expect(OK, "--headers", GOOD / "words.bin")
        names = [line.split()[1] for line in output.splitlines()[2:] if line]
        self.assertEqual(names, list(modref.HEADER))

    def test_relocs(self):
        for path in vectors():
            module = modref.read(path.read_bytes())
            count = len(list(modref.read_fixups(module)))
            output, _ = self.expect(OK, "--relocs", path)
            self.assertIn(f"relocations: {count}\n", output)
            self.assertEqual(len(output.splitlines()) - 2, count + (count != 0))

    def test_imports_and_exports(self):
        output, _ = self.expect(OK, "--imports", "--exports", GOOD / "import_names.bin")
        for name in ("malloc", "free", "millis", "on_event", "table", "hook", "counter"):
            self.assertRegex(output, f"(?m)  {name}$")
        output, _ = self.expect(OK, "--imports", GOOD / "imports.bin")
        self.assertRegex(output, r"0c8f27ab  00000000 +2  weak  object +-\n")

    def with_prototypes(self, prototypes):
        """Two imports, an odd tag: the format's checks do not look into it."""
        names = encoder.by_hash(encoder.Symbol("one", 0, 0x1234), encoder.Symbol("two", 2, 0x5678))
        path = self.image(text=RETURN_0, imports=names, tags=[
            encoder.tag("name", b"m"),
            encoder.tag("import_names", encoder.strings(*(s.name for s in names))),
            encoder.tag("import_prototypes", prototypes)])
        output, _ = self.expect(OK, "--imports", path)
        shown = json.loads(self.expect(OK, "--json", path)[0])["imports"]
        return output.splitlines()[2:4], [row.get("prototype") for row in shown]

    def test_prototypes(self):
        rows, shown = self.with_prototypes(b"int first(int)\0void *second(void)\0")
        self.assertTrue(rows[0].endswith("  int first(int)"), rows)
        self.assertTrue(rows[1].endswith("  void *second(void)"), rows)
        self.assertIn("unverified", "".join(rows))
        self.assertEqual(shown, ["int first(int)", "void *second(void)"])

    def test_odd_prototypes(self):
        self.assertEqual(self.with_prototypes(b"\0\0")[1], [None, None])
        self.assertEqual(self.with_prototypes(b"a")[1], ["a", None])
        self.assertEqual(self.with_prototypes(b"\0b")[1], [None, "b"])
        self.assertEqual(self.with_prototypes(b"a\0b\0c\0d")[1], ["a", "b"])
        rows, _ = self.with_prototypes(b"a\x1b[2J\0b\n\0")
        self.assertIn("a\\x1b[2J", rows[0])

    def test_surroundings(self):
        """What it was built for, needs and can be given stands in the overview."""
        output, _ = self.expect(OK, self.image(
            text=RETURN_0, data=bytes(32), tags=[
                encoder.tag("dependency", encoder.version(1, 2, 0) + encoder.version(2, 0, 0)
                            + b"counter"),
                encoder.tag("name", b"m"), encoder.tag("api_version", encoder.version(3, 1, 4)),
                encoder.tag("params", encoder.u32(0x80000008, 24))]))
        self.assertRegex(output, r"built for +firmware interface 3\.1\.4\n")
        self.assertRegex(output, r"needs module +counter from 1\.2\.0 up to but not 2\.0\.0\n")
        self.assertRegex(output, r"parameters +data\+0x8, 24 bytes\n")

    def test_hex_has_every_byte(self):
        for path in vectors():
            image = path.read_bytes()
            if len(image) > 100000:
                continue
            output, _ = self.expect(OK, "--hex", path)
            rows = [line[12:48] for line in output.splitlines() if line.startswith("  ")]
            self.assertEqual(bytes.fromhex("".join(rows)), image)


class Json(ToolTest):
    def test_json_tool_reads_it(self):
        """One through a pipe, as in a shell; all the others in this process, to save time."""
        first, *others = vectors()
        tool = subprocess.Popen([os.environ["MODDUMP"], "--json", first], stdout=subprocess.PIPE)
        done = subprocess.run([sys.executable, "-m", "json.tool"], stdin=tool.stdout,
                              capture_output=True, check=False)
        tool.stdout.close()
        self.assertEqual((tool.wait(), done.returncode, done.stderr), (0, 0, b""))
        for path in others:
            shown = self.write("shown", self.expect(OK, "--json", path)[0].encode())
            sys.argv = ["json.tool", str(shown), str(self.folder / "again")]
            json.tool.main()
            self.assertEqual(json.loads((self.folder / "again").read_text()),
                             json.loads(shown.read_text()))

    def compare(self, path):
        got = json.loads(self.expect(OK, "--json", path)[0])
        want = modref.dump(modref.read(path.read_bytes()))
        for field, value in got["header"].items():
            number = int(value, 16) if isinstance(value, str) else value
            known = want["header"][field]
            self.assertEqual(number, None if field == "entry" and known == encoder.NONE else known)
        flags = want["header"]["flag_names"]
        self.assertEqual(got["placements"], [name for name in flags if name != "code_in_data"])
        self.assertEqual(got["code_in_data"], "code_in_data" in flags)
        self.assertEqual(got["needs"], want["header"]["need_names"])
        areas = {area["name"].replace(" ", "_"): area for area in got["areas"]}
        for name, area in want["areas"].items():
            self.assertEqual(areas[name]["offset"], area["start"], name)
        self.assertEqual([fixup_key(row) for row in got["relocations"]],
                         [modref_key(row) for row in want["fixups"]])
        for key in ("imports", "exports"):
            self.assertEqual([symbol_key(row) for row in got[key]],
                             [modref_symbol(row) for row in want[key]])
        self.assertEqual([(t["type"], t["length"]) for t in got["tags"]],
                         [(t["type"], t["length"]) for t in want["tags"]])

    def test_agrees_with_modref(self):
        for path in vectors():
            with self.subTest(path.name):
                self.compare(path)

    def test_tags_are_decoded(self):
        got = json.loads(self.expect(OK, "--json", GOOD / "every_tag.bin")[0])
        tags = {tag["name"]: tag for tag in got["tags"]}
        self.assertEqual(got["version"], "1.2.3")
        self.assertEqual(tags["description"]["text"], got["description"])
        self.assertEqual(tags["api_version"]["version"], "0.9.65535")
        self.assertEqual(tags["origin"]["text"], "0x00008000")
        self.assertEqual((tags["params"]["segment"], tags["params"]["place"],
                          tags["params"]["size"]), ("data", 8, 24))
        self.assertEqual(tags["signature"]["signature"], bytes(range(64)).hex())
        got = json.loads(self.expect(OK, "--json", GOOD / "import_names.bin")[0])
        self.assertIn({"malloc", "free", "millis"},
                      [set(tag["names"]) for tag in got["tags"] if "names" in tag])

    def test_schema(self):
        got = json.loads(self.expect(OK, "--json", GOOD / "words.bin")[0])
        self.assertEqual(got["schema"], 1)

    def test_same_twice(self):
        for path in vectors():
            self.assertEqual(self.expect(OK, "--json", path), self.expect(OK, "--json", path))


def fixup_key(row):
    top = row["offset"] + 2 * row["distance"] if row.get("mov") == "pair" else None
    return (row["segment"], row["offset"], row["kind"], row["target"], row["relative"],
            row.get("import"), row.get("mov") in ("movw", "movt"), top, row.get("low"))


def modref_key(row):
    return (row["place"], row["offset"], row["kind"].removesuffix("_any"),
            row["target"], row["relative"], row.get("import"),
            "alone" in row, row.get("movt"), row.get("low"))


def symbol_key(row):
    return (int(row["hash"], 16), int(row["type"], 16), row.get("value"), row["flags"],
            row["name"])


def modref_symbol(row):
    return (row["hash"], row["type"], row.get("value"), row["flags"], row.get("name"))


class Code(ToolTest):
    def module(self):
        text = bytes.fromhex("0048 0047 0000 0000"       # 00 ldr r0, [pc]; bx r0; a word
                             "fff7 faff 0448"            # 08 bl 0; ldr r0, [pc, #16]
                             "dfe8 00f0 0102"            # 0e tbb [pc, r0]; its table
                             "40f2 0000 c0f2 0000 7047"  # 14 movw r0; movt r0; bx lr
                             "0000 0000 0000")           # 1e padding, a word
        return self.image(text=text, data=bytes(8), entry=9, imports=[encoder.Symbol("puts")],
                          exports=[encoder.Symbol("work", value=0x15)],
                          fixes=[encoder.word("text", 4, "import", imp=0),
                                 encoder.word("text", 0x20, "data", 4),
                                 encoder.pair("text", 0x14, "data", 6)],
                          tags=[encoder.tag("origin", encoder.u32(8, 0x8000, 0)),
                                encoder.tag("import_names", encoder.strings("puts")),
                                encoder.tag("export_names", encoder.strings("work"))])

    def test_symbols_and_fixups(self):
        output, _ = self.expect(OK, "-d", self.module())
        for line in (r"00000000 <puts@veneer>:", r" +4:  \w+ +\.word .*; \+= import 0 puts",
                     r"00000008 <entry>:", r" +8: .* bl .*; <puts@veneer>",
                     r" +c: .* ldr .*; text\+0x20: 0x00000004",
                     r" +e: .* tbb ", r" +12: .*\.byte +0x01, 0x02$", r"00000014 <work>:",
                     r" +14: .* movw .*; \+= data \(low half of 0x00000006\): data\+0x6",
                     r" +18: .* movt .*; \+= data \(high half of 0x00000006\): data\+0x6",
                     r" +1c: .* bx +lr", r" +20: .*\.word +0x00000004 +; \+= data: data\+0x4"):
            self.assertRegex(output, f"(?m)^{line}")

    def test_strings(self):
        text = RETURN_0 + bytes(4) + b"a \"string\"\n\0odd\0" + b"x" * 50 + b"\0"
        text += bytes(-len(text) % 4)
        path = self.image(text=text, fixes=[encoder.word("text", 4, "text", 8)],
                          data=bytes(4), data_mem=8)
        output, _ = self.expect(OK, "-d", path)
        self.assertIn('4:  08000000   .word    0x00000008       ; += text: text+0x8 '
                      '"a "string"\\x0a"\n', output)
        self.assertIn('       8:             .asciz   "a "string"\\x0a" ; 12 bytes\n', output)

    def test_covers_all_of_text(self):
        for path in vectors():
            if path.name == "compressed.bin":
                continue
            module = modref.read(path.read_bytes())
            output, _ = self.expect(OK, "-d", path)
            at = 0
            for line in output.split("code in data")[0].splitlines():
                if line[8:9] == ":" and line[:8].strip():
                    self.assertEqual(int(line[:8], 16), at, path.name)
                    size = re.search(r"\.asciz .* ; (\d+) bytes$", line)
                    at += int(size[1]) if size else len("".join(line[10:20].split())) // 2
            self.assertEqual(at, module.h.text_stored, path.name)

    def test_core_of_v8m(self):
        # sg (ARMv8-M), then bx lr
        path = self.image(text=bytes.fromhex("7fe9 7fe9 7047"), header={"needs": 0x41b})
        self.expect(OK, "-d", path)

    def test_compressed_text_is_not_shown(self):
        line = self.expect_line(1, "-d", GOOD / "compressed.bin")
        self.assertIn("compressed", line)


class ManPage(ToolTest):
    def test_lint(self):
        try:
            done = subprocess.run(["mandoc", "-Tlint", "-W", "warning",
                                   SOURCE / "moddump" / "moddump.1"],
                                  capture_output=True, text=True, check=False)
        except FileNotFoundError:
            self.skipTest("mandoc is not installed")
        self.assertEqual((done.returncode, done.stdout), (0, ""))

    def test_names_every_option(self):
        page = (SOURCE / "moddump" / "moddump.1").read_text(encoding="utf-8")
        output, _ = self.expect(OK, "--help")
        options = [word for line in output.splitlines() if line.startswith("  ")
                   for word in line.split() if word.startswith("--")]
        self.assertGreater(len(options), 15)
        for option in options:
            self.assertRegex(page, rf"Fl -{option[2:]}\b")


if __name__ == "__main__":
    main()
