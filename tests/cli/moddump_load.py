# SPDX-License-Identifier: BSD-2-Clause
"""moddump --load-at: the addresses it takes, imports, and what it writes where. That memory
is right is shown for all vectors in tests/vectors, for compiled modules in tests/oracle."""

from moddump_run import GOOD, OK, REFUSED, RETURN_0, ToolTest, encoder, main, modref

WORDS = GOOD / "words.bin"
PREFIX = GOOD / "prefix.bin"


class Load(ToolTest):
    def load(self, path, *arguments):
        self.expect(OK, path, *arguments)
        return {name: (self.folder / name).read_bytes() for name in self.listing()
                if not name.endswith(".bin")}

    def refuse(self, text, path, *arguments):
        """Refused in one line, with nothing written."""
        before = self.listing()
        line = self.expect_line(REFUSED, path, *arguments, "-o", "mem")
        self.assertIn(text, line)
        self.assertEqual(self.listing(), before)
        return line

    def test_one_block(self):
        text, data = modref.load(WORDS.read_bytes(), 0x20001304)
        got = self.load(WORDS, "--load-at", "0x20001304", "-o", "mem")
        self.assertEqual(got, {"mem": text + data})

    def test_apart(self):
        text, data = modref.load(WORDS.read_bytes(), 0x08020000, 0x2000000c)
        got = self.load(WORDS, "--load-at", "0x08020000", "--data-at", "0x2000000c", "-o", "mem",
                        "--data-out", "data")
        self.assertEqual(got, {"mem": text, "data": data})

    def test_apart_text_alone(self):
        text, _ = modref.load(WORDS.read_bytes(), 0x08020000, 0x2000000c)
        got = self.load(WORDS, "--load-at", "0x08020000", "--data-at", "0x2000000c", "-o", "mem")
        self.assertEqual(got, {"mem": text})

    def test_bss_is_zero(self):
        path = self.image(data=b"\1\2\3\4", data_mem=5000)
        got = self.load(path, "--load-at", "0x20000000", "-o", "mem")
        self.assertEqual(got, {"mem": RETURN_0 + b"\1\2\3\4" + bytes(4996)})

    def test_prefix_goes_to_its_own_file(self):
        text, data = modref.load(PREFIX.read_bytes(), 0x20000ff8, None,
                                 {modref.name_hash(b"puts"): 0x08004321})
        got = self.load(PREFIX, "--load-at", "0x20001000", "--import", "puts=0x08004321",
                        "-o", "mem", "--prefix-out", "below")
        self.assertEqual(got, {"mem": text[8:] + data, "below": text[:8]})

    def test_no_prefix(self):
        got = self.load(WORDS, "--load-at", "0", "-o", "mem", "--prefix-out", "below")
        self.assertEqual(got["below"], b"")

    def test_empty_module(self):
        got = self.load(GOOD / "empty.bin", "--load-at", "0", "-o", "mem")
        self.assertEqual(got, {"mem": b""})

    def test_misaligned_text(self):
        path = self.image(data=bytes(4), header={"text_align": 4})
        self.refuse("must be 0x0 modulo 16", path, "--load-at", "0x20000004")
        self.refuse("must be 0x0 modulo 16", path, "--load-at", "0x20000008")
        self.load(path, "--load-at", "0x20000010", "-o", "mem")

    def test_misaligned_behind_prefix(self):
        path = self.image(text=bytes(4) + RETURN_0, entry=5, header={"text_align": 4},
                          tags=[encoder.tag("origin", encoder.u32(4, 0x8000, 0))])
        self.refuse("must be 0x4 modulo 16", path, "--load-at", "0x20000000")
        self.load(path, "--load-at", "0x20000004", "-o", "mem")

    def test_alignment_of_data_counts_in_a_block(self):
        path = self.image(data=bytes(4), header={"data_align": 5, "flags": 1})
        self.refuse("must be 0x0 modulo 32", path, "--load-at", "0x20000010")
        self.load(path, "--load-at", "0x20000020", "-o", "mem")

    def test_misaligned_data(self):
        path = self.image(text=RETURN_0 + bytes(4), data=bytes(4), header={"data_align": 3})
        for wrong in ("0x20000004", "0x20000001", "0x20000006", "0x2000000c"):
            self.refuse("must be 0x0 modulo 8", path, "--load-at", "0x8000", "--data-at", wrong)
        self.load(path, "--load-at", "0x8000", "--data-at", "0x20000008", "-o", "mem")

    def test_text_of_no_bytes_is_nowhere(self):
        path = self.image(text=b"", data=bytes(4), header={"text_align": 3})
        self.load(path, "--load-at", "0x8001", "--data-at", "0x20000000", "-o", "mem")
        self.refuse("modulo 8", path, "--load-at", "0x8001")    # as a block it begins there

    def test_data_at_a_remainder(self):
        """Apart, data lies where it does in a block, modulo its alignment."""
        path = self.image(text=RETURN_0 + bytes(16), data=bytes(4), header={"data_align": 5})
        for wrong in ("0x20000000", "0x20000020", "0x20000004", "0x20000015", "0x20000024"):
            self.refuse("must be 0x14 modulo 32", path, "--load-at", "0x8004", "--data-at", wrong)
        for right in ("0x20000014", "0x20000034", "0x14", "0xfffffff4"):
            self.load(path, "--load-at", "0x8004", "--data-at", right, "-o", "mem")

    def test_remainder_behind_prefix(self):
        """The veneers count as text."""
        path = GOOD / "align_prefix.bin"
        for wrong in ("0x20000000", "0x20000002", "0x20000008"):
            self.refuse("must be 0x4 modulo 8", path, "--load-at", "0x8008", "--data-at", wrong)
        text, data = modref.load(path.read_bytes(), 0x8000, 0x2000000c,
                                 {modref.name_hash(b"puts"): 1})
        got = self.load(path, "--load-at", "0x8008", "--data-at", "0x2000000c", "--import",
                        "puts=1", "-o", "mem", "--data-out", "data")
        self.assertEqual(got, {"mem": text[8:], "data": data})

    def test_alignment_without_data(self):
        self.load(GOOD / "align_no_data.bin", "--load-at", "0", "--data-at", "1", "-o", "mem")

    def test_veneers_below_zero(self):
        self.refuse("below address 0", PREFIX, "--load-at", "4", "--import", "puts=1")
        self.load(PREFIX, "--load-at", "8", "--import", "puts=1", "-o", "mem")

    def test_end_of_the_address_space(self):
        self.load(WORDS, "--load-at", "0xffffffe0", "-o", "mem")
        (self.folder / "mem").unlink()
        self.refuse("end of the address space", WORDS, "--load-at", "0xffffffe4")
        self.refuse("end of the address space", WORDS, "--load-at", "0", "--data-at",
                    "0xfffffff4")
        self.load(WORDS, "--load-at", "0", "--data-at", "0xfffffff0", "-o", "mem")

    def test_text_and_data_overlap(self):
        for data in ("0x1000", "0x100c", "0xff4"):
            self.refuse("overlap", WORDS, "--load-at", "0x1000", "--data-at", data)
        for data in ("0x1010", "0xff0"):
            self.load(WORDS, "--load-at", "0x1000", "--data-at", data, "-o", "mem")

    def test_placements(self):
        self.refuse("as one block", GOOD / "block_only.bin", "--load-at", "0", "--data-at", "64")
        self.refuse("--data-at", GOOD / "apart_only.bin", "--load-at", "0")

    def test_unbound_imports_are_all_named(self):
        names = ["alpha", "beta", "gamma"]
        symbols = encoder.by_hash(*(encoder.Symbol(name) for name in names))
        path = self.image(imports=symbols, tags=[encoder.tag(
            "import_names", encoder.strings(*(symbol.name for symbol in symbols)))])
        line = self.refuse("3 imports are not bound", path, "--load-at", "0")
        for name in names:
            self.assertIn(name, line)
        line = self.refuse("1 import is not bound: beta;", path, "--load-at", "0", "--import",
                           "alpha=1", "--import", "gamma=1")

    def test_unbound_import_without_a_name(self):
        self.refuse("not bound: 0xe76fb4aa;", GOOD / "imports.bin", "--load-at", "0")

    def imported(self, *bindings):
        path = self.image(text=RETURN_0 + bytes(4), imports=[encoder.Symbol("f")],
                          fixes=[encoder.word("text", 4, "import", 8, imp=0)])
        options = [word for binding in bindings for word in ("--import", binding)]
        return self.load(path, "--load-at", "0", *options, "-o", "mem")["mem"]

    def test_import_by_name_and_by_hash(self):
        want = RETURN_0 + encoder.u32(0x08000109)
        self.assertEqual(self.imported("f=0x08000101"), want)
        self.assertEqual(self.imported(f"{modref.name_hash(b'f'):#x}=0x08000101"), want)
        self.assertEqual(self.imported("f=134217985", "other=1", "f=0x08000101"), want)

    def test_weak_import_counts_as_zero(self):
        path = self.image(text=RETURN_0 + bytes(4), imports=[encoder.Symbol("f", kind=encoder.WEAK)],
                          fixes=[encoder.word("text", 4, "import", 8, imp=0)])
        want = {"mem": RETURN_0 + encoder.u32(8)}
        self.assertEqual(self.load(path, "--load-at", "0", "-o", "mem"), want)

    def test_name_with_equals_signs(self):
        symbol = encoder.Symbol("operator==")
        path = self.image(text=RETURN_0 + bytes(4), imports=[symbol],
                          fixes=[encoder.word("text", 4, "import", imp=0)])
        got = self.load(path, "--load-at", "0", "--import", "operator===5", "-o", "mem")
        self.assertEqual(got, {"mem": RETURN_0 + encoder.u32(5)})

    def test_what_the_loader_cannot_do(self):
        self.refuse("(compression)", GOOD / "compressed.bin", "--load-at", "0x20000000")

    def test_any_needs(self):
        self.load(GOOD / "every_need.bin", "--load-at", "0x20000000", "-o", "mem")


if __name__ == "__main__":
    main()
