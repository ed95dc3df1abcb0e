#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""A chip behind a GDB server that was made for the purpose and has every odd habit."""
import unittest

from boards import ERASED, REGION, SECTOR, TargetTest, in_time, with_patience
from fake_gdb import BASE, CR_LOCK, Server


class OddServers(TargetTest):
    def serve(self, *steps, options=("-w",), **habits):
        self.server = Server(**habits)
        done = self.run_target(*options, self.server.address, *steps)
        self.server.close()
        self.assertIsNone(self.server.problem)
        done.server = self.server
        return done

    def assert_programs(self, options=("-w",), **habits):
        data = self.data("data", 3001 // 4 * 4)
        done = self.serve("begin", f"erase={SECTOR}", f"program={REGION},data",
                          f"program={REGION + 4096},data", f"read={REGION},3000,back",
                          "end=run" if "-k" in options else "end=reset", options=options, **habits)
        self.assert_ok(done)
        flash, want = self.server.chip.flash, data.read_bytes()
        self.assertEqual(flash[REGION - BASE:][:3000], want)
        self.assertEqual(flash[REGION - BASE + 4096:][:3004], want + ERASED * 4)
        self.assertEqual((self.folder / "back").read_bytes(), want)
        self.assertTrue(self.server.chip.words[0x40023C10] & CR_LOCK)
        self.assertFalse(self.server.chip.words[0xE000EDF0] & 1 << 17, "left halted")

    def test_habits(self):
        for habits in ({}, {"packet_size": 0x48}, {"packet_size": 0}, {"packet_size": 0x100000},
                       {"no_ack_mode": False}, {"binary": False}, {"description": False},
                       {"binary": False, "packet_size": 100}, {"single_registers": False},
                       {"single_registers": False, "old_layout": True}, {"run_length": True},
                       {"all_registers": False}, {"chatter": True}, {"no_target": True},
                       {"nak_first": 3}, {"spoil_first": 3}, {"refuse_connections": 3},
                       {"reset_command": False}):
            with self.subTest(**habits):
                real = {**habits, "packet_size": habits.get("packet_size") or 400}
                self.assert_programs(**(real if "packet_size" in habits else habits))
                self.assertEqual(self.server.chip.resets, 1)

    def test_resume(self):
        for habits in ({}, {"single_registers": False}):
            with self.subTest(**habits):
                self.assert_programs(options=("-w", "-k"), **habits)
                chip = self.server.chip
                self.assertEqual(chip.resets, 0)
                self.assertEqual(chip.registers, [0x100 + n for n in range(16)] + [0x01000000, 0])
                self.assertEqual(chip.ram, bytes(len(chip.ram)))

    def test_protocol_flash_verbs_are_not_used(self):
        self.assert_programs()
        self.assertFalse([p for p in self.server.packets if p.startswith(b"vFlash")])

    def test_chips(self):
        for habits, text in (({"idcode": 0x20036411}, "chip stm32f405 id 0x413"),
                             ({"idcode": 0x10006431, "kib": 512}, "chip stm32f411 id 0x431"),
                             ({"idcode": 0x10006421, "kib": 256},
                              "chip stm32f446 id 0x421 flash 0x08000000 262144 unit 4 sectors 6 "
                              "last 131072 region 0x00000000 0 ")):
            with self.subTest(**habits):
                done = self.serve("info", **habits)
                self.assert_ok(done)
                self.assertIn(text, done.out)

    def test_refused_chips(self):
        for habits, text in (({"idcode": 0x10016419}, "has device id 0x419, which is not known"),
                             ({"idcode": 0x20036411, "cpuid": 0x412FC230}, "device id 0x411"),
                             ({"idcode": 0}, "device id 0x000"),
                             ({"idcode": 0, "cpuid": 0}, "no Cortex-M answers"),
                             ({"kib": 0xFFFF}, "with 65535 KiB of flash, which there is not"),
                             ({"kib": 0}, "with 0 KiB"), ({"kib": 600}, "with 600 KiB"),
                             ({"optcr": 0x0FFF55ED}, "is read-protected (RDP 0x55)"),
                             ({"fail_read": 0xE0042000}, "does not let 0xe0042000 be read")):
            with self.subTest(**habits):
                self.assert_refused(self.serve("info", **habits), text)

    def test_protected_sectors(self):
        self.data("data", 8)
        for optcr in (0x0F7FAAED, 0x8080AAED):  # nWRP; PCROP, where a 1 protects
            for step in (f"erase={SECTOR}", f"program={REGION},data"):
                with self.subTest(optcr=hex(optcr), step=step):
                    self.assert_refused(self.serve("begin", step, optcr=optcr),
                                        "sector 7 is write-protected")
                    self.assertEqual(self.server.chip.runs, 0)

    def test_servers_that_cannot(self):
        self.data("data", 8)
        steps = "begin", f"program={REGION},data"
        for habits, text in (
                ({"single_registers": False, "all_registers": False}, "be read, so no code"),
                ({"can_run": False}, "does not let the core run"),
                ({"fail_read": REGION}, "does not let 0x08060000 be read")):
            with self.subTest(**habits):
                done = self.serve(*steps, f"read={REGION},8,-", **habits)
                self.assert_refused(done, text)
                self.assertTrue(self.server.chip.words[0x40023C10] & CR_LOCK)

    def in_time(self, *steps, text, seconds, **habits):
        """Ended by a time-out, and soon after it."""
        def run(patience):
            return in_time(lambda: self.serve(*steps, **habits), lambda: self.serve(*steps),
                           seconds=seconds * patience)

        return with_patience(self.environment, run, lambda done: text in done.err)

    def test_code_that_does_not_end(self):
        self.data("data", 8)
        steps, text = ("begin", f"program={REGION},data"), "does not end within"
        done = self.in_time(*steps, text=text, seconds=4, endless=True)
        self.assert_refused(done, "the code in RAM that programs the flash " + text)
        self.assertTrue(done.server.chip.words[0x40023C10] & CR_LOCK)
        self.assertEqual(done.server.chip.resets, 1)
        self.assertFalse(done.server.chip.words[0xE000EDF0] & 1 << 17, "left halted")

    def test_damaged_for_ever(self):
        for habits in ({"nak_first": 99}, {"spoil_first": 99}):
            self.assert_refused(self.serve("info", **habits), "damaged packets")

    def test_drops(self):
        self.data("data", 8)
        steps = "begin", f"program={REGION},data"
        for at in range(2, 40, 4):
            done = in_time(lambda: self.serve(*steps, drop_at=at), lambda: self.serve(*steps),
                           seconds=1.5)
            self.assert_refused(done, "closed the connection")

    def test_hangs(self):
        for at in (1, 20):
            done = self.in_time("begin", text="does not answer", seconds=2.5, hang_at=at)
            self.assert_refused(done, "does not answer")
            self.assertEqual(len(done.server.packets), at)

    def test_patience(self):
        """Twice as much: twice 1.8 seconds."""
        self.environment["MODFLASH_PATIENCE"] = "2"
        done = self.serve("begin", hang_at=20)
        self.assert_refused(done, "does not answer")
        self.assertGreater(done.seconds, 3.5)

    def test_nobody_there(self):
        server = Server()
        server.close()
        self.environment["MODFLASH_PATIENCE"] = "1"
        done = self.run_target(server.address)
        self.assert_refused(done, "Connection refused; start OpenOCD")
        self.assert_refused(self.run_target("gdb:no.such.host.invalid:1"), "is not known")


if __name__ == "__main__":
    unittest.main()
