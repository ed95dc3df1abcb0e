#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""The loader on the chip agrees: QEMU boots the very flash file, and the firmware loads and
runs what list shows, no more and no less."""
import os
import re
import subprocess
import sys

from modflash_run import (BUILD, ERASED, FLASH, OK, SIZE, SOURCE, FlashTest, image, main,
                          need, skip_all)

need("qemu-system-arm", "arm-none-eabi-objcopy")
FIRMWARE = BUILD / "cross/cortex-m4/target-loader/firmware/stm32f405.elf"
if not FIRMWARE.exists():
    skip_all(f"no {FIRMWARE}")


class Loader(FlashTest):
    def setUp(self):
        super().setUp()
        flat = self.folder / "firmware.bin"
        subprocess.run(["arm-none-eabi-objcopy", "-O", "binary", FIRMWARE, flat], check=True)
        self.flash.write_bytes(ERASED * SIZE)
        self.put(FLASH, flat.read_bytes())
        self.environment["MODFMT_BUILD"] = str(BUILD)
        described = self.listing()["region"]
        self.assertEqual(described["origin"], "board")
        self.base, self.size = int(described["address"], 0), described["size"]

    def boot(self, status=OK):
        """name: version of what was loaded and returned 0."""
        done = self.run_command([SOURCE / "scripts/run-qemu.sh", "--firmware", FIRMWARE,
                                 "--flash", self.flash])
        self.assertIn(done.status, (OK, 1), str(done))
        self.console = done.out.replace("\r", "")
        return dict(re.findall(r"(?m)^module (\S+) (\S+): returned 0(?: \(linked, .*)?$",
                               self.console))

    def agrees(self, want):
        self.expect(want)
        self.assertEqual(self.boot(), want, self.console)
        self.assertIn(f"firmware: {len(want)} modules, {len(want)} returned 0", self.console)

    def test_a_life(self):
        self.agrees({})
        self.good(self.file(self.module("one"), self.module("two", size=3000)))
        self.agrees({"one": "1.0.0", "two": "1.0.0"})
        self.good(self.file("update", self.module("one", "1.1.0", 500)))
        self.agrees({"one": "1.1.0", "two": "1.0.0"})
        self.good(self.file("remove", "two"))
        self.agrees({"one": "1.1.0"})
        self.good(self.file("remove", "one"))
        self.agrees({})

    def test_bare(self):
        self.put(self.base, image("bare", "2.0.0", 1000))
        self.agrees({"bare": "2.0.0"})
        self.good(self.file(self.module("one")))
        self.agrees({"bare": "2.0.0", "one": "1.0.0"})
        self.good(self.file("remove", "bare"))
        self.agrees({"one": "1.0.0"})

    def test_after_cuts(self):
        """What the loader runs after a cut is what list shows."""
        self.good(self.board(self.module("one"), self.module("two")))
        start = self.bytes()
        update = self.module("one", "1.1.0"), self.module("three")
        whole = int(self.good(self.board(*update)).stats["operations"])
        for n in (3, whole // 2, *range(whole - 9, whole + 1, 3)):
            self.flash.write_bytes(start)
            self.assertEqual(self.board(*update, options=("--cut-after", n, "--seed", n)).status, 4)
            self.agrees(self.modules())

    def test_rewritten(self):
        """After the journal rewrote the region, and before it was done."""
        self.good(self.file(self.module("one"), self.module("big", size=100000)))
        self.good(self.file("remove", "big"))
        self.good(self.file("compact"))
        self.agrees({"one": "1.0.0"})

    def test_damaged_body(self):
        """list shows it, verify tells, the loader does not run it."""
        self.good(self.file(self.module("one"), self.module("two")))
        row = [row for row in self.listing()["modules"] if row["name"] == "two"][0]
        self.put(int(row["address"], 0) + 80, b"\0\0\0\0")
        self.assertEqual(self.modules(), {"one": "1.0.0", "two": "1.0.0"})
        self.assertEqual(self.file("verify").status, 4)
        self.assertEqual(self.boot(), {"one": "1.0.0"}, self.console)


class Links(Loader):
    """Real modules on the demo firmware: what modflash says of them is what its loader does."""

    def compiled(self, name, source, *options):
        self.write(f"{name}.c", source.encode())
        subprocess.run(["arm-none-eabi-gcc", "-mcpu=cortex-m4", "-mthumb", "-Os", "-g", "-nostdlib",
                        "-ffreestanding", f"{name}.c", "-Wl,--emit-relocs",
                        "-Wl,--unresolved-symbols=ignore-all,-e,module_entry", "-o",
                        f"{name}.elf"], cwd=self.folder, check=True)
        done = self.run_command([os.environ["MKMOD"], f"{name}.elf", "-o", f"{name}.bin",
                                 "--name", name, "--version", "1.0.0", *options])
        self.assertEqual(done.status, OK, str(done))
        return f"{name}.bin"

    def test_another_type(self):
        """A header that says something else than the firmware's: refused here and there."""
        good = self.compiled("good", "int fw_puts(const char *s);\n"
                             "int module_entry(void *p) { (void)p; fw_puts(\"hi\"); return 0; }\n")
        bad = self.compiled("bad", "int fw_puts(const char *s, int more);\nint module_entry(void *p)"
                            " { (void)p; fw_puts(\"hi\", 1); return 0; }\n")
        self.good(self.file(good))
        for more in ((), ("--firmware", FIRMWARE)):
            done = self.keeps_flash(self.file, *more, bad)
            self.assertEqual(done.status, 1, str(done))
            self.assertIn("bad.bin: error: 'fw_puts' is not what the module was built against; it "
                          "was 'int fw_puts(const char *", done.err)
        self.agrees({"good": "1.0.0"})
        self.good(self.file("--no-check", bad))
        self.assertEqual(self.boot(), {"good": "1.0.0"})
        self.assertIn("module bad 1.0.0: refused: MODLOAD_E_TYPE", self.console)

    def test_not_offered(self):
        bad = self.compiled("bad", "int fw_fly(int a);\n"
                            "int module_entry(void *p) { (void)p; return fw_fly(1); }\n")
        for more, told in (((), "the firmware on the board"), (("--firmware", FIRMWARE), str(FIRMWARE))):
            done = self.keeps_flash(self.file, *more, bad)
            self.assertIn(f"'fw_fly' is not offered by {told}", done.err)
        self.good(self.file("--no-check", bad))
        self.boot()
        self.assertIn("module bad 1.0.0: refused: MODLOAD_E_IMPORT", self.console)

    def test_parameters(self):
        """What params --set wrote is what the module finds."""
        self.good(self.file(self.compiled("tune", """
            struct { int rate; char name[12]; } module_params = {1, "slow"};
            int fw_printf(const char *format, ...);
            int module_entry(void *p)
            {
                (void)p;
                fw_printf("%s at %d\\n", module_params.name, module_params.rate);
                return 0;
            }
            """)))
        self.agrees({"tune": "1.0.0"})
        self.assertIn("slow at 1\n", self.console)
        self.write("values", (96).to_bytes(4, "little") + b"fast\0")
        self.good(self.file("params", "tune", "--set", "values"))
        self.agrees({"tune": "1.0.0"})
        self.assertIn("fast at 96\n", self.console)


class Linked(Links):
    """Modules that modflash has linked run where they lie, under the firmware that they were
    linked for and no other."""

    SOURCE = """
        int fw_puts(const char *s);
        int fw_printf(const char *format, ...);
        static int counter = %d, zero[8];
        static int twice(int x) { return 2 * x; }
        static int (*const table[])(int) = {twice};
        int *const place = &counter;
        int module_entry(void *p)
        {
            (void)p;
            zero[3] += table[0](++*place);
            fw_printf("%s has %%d at %%p\\n", zero[3], (void *)&counter);
            return zero[0];
        }
        """

    def counting(self, name, number):
        return self.compiled(name, self.SOURCE % (number, name))

    def another_firmware(self):
        """The same code with another build id: as after an update."""
        flash = self.bytes()
        build_id = subprocess.run(["arm-none-eabi-readelf", "-n", FIRMWARE], check=True, text=True,
                                  capture_output=True).stdout.split("Build ID: ")[1].split()[0]
        at = flash.index(bytes.fromhex(build_id))
        self.put(FLASH + at, bytes(20))

    def prints(self, name, number):
        """Its counter is in the arena, where list says."""
        row = [row for row in self.listing()["modules"] if row["name"] == name][0]
        begin, end = int(row["linked"]["data"], 0), int(row["linked"]["data_end"], 0)
        text, = re.findall(rf"(?m)^{name} has (\d+) at (?:0x)?([0-9a-f]+)$", self.console)
        self.assertEqual(int(text[0]), number)
        self.assertTrue(begin <= int(text[1], 16) < end, f"{text} {row}")

    def test_runs_where_it_lies(self):
        self.good(self.file("--xip-link", self.counting("one", 4), self.counting("two", 20)))
        self.agrees({"one": "1.0.0", "two": "1.0.0"})
        self.prints("one", 10)
        self.prints("two", 42)

    def test_beside_plain_ones(self):
        self.good(self.file(self.counting("plain", 1)))
        self.good(self.file("--xip-link", self.counting("one", 4)))
        self.agrees({"one": "1.0.0", "plain": "1.0.0"})

    def test_another_firmware_refuses_until_relink(self):
        self.good(self.file("--xip-link", self.counting("one", 4)))
        self.another_firmware()
        self.assertEqual(self.boot(), {}, self.console)
        self.assertIn("module one 1.0.0: refused: MODLOAD_E_LINKED", self.console)
        self.good(self.file("relink"))
        self.agrees({"one": "1.0.0"})
        self.prints("one", 10)

    def test_rewritten(self):
        """After the journal rewrote the region they run at their new places."""
        self.good(self.file(self.module("big", size=100000)))
        self.good(self.file("--xip-link", self.counting("one", 4)))
        before = self.listing()["modules"][-1]["address"]
        self.good(self.file("remove", "big"))
        self.good(self.file("compact"))
        self.assertNotEqual(self.listing()["modules"][0]["address"], before)
        self.agrees({"one": "1.0.0"})
        self.prints("one", 10)


if __name__ == "__main__":
    main()
