#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""Ctrl-C and its kin in the middle of a long write: the chip is left locked and running, and
the next list shows wholly what was before or after."""
import os
import pathlib
import signal
import subprocess
import time

from modflash_run import BOARD, MODFLASH, OK, TARGET, Done, FlashTest, main

PATIENCE = 900
TRIES = 5


class Interrupts(FlashTest):
    def setUp(self):
        super().setUp()
        self.use_region(0x08040000, 0x40000)
        self.good(self.file(self.module("old")))
        self.update = [self.module("old", "2.0.0"), self.module("new", size=120000)]
        self.start = self.bytes()

    def begin(self, *options, client=()):
        """Start it in a session of its own, as a terminal does."""
        for name in ("trace", "stats"):
            (self.folder / name).unlink(missing_ok=True)
        command = [BOARD, "--flash", self.flash, "--stats", "stats", "--trace", "trace", "--",
                   *client, MODFLASH, *self.region, *options, *self.update]
        return subprocess.Popen([str(word) for word in command], cwd=self.folder, text=True,
                                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, env=self.environment,
                                start_new_session=True)

    def wait_for_programs(self, process, count):
        """Until so many units have been programmed."""
        trace, deadline = self.folder / "trace", time.monotonic() + PATIENCE
        while not trace.exists() or trace.read_text().count("\nprogram ") < count:
            if process.poll() is not None:
                return
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.001)

    def disturb(self, count, act, *options, client=()):
        """act(process) in the middle of it. If we were too late, all was done: then again."""
        for _ in range(TRIES):
            self.flash.write_bytes(self.start)
            process = self.begin(*options, client=client)
            self.wait_for_programs(process, count)
            act(process)
            done = self.end(process)
            if self.modules() != {"old": "2.0.0", "new": "1.0.0"}:
                return done
        return self.fail(f"never disturbed:\n{done}")

    def end(self, process):
        start = time.monotonic()
        process.stdout, process.stderr = process.communicate(timeout=PATIENCE)
        self.assertLess(time.monotonic() - start, PATIENCE)
        lines = (self.folder / "stats").read_text().splitlines()
        return Done(process, dict(line.rsplit(" ", 1) for line in lines))

    def check(self, done):
        self.refused(TARGET, "interrupted", done)
        self.left_well(done)
        self.assertEqual(done.stats["overprograms"], "0")
        self.expect({"old": "1.0.0"})
        self.good(self.file(*self.update))
        self.expect({"old": "2.0.0", "new": "1.0.0"})

    def interrupt(self, number, *options, counts=(1, 3000, 20000), everyone=True):
        send = self.kill_all if everyone else self.kill_modflash
        for count in counts:
            self.check(self.disturb(count, lambda process: send(process, number), *options))

    def kill_all(self, board, number):
        """The whole foreground group, as a terminal does."""
        try:
            os.killpg(board.pid, number)
        except ProcessLookupError:
            pass

    def kill_modflash(self, board, number):
        """It is among the board's children, or theirs, if it is there still."""
        pids = [board.pid]
        try:
            for pid in pids:
                if os.readlink(f"/proc/{pid}/exe") == os.path.realpath(MODFLASH):
                    os.kill(pid, number)
                    return
                pids += [int(word) for path in pathlib.Path(f"/proc/{pid}/task").glob(
                    "*/children") for word in path.read_text().split()]
        except (ProcessLookupError, FileNotFoundError):
            pass

    def test_ctrl_c(self):
        self.interrupt(signal.SIGINT)

    def test_ctrl_c_with_no_reset(self):
        self.interrupt(signal.SIGINT, "--no-reset", counts=(3000,))

    def test_sigterm(self):
        self.interrupt(signal.SIGTERM, everyone=False, counts=(500,))

    def test_sighup(self):
        self.interrupt(signal.SIGHUP, everyone=False, counts=(500,))

    def test_impatience(self):
        """Ctrl-C again and again."""
        def act(process):
            for _ in range(5):
                self.kill_all(process, signal.SIGINT)
                time.sleep(0.002)

        self.check(self.disturb(3000, act))

    def test_nohup(self):
        """What is ignored stays ignored."""
        process = self.begin(client=("nohup",))
        self.wait_for_programs(process, 100)
        self.kill_modflash(process, signal.SIGHUP)
        done = self.end(process)
        self.assertEqual(done.status, OK, str(done))
        self.expect({"old": "2.0.0", "new": "1.0.0"})

    def test_killed(self):
        """SIGKILL: modflash can say nothing, but its other process locks the flash. The client
        is a cat that reads until both have ended."""
        client = "sh", "-c", '"$@" 3>&1 >&2 | cat', "sh"
        for count in (1, 3000):
            self.left_well(self.disturb(
                count, lambda process: self.kill_modflash(process, signal.SIGKILL),
                client=client))
            self.expect({"old": "1.0.0"})

    def test_file(self):
        """A file: target, between two programs."""
        for delay in (0.001, 0.003, 0.01):
            self.flash.write_bytes(self.start)
            process = subprocess.Popen(
                [MODFLASH, "-p", f"file:{self.flash}", *self.region, *self.update],
                cwd=self.folder, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                env=self.environment)
            time.sleep(delay)
            process.send_signal(signal.SIGINT)
            process.communicate(timeout=PATIENCE)
            self.assertIn(self.modules(), ({"old": "1.0.0"}, {"old": "2.0.0", "new": "1.0.0"}))


if __name__ == "__main__":
    main()
