# SPDX-License-Identifier: BSD-2-Clause
"""The power goes, or the plug: what is in the flash then, and what clients see."""

import os

from board_run import MODULES, OPENOCD, BoardTest, bytes_of, main, needs

IMAGE = bytes_of("image", 1000)
CLIENT = os.environ["RAW_CLIENT"]


@needs("st-flash")
class Operations(BoardTest):
    def setUp(self):
        super().setUp()
        self.image = self.write("i", IMAGE)
        self.fill(bytes_of("old", 0x100000))
        self.old = self.contents()

    def openocd_erase(self, *options, status=None):
        self.on_board(*OPENOCD, "-c", "gdb_port disabled", "-c", "init; reset halt",
                      "-c", "flash erase_sector 0 7 7", "-c", "shutdown", options=options,
                      status=status)

    def st_flash(self, *options, status=None):
        return self.on_board("st-flash", "write", self.image, f"{MODULES:#x}", options=options,
                             status=status)

    def sector(self):
        data = self.contents()
        self.assertEqual(data[:0x60000] + data[0x80000:],
                         self.old[:0x60000] + self.old[0x80000:])
        return data[0x60000:0x80000]

    def test_power_cut_while_programming(self):
        """Before the cut all is done, at the cut some of it, and behind it nothing; and the
        next client makes it good."""
        for cut in (2, 3, 100, 249, 250, 251):
            self.flash.write_bytes(self.old)
            self.st_flash("--cut-after", cut, "--seed", cut)
            stats = self.stats()
            self.assertEqual((stats["operations"], stats["cut"]), (cut, 1))
            self.assertEqual((stats["core"], stats["flash_locked"]), ("off", 1))
            sector = self.sector()
            done = 4 * (cut - 2)
            self.assertEqual(sector[:done], IMAGE[:done])
            self.assertTrue(all(new & want == want for new, want
                                in zip(sector[done:done + 4], IMAGE[done:])))
            self.assertEqual(set(sector[done + 4:]), {0xff})
            self.st_flash(status=0)
            self.assertEqual(self.sector()[:len(IMAGE)], IMAGE)

    @needs("openocd")
    def test_power_cut_while_erasing(self):
        """Bits are set, some of them, and none is cleared; the same for the same seed."""
        seen = []
        for seed in (1, 2, 1):
            self.flash.write_bytes(self.old)
            self.openocd_erase("--cut-after", 1, "--seed", seed)
            self.assertEqual(self.stats()["core"], "off")
            sector = self.sector()
            self.assertTrue(all(new & was == was for new, was
                                in zip(sector, self.old[0x60000:])))
            seen.append(sector)
        self.assertEqual(seen[0], seen[2])
        self.assertNotEqual(seen[0], seen[1])
        self.openocd_erase(status=0)
        self.assertEqual(set(self.sector()), {0xff})

    def test_cut_that_never_comes(self):
        self.st_flash("--cut-after", 252, status=0)
        self.assertEqual((self.stats()["cut"], self.stats()["operations"]), (0, 251))
        self.assertEqual(self.sector()[:len(IMAGE)], IMAGE)

    def test_plug_is_pulled(self):
        """The chip has its power, so its program ends what it was told to do."""
        text = self.st_flash("--cut-after", 10, "--cut-kind", "usb")
        self.assertIn("LIBUSB_ERROR_NO_DEVICE", text)
        self.assertEqual(self.sector()[:len(IMAGE)], IMAGE)
        stats = self.stats()
        self.assertEqual((stats["cut"], stats["operations"]), (1, 251))
        self.assertEqual((stats["core"], stats["flash_locked"]), ("halted", 0))

    def test_target_loses_power(self):
        text = self.st_flash("--cut-after", 10, "--cut-kind", "target")
        self.assertNotIn("LIBUSB_ERROR", text)
        self.assertEqual(self.sector()[:32], IMAGE[:32])
        self.assertEqual(set(self.sector()[36:]), {0xff})
        self.assertEqual(self.stats()["core"], "off")

    def test_trace_tells_the_cut(self):
        self.st_flash("--cut-after", 3, "--trace", "trace")
        lines = (self.folder / "trace").read_text().splitlines()
        self.assertIn("erase 0x08060000 131072", lines)
        first = int.from_bytes(IMAGE[:4], "little")
        self.assertIn(f"program 0x08060000 4 0x{first:08x}", lines)
        self.assertTrue(any(line.startswith("cut operation 3, done to ") for line in lines))
        self.assertTrue(any(line.startswith("usb 1 get-version f1 ") for line in lines))
        self.assertFalse(any("0x08060008" in line for line in lines))


class Commands(BoardTest):
    """The fifth command is the one that is cut: four have been answered."""

    def cut(self, kind):
        for milliseconds in (300, 3000, 30000):     # the last for a machine that is slow
            text = self.on_board(CLIENT, 20, milliseconds, status=None, options=[
                "--cut-after-command", 5, "--cut-kind", kind])
            if self.stats()["cut"] == 1:
                break
        self.assertEqual(text.count("status: 0x80, id: 0x10076413"), 3, text)
        return text

    def test_power(self):
        text = self.cut("power")
        self.assertRegex(text, "end: LIBUSB_ERROR_(NO_DEVICE|IO)")
        self.assertEqual(self.stats()["commands"], 5)

    def test_usb(self):
        self.assertRegex(self.cut("usb"), "end: LIBUSB_ERROR_(NO_DEVICE|IO)")

    def test_hang(self):
        self.assertIn("end: LIBUSB_ERROR_TIMEOUT", self.cut("hang"))

    def test_target(self):
        options = ["--cut-after-command", 5, "--cut-kind", "target"]
        text = self.on_board(CLIENT, 5, options=options)
        self.assertEqual(text.count("status: 0x80, id: 0x10076413"), 3, text)
        self.assertEqual(text.count("status: 0x16, id: 0x00000000"), 2, text)


class Asan(BoardTest):
    def test_client_that_is_built_with_asan(self):
        text = self.on_board(CLIENT, 1)
        self.assertEqual(text, "second claim: LIBUSB_ERROR_BUSY\nversion: V2\n"
                         "status: 0x80, id: 0x10076413\nend: good\n")

    def test_its_own_options_are_kept(self):
        self.environment["ASAN_OPTIONS"] = "detect_leaks=0"
        text = self.on_board("sh", "-c", "echo $ASAN_OPTIONS")
        self.assertEqual(text, "detect_leaks=0:verify_asan_link_order=0\n")


if __name__ == "__main__":
    main()
