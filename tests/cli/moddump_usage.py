# SPDX-License-Identifier: BSD-2-Clause
"""moddump's command line."""

from moddump_run import GOOD, IO, OK, USAGE, ToolTest, main

WORDS = GOOD / "words.bin"


class Usage(ToolTest):
    def wrong(self, text, *arguments):
        """Refused as usage: nothing on stdout, `text` in the message, nothing written."""
        before = self.listing()
        output, message = self.expect(USAGE, *arguments)
        self.assertEqual(output, "")
        self.assertIn(text, message)
        self.assertEqual(self.listing(), before)

    def test_no_arguments(self):
        self.wrong("no module was given")
        self.wrong("--help")

    def test_help(self):
        output, _ = self.expect(OK, "--help")
        for option in ("--headers", "--segments", "--relocs", "--imports", "--exports", "--tags",
                       "--hex", "--json", "--check", "--load-at ADDR", "--data-at ADDR",
                       "--data-out FILE", "--prefix-out FILE", "--import NAME=ADDR", "-d",
                       "-o", "-h, --help", "-V, --version"):
            self.assertIn(option, output)
        self.assertEqual(self.expect(OK, "-h")[0], output)

    def test_version(self):
        output, _ = self.expect(OK, "--version")
        self.assertRegex(output, r"^moddump \d+\.\d+\.\d+\n$")
        self.assertEqual(self.expect(OK, "-V")[0], output)

    def test_near_misses_are_named(self):
        for wrong, right in (("--jsn", "--json"), ("--reloc", "--relocs"),
                             ("--dissassemble", "--disassemble"), ("--load-att", "--load-at")):
            self.wrong(f'unknown option "{wrong}"; did you mean {right}?', wrong, WORDS)

    def test_unknown_option(self):
        self.wrong('unknown option "--frobnicate"', "--frobnicate", WORDS)
        self.wrong('unknown option "-x"', "-x", WORDS)
        self.wrong('unknown option "-x"', "-dx", WORDS)

    def test_two_modules(self):
        self.wrong("one module at a time", WORDS, GOOD / "exports.bin")

    def test_options_after_operands(self):
        for option in ("--json", "--relocs", "-d"):
            self.assertEqual(self.expect(OK, WORDS, option), self.expect(OK, option, WORDS))

    def test_double_dash(self):
        self.write("-d", WORDS.read_bytes())
        self.expect(OK, "--check", "--", "-d")
        self.assertIn("--json: error:", self.expect_line(IO, "--", "--json"))

    def test_value_forms(self):
        forms = (["--load-at", "0x20000000", "-o", "a"], ["--load-at=0x20000000", "-oa"],
                 ["--load-at", "536870912", "--output=a"])
        for form in forms:
            self.expect(OK, *form, WORDS)
            self.assertEqual(self.listing(), ["a"])
            (self.folder / "a").unlink()

    def test_value_missing(self):
        self.wrong("option --load-at needs a value", WORDS, "--load-at")
        self.wrong("option -o needs a value", WORDS, "--load-at", "0", "-o")

    def test_value_not_wanted(self):
        self.wrong("option --json takes no value", "--json=yes", WORDS)

    def test_bad_addresses(self):
        for text in ("", "0x", "-4", "+4", "4k", "0x1g", "0x100000000", "4294967296", " 4", "1.5"):
            self.wrong("is not an address", "--load-at", text, "-o", "a", WORDS)
            self.wrong("is not an address", "--load-at", "0", "--data-at", text, "-o", "a", WORDS)

    def test_bad_imports(self):
        for text in ("puts", "puts=", "=4", "puts=x", "puts=0x100000000", "0x=1", "0x100000000=1",
                     "1a=1"):
            self.wrong("--import:", "--load-at", "0", "-o", "a", "--import", text, WORDS)
        self.wrong("bound twice", "--load-at", "0", "-o", "a", "--import", "f=1",
                   "--import", "f=2", WORDS)

    def test_modes_exclude_each_other(self):
        modes = (["--json"], ["--check"], ["--load-at", "0", "-o", "a"], ["--unlink", "-o", "a"], ["--hex"],
                 ["-d"])
        for i, one in enumerate(modes[:5]):
            for other in modes[max(i + 1, 0):]:
                if one == ["--hex"]:
                    continue
                self.wrong("exclude each other", *one, *other, WORDS)

    def test_options_of_loading_need_it(self):
        for options in (["-o", "a"], ["--data-at", "0"], ["--data-out", "a"],
                        ["--prefix-out", "a"], ["--import", "f=1"]):
            self.wrong("need --load-at", *options, WORDS)

    def test_loading_needs_an_output(self):
        self.wrong("--load-at needs -o", "--load-at", "0", WORDS)
        self.wrong("--data-out needs --data-at", "--load-at", "0", "-o", "a", "--data-out", "b",
                   WORDS)


if __name__ == "__main__":
    main()
