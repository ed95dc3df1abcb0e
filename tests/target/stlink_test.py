#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""A chip behind an ST-LINK: the virtual board, its power, its plug, and signals."""
import signal
import unittest

from boards import (ERASED, RUN, REGION, SECTOR, SIZE, TARGET, TargetTest, in_time, need,
                    with_patience)

WITHIN = 2      # seconds from the start to the message, whatever is pulled
FIRMWARE = ("read=0x20000000,72,-", "read=0x2001f000,4,-")


def words(data):
    return [int.from_bytes(data[i:i + 4], "little") for i in range(0, len(data), 4)]


class StlinkTest(TargetTest):
    def on_chip(self, *steps, options=("-w",), board=()):
        return self.on_board(*options, "stlink", *steps, board=board)

    def assert_locked(self, done):
        self.assertEqual(done.stats["flash_locked"], "1")

    def assert_left_well(self, done):
        self.assert_locked(done)
        self.assertNotEqual(done.stats["core"], "halted")

    def test_identity(self):
        done = self.on_chip("info", options=())
        self.assert_ok(done)
        self.assertIn("chip stm32f405 id 0x413 flash 0x08000000 1048576 unit 4 sectors 12 last "
                      "131072 region 0x08060000 131072 ram 0x20000000 131072", done.out)
        self.assertRegex(done.out, " uid [0-9a-f]{24} ")

    def test_program_erase_read(self):
        data = self.data("data", 40000)  # two runs of the stub
        done = self.on_chip("begin", f"program={REGION},data", f"read={REGION},40000,back")
        self.assert_ok(done)
        self.assertEqual((self.folder / "back").read_bytes(), data.read_bytes())
        self.assertEqual(self.at(REGION, 40004), data.read_bytes() + ERASED * 4)
        self.assert_left_well(done)
        done = self.on_chip("begin", f"erase={SECTOR}", f"read={REGION},64,-")
        self.assert_ok(done)
        self.assertEqual(done.hex, [ERASED * 64])
        self.assertEqual(self.image(), ERASED * SIZE)

    def test_append_of_any_length(self):
        """Word by word and by stub, side by side; what is around stays."""
        sizes = [4, 16, 20, 8, 64, 12, 100, 4]
        steps, want = ["begin"], b""
        for i, size in enumerate(sizes):
            steps.append(f"program={REGION + len(want)},data{i}")
            want += self.data(f"data{i}", size).read_bytes()
        self.assert_ok(self.on_chip(*steps))
        self.assertEqual(self.at(REGION - 16, 16), ERASED * 16)
        self.assertEqual(self.at(REGION, len(want) + 16), want + ERASED * 16)

    def test_unaligned_reads(self):
        self.flash.write_bytes(self.random.randbytes(SIZE))
        pieces = (0, 5), (1, 3), (3, 1), (2, 9), (3, 33), (1, 131070)
        done = self.on_chip(*(f"read={REGION + start},{size},back{start}-{size}"
                              for start, size in pieces), options=())
        self.assert_ok(done)
        for start, size in pieces:
            back = (self.folder / f"back{start}-{size}").read_bytes()
            self.assertEqual(back, self.at(REGION + start, size))

    def test_commands(self):
        """No more of them than st-flash needs for the same 20 KiB."""
        self.data("data", 20480)
        done = self.on_chip("begin", f"program={REGION},data", f"read={REGION},20480,back")
        mine = int(done.stats["commands"])
        self.flash.unlink()
        done = self.on_board(client=["st-flash", "write", "data", "0x08060000"])
        self.assertEqual(done.status, 0, done.err)
        theirs = int(done.stats["commands"])
        print(f"20 KiB: {mine} commands, st-flash {theirs}")
        self.assertLessEqual(mine, theirs * 2 // 3)

    def test_write_protection(self):
        self.data("data", 64)
        self.data("little", 4)
        for step in (f"erase={SECTOR}", f"program={REGION},data", f"program={REGION},little"):
            done = self.on_chip("begin", step, board=("--write-protect", "7"))
            self.assert_refused(done, "sector 7 is write-protected")
            self.assert_left_well(done)
        self.assertEqual(self.image(), ERASED * SIZE)
        done = self.on_chip("begin", f"program={REGION},data", board=("--write-protect", "6,8"))
        self.assert_ok(done)

    # ---- firmware goes on ---------------------------------------------------------------

    def test_reading_does_not_halt(self):
        self.install_firmware()
        done = self.on_chip("read=0x20000040,4,-", "sleep=50", *FIRMWARE, options=())
        self.assert_ok(done)
        first, second, resets = (words(data) for data in done.hex)
        self.assertGreater(second[16], first[0])
        self.assertEqual((second[17], resets), (0, [1]))
        self.assertEqual(done.stats["core"], "running")

    def test_resume(self):
        """The core goes on where it was, with its RAM as it was."""
        self.install_firmware()
        self.data("data", 30000)
        client = (f"{RUN} stlink sleep=20 {' '.join(FIRMWARE)} && "
                  f"{RUN} -w -k stlink begin erase={SECTOR} program={REGION},data end=run && "
                  f"{RUN} stlink sleep=20 {' '.join(FIRMWARE)}")
        done = self.on_board(client=["sh", "-c", client])
        self.assert_ok(done)
        before, resets_before, after, resets_after = (words(data) for data in done.hex)
        self.assertEqual(before[:16], after[:16])
        self.assertGreater(after[16], before[16], "it does not count on")
        self.assertEqual(after[17], 0, "it saw its RAM changed")
        self.assertEqual(resets_before, resets_after)
        self.assertEqual(done.stats["core"], "running")
        self.assertEqual(self.at(REGION, 30000), (self.folder / "data").read_bytes())

    def test_reset(self):
        self.install_firmware()
        self.data("data", 30000)
        client = (f"{RUN} stlink sleep=20 {' '.join(FIRMWARE)} && "
                  f"{RUN} -w stlink begin program={REGION},data end=reset && "
                  f"{RUN} stlink sleep=20 {' '.join(FIRMWARE)}")
        done = self.on_board(client=["sh", "-c", client])
        self.assert_ok(done)
        _, resets_before, after, resets_after = (words(data) for data in done.hex)
        self.assertEqual(resets_after[0], resets_before[0] + 1)
        self.assertEqual((after[0], after[17]), (0xA5A50000, 0))
        self.assertEqual(done.stats["core"], "running")

    def test_resume_that_was_not_asked_for_resets(self):
        self.install_firmware()
        self.data("data", 1000)
        done = self.on_chip("begin", f"program={REGION},data", "end=run")
        self.assert_ok(done)
        self.assertEqual(done.stats["core"], "running")
        self.assertEqual(done.stats["resets"], "1")

    # ---- signals -------------------------------------------------------------------------

    def test_signals_leave_it_locked_and_running(self):
        self.install_firmware()
        self.data("data", 100)
        for number, before in ((signal.SIGINT, ()), (signal.SIGTERM, ()), (signal.SIGHUP, ()),
                               (signal.SIGINT, (f"program={REGION},data",))):
            with self.subTest(number=number, before=before):
                self.install_firmware()
                done = self.on_chip("begin", *before, f"raise={int(number)}",
                                    f"program={REGION + 100},data")
                self.assert_refused(done, "interrupted")
                self.assert_locked(done)
                self.assertEqual(done.stats["core"], "running")
                self.assertEqual(self.at(REGION + 100, 100), ERASED * 100)

    def test_killed(self):
        """Not even SIGKILL leaves it halted or unlocked. The client is a cat that reads until
        target-run and its keeper have ended."""
        self.data("data", 100)
        for before in ((), ("begin",), ("begin", f"program={REGION},data")):
            self.install_firmware()
            steps = " ".join((*before, "raise=9"))
            done = self.on_board(client=["sh", "-c", f"{RUN} -w stlink {steps} 3>&1 >&2 | cat"])
            self.assert_locked(done)
            self.assertEqual(done.stats["core"], "running")

    # ---- plugs ---------------------------------------------------------------------------

    def undisturbed(self, *steps):
        self.install_firmware()
        return self.on_chip(*steps)

    def cut(self, kind, after, *steps, what="--cut-after"):
        self.install_firmware()
        return self.on_chip(*steps, board=("--cut-kind", kind, what, after))

    def cut_in_time(self, *cut, steps, what="--cut-after", **limits):
        """With one message, and before any time-out is over that is not needed."""
        def run():
            return self.cut(*cut, *steps, what=what)

        done = in_time(run, lambda: self.undisturbed(*steps), **limits)
        self.assertEqual(done.status, TARGET, str(done))
        self.assertEqual(done.err.count("error:"), 1, done.err)
        return done

    def hang_in_time(self, after, steps, what, **limits):
        """Only the time-out itself is waited for."""
        def run(patience):
            return self.cut_in_time("hang", after, steps=steps, what=what, **{
                name: limit * patience for name, limit in limits.items()})

        return with_patience(self.environment, run, lambda done: done.stats["cut"] == "1")

    def test_pulled_while_it_programs(self):
        self.data("data", 2000)
        self.data("little", 4)
        block = ["begin", f"program={REGION},data"], 100
        word = ["begin", f"program={REGION},little"], 1
        erase = ["begin", f"erase={SECTOR}"], 1
        for kind in ("power", "usb", "target"):
            for steps, after in (block, word, erase):
                with self.subTest(kind=kind, steps=steps):
                    self.assert_refused(self.cut_in_time(kind, after, steps=steps, seconds=3,
                                                         until_failure=WITHIN), "")

    def test_hangs_while_it_erases(self):
        done = self.hang_in_time(1, ("begin", f"erase={SECTOR}"), "--cut-after", seconds=3,
                                 until_failure=WITHIN)
        self.assert_refused(done, "does not answer")
        self.assertEqual(done.stats["cut"], "1")

    def test_pulled_at_any_command(self):
        """From the first that opens the probe to the ones that close it."""
        self.data("data", 100)
        steps = ("begin", f"program={REGION},data", f"read={REGION},100,back")
        self.install_firmware()
        total = int(self.on_chip(*steps).stats["commands"])
        for after in (1, 2, *range(3, total - 2, 4)):
            with self.subTest(after=after):
                self.cut_in_time("usb", after, steps=steps, what="--cut-after-command", seconds=3)

    def test_hangs_at_some_commands(self):
        for after in (1, 20):
            with self.subTest(after=after):
                done = self.hang_in_time(after, ("begin",), "--cut-after-command", seconds=2.5)
                self.assertEqual(done.stats["cut"], "1")

    def test_no_probe(self):
        self.assert_refused(self.run_target("stlink", "info"), "no ST-LINK is plugged in")
        self.assert_refused(self.on_board("stlink:0123", "info"), "no ST-LINK has the serial "
                            "number 0123")

    def test_no_chip(self):
        done = self.on_chip("info", board=("--cut-kind", "target", "--cut-after-command", 3))
        self.assert_refused(done, "no chip answers behind the ST-LINK, which measures ")
        self.assertIn("check power, SWDIO, SWCLK and GND", done.err)

    def test_several_probes(self):
        done = self.on_board("stlink", "info", board=("--spare-probes", 2))
        self.assert_refused(done, "there are 3 ST-LINKs: say which one with --probe")
        serials = [line.split("note: stlink:")[1].split()[0]
                   for line in done.err.splitlines()[1:]]
        self.assertEqual(len(set(serials)), 3, done.err)
        found = [self.on_board(f"stlink:{serial}", "info", board=("--spare-probes", 2))
                 for serial in serials]
        self.assertEqual(sorted(done.status for done in found), [0, TARGET, TARGET])
        for done in found:
            if done.status:
                self.assert_refused(done, "no chip answers behind the ST-LINK")

    def test_serial_numbers(self):
        listed = self.on_board("stlink:0123", "info").err
        serial = listed.split("note: stlink:")[1].split()[0]
        self.assertEqual(len(serial), 24)
        self.assert_ok(self.on_board(f"stlink:{serial}", "info"))
        self.assert_ok(self.on_board(f"stlink:{serial.lower()}", "info"))


if __name__ == "__main__":
    need("st-flash", "arm-none-eabi-gcc")
    signal.signal(signal.SIGHUP, signal.SIG_DFL)    # nohup ignores it, and what it starts
    unittest.main()
