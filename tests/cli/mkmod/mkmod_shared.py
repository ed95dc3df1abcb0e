# SPDX-License-Identifier: BSD-2-Clause
"""What modules share: exports, parameters, the need of other modules."""

import json
import os
import pathlib
import struct

from mkmod_run import CLANG, GCC, HEAD, MODDUMP, OK, USAGE, Elf, ToolTest, main

SOURCE = os.environ["MODFMT_SOURCE"]
INCLUDE = ["-I", SOURCE + "/examples/include", "-Wall", "-Wextra", "-Wredundant-decls",
           "-Werror"]
MODULE_LD = SOURCE + "/examples/module.ld"
# With an address in it, since a module that has none gets a warning.
C = "int zero; int *module_entry(void *p) { return p ? &zero : 0; }\n"
MARKED = """#include "modfmt_module.h"
%s
int add(int a, int b) { return a + b; }
MODULE_EXPORT(add);
extern int table[4];
int table[4] = {1, 2, 3, 4};
MODULE_EXPORT(table);
int module_entry(void *p);
int module_entry(void *p) { return p != 0; }
%s
"""


class SharedTest(ToolTest):
    def json(self):
        return json.loads(self.command([MODDUMP, "--json", "m.bin"]).stdout)

    def exports(self):
        """Name: (segment and offset, flags) of each."""
        return {e["name"]: e for e in self.json()["exports"]}

    def tag(self, name):
        found = [t for t in self.json()["tags"] if t["name"] == name]
        return found[0] if found else None


class Exports(SharedTest):
    def test_function_and_object(self):
        """Where they are: as readelf's symbol table has it."""
        elf = self.elf("int other(void) { return 7; }\nint x = 5, y[3] = {1, 2, 3};\n"
                       "int *module_entry(void *p) { return p ? &x : y; }")
        self.good(elf, "--export", "other", "--export", "y")
        symbols = {}
        for line in self.command(["arm-none-eabi-readelf", "-sW", elf]).stdout.splitlines():
            words = line.split()
            if len(words) == 8 and words[7] in ("other", "y"):
                symbols[words[7]] = int(words[1], 16)
        dumped = self.exports()
        data = Elf(elf).field(".data", 3)
        self.assertEqual(dumped["other"]["value"], symbols["other"] - 0x10000)
        self.assertEqual(symbols["other"] & 1, 1)
        self.assertEqual(dumped["y"]["value"], symbols["y"] - data)
        self.assertEqual(dumped["other"]["flags"], [])
        self.assertEqual(sorted(dumped["y"]["flags"]), ["data", "object"])

    def test_function_in_data(self):
        elf = self.elf("__attribute__((section(\".data.fast\"))) int fast(void) { return 7; }\n"
                       + C, "-Wa,--no-warn")
        self.good(elf, "--export", "fast")
        row = self.exports()["fast"]
        self.assertEqual((row["segment"], row["value"] & 1, row["flags"]), ("data", 1, ["data"]))

    def test_veneers_in_front(self):
        """The value counts from the start of text, prefix included."""
        elf = self.elf("void imported(void);\nint other(void) { imported(); return 7; }\n" + C,
                       "-O0")
        self.good(elf, "--export", "other")
        origin = self.tag("origin")
        self.assertGreater(origin["prefix"], 0)
        listing = self.command(["arm-none-eabi-nm", elf]).stdout
        address = int(next(l for l in listing.splitlines() if l.endswith(" other")).split()[0], 16)
        self.assertEqual(self.exports()["other"]["value"],
                         (address - 0x10000 + origin["prefix"]) | 1)

    def test_sorted_and_named(self):
        names = [f"symbol_{i}" for i in range(40)]
        elf = self.elf("\n".join(f"int {n} = {i};" for i, n in enumerate(names)) + C)
        self.good(elf, *(a for n in names for a in ("--export", n)))
        rows = self.json()["exports"]
        self.assertEqual(sorted(r["name"] for r in rows), sorted(names))
        self.assertEqual([r["hash"] for r in rows], sorted(r["hash"] for r in rows))

    def test_no_entry(self):
        """A module that only offers something needs no entry."""
        library = "int z; int *give(void) { return &z; }"
        for script in ({}, {"script": pathlib.Path(MODULE_LD).read_text()}):
            elf = self.elf(library, **script)
            self.good(elf, "--export", "give")
            self.assertIsNone(self.json()["header"]["entry"])
            self.refused(elf, "entry")

    def test_strip_names(self):
        self.good(self.elf("int other(void) { return 7; }" + C), "--export", "other",
                  "--strip-names")
        self.assertIsNone(self.tag("export_names"))
        self.assertEqual(len(self.json()["exports"]), 1)

    def test_twice_is_once(self):
        self.good(self.elf("int other(void) { return 7; }" + C), "--export", "other",
                  "--export", "other")
        self.assertEqual(len(self.json()["exports"]), 1)

    def test_no_such_symbol(self):
        self.refused(self.elf(C), "there is no symbol 'nobody' to export",
                     arguments=["--export", "nobody"])

    def test_local(self):
        elf = self.elf("static int mine = 3; int *module_entry(void *p) { return p ? &mine : 0; }")
        self.refused(elf, "'mine' cannot be exported: it is local", arguments=["--export", "mine"])

    def test_static_base(self):
        """Whoever calls a function from outside has another r9: it leads to a trampoline."""
        elf = self.elf("static int kept; int counted = 1; int count(void) { return ++kept; }\n"
                       "int module_entry(void *p) { return p ? counted : count(); }",
                       "-fpic", "-msingle-pic-base", "-mpic-register=r9",
                       "-mno-pic-data-is-text-relative")
        self.good(elf, "--export", "count", "--export", "counted")
        row = self.exports()["count"]
        self.assertEqual((row["segment"], row["value"], row["flags"]), ("data", 1, ["data"]))
        self.assertEqual(self.exports()["counted"]["flags"], ["data", "object"])
        image = self.path("m.bin").read_bytes()
        data = 64 + (self.json()["header"]["text_stored"] + 3 & ~3)
        self.assertEqual(image[data:data + 2], b"\xfc\x46")  # mov ip, pc

    def test_undefined(self):
        self.refused(self.elf(HEAD + ".word imported\n"),
                     "'imported' cannot be exported: it is not defined in the module",
                     arguments=["--export", "imported"])

    def test_not_loaded(self):
        elf = self.elf(HEAD + ".section .notes\n.global note\nnote: .word 1\n",
                       script="SECTIONS { .text 0x10000 : { *(.text) } .notes 0 : { *(.notes) } }")
        self.refused(elf, "'note' cannot be exported: it is not in a section that is loaded",
                     arguments=["--export", "note"])

    def test_arm_state(self):
        elf = Elf(self.elf("int old(void) { return 7; }\n" + C))
        start, size = elf.field(".symtab", 4), elf.field(".symtab", 5)
        names = elf.field(".strtab", 4)
        for at in range(start, start + size, 16):
            name, value = struct.unpack_from("<II", elf.bytes, at)
            if elf.bytes[names + name:].startswith(b"old\0"):
                struct.pack_into("<I", elf.bytes, at + 4, value & ~1)
        self.refused(elf.write(), "'old' cannot be exported: it is ARM-state code",
                     arguments=["--export", "old"])

    def test_at_an_end(self):
        elf = self.elf(HEAD + ".word module_entry\n.global last\nlast:\n")
        self.refused(elf, "'last' cannot be exported: it is not inside a segment",
                     arguments=["--export", "last"])

    def test_same_hash(self):
        elf = self.elf("int costarring, liquid;" + C)
        self.refused(elf, "costarring", "liquid", "same hash",
                     arguments=["--export", "costarring", "--export", "liquid"])

    def test_unmarked(self):
        elf = self.elf(HEAD + ".word module_entry\n.global label\n.thumb\nlabel: bx lr\n")
        done = self.mkmod(elf, "-o", "m.bin", "--export", "label")
        self.assertEqual(done.returncode, OK)
        self.assertIn("'label' is not marked as a function", done.stderr)
        self.assertEqual(self.exports()["label"]["value"] & 1, 1)


class Marked(SharedTest):
    """MODULE_EXPORT and MODULE_PARAMS of examples/include/modfmt_module.h."""

    def build(self, compiler, *flags, linker=(*GCC, "-nostdlib"), cxx=False, gc=True):
        extern = ("extern \"C\" {", "}") if cxx else ("int add(int a, int b);", "")
        name = "m.cpp" if cxx else "m.c"
        self.path(name).write_text(MARKED % extern)
        sections = ["-ffunction-sections", "-fdata-sections"] if gc else []
        self.command([*compiler, *INCLUDE, "-Os", *sections, *flags, "-c", name, "-o", "m.o"])
        options = ["--emit-relocs", "--unresolved-symbols=ignore-all", *["--gc-sections"] * gc]
        if linker[0] == "ld.lld":
            command = [*linker, "-z", "norelro", *options]
        else:
            command = [*linker, "-Os", *flags, "-Wl,--no-warn-rwx-segments",
                       *(f"-Wl,{o}" for o in options)]
        self.command([*command, "-T", MODULE_LD, "m.o", "-o", "m.elf"])
        self.mkmod("m.elf", "-o", "m.bin")
        self.assertEqual(sorted(self.exports()), ["add", "table"])
        image = self.json()["header"]
        return image["text_mem"], image["data_mem"]

    def test_gcc(self):
        self.build(GCC)
        self.build(GCC, "-fvisibility=hidden")
        self.build([GCC[0].replace("gcc", "g++"), *GCC[1:]], "-fno-exceptions", cxx=True)

    def test_gcc_lto(self):
        self.build(GCC, "-flto")
        self.build(GCC, "-flto", "-fwhole-program")

    def test_clang(self):
        self.build(CLANG, "-fvisibility=hidden", linker=(*GCC, "-nostdlib"))
        self.build([*CLANG, "-x", "c++"], "-fno-exceptions", cxx=True)

    def test_lld(self):
        self.build(CLANG, "-fvisibility=hidden", linker=("ld.lld",))
        self.build(CLANG, "-flto", linker=("ld.lld",))

    def test_costs_no_bytes(self):
        """The same module without the macros is as large in memory."""
        with_them = self.build(GCC, gc=False)
        plain = MARKED.replace("MODULE_EXPORT(add);", "").replace("MODULE_EXPORT(table);", "")
        self.path("p.c").write_text(plain % ("int add(int a, int b);", ""))
        self.command([*GCC, *INCLUDE, "-Os", "-c", "p.c", "-o", "p.o"])
        self.command([*GCC, "-nostdlib", "-Wl,--emit-relocs", "-T", MODULE_LD, "p.o", "-o",
                      "p.elf"])
        self.mkmod("p.elf", "-o", "m.bin")
        image = self.json()["header"]
        self.assertEqual((image["text_mem"], image["data_mem"]), with_them)

    def test_static(self):
        elf = self.elf('#include "modfmt_module.h"\nstatic int mine[2] = {1, 2};\n'
                       "__asm__(\".pushsection .modfmt.exports,\\\"R\\\"\\n.word mine\\n"
                       ".popsection\");\n"
                       "int *module_entry(void *p) { return p ? mine : 0; }", *INCLUDE[:2])
        self.refused(elf, "section .modfmt.exports names something that is static")

    def test_undefined(self):
        elf = self.elf('#include "modfmt_module.h"\nint elsewhere(void);\n'
                       "MODULE_EXPORT(elsewhere);\n" + C, *INCLUDE[:2])
        self.refused(elf, "'elsewhere' cannot be exported: it is not defined in the module")

    def test_without_emit_relocs(self):
        elf = self.elf(MARKED % ("int add(int a, int b);", ""), *INCLUDE, options=())
        self.refused(elf, "section .modfmt.exports has 2 words and 0 relocation records",
                     "--emit-relocs")

    def test_two_blocks(self):
        elf = self.elf('#include "modfmt_module.h"\nint a = 1, b = 2;\nMODULE_PARAMS(a);\n'
                       "MODULE_PARAMS(b);\n" + C, *INCLUDE[:2])
        self.refused(elf, "'a' and 'b' are both marked with MODULE_PARAMS")


class Parameters(SharedTest):
    BLOCK = "struct { int rate; char name[8]; } %s%s;\n" + C

    def filled(self, elf, content, *arguments):
        self.path("p.dat").write_bytes(content)
        self.good(elf, "--params", "p.dat", *arguments)
        tag = self.tag("params")
        self.assertEqual(tag["segment"], "data")
        image = self.path("m.bin").read_bytes()
        text, data = struct.unpack_from("<I4xI", image, 28)
        start = 64 + (text + 3) // 4 * 4 + tag["place"]
        self.assertLessEqual(tag["place"] + tag["size"], data)
        return image[start:start + tag["size"]]

    def elf_of(self, name="module_params", init=" = {5, \"five\"}", more="", **options):
        return self.elf(self.BLOCK % (name, init) + more + "int z = 3; int *q = &z;\n", **options)

    def test_data(self):
        elf = self.elf_of()
        self.good(elf)
        self.assertEqual(self.tag("params")["size"], 12)
        self.assertEqual(self.filled(elf, b""), b"\5\0\0\0five\0\0\0\0")
        self.assertEqual(self.filled(elf, b"\7\0\0\0seven"), b"\7\0\0\0seven\0\0\0")
        self.assertEqual(self.filled(elf, b"123456789012"), b"123456789012")

    def test_bss_is_stored(self):
        self.assertEqual(self.filled(self.elf_of(init=""), b"abc"), b"abc" + bytes(9))

    def test_params_symbol(self):
        elf = self.elf_of(name="settings")
        self.assertEqual(self.filled(elf, b"", "--params-symbol", "settings"),
                         b"\5\0\0\0five\0\0\0\0")

    def test_no_block_no_tag(self):
        self.good(self.elf("int x; int *module_entry(void *p) { return &x; }"))
        self.assertIsNone(self.tag("params"))

    def test_too_long(self):
        self.path("p.dat").write_bytes(bytes(13))
        self.refused(self.elf_of(), "p.dat are 13 bytes; the block 'module_params' has 12",
                     arguments=["--params", "p.dat"])

    def test_no_block(self):
        self.path("p.dat").write_bytes(bytes(3))
        self.refused(self.elf(C), "has no parameter block for --params",
                     arguments=["--params", "p.dat"])

    def test_no_such_symbol(self):
        self.refused(self.elf(C), "there is no symbol 'settings' to be the parameter block",
                     arguments=["--params-symbol", "settings"])

    def test_missing_file(self):
        done = self.mkmod(self.elf_of(), "-o", "m.bin", "--params", "nowhere.dat")
        self.assertEqual(done.returncode, 3)
        self.assertIn("nowhere.dat", done.stderr)

    def test_const(self):
        self.refused(self.elf("const int module_params[2] = {1, 2};\n"
                              "const int *module_entry(void *p) { return module_params; }"),
                     "the parameter block 'module_params' is const")

    def test_static(self):
        self.refused(self.elf("static int module_params[2] = {1, 2};\n"
                              "int *module_entry(void *p) { return module_params; }"),
                     "the parameter block 'module_params' is static")

    def test_function(self):
        self.refused(self.elf("int settings(void) { return 3; }" + C),
                     "the parameter block 'settings' is no data object",
                     arguments=["--params-symbol", "settings"])

    def test_undefined(self):
        self.refused(self.elf(HEAD + ".word settings\n"),
                     "the parameter block 'settings' is not defined in the module",
                     arguments=["--params-symbol", "settings"])

    def test_no_size(self):
        self.refused(self.elf(HEAD + ".data\n.global module_params\n.type module_params, %object\n"
                              "module_params: .word 3\n"), "has no size")

    def test_pointer(self):
        self.refused(self.elf("int x; struct { int a; int *p; } module_params = {1, &x};\n" + C),
                     "'module_params' holds an address at byte 4")

    def test_far_in_bss(self):
        elf = self.elf(HEAD + ".data\n.word module_entry\n.bss\n.space 2000\n"
                       ".global module_params\n.type module_params, %object\n"
                       ".size module_params, 4\nmodule_params: .space 4\n")
        self.refused(elf, "'module_params' lies in .bss", "section(\".data\")")


class Needs(SharedTest):
    def needs(self, *texts):
        self.good(self.elf(HEAD + ".word module_entry\n"),
                  *(a for t in texts for a in ("--needs", t)))
        return [(t["module"], t["lowest"], t["too_high"]) for t in self.json()["tags"]
                if t["name"] == "dependency"]

    def test_ranges(self):
        self.assertEqual(self.needs("a", "b:1.2.3", "c:0.2.3", "d:1.0.0:1.5.0"),
                         [("a", "0.0.0", "65535.65535.65535"), ("b", "1.2.3", "2.0.0"),
                          ("c", "0.2.3", "0.3.0"), ("d", "1.0.0", "1.5.0")])

    def wrong(self, text, expected):
        done = self.mkmod("m.elf", "-o", "m.bin", "--needs", text)
        self.assertEqual(done.returncode, USAGE)
        self.assertIn(expected, done.stderr)

    def test_bad_name(self):
        self.wrong("", "the name is not 1 to 63 bytes")
        self.wrong("two words", "the name is not 1 to 63 bytes")
        self.wrong("x" * 64, "the name is not 1 to 63 bytes")

    def test_bad_version(self):
        self.wrong("a:1.2", "the lowest version is not X.Y.Z")
        self.wrong("a:1.2.3:", "too high is not X.Y.Z")

    def test_empty_range(self):
        self.wrong("a:1.2.3:1.2.3", "the lowest version is not below")

    def test_itself(self):
        self.refused(self.elf(HEAD + ".word module_entry\n"), "would need itself",
                     arguments=["--needs", "m"])

    def test_twice(self):
        done = self.mkmod("m.elf", "-o", "m.bin", "--needs", "a", "--needs", "a:1.0.0")
        self.assertEqual(done.returncode, USAGE)
        self.assertIn("named twice", done.stderr)


if __name__ == "__main__":
    main()
