#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""A flash image file as target: it behaves as flash does."""
import os
import unittest

from boards import ERASED, IO, REGION, SECTOR, SIZE, TARGET, USAGE, TargetTest


class FileTest(TargetTest):
    def file(self, *steps, options=("-w",)):
        return self.run_target(*options, "file:flash.img", *steps)

    def test_made_when_written_only(self):
        self.assert_refused(self.file("info", options=()), "No such file", IO)
        self.assertFalse(self.flash.exists())
        done = self.file(f"read={REGION},8,-")
        self.assert_ok(done)
        self.assertEqual(done.hex, [ERASED * 8])
        self.assertFalse(self.flash.exists(), "reading made it")
        self.assert_ok(self.file("begin"))
        self.assertEqual(self.image(), ERASED * SIZE)

    def test_program_and_erase(self):
        data = self.data("data", 100)
        done = self.file("begin", f"program={REGION},data", f"read={REGION + 3},9,-", "info")
        self.assert_ok(done)
        self.assertEqual(done.hex, [data.read_bytes()[3:12]])
        self.assertIn("erased 0 programmed 100 read 9", done.out)
        self.assertIn("unit 4 sectors 12 last 131072 region 0x08060000 131072", done.out)
        self.assertEqual(self.at(REGION, 100), data.read_bytes())
        self.assertEqual(self.image().count(b"\xff" * 4096), 255)
        done = self.file("begin", f"erase={SECTOR}")
        self.assert_ok(done)
        self.assertIn("erased 1 programmed 0", done.out)
        self.assertEqual(self.image(), ERASED * SIZE)

    def test_erase_spares_neighbours(self):
        self.flash.write_bytes(bytes(SIZE))
        self.assert_ok(self.file("begin", "erase=4", "erase=1"))
        image = self.image()
        erased = [*range(0x4000, 0x8000), *range(0x10000, 0x20000)]
        self.assertEqual([i for i in range(SIZE) if image[i] == 0xFF], erased)

    def test_program_needs_erased_units(self):
        self.data("data", 16)
        self.assert_ok(self.file("begin", f"program={REGION},data"))
        before = self.image()
        self.assert_refused(self.file("begin", f"program={REGION + 12},data"),
                            "0x0806000c is to be programmed but is not erased")
        self.assertEqual(self.image(), before)

    def test_program_needs_units_and_range(self):
        self.data("data", 16)
        self.data("odd", 6)
        for step in (f"program={REGION + 2},data", f"program={REGION},odd"):
            self.assert_refused(self.file("begin", step), "no whole number of units")
        for step in ("program=0x080ffff8,data", "program=0x07fffff8,data", "read=0x080ffff8,16,-",
                     "read=0x20000000,4,-", "read=0xfffffff8,16,-"):
            self.assert_refused(self.file("begin", step), "outside the flash")
        self.assert_refused(self.file("begin", "erase=12"), "no sector 12")
        self.assertEqual(self.image(), ERASED * SIZE)

    def test_wrong_files(self):
        self.flash.write_bytes(bytes(1000))
        self.assert_refused(self.file("info"), "has 1000 bytes, but the whole flash", IO)
        self.flash.write_bytes(bytes(SIZE + 1))
        self.assert_refused(self.file("info"), "has 1048577 bytes", IO)
        self.assert_refused(self.run_target("file:."), "is no regular file", IO)
        self.assert_refused(self.run_target("-w", "file:nowhere/f", "begin"), "No such file")

    def test_chips(self):
        self.assert_ok(self.run_target("-w", "-c", "stm32f411", "file:flash.img", "begin"))
        self.assertEqual(len(self.image()), 512 << 10)
        self.assert_refused(self.run_target("-c", "stm32f446", "file:none"), "No such file", IO)
        done = self.run_target("-c", "stm32h743", "file:flash.img")
        self.assert_refused(done, "known are stm32f405, stm32f411, stm32f446", USAGE)

    def test_specs(self):
        for spec in ("", "bla", "file", "file:", "gdb", "gdb:", "stlinkx", "usb:1"):
            self.assert_refused(self.run_target(spec, "info"), "is no probe", USAGE)
        for spec in ("gdb:3333", "gdb::3333", "gdb:localhost:", "gdb:localhost:x", "gdb:h:65536"):
            self.assert_refused(self.run_target(spec, "info"), "use gdb:HOST:PORT", USAGE)

    def test_uid_is_of_the_path(self):
        self.assert_ok(self.file("begin"))
        os.symlink("flash.img", self.folder / "link")
        names = ("file:flash.img", "file:./flash.img", f"file:{self.flash}", "file:link")
        uids = {self.run_target(name, "info").out.split(" uid ")[1].split()[0] for name in names}
        self.assertEqual(len(uids), 1, uids)
        self.flash.unlink()
        fresh = self.run_target("-w", "file:flash.img", "info").out
        self.assertIn(uids.pop(), fresh, "not yet there, it has another id")

    def test_interrupted(self):
        self.data("data", 16)
        done = self.file("begin", "raise=2", f"program={REGION},data")
        self.assert_refused(done, "interrupted", TARGET)
        self.assertEqual(self.image(), ERASED * SIZE)

    def test_full_disk(self):
        if os.path.exists("/dev/full"):
            self.assert_refused(self.run_target("-w", "file:/dev/full"), "no regular file", IO)


if __name__ == "__main__":
    unittest.main()
