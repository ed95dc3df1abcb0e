# SPDX-License-Identifier: BSD-2-Clause
"""moddump on linked images, and on those whose data holds code."""

import json

from moddump_run import GOOD, OK, REFUSED, RETURN_0, USAGE, ToolTest, encoder, main, modref

LINKABLE, LINKED = GOOD / "linkable.bin", GOOD / "linked.bin"
FIRMWARE = encoder.FIRMWARE
PLACE = ("--load-at", f"{FIRMWARE.at:#x}", "--data-at", f"{FIRMWARE.data_at:#x}")


def linked_vectors():
    return [path for path in sorted(GOOD.glob("*.bin"))
            if modref.read(path.read_bytes()).h.flags & modref.FLAG["linked"]]


class Show(ToolTest):
    def json(self, path):
        return json.loads(self.expect(OK, "--json", path)[0])

    def test_overview(self):
        text, _ = self.expect(OK, LINKED)
        before = modref.read((GOOD / "linkable.bin").read_bytes()).h
        for part in ("linked to one place", "text at 0x08060040",
                     "data from 0x20010000 up to 0x20010028",
                     f"{before.total_size} bytes, crc {before.crc:#010x}",
                     "one block; text and data apart", "interface 1.2", FIRMWARE.build_id.hex(),
                     "40 bytes of RAM", "all applied"):
            self.assertIn(part, text)

    def test_overview_without_build_id(self):
        text, _ = self.expect(OK, GOOD / "linked_unbound.bin")
        self.assertIn("firmware without a build id\n", text)

    def test_code_in_data(self):
        self.assertIn("holds code: its memory must be executable",
                      self.expect(OK, GOOD / "code_in_data.bin")[0])
        self.assertNotIn("holds code", self.expect(OK, LINKED)[0])

    def test_ram_of_each_placement(self):
        path = self.image(data=bytes(8), data_mem=100, flags=7)
        self.assertEqual(self.json(path)["ram"], {"block": 104, "apart": 104, "in_place": 100})
        self.assertIn("104 bytes; 100 where text runs in place", self.expect(OK, path)[0])
        self.assertEqual(self.json(LINKED)["ram"], {"linked": 40})

    def test_tags_as_json(self):
        tags = {tag["name"]: tag for tag in self.json(LINKED)["tags"]}
        want = modref.linked_fields(modref.read(LINKED.read_bytes()).tag("linked").value)
        got = tags["linked"]
        for field in ("text", "data", "data_end", "api", "flags", "crc"):
            self.assertEqual(int(got[field], 16), getattr(want, field))
        self.assertEqual((got["total_size"], got["firmware"]),
                         (want.total_size, FIRMWARE.build_id.hex()))
        self.assertEqual(tags["bound"]["addresses"], ["0x080f27ab", "0x080fb4ab"])

    def test_imports_name_their_addresses(self):
        self.assertEqual([row["bound"] for row in self.json(LINKED)["imports"]],
                         ["0x080f27ab", "0x080fb4ab"])
        self.assertNotIn("bound", self.json(LINKABLE)["imports"][0])
        self.assertIn("  at 0x080f27ab", self.expect(OK, "--imports", LINKED)[0])

    def test_fixups_show_what_was_stored(self):
        before, after = (self.expect(OK, "--relocs", path)[0] for path in (LINKABLE, LINKED))
        self.assertEqual(before, after)
        self.assertIn("movt", before)


class Code(ToolTest):
    # Two trampolines, their words, a tail and its literal, a word of an import; then the GOT.
    PREFIX = bytes.fromhex("fc46 05e0 fc46 03e0  00000000 00000000"
                           "2de9 0042 dff8 0c90 dcf8 04c0 e047 bde8 0082 0000 00000000 00000000")
    PREFIX_V6M = bytes.fromhex("fc46 05e0 fc46 03e0  00000000 00000000"
                               "70b5 4c46 034d a946 6546 6d68 a847 a146 70bd 0000"
                               "00000000 00000000")

    def module(self, code=PREFIX):
        prefix = len(code)
        text = bytes.fromhex("59f8 04fc") + RETURN_0 + RETURN_0 + bytes.fromhex("fff7 f8ff")
        return self.image(
            text=text, data=code + bytes(4), flags=3 | encoder.CODE_IN_DATA, entry=5,
            imports=[encoder.Symbol("puts")],
            exports=[encoder.Symbol("hook", encoder.EXPORT_DATA, 0, value=5)],
            fixes=[encoder.word("data", 8, "text", 5), encoder.word("data", 12, "text", 9),
                   encoder.word("data", prefix - 8, "data", prefix),
                   encoder.word("data", prefix - 4, "import", imp=0),
                   encoder.word("data", prefix, "data", 1)],
            tags=[encoder.tag("static_base", encoder.u32(encoder.IN_DATA | prefix, 0)),
                  encoder.tag("origin", encoder.u32(4, 0x8000, 0x9000)),
                  encoder.tag("import_names", encoder.strings("puts")),
                  encoder.tag("export_names", encoder.strings("hook"))])

    def test_trampolines(self):
        for code, push in ((self.PREFIX, "push.w   {sb, lr}"),
                           (self.PREFIX_V6M, "push     {r4, r5, r6, lr}")):
            text = self.expect(OK, "-d", self.module(code))[0]
            for part in ("<puts@veneer>:", "bl       #0               ; <puts@veneer>",
                         "00000008 <function_8>:", "code in data: offsets 0x0 to 0x2c",
                         "00000000 <trampoline_0>:", "mov      ip, pc", "00000004 <hook>:",
                         "; <tail_10> of text+0x5", "; <tail_10> of text+0x9 <function_8>",
                         "+= text: text+0x9 <function_8>", push, "<tail_10>:",
                         "+= import 0 puts"):
                self.assertIn(part, text)

    def test_trampolines_by_way_of_others(self):
        """The second branches to the first one's branch; or, damaged, the first to itself."""
        for code in (self.PREFIX, self.PREFIX_V6M):
            made = self.module(code[:6] + bytes.fromhex("fce7") + code[8:])
            text = self.expect(OK, "-d", made)[0]
            for part in ("; <tail_10> of text+0x5", "<tail_10>:",
                         "; <trampoline_0+0x2> of text+0x9 <function_8>"):
                self.assertIn(part, text)
            self.assertEqual(text.count("<tail_"), 2)
            made = self.module(code[:2] + bytes.fromhex("fee7 fc46 fce7") + code[8:])
            text = self.expect(OK, "-d", made)[0]
            self.assertIn("; <trampoline_0+0x2>\n", text)
            self.assertNotIn("> of text", text)

    def test_function_in_data_without_r9(self):
        text = self.expect(OK, "-d", GOOD / "code_in_data.bin")[0]
        self.assertIn("code in data: offsets 0x0 to 0x8", text)
        self.assertIn("bx       lr", text.split("code in data")[1])

    def test_literals_of_code_in_data(self):
        """Data lies at 2 modulo 4 where text_mem does, and ldr rounds pc down to 4."""
        code = bytes.fromhex("0148 7047 00bf efbeadde")    # ldr r0, [pc, #4]; bx lr; nop; .word
        path = self.image(text=RETURN_0 + bytes(2), data=code, flags=3 | 16,
                          exports=[encoder.Symbol("hook", 1, 0, value=1)])
        text = self.expect(OK, "-d", path)[0].split("code in data")[1]
        self.assertRegex(text, r"ldr +r0, \[pc, #4\] +; data\+0x6: 0xdeadbeef")
        self.assertRegex(text, r"6:  efbeadde +\.word +0xdeadbeef")

    def test_no_code_in_data(self):
        self.assertNotIn("code in data", self.expect(OK, "-d", LINKABLE)[0])

    def test_linked_text_is_shown_as_it_is(self):
        text = self.expect(OK, "-d", LINKED)[0]
        self.assertIn("movt     r0, #0x2001", text)
        self.assertIn("0x08060041       ; has += text: text+0x1", text)


class Unlink(ToolTest):
    def test_every_vector(self):
        """What comes out is what modref.py says, and moddump takes it."""
        paths = linked_vectors()
        self.assertGreater(len(paths), 4)
        for path in paths:
            self.expect(OK, "--unlink", path, "-o", "before")
            before = (self.folder / "before").read_bytes()
            self.assertEqual(before, modref.unlink(path.read_bytes()))
            self.expect(OK, "--check", "before")

    def test_original(self):
        self.expect(OK, "--unlink", LINKED, "-o", "before")
        self.assertEqual((self.folder / "before").read_bytes(), LINKABLE.read_bytes())

    def test_not_linked(self):
        line = self.expect_line(REFUSED, "--unlink", LINKABLE, "-o", "before")
        self.assertIn("not linked", line)
        self.assertEqual(self.listing(), [])

    def test_lying_tag(self):
        """A right CRC, but not of what was linked."""
        image = bytearray(LINKED.read_bytes())
        image[modref.read(bytes(image)).areas["text"].start] ^= 1
        encoder.seal(image, len(image))
        path = self.write("lie.bin", image)
        self.expect(OK, "--check", path)
        line = self.expect_line(REFUSED, "--unlink", path, "-o", "before")
        self.assertIn("install the original again [MODFMT_E_CRC]", line)
        self.assertEqual(self.listing(), ["lie.bin"])

    def test_needs_an_output(self):
        self.assertIn("-o FILE", self.expect(USAGE, "--unlink", LINKED)[1])


class Load(ToolTest):
    def test_at_its_place(self):
        """The same memory as of the image before it was linked, at that place."""
        imports = (f"--import={name}={FIRMWARE.address(name)}" for name in ("printf", "errno"))
        self.expect(OK, LINKED, *PLACE, "-o", "text", "--data-out", "data")
        self.expect(OK, LINKABLE, *PLACE, *imports, "-o", "text2", "--data-out", "data2")
        got = {name: (self.folder / name).read_bytes() for name in self.listing()}
        self.assertEqual(got["text"], got["text2"])
        self.assertEqual(got["data"], got["data2"])
        self.assertEqual(len(got["data"]), 40)

    def test_elsewhere(self):
        for wrong in (("--load-at", "0x08060044", *PLACE[2:]), (*PLACE[:2], "--data-at", "0"),
                      PLACE[:2]):
            line = self.expect_line(REFUSED, LINKED, *wrong, "-o", "text")
            self.assertIn("give --load-at 0x08060040 --data-at 0x20010000", line)
            self.assertIn("[MODLOAD_E_LINKED]", line)

    def test_without_data(self):
        self.expect(OK, GOOD / "linked_plain.bin", "--load-at", "0x08020040", "--data-at", "0",
                    "-o", "text", "--data-out", "data")
        self.assertEqual((self.folder / "text").read_bytes(), RETURN_0)
        self.assertEqual((self.folder / "data").read_bytes(), b"")


if __name__ == "__main__":
    main()
