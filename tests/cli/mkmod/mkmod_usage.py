# SPDX-License-Identifier: BSD-2-Clause
"""mkmod's options, and inputs that are no modules at all."""

import os
import pathlib
import re
import shutil
import struct

from mkmod_run import GCC, HEAD, IO, MKMOD, OK, REFUSED, USAGE, Elf, ToolTest, main


class Usage(ToolTest):
    def wrong(self, text, *arguments):
        done = self.mkmod(*arguments)
        self.assertEqual((done.returncode, done.stdout), (USAGE, ""), done.stderr)
        self.assertIn(text, done.stderr)

    def test_no_arguments(self):
        self.wrong("there is no input file")

    def test_help(self):
        done = self.mkmod("--help")
        self.assertEqual((done.returncode, done.stderr), (OK, ""))
        for option in ("--name", "--version", "--description", "--stack-size", "--entry",
                       "--strip-names", "--verbose", "--output"):
            self.assertIn(option, done.stdout)

    def test_manual_has_every_option(self):
        help_text = self.mkmod("--help").stdout
        page = (pathlib.Path(os.environ["MODFMT_SOURCE"]) / "mkmod/mkmod.1").read_text()
        options = set(re.findall(r"--([a-z][a-z-]+)", help_text)) - {"emit-relocs"}
        self.assertGreater(len(options), 15)
        for option in sorted(options):
            if not option.startswith("unresolved"):
                self.assertRegex(page, rf"(?m)^\.It .*Fl -{option}\b")

    def test_version_of_the_tool(self):
        lone, short = self.mkmod("--version"), self.mkmod("-V")
        self.assertRegex(lone.stdout, r"^mkmod \d+\.\d+\.\d+\n$")
        self.assertEqual(lone.stdout, short.stdout)
        self.assertEqual((lone.returncode, short.returncode), (OK, OK))

    def test_no_output(self):
        self.wrong("there is no output file", "m.elf")

    def test_two_inputs(self):
        self.wrong("two inputs", "a.elf", "b.elf", "-o", "m.bin")

    def test_bad_version(self):
        for text in ("1.2", "1.2.3.4", "1.2.x", "65536.0.0", "-1.0.0", "", "1..2", "1.2.3 "):
            self.wrong("--version wants", "m.elf", "-o", "m.bin", f"--version={text}")

    def test_bad_name(self):
        for text in ("", "two words", "x" * 64, "a\tb"):
            self.wrong("the module's name", "m.elf", "-o", "m.bin", f"--name={text}")
        self.wrong("give one with --name", "two words.elf", "-o", "m.bin")

    def test_bad_description(self):
        for text in ("", "x" * 256, "two\nlines"):
            self.wrong("--description wants", "m.elf", "-o", "m.bin", f"--description={text}")

    def test_bad_stack_size(self):
        for text in ("", "many", "-1", "0x", "4294967296"):
            self.wrong("--stack-size wants", "m.elf", "-o", "m.bin", f"--stack-size={text}")

    def test_input_is_output(self):
        elf = self.elf(HEAD)
        before = elf.read_bytes()
        self.wrong("input and output at once", elf, "-o", elf)
        self.assertEqual(elf.read_bytes(), before)

    def test_options_reach_the_image(self):
        elf = self.elf(HEAD + ".word module_entry\n")
        self.good(elf, "--name", "blink", "--version", "1.20.300", "--description",
                  "Blinks a light", "--stack-size", "0x200")
        shown = self.dumped("--tags", "--headers")
        for text in ("blink", "1.20.300", "Blinks a light", "512"):
            self.assertIn(text, shown)

    def test_default_name(self):
        elf = self.elf(HEAD + ".word module_entry\n")
        shutil.copy(elf, self.path("my.module.elf"))
        self.good("my.module.elf")
        self.assertIn("my.module\n", self.dumped("--tags").replace('"', "").replace(" ", "")
                      + "\n")

    def test_options_before_and_behind(self):
        elf = self.elf(HEAD + ".word module_entry\n")
        behind = self.good(elf, "--name", "x")
        before = self.mkmod("--name", "x", "-o", "b.bin", elf)
        self.assertEqual(before.returncode, OK)
        self.assertEqual(self.path("b.bin").read_bytes(), behind)

    def test_strip_names(self):
        elf = self.elf(HEAD + ".word imported_thing\n")
        self.assertIn(b"imported_thing\0", self.good(elf))
        self.assertNotIn(b"imported_thing", self.good(elf, "--strip-names"))

    def test_same_twice(self):
        elf = self.elf(HEAD + ".word module_entry, imported_thing\n")
        self.assertEqual(self.good(elf), self.good(elf))

    def test_verbose_map(self):
        elf = self.elf(HEAD + "bl imported\n bl weak\n.weak weak\n.align 2\n.word module_entry\n"
                       ".data\n.word 1\n")
        done = self.mkmod("-v", elf, "-o", "m.bin", "--untyped")
        self.assertEqual((done.returncode, done.stderr), (OK, ""))
        for text in ("sections", ".text", "R_ARM_THM_CALL", "import imported", "veneer at",
                     "import weak (hash 0xedbc2ec9, type 0x00000000), unverified, weak, veneer", "as one block", "relocations"):
            self.assertIn(text, done.stdout)
        self.assertEqual(self.mkmod(elf, "-o", "m.bin", "--untyped").stdout, "")

    def test_verbose_beside_image(self):
        elf = self.elf(HEAD + ".word module_entry\n")
        image = self.good(elf)
        self.path("run").write_text(f"'{MKMOD}' -v '{elf}' -o - > out.bin 2> map")
        self.command(["sh", "run"])
        self.assertEqual(self.path("out.bin").read_bytes(), image)
        self.assertIn("sections", self.path("map").read_text())


class Input(ToolTest):
    def test_missing_file(self):
        self.refused("none.elf", "none.elf", status=IO)

    def test_directory(self):
        self.path("folder").mkdir()
        self.refused("folder", "directory", status=IO)

    def test_empty_file(self):
        self.path("empty").write_bytes(b"")
        self.refused("empty", "empty")

    def test_not_elf(self):
        self.path("text").write_text("some text that is long enough to be anything at all\n" * 3)
        self.refused("text", "is not an ELF file")

    def test_image(self):
        self.good(self.elf(HEAD + ".word module_entry\n"))
        self.refused("m.bin", "is a module image already")

    def test_archive(self):
        self.object(HEAD)
        self.command(["arm-none-eabi-ar", "rc", "m.a", "m.o"])
        self.refused("m.a", "library of objects")

    def test_object(self):
        self.object(HEAD)
        self.refused("m.o", "relocatable object", "--emit-relocs")

    def test_x86(self):
        self.refused(shutil.which("true"), "x86-64", "not for ARM")

    def test_64_bit(self):
        self.elf(HEAD)
        elf = Elf(self.path("m.elf"))
        elf.bytes[4] = 2
        self.refused(elf.write(), "64-bit")

    def test_big_endian(self):
        self.path("m.c").write_text("int module_entry(void *p) { return p != 0; }\n")
        self.command([*GCC, "-mbig-endian", "-c", "m.c", "-o", "m.o"])
        self.command(["arm-none-eabi-ld", "-EB", "-e", "module_entry", "m.o", "-o", "m.elf"])
        self.refused("m.elf", "big-endian")

    def test_shared(self):
        self.object(HEAD)
        self.command(["arm-none-eabi-ld", "-shared", "m.o", "-o", "m.elf"])
        self.refused("m.elf", "shared object")

    def test_pie(self):
        self.object(HEAD)
        self.command(["arm-none-eabi-ld", "-pie", "--no-dynamic-linker", "m.o", "-o", "m.elf"])
        self.refused("m.elf", "without -shared and -pie")

    def test_profile_a(self):
        self.path("a.s").write_text(".cpu cortex-a9\n" + HEAD)
        self.command(["arm-none-eabi-gcc", "-mcpu=cortex-a9", "-c", "a.s", "-o", "m.o"])
        self.refused(self.link("m.o"), "A profile", "-mcpu=")

    def test_old_architecture(self):
        self.command(["sh", "-c", "echo > m.c 'int module_entry(void *p) { return p != 0; }'"])
        self.command(["arm-none-eabi-gcc", "-mcpu=arm926ej-s", "-mthumb", "-c", "m.c", "-o",
                      "m.o"])
        self.refused(self.link("m.o"), "ARMv5TEJ", "not for a Cortex-M")

    def test_no_attributes(self):
        elf = self.elf(HEAD + ".word module_entry\n")
        self.command(["arm-none-eabi-objcopy", "-R", ".ARM.attributes", elf, "bare.elf"])
        self.refused("bare.elf", ".ARM.attributes", "-mcpu=")

    def test_no_sections(self):
        elf = Elf(self.elf(HEAD))
        struct.pack_into("<I", elf.bytes, 32, 0)
        struct.pack_into("<HH", elf.bytes, 48, 0, 0)
        self.refused(elf.write(), "no section headers")

    def test_every_cut(self):
        """Cut anywhere: refused with a message, never a crash."""
        whole = self.elf(HEAD + ".word module_entry\n.data\n.word module_entry\n").read_bytes()
        for length in [*range(0, 80), *range(80, len(whole), 97)]:
            self.path("cut.elf").write_bytes(whole[:length])
            done = self.mkmod("cut.elf", "-o", "refused.bin")
            self.assertEqual(done.returncode, REFUSED, f"{length} bytes: {done.stderr}")
            self.assertRegex(done.stderr, "^mkmod: .*error: ")

    def test_damage_never_crashes(self):
        """Whatever byte is changed, mkmod packs or refuses, and packs only good images."""
        whole = self.elf("int a[9]; extern int e(void); int *p = a + 2;"
                         "int module_entry(void *q) { return e() + *p + (q == p); }",
                         "-Os", "-g").read_bytes()
        table, = struct.unpack_from("<I", whole, 32)
        places = [*range(4, 52, 3), *range(table, len(whole), 23)]
        for place in places:
            for value in (0, whole[place] ^ 0x90):
                damaged = bytearray(whole)
                damaged[place] = value
                self.path("bad.elf").write_bytes(damaged)
                done = self.mkmod("bad.elf", "-o", "m.bin")
                self.assertIn(done.returncode, (OK, REFUSED), f"{place}: {done.stderr}")
                self.assertNotIn("fault of mkmod", done.stderr, f"byte {place} = {value}")


if __name__ == "__main__":
    main()
