# SPDX-License-Identifier: BSD-2-Clause
"""The good images: what a reader shall accept, and memory after loading them."""

from encoder import (APART, BLOCK, CODE_IN_DATA, EXPORT_DATA, EXPORT_OBJECT, FIRMWARE, IN_DATA,
                     IN_PLACE, OBJECT, UNVERIFIED, WEAK, Image, Link, Load, Symbol, Vector, by_hash,
                     head, linked, mov_bytes, movt, movw, pair, strings, tag, u16, u32, version, word)

RETURN_0 = bytes.fromhex("0020 7047")           # movs r0, #0; bx lr
LDR_LIT = bytes.fromhex("0048 7047")            # ldr r0, [pc]; bx lr: returns the next word
MOVS = (mov_bytes(False, 0) + mov_bytes(True, 0))   # movw r0; movt r0
BX_LR = bytes.fromhex("7047")
NOP = bytes.fromhex("00bf")
RAM, CCM = 0x20000000, 0x10000000
HERE, ODD = Load(RAM), Load(0x20001304)
BOTH = (HERE, ODD, Load(RAM, CCM))              # one block twice, then apart


def printf_and_errno():
    """Two imports, a function and a weak object, in the order of their hashes."""
    return by_hash(Symbol("printf", 0, 0x1234), Symbol("errno", OBJECT, WEAK))


def index(symbols, name):
    return [symbol.name for symbol in symbols].index(name)


def basics():
    yield Vector("empty", "The least image: a header. No text, no data, no entry.",
                 Image(), loads=BOTH)
    yield Vector("trivial", "Code that returns 0, an entry, nothing to fix.",
                 Image(RETURN_0, entry=1, tags=[tag("name", b"trivial")]), loads=BOTH)
    yield Vector("bss", "Text and data longer in memory than stored: zeros. The entry lies in "
                 "the text that is not stored.",
                 Image(RETURN_0, b"\1\2\3\4\5", text_mem=12, data_mem=13, entry=9),
                 loads=BOTH)
    yield Vector("padding", "Text, data and relocs all end off a multiple of 4; zeros between. "
                 "Apart, D is then no multiple of 4, either.",
                 Image(RETURN_0 + BX_LR, b"\1\2\3\4\5", entry=1,
                       fixes=[word("data", 0, "text", 1)]),
                 loads=(HERE, ODD, Load(RAM, CCM + 2), Load(RAM, CCM, error="MODLOAD_E_MEMORY")),
                 links=(Link(0x08010040, CCM + 6), Link(0x08010040, CCM + 4)))
    yield Vector("align_0", "text_align and data_align 0: T and D may be odd.",
                 Image(RETURN_0 + b"\1", b"\1\2\3\4", header={"text_align": 0, "data_align": 0},
                       fixes=[word("data", 0, "text", 0)]),
                 loads=BOTH + (Load(RAM + 1), Load(RAM + 3, CCM + 1)))
    yield Vector("every_need", "All bits of needs, the largest stack_size, text_align and "
                 "data_align 15.",
                 Image(RETURN_0, b"\1\2\3\4", entry=1, header={
                     "needs": 0xfff, "stack_size": 0xffffffff, "text_align": 15,
                     "data_align": 15}),
                 loads=(HERE, Load(RAM + 4, error="MODLOAD_E_MEMORY"), Load(RAM, CCM + 0x8004),
                        Load(RAM, CCM + 0x4004, error="MODLOAD_E_MEMORY"),
                        Load(RAM, CCM + 0x8000, error="MODLOAD_E_MEMORY")))
    yield Vector("align_no_data", "Without data data_align counts for nothing, in the header and "
                 "in memory.",
                 Image(RETURN_0, entry=1, header={"data_align": 15}),
                 loads=(HERE, ODD, Load(RAM, CCM + 1)))
    yield Vector("align_apart", "data_align 8 bytes: text_mem is a multiple of 8, and so is D.",
                 Image(RETURN_0 + bytes(4), bytes(8), entry=1, header={"data_align": 3},
                       fixes=[word("data", 4, "data", 4)]),
                 loads=(HERE, Load(RAM + 4, error="MODLOAD_E_MEMORY"), Load(RAM, CCM + 8),
                        Load(RAM + 4, CCM), Load(RAM, CCM + 4, error="MODLOAD_E_MEMORY")),
                 links=(Link(0x08010040, CCM + 8), Link(0x08010040, CCM + 4)))
    yield Vector("block_only", "Only one block is allowed.",
                 Image(RETURN_0, b"\1\2\3\4", entry=1, flags=BLOCK),
                 loads=(HERE, Load(RAM, CCM, error="MODLOAD_E_PLACEMENT")))
    yield Vector("apart_only", "Only text and data apart are allowed.",
                 Image(RETURN_0, b"\1\2\3\4", entry=1, flags=APART),
                 loads=(Load(RAM, CCM), Load(RAM, error="MODLOAD_E_PLACEMENT")))
    yield Vector("in_place", "Text may run where it lies: fix-ups in data only; "
                 "text_align 6 is the most.",
                 Image(RETURN_0, bytes(12), entry=1, flags=BLOCK | APART | IN_PLACE,
                       fixes=[word("data", 0, "text", 1), word("data", 4, "text", 0),
                              word("data", 8, "data", 4)], header={"text_align": 6}),
                 loads=(HERE, Load(RAM, CCM)))
    yield Vector("data_odd", "A block with text_mem 6 modulo 8 and data_align 8: T is a multiple "
                 "of 8, D is not. The word at data + 2 is aligned in memory.",
                 Image(RETURN_0 + bytes(10), bytes(8), entry=1, flags=BLOCK,
                       header={"text_align": 2, "data_align": 3},
                       fixes=[word("data", 2, "data", 6)]),
                 loads=(HERE, Load(RAM + 4, error="MODLOAD_E_MEMORY")))


def remainders():
    """Apart, data goes to where it is in a block, modulo its alignment."""
    def no(at, data_at):
        return Load(at, data_at, error="MODLOAD_E_MEMORY")

    yield Vector("align_4_of_8", "data_align 8, and text_mem is 4 modulo 8: so is D, while T may be "
                 "any multiple of 4.",
                 Image(RETURN_0, bytes(8), entry=1, header={"data_align": 3},
                       fixes=[word("data", 4, "data", 4)]),
                 loads=(HERE, Load(RAM, CCM + 4), Load(RAM + 4, CCM + 12), no(RAM, CCM),
                        no(RAM, CCM + 8), no(RAM, CCM + 6), no(RAM + 4, None)),
                 links=(Link(0x08010040, CCM + 4), Link(0x08010044, CCM + 12),
                        Link(0x08010040, CCM), Link(0x08010040, CCM + 2)))
    yield Vector("align_20_of_32", "data_align 32, and text_mem is 20: the buffer of 32 bytes at data "
                 "+ 12 is aligned to 32 wherever data is. D may be below text_mem, and data end at "
                 "2^32.", buffer_of_32(),
                 loads=(HERE, Load(RAM, CCM + 20), Load(RAM + 20, RAM + 52), Load(RAM, 20),
                        Load(RAM + 4, 0xffffffd4), Load(RAM, 0xffffffb4), no(RAM, CCM),
                        no(RAM, CCM + 32), no(RAM, CCM + 12), no(RAM, CCM + 36),
                        no(RAM, 0xfffffff4)),
                 links=(Link(0x08010040, CCM + 52), Link(0x08010054, 20), Link(0, 20),
                        Link(0x08010040, 0xffffffd4), Link(0x08010040, 0xfffffff4),
                        Link(0x08010040, 0), Link(0x08010040, CCM + 32),
                        Link(0x08010040, CCM + 12), Link(RAM + 16, RAM + 20)))
    yield Vector("align_text_mem", "The remainder is of text_mem: 14 modulo 16, though 4 bytes of "
                 "text are stored. The word at data + 2 is aligned in memory.",
                 Image(RETURN_0, bytes(8), text_mem=14, entry=1, header={"data_align": 4},
                       fixes=[word("data", 2, "data", 6)]),
                 loads=(HERE, Load(RAM, CCM + 14), Load(RAM + 4, CCM + 30), no(RAM, CCM + 4),
                        no(RAM, CCM + 6), no(RAM, CCM)))
    yield Vector("align_in_place", "In place, with text_mem 12 modulo 16 and data_align 16.",
                 Image(RETURN_0 + bytes(8), bytes(12), entry=1, flags=BLOCK | APART | IN_PLACE,
                       header={"data_align": 4},
                       fixes=[word("data", 0, "text", 1), word("data", 4, "data", 4)]),
                 loads=(HERE, Load(RAM, CCM + 12), no(RAM, CCM), no(RAM, CCM + 4)),
                 links=(Link(0x08010040, CCM + 28), Link(0x08010040, CCM + 16)))
    yield Vector("align_empty_text", "No text: D is a multiple of data_align, 64.",
                 Image(b"", bytes(8), header={"data_align": 6}, fixes=[word("data", 4, "data", 4)]),
                 loads=(HERE, Load(RAM + 4, CCM + 64), no(RAM, CCM + 4), no(RAM, CCM + 32)))
    prefix = bytes.fromhex("0048 0047 0000 0000")   # ldr r0, [pc]; bx r0; .word
    yield Vector("align_prefix", "A veneer of 8 bytes in front of text counts: text_mem is 12, and D "
                 "is 4 modulo 8.",
                 Image(prefix + RETURN_0, bytes(8), entry=9, imports=[Symbol("puts")],
                       header={"data_align": 3},
                       fixes=[word("text", 4, "import", imp=0), word("data", 4, "text", 9)],
                       tags=[tag("name", b"prefix"), tag("origin", u32(8, 0x8000, 0x8004))]),
                 loads=[Load(at, data_at, {"puts": 0x08004321}, error) for at, data_at, error in (
                     (RAM, None, None), (RAM, CCM + 4, None), (RAM + 4, CCM + 12, None),
                     (RAM, CCM, "MODLOAD_E_MEMORY"))], prefix=8,
                 links=(Link(0x08010040, CCM + 4),))


def buffer_of_32():
    """What a DMA wants, behind words of another alignment."""
    return Image(LDR_LIT + bytes(16), bytes(12), data_mem=44, entry=1, header={"data_align": 5},
                 fixes=[word("text", 4, "data", 12), word("text", 8, "text", 1),
                        word("data", 0, "data", 12), word("data", 4, "text", 1)])


def words():
    yield Vector("words", "One word for each pair of place and target: text in text, data in "
                 "text, text in data, data in data.",
                 Image(LDR_LIT + bytes(12), bytes(8), data_mem=16, entry=1,
                       fixes=[word("text", 4, "text", 1), word("text", 8, "data", 4),
                              word("text", 12, "data", 12), word("data", 0, "text", 1),
                              word("data", 4, "data", 8), word("data", 12, "data", 0)]),
                 loads=BOTH)
    yield Vector("words_odd", "Words at offsets 1, 2 and 3 modulo 4, as packed structures have "
                 "them; the last one ends where data ends.",
                 Image(RETURN_0, bytes(27), entry=1,
                       fixes=[word("data", 1, "text", 1), word("data", 9, "data", 3),
                              word("data", 13, "data", 4), word("data", 18, "data", 5),
                              word("data", 23, "text", 3)]), loads=BOTH)
    aligned = [(b"\0", "word_any in text, text"), (head(0, 2), "skip 0, fix 2 from 0x0"),
               (head(4, 1), "skip 4, fix 1 from 0xc"), (b"\0", "end of list")]
    yield Vector("words_any_aligned", "word_any may hold aligned words too, although word would do.",
                 Image(bytes(16), relocs=aligned,
                       fixes=[word("text", offset, "text", 0) for offset in (0, 4, 12)]),
                 loads=BOTH)
    yield Vector("words_unstored", "Words in bss, and one half stored, half not.",
                 Image(RETURN_0, b"\1\2\3\4\0\0", data_mem=20, entry=1,
                       fixes=[word("data", 4, "data", 0), word("data", 8, "text", 0),
                              word("data", 16, "data", 0)]),
                 loads=BOTH)
    yield Vector("word_wraps", "The sum is modulo 2^32: a negative addend, and the highest.",
                 Image(bytes(8), bytes(4), fixes=[word("text", 0, "data", -0x100),
                                                  word("text", 4, "text", 0xffffffff)]),
                 loads=BOTH + (Load(0xffff0000),))
    yield Vector("two_on_one", "One word fixed by two lists: a sum of two addresses.",
                 Image(bytes(4), bytes(4), fixes=[word("text", 0, "data", 5),
                                                  word("text", 0, "text", 7)]), loads=BOTH)
    yield Vector("overlap", "Two words overlap; the lists are applied one after the other.",
                 Image(bytes.fromhex("ffffffff ffff 0000"), relocs=[
                     (b"\x00\x11\x00", "word_any in text, text: the word at 2"),
                     (b"\x40\x01\x00", "word in text, text: the word at 0")],
                       memory=lambda bases, _: overlap(bases["text"])), loads=(HERE, ODD))
    yield Vector("empty_data", "No data, but references to it (an end of bss, say): "
                 "apart, a segment of 0 bytes is not placed and its address is 0.",
                 Image(RETURN_0 + bytes(8), entry=1,
                       fixes=[word("text", 4, "data"), word("text", 8, "data", relative=True)]),
                 loads=BOTH)
    yield Vector("empty_text", "No text, but a reference to it.",
                 Image(b"", bytes(4), fixes=[word("data", 0, "text")]), loads=BOTH)
    yield Vector("empty_lists", "Lists without groups, where not one word fits.",
                 Image(b"", b"\7\7", relocs=[(b"\x00\x00", "word_any in text, text: nothing"),
                                            (b"\x28\x00", "mov in data, text: nothing"),
                                            (b"\x49\x00", "word in data, data: nothing")]),
                 loads=BOTH)


def overlap(text_at):
    memory = bytearray.fromhex("ffffffff ffff 0000")
    for offset in (2, 0):
        old = int.from_bytes(memory[offset:offset + 4], "little")
        memory[offset:offset + 4] = u32(old + text_at)
    return [bytes(memory), b""]


def relative():
    yield Vector("relative", "Distances from a place in one segment to the other one.",
                 Image(RETURN_0 + bytes(8), bytes(8), entry=1,
                       fixes=[word("text", 4, "data", 4, relative=True),
                              word("text", 8, "data", -4, relative=True),
                              word("data", 0, "text", 1, relative=True)]), loads=BOTH)
    yield Vector("relative_absolute", "Distances to fixed addresses, to an import, and (of no "
                 "use, but allowed) inside one segment.",
                 Image(RETURN_0 + bytes(12), bytes(6), entry=1, imports=[Symbol("uart")],
                       fixes=[word("text", 4, "absolute", 0x40011000, relative=True),
                              word("text", 8, "import", 8, relative=True, imp=0),
                              word("text", 12, "text", 2, relative=True),
                              word("data", 2, "absolute", 0xe000e010, relative=True)]),
                 loads=[Load(load.at, load.data_at, {"uart": 0x40004401}) for load in BOTH])


def every_distance():
    """Pairs at every distance that n can tell, 2 to 7; farther ones are two alone."""
    text, fixes = b"", []
    for distance in (2, 3, 4, 5, 6, 7, 8, 40):
        start, addend = len(text), 0xfff0 + distance
        text += mov_bytes(False, 0) + NOP * (distance - 2) + mov_bytes(True, 0)
        if distance <= 7:
            fixes.append(pair("text", start, "data", addend, distance=distance))
        else:
            fixes += [movw("text", start, "data", addend),
                      movt("text", start + 2 * distance, "data", addend)]
    return Image(text + NOP, bytes(4), entry=1, fixes=fixes)


def movs():
    yield Vector("mov_pair", "MOVW and MOVT next to each other; the low half carries into the "
                 "high one.",
                 Image(MOVS + BX_LR + NOP, bytes(16), entry=1, fixes=[pair("text", 0, "data", 0xfff8)]),
                 loads=BOTH)
    yield Vector("mov_distances", "Pairs at the distances 2 to 7, and at 8 and 40 half-words "
                 "as two alone.",
                 every_distance(), loads=BOTH)
    yield Vector("mov_alone", "A MOVW alone; MOVTs alone, one whose low half carries and one "
                 "whose does not.",
                 Image(mov_bytes(False, 0) + mov_bytes(True, 0) * 2 + BX_LR, entry=1,
                       fixes=[movw("text", 0, "text", 0x12345), movt("text", 4, "text", 0x1fffc),
                              movt("text", 8, "text", 0x1000)]),
                 loads=(HERE, ODD, Load(0x2000fff8)))
    low = bytes([0x20]) + head(0, 7) + u16(0xfff0) + b"\0"
    yield Vector("mov_alone_low", "A MOVW alone with a low other than 0: no writer does it, and a "
                 "reader adds it.",
                 Image(mov_bytes(False, 0x20) + BX_LR, relocs=[(low, "mov in text, text")],
                       memory=lambda bases, _: [mov_bytes(False, bases["text"] + 0x10 & 0xffff)
                                                + BX_LR, b""]), loads=(HERE, ODD))
    yield Vector("mov_interleaved", "MOVWs before MOVTs: the cursor stays at the MOVW, so the "
                 "next pair may start before the last one ends.",
                 Image(mov_bytes(False, 0) * 2 + mov_bytes(True, 0) * 2 + BX_LR + NOP, bytes(4),
                       entry=1,
                       fixes=[pair("text", 0, "data", 0xffff, distance=4),
                              pair("text", 4, "data", 0x7fff, distance=4)]), loads=BOTH)
    yield Vector("mov_relative", "A pair that holds a distance from text to data, one from data "
                 "to text, and one to an address.",
                 Image(MOVS * 2 + BX_LR + NOP, MOVS, entry=1,
                       fixes=[pair("text", 0, "data", 0, relative=True),
                              pair("text", 8, "absolute", 0x40020c00, relative=True),
                              pair("data", 0, "text", 1, relative=True)]), loads=BOTH)
    yield Vector("mov_every_bit", "Every bit of imm16, in every register from r0 to r14: other "
                 "bits stay.",
                 every_register(), loads=(HERE, ODD, Load(0x5a5a5a58)))
    yield Vector("mov_unstored", "Instructions in zeros that are not stored, and one half stored: "
                 "no check looks at them, and the immediate's bits are set.",
                 Image(RETURN_0 + bytes(2), text_mem=32, entry=1, bare=True,
                       fixes=[pair("text", 4, "text", 0), pair("text", 20, "text", 0)]),
                 loads=(HERE, ODD))


def every_register():
    text = b"".join(mov_bytes(False, 0, rd) + mov_bytes(True, 0, rd) for rd in range(15))
    return Image(text, fixes=[pair("text", 8 * rd, "text", 0x11111111 * rd, rd=rd)
                              for rd in range(15)])


def imports():
    two = printf_and_errno()
    printf, errno = index(two, "printf"), index(two, "errno")
    bound, unbound = {"printf": 0x08001235, "errno": 0x20010000}, {"printf": 0x08001235}
    yield Vector("imports", "Words and a pair for two imports, with addends, and a row; the weak "
                 "one may stay unbound and is then 0.",
                 Image(LDR_LIT + bytes(8) + MOVS, bytes(8), entry=1, imports=two,
                       fixes=[word("text", 4, "import", imp=printf),
                              word("text", 8, "import", 4, imp=errno),
                              pair("text", 12, "import", 0xffff, imp=printf),
                              word("data", 0, "import", -4, imp=errno),
                              word("data", 4, "import", imp=printf)]),
                 loads=(Load(RAM, None, bound), Load(RAM, CCM, unbound),
                        Load(RAM, None, {}, error="MODLOAD_E_IMPORT")))
    yield Vector("import_names", "The names of imports and exports, in the order of the tables.",
                 named(), loads=(Load(RAM, CCM, BOUND),))


BOUND = {"malloc": 0x08000101, "free": 0x08000203, "millis": 0x08000305}


def import_lists():
    """Lists of one import each."""
    three = by_hash(Symbol("malloc"), Symbol("free"), Symbol("millis", UNVERIFIED, 7))
    loads = (Load(RAM, None, BOUND), Load(RAM, CCM, BOUND))
    yield Vector("imports_each", "Three imports with a list each: the second has a run and a place "
                 "before the first one's, so they are no row. Each list's cursor starts at 0.",
                 Image(RETURN_0 + bytes(24), entry=1, imports=three,
                       fixes=[word("text", 8, "import", imp=0), word("text", 4, "import", imp=1),
                              word("text", 12, "import", 1, imp=1),
                              word("text", 16, "import", 2, imp=1),
                              word("text", 24, "import", imp=2)]), loads=loads)
    yield Vector("imports_gap", "Imports 0 and 2 in one place, 1 in another one: a row cannot pass "
                 "over an import, so there are two lists.",
                 Image(RETURN_0 + bytes(8), bytes(4), entry=1, imports=three,
                       fixes=[word("text", 4, "import", imp=0), word("text", 8, "import", imp=2),
                              word("data", 0, "import", imp=1)]), loads=loads)
    yield Vector("imports_mov", "Pairs for consecutive imports: no rows of those. The first group "
                 "of each list may skip 0.",
                 Image(MOVS * 3 + BX_LR + NOP, bytes(4), entry=1, imports=three,
                       fixes=[pair("text", 0, "import", imp=2), pair("text", 8, "import", imp=1),
                              pair("text", 16, "import", 2, imp=2)]), loads=loads)
    yield Vector("import_run", "One import in 263 words, a table of defaults: a group of 262 and "
                 "one of 1.",
                 Image(bytes(4), bytes(4 * 263), imports=[Symbol("handler")],
                       fixes=[word("data", 4 * i, "import", i, imp=0) for i in range(263)]),
                 loads=[Load(load.at, load.data_at, {"handler": 0x08001235}) for load in BOTH])


def import_rows():
    """Words in a row for imports in a row."""
    three = by_hash(Symbol("malloc"), Symbol("free"), Symbol("millis", UNVERIFIED, 7))
    loads = (Load(RAM, None, BOUND), Load(RAM, CCM, BOUND))
    yield Vector("row", "Three imports in a row, a table of addresses.",
                 Image(RETURN_0, bytes(16), entry=1, imports=three,
                       fixes=[word("data", 4 + 4 * i, "import", i, imp=i) for i in range(3)]),
                 loads=loads)
    yield Vector("row_groups", "A row over three groups in text, and one over two of unaligned "
                 "words in data: the next import follows, whatever the group.",
                 Image(RETURN_0 + bytes(24), bytes(15), entry=1, imports=three,
                       fixes=[word("text", at, "import", at, imp=i) for i, at in enumerate((4, 12, 24))]
                       + [word("data", 1, "import", imp=1), word("data", 11, "import", imp=2)]),
                 loads=loads)
    yield Vector("row_relative", "Rows of distances to imports, in text and in data.",
                 Image(RETURN_0 + bytes(8), bytes(12), entry=1, imports=three,
                       fixes=[word("text", 4, "import", 1, relative=True, imp=0),
                              word("text", 8, "import", -4, relative=True, imp=1)]
                       + [word("data", 4 * i, "import", i, relative=True, imp=i)
                          for i in range(3)]), loads=loads)
    yield Vector("rows_and_more", "Imports with one word, two words, no word, and in descending "
                 "order: two rows, and a list for each import that is in neither.",
                 rows_and_more(), loads=[Load(load.at, load.data_at, many_addresses(12))
                                         for load in BOTH])
    lists = [(bytes([0x45]) + u16(0), "list: word in text, imports from 0 on"),
             (head(0, 1), "import 0 at 0x0"), (head(0, 1) + b"\0", "import 1 at 0x4"),
             (bytes([0x45]) + u16(1), "list: word in text, imports from 1 on"),
             (head(2, 2) + b"\0", "imports 1 and 2 at 0x8 and 0xc"),
             (bytes([0x4c]) + u16(2) + b"\x01\0", "list: word in data, import 2")]
    yield Vector("rows_twice", "Two rows of one descriptor, with import 1 in both, and import 2 "
                 "once more by itself.",
                 Image(bytes(16), bytes(4), imports=three, relocs=lists,
                       fixes=[word("text", 4 * i, "import", imp=imp)
                              for i, imp in enumerate((0, 1, 1, 2))]
                       + [word("data", 0, "import", imp=2)]), loads=loads)
    yield Vector("row_long", "A row of 263 imports: a group of 262 and one of 1. The last but one "
                 "is weak and stays unbound.",
                 Image(RETURN_0, bytes(4 * 264), entry=1, imports=many(263, weak=261),
                       fixes=[word("data", 4 * i + 4, "import", i, imp=i) for i in range(263)]),
                 loads=[Load(load.at, load.data_at, many_addresses(263, without=261))
                        for load in BOTH])
    yield Vector("rows_none", "A row without a group uses no index: it need not exist. That of "
                 "one import shall.",
                 Image(bytes(4), bytes(4), imports=three, relocs=[
                     (bytes([0x24]) + u16(2) + b"\0", "list: mov in text, import 2: nothing"),
                     (bytes([0x45]) + u16(7) + b"\0", "list: word in text, imports from 7: nothing"),
                     (bytes([0x4d]) + u16(0xffff) + b"\0", "word in data, 65535: nothing")]),
                 loads=loads)


def many(count, weak=None):
    """count imports in the order of their hashes; the one at weak is."""
    symbols = by_hash(*(Symbol(f"i{i}") for i in range(count)))
    if weak is not None:
        symbols[weak].kind = WEAK
    return symbols


def many_addresses(count, without=None):
    return {symbol.name: 0x08000001 + 16 * i for i, symbol in enumerate(many(count))
            if i != without}


def rows_and_more():
    """Import -> places in data: the rows are 0 to 2 and 6 to 9."""
    places = {0: [20], 1: [24], 2: [40], 3: [8, 44], 4: [52], 6: [0], 7: [4], 8: [12], 9: [60],
              10: [56], 11: [16, 48]}
    return Image(RETURN_0, bytes(64), entry=1, imports=many(12), fixes=[
        word("data", at, "import", at + imp, imp=imp) for imp, at_all in places.items()
        for at in at_all] + [word("data", 28, "text", 1), word("data", 32, "data", 2)])


def some_exports():
    return by_hash(Symbol("on_event", 0, 0xabcd, value=1),
                   Symbol("table", EXPORT_OBJECT, 0, value=4),
                   Symbol("hook", EXPORT_DATA, 0, value=1),
                   Symbol("counter", EXPORT_DATA | EXPORT_OBJECT, 9, value=7))


def named():
    three = by_hash(Symbol("malloc"), Symbol("free"), Symbol("millis"))
    return Image(RETURN_0 + bytes(4), bytes(8), imports=three, exports=some_exports(), tags=[
        tag("import_names", strings(*(symbol.name for symbol in three))),
        tag("export_names", strings(*(symbol.name for symbol in some_exports())))])


def exports():
    yield Vector("exports", "A function and an object of text, a function and an object of data "
                 "whose last byte it is.",
                 Image(RETURN_0 + bytes(4), bytes(8), exports=some_exports()), loads=BOTH)
    yield Vector("minor_7", "Minor version 7: unknown flags of imports and exports, and unknown "
                 "tags that are not critical, are passed over.",
                 Image(RETURN_0, bytes(4), entry=1, header={"minor": 7},
                       imports=[Symbol("printf", 0x80)],
                       exports=[Symbol("main", 0x40, value=1)],
                       fixes=[word("data", 0, "import", imp=0)],
                       tags=[tag("name", b"later"), tag(0x0a, b"new"), tag(0x20), tag(0x7f)]),
                 loads=(Load(RAM, None, {"printf": 0x08000001}),))
    yield Vector("minor_255", "The highest minor version, nothing new in it.",
                 Image(RETURN_0, entry=1, header={"minor": 255}), loads=BOTH)


EVERY_TAG = [
    tag("init_array", u32(8, 8)), tag("fini_array", u32(IN_DATA | 32, 0)),
    tag("static_base", u32(IN_DATA | 32, 0)), tag("name", "módulo".encode()),
    tag("version", version(1, 2, 3)), tag("description", b"One line, for people"),
    tag("build_id", bytes(range(20))), tag("api_version", version(0, 9, 65535)),
    tag("origin", u32(0, 0x8000, 0x20000000)), tag("params", u32(IN_DATA | 8, 24)),
    tag(0x60, b"vendor's"), tag(0x7d), tag("signature", u16(1, 2) + bytes(range(64)))]


def tags():
    yield Vector("every_tag", "Every tag that does not bear on loading into plain memory; those "
                 "of vendors too. All places end where their segment ends.",
                 Image(RETURN_0 + bytes(12), bytes(16), data_mem=32, entry=1,
                       fixes=[word("text", 8, "text", 1)], tags=EVERY_TAG), loads=BOTH)
    longest = Image(RETURN_0, entry=1, tags=[
        tag("dependency", version(0, 0, 0) + version(1, 0, 0) + b"d" * 63),
        tag("name", b"n" * 63), tag("build_id", b"b" * 64), tag("signature", u16(0, 0))])
    yield Vector("tags_longest", "name 63, build_id 64, dependency's name 63, linked's build id "
                 "64 bytes; a signature of 4.",
                 linked(longest, Link(RAM, CCM, build_id=b"f" * 64)))
    yield Vector("tags_to_the_end", "The tags end exactly at total_size, without an END.",
                 Image(RETURN_0, entry=1, tags=[tag("description", b" " * 24)]), loads=BOTH)
    yield Vector("tags_end_early", "An END, then more zeros than filling up asks for.",
                 Image(RETURN_0, entry=1, tags=[tag("name", b"x")], total=160), loads=BOTH)
    yield Vector("dependencies", "dependency may repeat. Loaded by one who sees to that.",
                 Image(RETURN_0, entry=1, tags=[
                     tag("dependency", version(1, 0, 0) + version(2, 0, 0) + b"libfoo"),
                     tag("dependency", version(0, 1, 0) + version(0, 2, 0) + b"bar"),
                     tag("name", b"app")]), loads=BOTH)
    yield Vector("same_number", "0x93 (dependency) and 0x13, which nobody knows: one number among "
                 "the critical tags, and the same among the others.",
                 Image(RETURN_0, entry=1, tags=[
                     tag("dependency", version(0, 0, 0) * 2 + b"x"), tag(0x13, b"?")]))
    yield Vector("compressed", "Compressed by a method that nobody knows: the reader accepts it, "
                 "and does not look for instructions; a loader refuses it.",
                 Image(b"\x55" * 5, b"\xaa", text_mem=16, data_mem=8, entry=1,
                       relocs=[(b"\x20\x01\x00", "mov in text, text: a pair at 0")],
                       tags=[tag("compression", u32(0x1234, 16, 8))]),
                 loads=(Load(RAM, error="MODLOAD_E_UNSUPPORTED"),))
    prefix = bytes.fromhex("0048 0047 0000 0000")   # ldr r0, [pc]; bx r0; .word
    yield Vector("prefix", "A veneer of 8 bytes in front of what was the ELF, told by origin.",
                 Image(prefix + RETURN_0 + bytes(4), bytes(4), entry=9, imports=[Symbol("puts")],
                       fixes=[word("text", 4, "import", imp=0), word("text", 12, "data")],
                       tags=[tag("name", b"prefix"), tag("origin", u32(8, 0x8000, 0x8008))]),
                 loads=(Load(RAM, None, {"puts": 0x08004321}),
                        Load(RAM, CCM, {"puts": 0x08004321})), prefix=8)


def linkable():
    """Each kind of fix-up, two imports, and tags on both sides of where bound goes."""
    two = printf_and_errno()
    printf, errno = index(two, "printf"), index(two, "errno")
    text = LDR_LIT + bytes(12) + MOVS + mov_bytes(False, 0) + mov_bytes(True, 0) * 2
    return Image(text, bytes(27), data_mem=40, entry=1, imports=two, exports=some_exports(), fixes=[
        word("text", 4, "text", 1), word("text", 8, "data", -4), word("text", 12, "import", imp=printf),
        pair("text", 16, "data", 0xfff8), movw("text", 24, "data", 0x12345),
        movt("text", 28, "data", 0x1fffc), movt("text", 32, "text", 8, relative=True),
        word("data", 1, "text", 3), word("data", 5, "import", 8, imp=errno),
        word("data", 9, "text", 1, relative=True),
        word("data", 16, "absolute", 0x40011000, relative=True), word("data", 20, "data", 39)],
        tags=[tag("init_array", u32(4, 4)), tag("name", b"linkable"), tag("version", version(1, 2, 3)),
              tag("import_prototypes", strings("", "int printf(const char *, ...)")),
              tag(0x60, b"vendor's"), tag("signature", u16(1, 2) + bytes(range(64)))])


def linked_images():
    both = {"printf": 0x08001235, "errno": 0x20010000}
    yield Vector("linkable", "What linking has to do: each kind of fix-up, imports, tags on both "
                 "sides of where bound goes.", linkable(),
                 loads=(Load(RAM, None, both), Load(RAM, CCM, {"printf": 0x08001235})),
                 links=(Link(0x08010040, CCM, both), Link(0x08010040, RAM, {"printf": 5}),
                        Link(RAM, RAM + 36, both), Link(0xffffffdc, RAM, both),
                        Link(0x08010040, 0xffffffd8, both), Link(0, 0xfffffff0, both, 1),
                        Link(0x08010042, RAM), Link(0x08010040, RAM + 2), Link(RAM, RAM + 32),
                        Link(RAM + 36, RAM), Link(0xffffffe0, RAM), Link(RAM, 0xffffffdc),
                        Link(RAM, RAM + 40, both, 0xffffffff, b"b"),
                        Link(RAM + 40, RAM, both, 0, b"b" * 63)))
    yield Vector("linked", "The same linked: all that is stored has its final value, and nothing "
                 "is left to do but to copy data.", linked(linkable(), FIRMWARE))
    yield Vector("linked_unbound", "And with the weak import unbound, for a firmware without a "
                 "build id.", linked(linkable(), Link(0x08010040, CCM, {"printf": 0x08001235})))
    plain = Image(RETURN_0, entry=1, tags=[tag("name", b"plain")])
    yield Vector("linked_plain", "No data, no imports, nothing to fix: no bound, and data is 0.",
                 linked(plain, Link(0x08020040, RAM, build_id=b"id")))
    yield Vector("linked_align", "data_align 32, and text_mem is 20: data lies at 20 modulo 32.",
                 linked(buffer_of_32(), Link(0x08010054, CCM + 52)))
    yield Vector("linked_align_no_data", "No data, and data_align 15: data is 0, whatever text_mem is.",
                 linked(Image(RETURN_0, entry=1, header={"data_align": 15}), Link(0x08020040, RAM)))
    odd = Image(RETURN_0, bytes(4), entry=1, total=1024, header={"text_align": 6, "data_align": 0},
                fixes=[word("data", 0, "text", 1)])
    yield Vector("linked_ends_early", "It had more zeros behind its tags than filling up asks "
                 "for; linked it has not, but total_size is kept. text_align 6, data_align 0.",
                 linked(odd, Link(0x08020040, RAM + 1)))
    code = Image(RETURN_0, RETURN_0 + bytes(4), flags=BLOCK | APART | IN_PLACE | CODE_IN_DATA,
                 entry=1, fixes=[word("data", 4, "data", 1)],
                 exports=[Symbol("hook", EXPORT_DATA, 0, value=1)])
    yield Vector("code_in_data", "A function in data, and in place besides.", code, loads=BOTH)
    yield Vector("linked_code", "The same linked: code_in_data stays.", linked(code, FIRMWARE))


def skips():
    far = 4 * (32 ** 3 + 5)
    yield Vector("runs", "Runs of 6, 7, 8 and 31 words, a group each: from 7 on with a count. "
                 "Skips of 31 and 32 words, one byte and two.",
                 Image(bytes(4), data_mem=520,
                       fixes=[word("data", 4 * i, "data", 0)
                              for i in list(range(6)) + list(range(37, 44)) + list(range(76, 84))
                              + list(range(99, 130))]), loads=BOTH)
    yield Vector("runs_long", "Runs of 261 and 262 words, a group each, and of 263: one of 262 and "
                 "one of 1 that skips 0. Of unaligned words, and distances, too.",
                 Image(bytes(4 * 524), bytes(4 * 264),
                       fixes=[word("text", 4 * i, "data", i) for i in range(261)]
                       + [word("text", 4 * i, "data", i) for i in range(262, 524)]
                       + [word("data", 4 * i + 1, "text", i, relative=True)
                          for i in range(263)]), loads=BOTH)
    yield Vector("skips", "Skips of 1023, 1024, 32767 and 32768 words: two, three and four bytes. "
                 "The last word is the last one of data.",
                 Image(bytes(4), data_mem=4 * (1024 + 1025 + 32768 + 32769),
                       fixes=[word("data", 4 * i, "text", 0)
                              for i in (1023, 1024 + 1024, 2049 + 32767, 34817 + 32768)]),
                 loads=(HERE, Load(RAM, CCM)))
    yield Vector("skip_five", "A skip of five bytes: 32^4 words and one.",
                 Image(bytes(4), data_mem=4 * (32 ** 4 + 2) + 3,
                       fixes=[word("data", 4 * (32 ** 4 + 1) + 3, "text", 0)]), loads=(HERE,))
    yield Vector("skips_mov", "Skips of half-words: 31, 32, 1024 and 32768 and what is left.",
                 Image(bytes(4), bare=True, text_mem=far,
                       fixes=[pair("text", 2 * i, "text", 0)
                              for i in (31, 63, 1087, 33855, far // 2 - 4)]), loads=(HERE,))
    split = [(b"\x40", "word in text, text"), (head(0, 1), "fix 1 from 0x0"),
             (head(0, 2), "fix 2 from 0x4"), (head(0, 7) + b"\0", "fix 7 from 0xc"),
             (head(0, 1), "fix 1 from 0x28"), (b"\0", "end")]
    yield Vector("runs_split", "A run of eleven in four groups: longer than need be, and allowed.",
                 Image(bytes(44), relocs=split,
                       fixes=[word("text", 4 * i, "text", 0) for i in range(11)]), loads=BOTH)


def vectors():
    for part in (basics, remainders, words, relative, movs, imports, import_lists, import_rows, exports,
                 tags, linked_images, skips):
        yield from part()
