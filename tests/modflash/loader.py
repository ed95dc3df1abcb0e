#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""The loader on the chip agrees: QEMU boots the very flash file, and the firmware loads and
runs what list shows, no more and no less."""
import re
import subprocess
import sys

from modflash_run import (BUILD, ERASED, FLASH, OK, SIZE, SKIP, SOURCE, FlashTest, image, main,
                          need)

need("qemu-system-arm", "arm-none-eabi-objcopy")
FIRMWARE = BUILD / "cross/cortex-m4/target-loader/firmware/stm32f405.elf"
if not FIRMWARE.exists():
    print(f"skipped: no {FIRMWARE}")
    sys.exit(SKIP)


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
        return dict(re.findall(r"(?m)^module (\S+) (\S+): returned 0$", self.console))

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


if __name__ == "__main__":
    main()
