# SPDX-License-Identifier: BSD-2-Clause
"""Linked ELF files that mkmod refuses, or accepts with a warning: one test a reason."""

import struct

from mkmod_run import CLANG, GCC, HEAD, LINK, OK, REFUSED, Elf, ToolTest, main

C = "int module_entry(void *p) { return p != 0; }\n"
CORTEX_M0 = ["arm-none-eabi-gcc", "-mcpu=cortex-m0", "-mthumb"]


class Records(ToolTest):
    def test_without_emit_relocs_debug(self):
        elf = self.elf("int x; int *module_entry(void *p) { return &x; }", "-g", options=())
        self.refused(elf, ".debug_info", "--emit-relocs")

    def test_without_emit_relocs_literal(self):
        elf = self.elf("int x; int *module_entry(void *p) { return &x; }", options=())
        self.refused(elf, "address of a symbol", "--emit-relocs")

    def test_without_emit_relocs_mov(self):
        elf = self.elf("int x; int *module_entry(void *p) { return &x; }", "-O1", options=(),
                       compiler=CLANG)
        self.refused(elf, "address of a symbol", "--emit-relocs")

    def test_without_emit_relocs_constructors(self):
        elf = self.elf("__attribute__((constructor)) static void f(void) {}\n" + C, base="0",
                       options=())
        self.refused(elf, ".init_array", "--emit-relocs")

    def test_nothing_to_relocate(self):
        done = self.mkmod(self.elf(C), "-o", "m.bin")
        self.assertEqual(done.returncode, OK)
        self.assertIn("warning: no relocation record covers a loaded section", done.stderr)
        self.assertTrue(self.path("m.bin").exists())

    def test_unknown_type(self):
        elf = Elf(self.elf(HEAD + ".word module_entry\n"))
        elf.set_type(".rel.text", 0, 120)
        self.refused(elf.write(), "relocation type 120", "does not know")

    def test_many_problems(self):
        elf = Elf(self.elf(HEAD + ".word module_entry\n" * 1010))
        for number in range(1010):
            elf.set_type(".rel.text", number, 120)
        message = self.refused(elf.write(), "and 10 more errors")
        self.assertEqual(message.count("error: "), 1000)

    def test_types_by_name(self):
        names = {1: "PC24", 5: "ABS16", 8: "ABS8", 20: "COPY", 21: "GLOB_DAT", 22: "JUMP_SLOT",
                 23: "RELATIVE", 28: "CALL", 29: "JUMP24", 31: "BASE_ABS", 43: "MOVW_ABS_NC",
                 95: "GOT_ABS", 104: "TLS_GD32", 107: "TLS_IE32", 108: "TLS_LE32",
                 131: "THM_GOT_BREL12", 132: "THM_ALU_ABS_G0_NC", 160: "IRELATIVE"}
        for number, name in names.items():
            elf = Elf(self.elf(HEAD + ".word module_entry\n"))
            elf.set_type(".rel.text", 0, number)
            self.refused(elf.write(), f".text+0x2: R_ARM_{name} against 'module_entry': ")

    def test_place_outside(self):
        elf = Elf(self.elf(HEAD + ".word module_entry\n"))
        struct.pack_into("<I", elf.bytes, elf.record(".rel.text", 0), 0x10003)
        self.refused(elf.write(), "the place is not in the contents of section .text")

    def test_place_twice(self):
        elf = Elf(self.elf(HEAD + ".word module_entry, module_entry\n"))
        struct.pack_into("<I", elf.bytes, elf.record(".rel.text", 1), 0x10004)
        self.refused(elf.write(), "change the same bytes")

    def test_symbol_number(self):
        elf = Elf(self.elf(HEAD + ".word module_entry\n"))
        elf.bytes[elf.record(".rel.text", 0) + 7] = 0x7f
        self.refused(elf.write(), "does not exist")

    def test_movw_that_is_none(self):
        elf = Elf(self.elf(HEAD + ".word module_entry\n"))
        elf.set_type(".rel.text", 0, 47)
        self.refused(elf.write(), "there is no MOVW at the place")

    def test_movt_alone(self):
        elf = self.elf(HEAD + "movt r0, #:upper16:(x + 0x7fff)\n.bss\n.space 0x9000\nx: .word 0\n")
        self.refused(elf, "R_ARM_THM_MOVT_ABS", "has no MOVW of the same symbol")

    def test_movt_alone_plain(self):
        done = self.mkmod(self.elf(HEAD + "movt r0, #:upper16:module_entry\n"), "-o", "m.bin")
        self.assertEqual(done.returncode, OK)
        self.assertIn("warning: .text+0x2: R_ARM_THM_MOVT_ABS against 'module_entry'", done.stderr)

    def test_source_line(self):
        elf = self.elf("extern __thread int t;\n\nint module_entry(void *p)\n{\n    return t;\n}\n",
                       "-g", link=["--defsym", "__aeabi_read_tp=0x10001"])
        self.refused(elf, "R_ARM_TLS_IE32 against 't'", "m.c:")

    def test_bad_dwarf(self):
        """Damaged DWARF costs the line, never the message."""
        path = self.elf("extern char t; char *module_entry(void *p) { return &t; }", "-g")
        elf = Elf(path)
        elf.set_type(".rel.text", 0, 120)
        good = bytes(elf.write().read_bytes())
        self.refused(path, "m.c:1): relocation type 120")
        for section in (".debug_info", ".debug_abbrev", ".debug_line", ".debug_aranges"):
            for fill in (0, 0x55, 0xff):
                elf.bytes = bytearray(good)
                start, size = elf.field(section, 4), elf.field(section, 5)
                elf.bytes[start:start + size] = bytes([fill]) * size
                self.refused(elf.write(), "relocation type 120")


class Symbols(ToolTest):
    def test_thread_local(self):
        elf = self.elf("__thread int counter = 3;\nint module_entry(void *p) { return counter; }")
        self.refused(elf, "thread-local", "counter")

    def test_thread_local_relocation(self):
        elf = self.elf(HEAD + ".word x(TPOFF)\n.section .tdata,\"awT\"\nx: .word 1\n")
        self.refused(elf, "thread-local")

    def test_branch_to_absolute(self):
        elf = self.elf(HEAD + "bl rom\n.global rom\n.set rom, 0x20001\n.type rom, %function\n")
        self.refused(elf, "R_ARM_THM_CALL against 'rom'", "absolute", "-mlong-calls")

    def test_far_absolute_is_good(self):
        """Out of reach, ld makes a veneer with the absolute address: that survives."""
        self.path("m.s").write_text(HEAD + "bl rom\n.word module_entry\n")
        self.command([*GCC, "-c", "m.s", "-o", "m.o"])
        self.path("rom.s").write_text(".thumb\n.global rom\n.type rom, %function\n"
                                      ".set rom, 0x8001001\n")
        self.command([*GCC, "-c", "rom.s", "-o", "rom.o"])
        self.good(self.link("m.o", "rom.o"))

    def test_short_branch_to_import(self):
        elf = Elf(self.elf(HEAD + "b near\nnear: bl imported\n.word imported\n"))
        raw = bytearray(elf.bytes)
        elf.set_type(".rel.text", 0, 102)
        self.refused(elf.write(), "R_ARM_THM_JUMP11 against 'imported'", "too short")
        self.assertNotEqual(raw, elf.bytes)

    def test_weak_conditional_branch(self):
        elf = self.elf(HEAD + "beq.w nothing\n.weak nothing\n")
        self.refused(elf, "R_ARM_THM_JUMP19 against 'nothing'", "too short")

    def test_absolute_in_range(self):
        elf = self.elf(HEAD + ".word inside\n.global inside\n.set inside, 0x10002\n")
        done = self.mkmod(elf, "-o", "m.bin")
        self.assertEqual(done.returncode, OK)
        self.assertIn("warning: .text+0x2: R_ARM_ABS32 against 'inside'", done.stderr)

    def test_label_without_thumb_bit(self):
        elf = self.elf(HEAD + "nop\n.global label\nlabel: bx lr\n.align 2\n.word label\n")
        done = self.mkmod(elf, "-o", "m.bin")
        self.assertEqual(done.returncode, OK)
        self.assertIn("'label': the label is in code but not marked as a function", done.stderr)

    def test_prel31_to_import(self):
        elf = self.elf(HEAD + ".section .rodata\n.reloc ., R_ARM_PREL31, imported\n.word 0\n")
        self.refused(elf, "R_ARM_PREL31 against 'imported'")

    def test_arm_state(self):
        elf = Elf(self.elf(HEAD + ".align 2\nbl f\nnop\nnop\n.global f\n.type f, %function\n"
                           "f: bx lr\n"))
        elf.bytes[elf.field(".text", 4) + 7] ^= 0x10  # bl becomes blx
        self.refused(elf.write(), "R_ARM_THM_CALL against 'f'", "ARM state")

    def test_small_field(self):
        elf = self.elf(HEAD + ".hword there\n.global there\n.set there, 0x123\n")
        self.assertEqual(self.mkmod(elf, "-o", "m.bin").returncode, OK)
        elf = self.elf(HEAD + ".data\nx: .hword x\n", base="0x1000")
        self.refused(elf, "R_ARM_ABS16", "less than 32 bits")

    def test_pure_code_v6m(self):
        elf = self.elf("int x; int *module_entry(void *p) { return &x; }", "-mpure-code",
                       compiler=CORTEX_M0)
        self.refused(elf, "R_ARM_THM_ALU_ABS_G", "-mpure-code")

    def test_same_hash(self):
        elf = self.elf(HEAD + ".word costarring, liquid\n")
        self.refused(elf, "costarring", "liquid", "same hash")

    def test_strong_undefined_is_import(self):
        self.good(self.elf(HEAD + "bl imported\n.word other\n"))
        shown = self.dumped("--imports")
        self.assertIn("imported", shown)
        self.assertIn("other", shown)

    def test_weak_undefined_is_weak_import(self):
        self.good(self.elf(HEAD + "bl absent\n.word module_entry, absent\n.weak absent\n"))
        self.assertRegex(self.dumped("--imports"), r"weak .*absent")

    def test_strong_somewhere_is_strong(self):
        """ld: one strong reference makes the symbol strong."""
        weak = self.object(HEAD + "bl imported\n.weak imported\n", name="a")
        strong = self.object(".syntax unified\n.thumb\nbl imported\n", name="b")
        self.good(self.link(weak, strong))
        self.assertNotRegex(self.dumped("--imports"), r"weak .*imported")


class Veneers(ToolTest):
    FAR = (HEAD + "bl far\n.word module_entry\n.section .far,\"ax\"\n.global far\n"
           ".type far, %function\nfar: bx lr\n")

    def far(self, *flags, section="  .far 0x8000000 : { *(.far) }", **options):
        return self.elf(self.FAR, *flags, data=section, **options)

    def test_code_far_away(self):
        self.refused(self.far(), "'far'", "veneer", "holds the address 0x08000001",
                     "-mlong-calls")

    def test_code_far_away_v6m(self):
        self.refused(self.far(compiler=CORTEX_M0), "'far'", "holds the address 0x08000001")

    def test_code_far_away_lld(self):
        self.refused(self.far(compiler=CLANG, linker="ld.lld"), "'far'", "0x08000001")

    def test_baked_address(self):
        """As ld makes it: a branch record to one symbol, code that holds its address."""
        elf = Elf(self.elf(HEAD + "bl f\n.align 2\nv: ldr.w pc, [pc, #-0]\n.word 0x10011\n"
                           ".global f\n.type f, %function\nf: bx lr\n.word module_entry\n"))
        where = elf.field(".text", 4)
        elf.bytes[where + 2:where + 6] = bytes.fromhex("00f001f8")  # bl v
        code = bytes(elf.bytes[where:where + 16]).hex()
        self.assertIn("00f001f8", code)
        self.refused(elf.write(), "'f'", "veneer", "holds the address 0x00010011")

    def test_pic_veneer(self):
        self.path("m.s").write_text(HEAD + "bl rom\n.word module_entry\n")
        self.command([*CORTEX_M0, "-c", "m.s", "-o", "m.o"])
        self.path("rom.s").write_text(".thumb\n.global rom\n.type rom, %function\n"
                                      ".set rom, 0x8001001\n")
        self.command([*CORTEX_M0, "-c", "rom.s", "-o", "rom.o"])
        self.refused(self.link("m.o", "rom.o", flags=["--pic-veneer"]), "'rom'",
                     "--pic-veneer")


class StaticBase(ToolTest):
    SOURCE = ("static int a = 1, b; int *module_entry(void *p) { return p ? &a : &b; }\n")

    def test_gnu_ld(self):
        elf = self.elf(self.SOURCE, "-O1", "-frwpi", compiler=CLANG)
        self.refused(elf, "BREL", "GNU ld", "ld.lld")

    def test_lld(self):
        self.good(self.elf(self.SOURCE, "-O1", "-fropi", "-frwpi", compiler=CLANG,
                           linker="ld.lld", link=["-z", "norelro"]))
        self.assertIn("static_base", self.dumped("--tags"))

    def test_import(self):
        elf = self.elf("extern int e; int module_entry(void *p) { return e; }", "-O1", "-frwpi",
                       compiler=CLANG)
        self.refused(elf, "BREL", "'e'", "static base")

    def test_pic_register(self):
        self.good(self.elf("int x; int module_entry(void *p) { return x; }", "-Os", "-fpic",
                           "-msingle-pic-base", "-mpic-register=r9",
                           "-mno-pic-data-is-text-relative"))
        self.assertIn("static_base", self.dumped("--tags"))

    def test_got_slot_without_record(self):
        elf = Elf(self.elf("int x, y; int module_entry(void *p) { return x + y; }", "-Os",
                           "-fpic"))
        start, size = elf.field(".rel.text", 4), elf.field(".rel.text", 5)
        for number in range(size // 8):
            if elf.bytes[start + 8 * number + 4] == 26:
                elf.set_type(".rel.text", number, 0)
                break
        self.refused(elf.write(), ".got+0x", "no relocation record")

    def test_got_slot_with_another_value(self):
        elf = Elf(self.elf("int x; int module_entry(void *p) { return x; }", "-Os", "-fpic"))
        end = elf.field(".got", 4) + elf.field(".got", 5)
        elf.bytes[end - 4] ^= 0x40
        self.refused(elf.write(), "global offset table")


class Layout(ToolTest):
    def test_overlap(self):
        elf = Elf(self.elf(HEAD + ".word module_entry\n.data\n.word 1, 2\n"))
        elf.set(".data", 3, elf.field(".text", 3))
        self.refused(elf.write(), "sections .text and .data overlap")

    def test_section_outside_file(self):
        elf = Elf(self.elf(HEAD + ".word module_entry\n.data\n.word 1, 2\n"))
        elf.set(".data", 4, 0x7fffffff)
        self.refused(elf.write(), "past the end of the file")

    def test_end_of_address_space(self):
        elf = Elf(self.elf(HEAD + ".word module_entry\n.data\n.word 1, 2\n"))
        elf.set(".data", 3, 0xfffffffc)
        self.refused(elf.write(), "past the end of the address space")

    def test_absurd_size(self):
        elf = Elf(self.elf(HEAD + ".word module_entry\n.bss\n.word 0\n"))
        elf.set(".bss", 5, 0x7fffffff)
        self.refused(elf.write(), "absurdly large")

    def test_alignment(self):
        elf = Elf(self.elf(HEAD + ".word module_entry\n"))
        elf.set(".text", 8, 24)
        self.refused(elf.write(), "no power of two")
        elf.set(".text", 8, 0x10000)
        self.refused(elf.write(), "alignment of 65536")

    def test_compressed(self):
        elf = Elf(self.elf(HEAD + ".word module_entry\n"))
        elf.set(".text", 2, elf.field(".text", 2) | 0x800)
        self.refused(elf.write(), "compressed")

    def test_nothing_to_load(self):
        elf = Elf(self.elf(HEAD))
        for name in elf.names[1:]:
            elf.set(name, 2, 0)
        self.refused(elf.write(), "no section to load")

    def test_three_memories(self):
        elf = self.elf(HEAD + ".word module_entry\n.data\n.word 1\n.section .far,\"aw\"\n.word 2\n",
                       data="  .far 0x20000000 : { *(.far) }")
        self.assertIn(self.mkmod(elf, "-o", "m.bin").returncode, (OK, REFUSED))
        elf = self.elf(HEAD + ".word module_entry\n.section .far,\"aw\"\n.word 2\n"
                       ".section .farther,\"aw\"\n.word 3\n",
                       data="  .far 0x20000000 : { *(.far) }\n"
                            "  .farther 0x30000000 : { *(.farther) }")
        self.refused(elf, "bytes apart")

    def test_far_and_crossing(self):
        elf = self.elf(HEAD + ".word module_entry\nbl there\n.section .far,\"awx\"\n"
                       ".type there, %function\nthere: bx lr\n",
                       data="  .far 0x210000 : { *(.far) }")
        self.refused(elf, "far apart", "must stay together")

    def test_crossing_is_block_only(self):
        elf = self.elf(HEAD + ".word module_entry\nbl there\n.data\n.type there, %function\n"
                       "there: bx lr\n")
        done = self.mkmod("-v", elf, "-o", "m.bin")
        self.assertEqual((done.returncode, done.stderr), (OK, ""))
        self.assertIn("not apart: R_ARM_THM_CALL", done.stdout)
        self.assertNotIn(", text and data apart", done.stdout)


class Entry(ToolTest):
    def test_none(self):
        self.refused(self.elf("int x; int *other(void) { return &x; }", link=["-e", "0"]),
                     "has no entry", "--entry")

    def test_elf_entry(self):
        self.good(self.elf("int x; int *other(void) { return &x; }", link=["-e", "other"]))

    def test_unknown(self):
        elf = self.elf(HEAD + ".word module_entry\n")
        self.refused(elf, "there is no symbol 'nobody'", arguments=["--entry", "nobody"])

    def test_undefined(self):
        elf = self.elf(HEAD + ".word imported\n")
        self.refused(elf, "'imported' is not in the module's code",
                     arguments=["--entry", "imported"])

    def test_object(self):
        elf = self.elf("int x; int *module_entry(void *p) { return &x; }")
        self.refused(elf, "'x' is not in the module's code", arguments=["--entry", "x"])

    def test_unmarked(self):
        elf = self.elf(HEAD.replace(".type module_entry, %function\n", "")
                       + ".align 2\n.word module_entry\n")
        done = self.mkmod(elf, "-o", "m.bin")
        self.assertEqual(done.returncode, OK)
        self.assertIn("the entry 'module_entry' is not marked as a function", done.stderr)

    def test_preinit_array(self):
        elf = self.elf(HEAD + ".section .preinit_array,\"aw\",%preinit_array\n"
                       ".word module_entry\n")
        self.refused(elf, ".preinit_array")

    def test_constructors(self):
        self.good(self.elf("int x; __attribute__((constructor)) static void f(void) { x = 1; }\n"
                           "__attribute__((destructor)) static void g(void) { x = 2; }\n" + C))
        shown = self.dumped("--tags")
        self.assertIn("init_array", shown)
        self.assertIn("fini_array", shown)

    def test_build_id(self):
        options = [o for o in LINK if "build-id" not in o] + ["--build-id=0x0123456789abcdef"]
        self.good(self.elf(HEAD + ".word module_entry\n", options=options))
        self.assertIn("0123456789abcdef", self.dumped("--tags").replace(" ", ""))


if __name__ == "__main__":
    main()
