# SPDX-License-Identifier: BSD-2-Clause
"""What an image that runs in place consists of: judged by pyelftools, objdump and the spec's
own reader."""

import json
import re
import struct

from elftools.elf.elffile import ELFFile
from elftools.elf.relocation import RelocationSection
from mkmod_run import GCC, MODDUMP, main
from mkmod_xip import CALLED, CLASSES, EQUAL, SORTER, WEAK
from xip_world import CXX, M0, MODULE_LD, R9_FLAGS, Image, XipTest, modref

ABS32, THM_CALL, GOT_BREL, JUMP24, TARGET1 = 2, 10, 26, 30, 38
TEXT_AT, DATA_AT = 0x08060040, 0x20001000
FLAG_APART, FLAG_IN_PLACE, FLAG_CODE_IN_DATA = 2, 4, 16
PLAIN = "static int n = 3; int add(int x) { return n += x; } " \
        "int module_entry(int x) { return add(x); }"
PARAMS = """struct { int a, b; } module_params = {1, 2};
int more = 7;
static int seen(int x) { return x + module_params.b; }
int (*kept)(int) = seen;
__attribute__((constructor)) static void early(void) { more++; }
__attribute__((destructor)) static void late(void) { more--; }
int module_entry(int x) { return kept(x) + module_params.a + more; }
"""

THREE = """static int n; static int one(int x) { return n += x; }
static int two(int x) { return n -= x; } static int three(int x) { return n *= x; }
int (*list[])(int) = {one, two, three}; int module_entry(int x) { return list[x](x); }
"""


class Linked:
    """The ELF, as pyelftools reads it."""

    def __init__(self, path):
        self.file = open(path, "rb")
        self.elf = ELFFile(self.file)
        self.symbols = self.elf.get_section_by_name(".symtab")
        self.data = [s for s in self.elf.iter_sections()
                     if s["sh_flags"] & 3 == 3 and s["sh_size"]]
        self.first = min(s["sh_addr"] for s in self.data)
        self.end = max(s["sh_addr"] + s["sh_size"] for s in self.data)

    def close(self):
        self.file.close()

    def records(self):
        """(section, address, type, symbol) of loaded sections."""
        for section in self.elf.iter_sections():
            if isinstance(section, RelocationSection):
                covered = self.elf.get_section(section["sh_info"])
                if covered["sh_flags"] & 2:
                    for r in section.iter_relocations():
                        yield (covered, r["r_offset"], r["r_info_type"],
                               self.symbols.get_symbol(r["r_info_sym"]))

    def functions_pointed_to(self):
        """Addresses of functions that words of data or GOT slots hold."""
        return {symbol["st_value"] for section, _, kind, symbol in self.records()
                if symbol["st_info"]["type"] == "STT_FUNC" and symbol["st_shndx"] != "SHN_UNDEF"
                and (kind == GOT_BREL or kind == ABS32 and section.name == ".data")}

    def called_imports(self):
        return {symbol.name for _, _, kind, symbol in self.records()
                if kind in (THM_CALL, JUMP24) and symbol["st_shndx"] == "SHN_UNDEF"}

    def value(self, name):
        return self.symbols.get_symbol_by_name(name)[0]["st_value"]


class LayoutTest(XipTest):
    def made(self, source, *flags, **how):
        """The image and its ELF; text and data after loading."""
        self.image = self.xip(source, *flags, **how)
        linked = Linked(self.module_elf)
        self.addCleanup(linked.close)
        offered = {i.hash: 0x08000101 + 16 * n for n, i in enumerate(self.image.module.imports)}
        self.data_at = self.image.data_from(DATA_AT)
        self.text, self.data = modref.load(self.image.bytes, TEXT_AT, self.data_at, offered)
        origin = self.image.module.tag("origin").value
        self.prefix, self.text_origin, self.data_origin = struct.unpack("<III", origin)
        return linked

    def place(self, address):
        """Offset in data of what the linker put at an address."""
        return address - self.data_origin & 0xffffffff

    def word(self, offset):
        return struct.unpack_from("<I", self.data, offset)[0]

    def function(self, address):
        """Where a function of the ELF is now."""
        return address - self.text_origin + self.prefix + TEXT_AT

    def trampoline(self, pointer):
        """The function that a pointer to a trampoline leads to."""
        self.assertEqual(pointer & 1, 1)
        at = pointer - 1 - self.data_at
        self.assertTrue(0 <= at < self.image.static_base(), hex(pointer))
        self.assertEqual(at % 4, 0)
        self.assertEqual(self.data[at:at + 2], b"\xfc\x46")     # mov ip, pc
        tail, _ = self.way(at)
        return self.word(at + 4 + self.distance(tail))

    def way(self, head):
        """(where a head's tail is, how many branches of other heads lead there)"""
        at, hops = head + 2, 0
        while True:
            branch, = struct.unpack_from("<H", self.data, at)
            self.assertEqual(branch >> 11, 0x1c)                # b.n
            at += 4 + ((branch & 0x7ff) << 1) - ((branch & 0x400) << 2)
            self.assertTrue(2 <= at < len(self.data), hex(at))
            if self.data[at - 2:at] != b"\xfc\x46" or self.data[at + 1] >> 3 != 0x1c:
                return at, hops
            hops += 1
            self.assertLess(hops, 100)

    def distance(self, tail):
        """By how much a tail's load of the function's address is ahead of ip."""
        while True:
            first, second = struct.unpack_from("<HH", self.data, tail)
            if first == 0xf8dc:                                 # ldr.w ip, [ip, #…]
                self.assertEqual(second >> 12, 12)
                return second & 0xfff
            if first == 0x4665:                                 # mov r5, ip; ldr r5, [r5, #…]
                self.assertEqual(second & ~0x7c0, 0x682d)
                return (second >> 6 & 31) * 4
            self.assertNotIn(first, (0x47e0, 0x47a8))           # blx
            tail += 4 if first >> 11 >= 0x1d else 2


class Pointers(LayoutTest):
    def check_all(self, linked, *more):
        """Every pointer to a function leads to its trampoline, every one to anything else
        does not."""
        functions = 0
        for section, address, kind, symbol in linked.records():
            value = symbol["st_value"]
            if symbol["st_shndx"] == "SHN_UNDEF" or kind not in (GOT_BREL, ABS32):
                continue
            if kind == GOT_BREL:
                offset, = struct.unpack_from("<I", self.text,
                                             address - self.text_origin + self.prefix)
                pointer = self.word(self.image.static_base() + offset)
            else:
                pointer = self.word(self.place(address))
            is_function = symbol["st_info"]["type"] == "STT_FUNC"
            if is_function and section.name not in (".init_array", ".fini_array"):
                self.assertEqual(self.trampoline(pointer), self.function(value), symbol.name)
                functions += 1
            else:
                self.assertFalse(self.data_at <= pointer < self.data_at + self.place(linked.first),
                                 (symbol.name, hex(pointer)))
        return functions

    def test_slots_and_words(self):
        for level in ("-O0", "-Os", "-O2"):
            linked = self.made(EQUAL, level)
            self.assertGreaterEqual(self.check_all(linked), 5, level)

    def test_v6m(self):
        linked = self.made(SORTER, compiler=M0)
        self.assertEqual(self.check_all(linked), 1)

    def test_vtables(self):
        """Functions and thunks of both; pure ones are an import's address."""
        linked = self.made(CLASSES, compiler=CXX, suffix=".cpp")
        self.assertGreaterEqual(self.check_all(linked), 6)

    def test_constructors_directly(self):
        """The loader sets r9 for these."""
        linked = self.made(PARAMS)
        for name, function in (("init_array", "early"), ("fini_array", "late")):
            place, size = struct.unpack("<II", self.image.module.tag(name).value)
            self.assertEqual(size, 4)
            self.assertEqual(self.word(place & 0x7fffffff), self.function(linked.value(function)))
        self.assertEqual(self.check_all(linked), 1)

    def test_entry_directly(self):
        linked = self.made(SORTER)
        self.assertEqual(self.image.entry + TEXT_AT, self.function(linked.value("module_entry")))

    def test_one_each(self):
        """However many pointers there are, and under whatever name."""
        linked = self.made(EQUAL)
        heads = [at for at in range(0, self.place(linked.first), 4)
                 if self.data[at:at + 2] == b"\xfc\x46"]
        self.assertEqual(len(heads), len(linked.functions_pointed_to()))

    def test_none_needed(self):
        """Then nothing lies in front of data, and data holds no code."""
        linked = self.made(PLAIN)
        self.assertEqual(self.place(linked.first), 0)
        self.assertEqual(self.image.flags & FLAG_CODE_IN_DATA, 0)

    def test_without_xip(self):
        """The same trampolines for a module that is loaded into RAM."""
        self.made(SORTER)
        self.good(self.module_elf)
        plain = self.path("m.bin").read_bytes()
        header = struct.unpack_from("<I", plain, 12)[0]
        self.assertTrue(header & FLAG_CODE_IN_DATA)
        self.assertFalse(header & FLAG_IN_PLACE)
        self.assertIn(b"\xfc\x46", plain)


class Code(LayoutTest):
    def disassembled(self, content):
        self.path("code.bin").write_bytes(content)
        listing = self.command(["arm-none-eabi-objdump", "-D", "-b", "binary", "-m", "arm", "-M",
                                "force-thumb", "code.bin"]).stdout
        return [re.sub(r"\s+", " ", line.split("\t", 2)[2].split("@")[0]).strip()
                for line in listing.splitlines() if re.match(r"^\s+[0-9a-f]+:\t", line)]

    def test_trampoline(self):
        """mov ip, pc; b.n to the tail; a tail sets r9 by a literal, calls, and restores it."""
        for compiler, expected in (
                (GCC, ["stmdb sp!, {r9, lr}", "ldr.w r9, [pc, #12]", "ldr.w ip, [ip, #8]",
                       "blx ip", "ldmia.w sp!, {r9, pc}"]),
                (M0, ["push {r4, r5, r6, lr}", "mov r4, r9", "ldr r5, [pc, #12]", "mov r9, r5",
                      "mov r5, ip", "ldr r5, [r5, #8]", "blx r5", "mov r9, r4",
                      "pop {r4, r5, r6, pc}"])):
            self.made(THREE, compiler=compiler)
            at = min(i for i in range(0, 64, 4) if self.data[i:i + 2] == b"\xfc\x46")
            for i in range(3):
                head = self.disassembled(self.data[at + 4 * i:at + 4 * i + 4])
                self.assertEqual(head[0], "mov ip, pc")
                self.assertTrue(head[1].startswith("b.n"))
            self.assertEqual(self.disassembled(self.data[at + 24:at + 24 + 18]), expected)
            self.assertEqual(self.word(at + 24 + 20), self.data_at + self.image.static_base())

    def test_fixups_of_trampolines(self):
        """The words with functions' addresses lie side by side: one run of fix-ups."""
        self.made(CALLED)
        base = self.image.static_base()
        places = sorted(f.word for f in modref.read_fixups(self.image.module)
                        if f.list.target == modref.TARGET["text"] and f.list.place == 1
                        and f.word < base)
        self.assertEqual(len(places), 5)
        self.assertEqual(places, list(range(places[0], places[0] + 20, 4)))

    def test_import_is_one_instruction(self):
        """ldr.w pc, [r9, #slot]"""
        self.made(SORTER)
        self.assertEqual(self.disassembled(self.text[:4]), ["ldr.w pc, [r9, #-4]"])
        self.assertEqual(self.word(self.image.static_base() - 4), 0x08000101)

    def test_import_uses_its_slot(self):
        """One that is called and whose address is taken has one word."""
        self.made(WEAK)
        places = [f.word for f in modref.read_fixups(self.image.module)
                  if f.index is not None]
        self.assertEqual(len(places), 3)
        self.assertEqual(sum(p < self.image.static_base() for p in places), 1)  # fw_one's

    def test_far_import(self):
        names = [f"fw_{i}" for i in range(70)]
        source = "\n".join(f"int {n}(int);" for n in names) + "int kept = 3;" \
            "\nint module_entry(int x) { switch (x) {" + "".join(
                f"case {i}: return {n}(x) + kept;" for i, n in enumerate(names)) + "} return 0; }"
        self.made(source)
        first = self.disassembled(self.text[:8])
        self.assertEqual(first[0], "sub.w ip, r9, #4096")
        self.assertEqual(first[1], f"ldr.w pc, [ip, #{4096 - 280}]")

    def test_veneers_of_v6m(self):
        self.made(SORTER, compiler=M0)
        self.assertEqual(self.disassembled(self.text[:12]),
                         ["push {r0, r1}", "ldr r0, [pc, #8]", "add r0, r9", "ldr r0, [r0, #0]",
                          "str r0, [sp, #4]", "pop {r0, pc}"])
        self.assertEqual(struct.unpack_from("<i", self.text, 12)[0], -4)


class Segments(LayoutTest):
    def test_flags(self):
        self.made(SORTER)
        self.assertEqual(self.image.flags & FLAG_APART, FLAG_APART)
        self.assertEqual(self.image.flags & FLAG_IN_PLACE, FLAG_IN_PLACE)
        self.assertEqual(self.image.flags & FLAG_CODE_IN_DATA, FLAG_CODE_IN_DATA)
        self.assertEqual(self.image.text_stored, self.image.text_mem)

    def test_code_in_data(self):
        """The flag tells of functions in data, whatever the module counts on."""
        source = "%s int fast(int x) { return x + 1; }\nint module_entry(int x) { return fast(x); }"
        for section, flag in ((".data.fast", FLAG_CODE_IN_DATA), (".text.fast", 0)):
            elf = self.link(self.object(
                source % f"__attribute__((section(\"{section}\"), noinline))", "-Os",
                "-Wa,--no-warn"), script=MODULE_LD)
            header, = struct.unpack_from("<I", self.good(elf), 12)
            self.assertEqual(header & FLAG_CODE_IN_DATA, flag)

    def test_got_first(self):
        linked = self.made(SORTER)
        got = linked.elf.get_section_by_name(".got")
        self.assertEqual(got["sh_addr"], linked.first)
        self.assertEqual(self.place(got["sh_addr"]), self.image.static_base())

    def test_data_behind_the_prefix(self):
        """Everything in data is where the origin tag says, and as aligned as it was."""
        for align in (4, 8, 32, 1024):
            source = SORTER + f"__attribute__((aligned({align}))) int strict = 0x5717c7;\n" \
                "int other = 0x07e4;"
            linked = self.made(source)
            self.assertEqual(self.word(self.place(linked.value("strict"))), 0x5717c7)
            self.assertEqual(self.word(self.place(linked.value("other"))), 0x07e4)
            self.assertEqual((self.data_at + self.place(linked.value("strict"))) % align, 0)
            self.assertEqual(self.image.data_mem, self.place(linked.end))

    def test_params(self):
        linked = self.made(PARAMS)
        place, size = struct.unpack("<II", self.image.module.tag("params").value)
        self.assertEqual((place & 0x7fffffff, size),
                         (self.place(linked.value("module_params")), 8))
        self.assertEqual(self.word(place & 0x7fffffff), 1)

    def test_exports(self):
        linked = self.made(PARAMS, arguments=["--export", "more", "--export", "module_entry"])
        self.assertEqual(self.image.export("more"), (1, self.place(linked.value("more"))))
        in_data, value = self.image.export("module_entry")
        self.assertEqual(in_data, 1)
        self.assertEqual(self.trampoline(self.data_at + value),
                         self.function(linked.value("module_entry")))
        rows = json.loads(self.command([MODDUMP, "--json", "m.bin"]).stdout)["exports"]
        self.assertEqual(len(rows), 2)

    def test_only_bss(self):
        linked = self.made("static int list[40]; int fw(int (*)(int));\n"
                           "static int f(int x) { return list[x]++; }\n"
                           "int module_entry(int x) { return fw(f) + list[x]; }")
        self.assertEqual(self.image.data_mem, self.place(linked.end))
        self.assertLess(self.image.data_stored, 100)

    def test_same_twice(self):
        first = self.xip(SORTER).bytes
        self.assertEqual(self.xip(SORTER).bytes, first)

    def test_map(self):
        """-v: each trampoline, its tail and why; what is in front of data."""
        self.xip(CALLED)
        done = self.mkmod(self.module_elf, "-v", "--xip", "-o", "m.bin")
        for line in (r"trampoline of ten at data\+0x\w+, tail8 \(72 bytes of stack\): 24 bytes",
                     r"trampoline of nine .* tail8 .*: variadic",
                     r"trampoline of again .* tail0 \(8 bytes of stack\): 0 bytes",
                     r"in front of data: \d+ bytes: 5 trampolines \(96 bytes",
                     r"text in place", r"r9 must hold the address of data\+"):
            self.assertRegex(done.stdout, line)


class Memory(LayoutTest):
    """RAM of an XIP instance: data + bss + GOT + 4 B per import + 8 B per address-taken
    function + 64 B, no more. Of the ELF, pyelftools counts all that."""

    def check(self, source, **how):
        linked = self.made(source, **how)
        functions = len(linked.functions_pointed_to())
        imports = len(linked.called_imports())
        limit = linked.end - linked.first + 4 * imports + 8 * functions + 64
        self.assertLessEqual(self.image.data_mem, limit)
        return functions, imports, self.image.data_mem - (linked.end - linked.first)

    def test_of_an_xip_instance(self):
        seen = set()
        for source in (SORTER, CALLED, EQUAL, PARAMS, PLAIN, WEAK):
            for flags in ("-O0", "-Os", "-O3"):
                seen.add(self.check(source, more=(flags, "-g", *R9_FLAGS)))
            seen.add(self.check(source, more=("-Os", *R9_FLAGS)))   # all have the larger tail
            seen.add(self.check(source, compiler=M0))
        self.assertGreater(len(seen), 8)
        self.assertIn((0, 0, 0), seen)

    def test_of_an_xip_instance_in_cxx(self):
        functions, imports, _ = self.check(CLASSES, compiler=CXX, suffix=".cpp")
        self.assertGreaterEqual((functions, imports), (5, 1))

    def test_of_an_xip_instance_with_aligned_data(self):
        """What is in front of data is not padded to the alignment of what is in data."""
        for align in (16, 32, 1024):
            for source in (SORTER, CALLED):
                buffer = f"__attribute__((aligned({align}))) char dma[{align}] = {{1}};"
                self.check(source + buffer)
                self.assertEqual(self.image.header.data_align, align.bit_length() - 1)

    def test_of_an_xip_instance_by_size(self):
        """Nor does module.ld leave holes in front of what is aligned: as size(1) counts data,
        bss and GOT, which is without them."""
        for linker in ("arm-none-eabi-ld", "ld.lld"):
            for data, bss in ((4, 4), (4, 32), (32, 4), (16, 32), (8, 1024), (1024, 8), (0, 64)):
                source = CALLED if data else PLAIN
                source += f"__attribute__((aligned({bss}))) char cleared[{bss}]; char byte;"
                if data:
                    source += f"__attribute__((aligned({data}))) char set[{data}] = {{1}}, last = 1;"
                linked = self.made(source, linker=linker)
                functions = len(linked.functions_pointed_to())
                imports = len(linked.called_imports())
                said = self.command(["arm-none-eabi-size", self.module_elf]).stdout.splitlines()
                held = sum(map(int, said[1].split()[1:3]))
                self.assertLessEqual(self.image.data_mem, held + 4 * imports + 8 * functions + 64,
                                     (linker, data, bss))

    def test_text_of_an_xip_instance_with_aligned_data(self):
        """In flash, too, alignment costs less than one multiple of it, wherever data was linked:
        close behind text or not, with veneers in front of text or not."""
        for align in (32, 4096):
            for source in (PLAIN, SORTER):
                buffer = f"__attribute__((aligned({align}))) char dma[{align}] = {{1}};"
                for gap in (0, 0x100, 0x12340):
                    script = MODULE_LD.replace("    .got :", f"    . += {gap};\n    .got :")
                    linked = self.made(source + buffer, script=script)
                    code = linked.elf.get_section_by_name(".text")
                    text = code["sh_size"] + self.prefix_of_text()
                    self.assertLess(self.image.text_mem - text, align)
                    self.assertLess(self.prefix_of_text(), 32)
                    self.assertEqual(self.image.text_stored, self.image.text_mem)

    def prefix_of_text(self):
        return struct.unpack_from("<I", self.image.module.tag("origin").value)[0]

    def test_of_an_xip_instance_by_numbers(self):
        """Of functions and of imports, odd and even; both tails. With room between some heads
        and their words, on ARMv6-M, where a load reaches 32 of them."""
        for functions in (1, 2, 15, 100, 399):
            for imports in (0, 1, 2, 33):
                self.check_numbers(functions, imports)
        for functions in (33, 73, 74):
            for imports in (0, 1):
                self.check_numbers(functions, imports, compiler=M0)

    def check_numbers(self, functions, imports, **how):
        names = [f"f{i}" for i in range(functions)]
        wanted = [f"fw_{i}" for i in range(imports)]
        source = "int n = 5; long long wide = 3;\n" + "".join(
            f"int {w}(int);" for w in wanted) + "".join(
                f"int {f}({'int, ' * (5 * (i % 2))} int x) {{ return x + n; }}\n"
                for i, f in enumerate(names)) \
            + f"void *table[] = {{{','.join(names)}}};\n" \
            "int module_entry(int x) { return n" + "".join(f"+ {w}(x)" for w in wanted) + "; }"
        found = self.check(source, more=("-O1", "-g", "-w", *R9_FLAGS), **how)
        self.assertEqual(found[:2], (functions, imports))


class Number(LayoutTest):
    """Any number of functions: one set of tails, so the bound above holds for all. Made of
    objects of a few functions each, which are linked again and again."""

    def objects(self, compiler):
        """(how many functions, with arguments on the stack) -> object"""
        made = {}
        for count in (1, 10, 100):
            for deep in (False, True):
                name = f"o{count}{'deep' if deep else ''}"
                source = "static volatile int n;\n" + "".join(
                    f"static int f{i}({'int, ' * 5 * deep}int x) {{ return x + n; }}\n"
                    for i in range(count)) + "__attribute__((used)) static void *table[] = {" \
                    + ",".join(f"f{i}" for i in range(count)) + "};\n"
                made[count, deep] = self.object(source, "-O1", "-g", "-w", *R9_FLAGS,
                                                name=name, compiler=compiler)
        made["entry"] = self.object("int module_entry(int x) { return x; }\n"
                                    "__attribute__((section(\".first\"))) char first = 1;",
                                    compiler=compiler)
        return made

    @staticmethod
    def parts(count):
        return [100] * (count // 100) + [10] * (count // 10 % 10) + [1] * (count % 10)

    def check(self, made, plain, deep, script=MODULE_LD):
        elf = self.link(made["entry"], *[made[part, False] for part in self.parts(plain)],
                        *[made[part, True] for part in self.parts(deep)], script=script)
        self.image = Image(self.good(elf, "--xip"))
        self.data = self.image.data
        linked = Linked(elf)
        count = plain + deep
        origin = self.image.module.tag("origin").value
        self.first = linked.first
        prefix = linked.first - struct.unpack("<III", origin)[2] & 0xffffffff
        linked.close()
        what = (plain, deep)
        self.assertLessEqual(self.image.data_mem, linked.end - linked.first + 8 * count + 64, what)
        self.check_ways(what, prefix)

    def check_ways(self, what, prefix):
        """Of each head, to its tail and its word, which no other one has."""
        words = {f.word for f in modref.read_fixups(self.image.module)
                 if f.word is not None and f.list.place == 1 and f.word < prefix
                 and f.list.target == modref.TARGET["text"]}
        heads = [at for at in range(0, prefix, 4) if at not in words
                 and self.data[at:at + 2] == b"\xfc\x46" and self.data[at + 3] >> 3 == 0x1c]
        self.assertEqual(len(heads), sum(what), what)
        ways = {head: self.way(head) for head in heads}
        tails = {tail: self.distance(tail) for tail, _ in ways.values()}
        self.assertEqual(len(tails), sum(n > 0 for n in what), what)
        self.assertEqual({head + 4 + tails[ways[head][0]] for head in heads}, words, what)
        per_tail = sorted(sum(tail == t for t, _ in ways.values()) for tail in tails)
        self.assertEqual(per_tail, sorted(n for n in what if n), what)
        if sum(what) <= 480:
            self.assertEqual({hops for _, hops in ways.values()}, {0}, what)

    def check_all(self, compiler):
        made = self.objects(compiler)
        for count in (1, 2, 33, 65, 67, 73, 240, 241, 480, 481, 577, 1153):
            self.check(made, count, 0)
            self.check(made, 0, count)
            if count > 1:
                self.check(made, count - count // 2, count // 2)
        for count in (2000, 5000):
            self.check(made, count - count // 3, count // 3)

    def test_of_functions_before_odd_data(self):
        """What is missing to a multiple of 4 is in the 64 bytes, too."""
        for compiler in (GCC, M0):
            made = self.objects(compiler)
            for odd in (1, 2, 3):
                script = MODULE_LD.replace(
                    "    .got :", f"    . = . + {odd};\n    .first : {{ *(.first) }}\n    .got :")
                for count in (1, 33, 477):
                    self.check(made, count - count // 2, count // 2, script)
                    self.assertEqual(self.first % 4, odd)

    def test_of_functions(self):
        self.check_all(GCC)

    def test_of_functions_on_v6m(self):
        self.check_all(M0)


if __name__ == "__main__":
    main()
