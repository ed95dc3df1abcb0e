# SPDX-License-Identifier: BSD-2-Clause
"""How imports are reached: veneers, words, nothing where they are weak and missing. Where
the code runs, an emulated CPU judges."""

import json
import os
import pathlib
import struct

from emulated_cpu import Cpu
from mkmod_run import CLANG, GCC, HEAD, LINK, MODDUMP, ToolTest, main

M0 = ["arm-none-eabi-gcc", "-mcpu=cortex-m0", "-mthumb"]
CALLS = """extern int far_away(int, int, int, int, int);
static int twice(int x) { return far_away(x, 2, 3, 4, 5) + far_away(x, 2, 3, 4, 5); }
int module_entry(int *p) { return twice(*p) + far_away(1, 2, 3, 4, 5); }
"""
TAIL = """extern int far_away(int, int, int);
int module_entry(int *p) { *p = 3; return far_away(*p, 7, 9); }
"""
WEAK = """extern int far_away(int, int, int, int) __attribute__((weak));
int module_entry(int *p) { int x = far_away(11, 12, 13, 14); *p = far_away != 0; return x; }
"""
CODE, FAR, STACK = 0x10000, 0x20000000, 0x30000
# far_away: r0 = r0 * 16 + r1; the rest untouched. lsls r0, #4; adds r0, r1; bx lr
CALLEE = struct.pack("<HHH", 0x0100, 0x1840, 0x4770)


class ImportTest(ToolTest):
    def pack(self, source, *flags, compiler=GCC):
        self.good(self.elf(source, *flags, compiler=compiler))
        self.image = json.loads(self.command([MODDUMP, "--json", "m.bin"]).stdout)
        return self.image

    def loaded(self, bound=True, more=()):
        """Memory from CODE on, veneers first, and where the entry is."""
        prefix = self.image["prefix"]
        bind = ["--import", f"far_away={FAR + 1:#x}"] if bound else []
        files = ["--prefix-out", "p"] if prefix else []
        self.command([MODDUMP, "--load-at", hex(CODE + prefix), "m.bin", "-o", "t", *bind,
                      *files, *more])
        head = self.path("p").read_bytes() if prefix else b""
        return head + self.path("t").read_bytes(), CODE + (self.image["header"]["entry"] & ~1)

    def run_it(self, bound=True):
        """What the entry returns, and what it leaves in its parameter, which is 5."""
        memory, entry = self.loaded(bound)
        cpu = Cpu(code=(CODE, memory), far=(FAR, CALLEE), stack=(STACK, struct.pack("<I", 5)))
        return cpu.call(entry, STACK, STACK + 0x8000, FAR + 0x800), cpu.word(STACK)

    def places(self):
        return [r for r in self.image["relocations"] if r["target"] == "import"]


class Veneers(ImportTest):
    def test_one_for_all_calls(self):
        """One veneer and one bound word a function, whatever the number of call sites."""
        for compiler, size in ((GCC, 8), (M0, 12), (CLANG, 8)):
            self.pack(CALLS, "-O1", "-fno-inline", compiler=compiler)
            self.assertEqual(self.image["prefix"], size)
            self.assertEqual([(r["segment"], r["offset"]) for r in self.places()],
                             [("text", size - 4)])
            self.assertEqual(self.run_it()[0], 2 * (5 * 16 + 2) + 18)

    def test_tail_call(self):
        for compiler in (GCC, CLANG, M0):
            self.pack(TAIL, "-Os", compiler=compiler)
            self.assertEqual(self.run_it(), (3 * 16 + 7, 3))
        listing = self.command([MODDUMP, "-d", "m.bin"]).stdout
        self.assertIn("far_away@veneer", listing)

    def test_tail_call_is_a_branch(self):
        self.pack(TAIL, "-Os")
        self.assertRegex(self.command([MODDUMP, "-d", "m.bin"]).stdout,
                         r"b\.w\s.*#0\s.*far_away@veneer")

    def test_long_calls_need_none(self):
        for compiler in (GCC, M0, CLANG):
            self.pack(CALLS, "-O1", "-fno-inline", "-mlong-calls", compiler=compiler)
            self.assertEqual(self.image["prefix"], 0)
            self.assertGreaterEqual(len(self.places()), 1)
            self.assertEqual(self.run_it()[0], 2 * (5 * 16 + 2) + 18)

    def test_asm_label(self):
        """A name with a type tag is the name; two symbols of it are one import."""
        self.pack("int one(int, int) __asm__(\"far_away$3f2a91c0\");\n"
                  "int far_away(int, int);\n"
                  "int module_entry(int *p) { return one(*p, 1) + far_away(*p, 2); }")
        self.assertEqual([(i["name"], i["type"], i["flags"]) for i in self.image["imports"]],
                         [("far_away", "0x3f2a91c0", [])])
        self.assertEqual(self.run_it()[0], 5 * 16 + 1 + 5 * 16 + 2)

    def test_no_label(self):
        """A dollar sign alone, or a tag that none can be, does not make a label."""
        for name in ("a$3f2a91c", "a$3f2a91cg", "a$00000000", "a$80000001", "$3f2a91c0",
                     "a$3F2A91C0"):
            self.pack(HEAD + f".word module_entry, \"{name}\"\n")
            self.assertEqual([i["name"] for i in self.image["imports"]], [name])

    def test_two_labels(self):
        elf = self.elf("int a(int) __asm__(\"far_away$3f2a91c0\");\n"
                       "int b(int) __asm__(\"far_away$3f2a91c1\");\n"
                       "int module_entry(void *p) { return a(1) + b(2); }")
        self.refused(elf, "'far_away' is used with two type tags, 0x3f2a91c1 and 0x3f2a91c0")


class Weak(ImportTest):
    def test_bound(self):
        for compiler in (GCC, M0, CLANG):
            for level in ("-O0", "-Os"):
                image = self.pack(WEAK, level, compiler=compiler)
                self.assertEqual([i["weak"] for i in image["imports"]], [True])
                self.assertEqual(self.run_it(), (11 * 16 + 12, 1))

    def test_call_of_nothing_does_nothing(self):
        """Unbound: the pointer is null, and the call returns its first argument."""
        for compiler in (GCC, M0, CLANG):
            for level in ("-O0", "-Os"):
                self.pack(WEAK, level, compiler=compiler)
                self.assertEqual(self.run_it(bound=False), (11, 0))

    def test_tested_call_is_not_reached(self):
        source = WEAK.replace("int x = far_away(11, 12, 13, 14);",
                              "int x = far_away ? far_away(11, 12, 13, 14) : 77;")
        for flags in (("-Os",), ("-Os", "-mlong-calls")):
            self.pack(source, *flags)
            self.assertEqual(self.run_it(bound=False), (77, 0))
            self.assertEqual(self.run_it(), (11 * 16 + 12, 1))

    def test_data_keeps_its_addend(self):
        self.pack(HEAD + ".word module_entry, far_away, far_away + 8\n.weak far_away\n")
        memory, _ = self.loaded(bound=False)
        self.assertEqual(struct.unpack_from("<II", memory, 6), (0, 8))
        memory, _ = self.loaded()
        self.assertEqual(struct.unpack_from("<II", memory, 6), (FAR + 1, FAR + 9))


class Stubs(ImportTest):
    """Linked against a stub library instead of with --unresolved-symbols=ignore-all."""

    STUBS = (".syntax unified\n.thumb\n.section .modapi.stubs,\"ax\",%nobits\n"
             ".weak other_function, far_away, far_object\n"
             ".type other_function, %function\n.type far_away, %function\n"
             ".thumb_func\nother_function: .space 4\n.thumb_func\nfar_away: .space 4\n"
             ".type far_object, %object\nfar_object: .space 4\n")
    SOURCE = """extern int far_away(int, int, int, int);
extern int far_object[];
int *const middle = far_object + 3;
int (*volatile pointer)(int, int, int, int) = far_away;
__attribute__((noinline)) static int tail(int x) { return far_away(x, 2, 3, 4); }
int module_entry(int **p)
{
    int x = far_away(1, 1, 3, 4) + tail(2) + pointer(3, 3, 3, 4);
    *p = far_object + 5;
    return x + (middle != far_object + 3);
}
"""
    TYPES = [("far_away", False), ("far_object", False)]

    def build(self, compiler, *flags, linker="arm-none-eabi-ld", script=None):
        plain = self.object(self.SOURCE, "-O1", *flags, compiler=compiler)
        stubs = self.object(self.STUBS, name="stubs", compiler=GCC if compiler is CLANG
                            else compiler)
        strict = [o for o in LINK if "unresolved" not in o]
        more = {"script": script} if script else {}
        self.good(self.link(plain, stubs, options=strict, linker=linker, **more))
        self.image = json.loads(self.command([MODDUMP, "--json", "m.bin"]).stdout)
        self.assertEqual([(i["name"], i["weak"]) for i in self.image["imports"]], self.TYPES)

    def run_stubbed(self):
        memory, entry = self.loaded(more=["--import", "far_object=0x12345600"])
        cpu = Cpu(code=(CODE, memory), far=(FAR, CALLEE), stack=(STACK, bytes(4)))
        self.assertEqual(cpu.call(entry, STACK, STACK + 0x8000, FAR + 0x800),
                         (16 + 1) + (32 + 2) + (48 + 3))
        self.assertEqual(cpu.word(STACK), 0x12345614)

    def test_every_kind_of_reference(self):
        for compiler, *flags in ((GCC,), (M0,), (GCC, "-mlong-calls"), (GCC, "-mslow-flash-data"),
                                 (CLANG,), (GCC, "-fpic"), (CLANG, "-fpic"), (CLANG, "-fropi")):
            with self.subTest(flags=flags):
                self.build(compiler, *flags)
                self.run_stubbed()

    def test_lld(self):
        for flags in ((), ("-fpic",), ("-fropi",)):
            self.build(CLANG, *flags, linker="ld.lld")
            self.run_stubbed()

    def test_module_ld(self):
        """The stubs take no room in the module."""
        script = (pathlib.Path(os.environ["MODFMT_SOURCE"]) / "examples/module.ld").read_text()
        self.build(GCC, script=script)
        self.run_stubbed()
        memory = self.image["header"]["text_mem"], self.image["header"]["data_mem"]
        self.good(self.link("m.o", script=script))
        header = json.loads(self.command([MODDUMP, "--json", "m.bin"]).stdout)["header"]
        self.assertEqual((header["text_mem"], header["data_mem"]), memory)

    def test_linker_reports_a_typo(self):
        plain = self.object("int far_avay(int); int module_entry(void *p)"
                            " { return far_avay(1); }", "-O1")
        stubs = self.object(self.STUBS, name="stubs")
        self.path("m.ld").write_text("SECTIONS { .text 0x10000 : { *(.text) } }")
        done = self.command(["arm-none-eabi-ld", "-T", "m.ld", "--emit-relocs", plain, stubs,
                             "-o", "m.elf"], ok=False)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("undefined reference to `far_avay'", done.stderr)

    def test_own_definition_wins(self):
        """Stubs are weak: what the module defines itself is its own."""
        plain = self.object("int z; int *far_away(void) { return &z; }\n"
                            "int *module_entry(void *p) { return far_away(); }", "-O0")
        self.good(self.link(plain, self.object(self.STUBS, name="stubs")))
        self.assertIn("imports: 0", self.dumped("--imports"))


if __name__ == "__main__":
    main()
