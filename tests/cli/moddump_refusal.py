# SPDX-License-Identifier: BSD-2-Clause
"""What moddump says of files that are no good modules."""

import json
import os

from moddump_run import BAD, GOOD, OK, REFUSED, VECTORS, ToolTest, main

# Fewer with sanitizers: tests/vectors/dumps.py looks at all of them there, too.
STEP = 1 if os.environ.get("SLOWNESS", "1") == "1" else 6
WORDS = GOOD / "words.bin"


class Refusal(ToolTest):
    def test_cut_file(self):
        self.write("t.bin", (GOOD / "mov_distances.bin").read_bytes()[:100])
        line = self.expect_line(REFUSED, "t.bin")
        self.assertIn("moddump: t.bin: error: the file has 100 bytes, the header says 288", line)
        self.assertIn("cut short", line)

    def test_every_cut(self):
        whole = (GOOD / "exports.bin").read_bytes()
        for size in range(len(whole)):
            self.write("t.bin", whole[:size])
            line = self.expect_line(REFUSED, "t.bin")
            self.assertIn(f"the file has {size} bytes" if size else "the file is empty", line)

    def test_empty_file(self):
        self.write("empty.bin", b"")
        self.assertIn("the file is empty", self.expect_line(REFUSED, "empty.bin"))
        self.assertIn("the file is empty", self.expect_line(REFUSED, "/dev/null"))

    def test_every_bad_vector(self):
        seen = 0
        for path in sorted(BAD.glob("*.bin"))[::STEP]:
            line = self.expect_line(REFUSED, path)
            self.assertIn(f"moddump: {path}: error: ", line)
            self.assertNotIn("unknown error", line)
            seen += 1
        self.assertGreater(seen, 100 // STEP)

    def test_error_names(self):
        index = json.loads((VECTORS / "index.json").read_text(encoding="utf-8"))
        bad = [v for v in index["vectors"] if v["expect"] != "OK"]
        self.assertGreater(len({v["expect"] for v in bad}), 25)
        for vector in bad[::STEP]:
            line = self.expect_line(REFUSED, VECTORS / vector["file"])
            self.assertIn(f"[{vector['expect']}]", line)

    def test_elf_file(self):
        self.write("m.elf", b"\177ELF\1\1\1" + bytes(200))
        self.assertIn("mkmod", self.expect_line(REFUSED, "m.elf"))

    def test_erased_flash(self):
        self.write("flash.bin", b"\xff" * 4096)
        self.assertIn("erased flash", self.expect_line(REFUSED, "flash.bin"))

    def test_text_file(self):
        self.write("notes.txt", b"not a module, but long enough to be taken for one" * 3)
        self.assertIn("starts with 6e 6f 74 20", self.expect_line(REFUSED, "notes.txt"))

    def test_hostile_file_name(self):
        self.write("a\n\x1b[31mb.bin", b"")
        line = self.expect_line(REFUSED, "a\n\x1b[31mb.bin")
        self.assertIn("a\\x0a\\x1b[31mb.bin", line)

    def test_every_mode_refuses(self):
        self.write("t.bin", WORDS.read_bytes()[:100])
        for mode in (["--json"], ["--headers", "--hex"], ["-d"],
                     ["--load-at", "0", "-o", "mem.bin"]):
            self.expect_line(REFUSED, *mode, "t.bin")
        self.assertEqual(self.listing(), ["t.bin"])


class Check(ToolTest):
    def test_silence_on_good(self):
        for path in sorted(GOOD.glob("*.bin")):
            self.assertEqual(self.expect(OK, "--check", path), ("", ""))

    def test_silence_on_bad(self):
        for path in sorted(BAD.glob("*.bin"))[::STEP]:
            done = self.run_tool("--check", path)
            self.assertEqual((done.returncode, done.stdout, done.stderr), (REFUSED, b"", b""))

    def test_every_flipped_bit(self):
        whole = bytearray(WORDS.read_bytes())
        # Fewer with sanitizers, which are slow and look for other things.
        step = 3 if os.environ.get("SLOWNESS", "1") == "1" else 13
        for bit in range(0, len(whole) * 8, step):
            whole[bit // 8] ^= 1 << bit % 8
            self.write("t.bin", whole)
            self.assertEqual(self.run_tool("--check", "t.bin").returncode, REFUSED, bit)
            whole[bit // 8] ^= 1 << bit % 8


class Trailing(ToolTest):
    def test_erased_flash_is_mentioned(self):
        self.write("dump.bin", WORDS.read_bytes() + b"\xff" * 1000)
        output, _ = self.expect(OK, "dump.bin")
        self.assertRegex(output, r"(?m)^  note  .*1000 bytes 0xff follow the image")
        self.assertEqual(json.loads(self.expect(OK, "--json", "dump.bin")[0])["trailing_ff"], 1000)
        self.expect(OK, "--check", "dump.bin")
        self.expect(OK, "dump.bin", "--load-at", "0x20000000", "-o", "with.bin")
        self.expect(OK, WORDS, "--load-at", "0x20000000", "-o", "without.bin")
        self.assertEqual((self.folder / "with.bin").read_bytes(),
                         (self.folder / "without.bin").read_bytes())

    def test_no_note_without(self):
        self.assertNotIn("note", self.expect(OK, WORDS)[0])

    def test_other_bytes_are_refused(self):
        for tail in (b"\0", b"\xff" * 99 + b"\xfe", b"\xff\n", WORDS.read_bytes()):
            self.write("t.bin", WORDS.read_bytes() + tail)
            line = self.expect_line(REFUSED, "t.bin")
            self.assertIn("only 0xff", line)


if __name__ == "__main__":
    main()
