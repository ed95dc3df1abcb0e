# SPDX-License-Identifier: BSD-2-Clause
"""What the tests of targets share: running target-run, by itself or on a virtual board."""
import os
import pathlib
import random
import re
import shutil
import subprocess
import sys
import tempfile
import time
import unittest

SOURCE = pathlib.Path(os.environ["MODFMT_SOURCE"])
RUN = os.environ["TARGET_RUN"]
BOARD = os.environ["VIRTUAL_BOARD"]
OK, USAGE, IO, TARGET = 0, 2, 3, 4
FLASH, SIZE, REGION, SECTOR = 0x08000000, 1 << 20, 0x08060000, 7
ERASED = b"\xff"
sys.path.insert(0, str(SOURCE / "tests"))

from clock import in_time, with_patience    # noqa: E402


def need(*programs):
    """Skip the whole file if a program is not there."""
    for program in programs:
        if shutil.which(program) is None:
            print(f"skipped: no {program}")
            sys.exit(77)


class Done:
    def __init__(self, process, seconds, stats):
        self.status, self.out, self.err = process.returncode, process.stdout, process.stderr
        self.seconds, self.stats = seconds, stats

    def __str__(self):
        return f"exit {self.status}\n{self.out}{self.err}"

    @property
    def until_failure(self):
        """Seconds from the start to the failure."""
        return int(re.search(r"failed at (\d+) ms", self.out)[1]) / 1000

    @property
    def hex(self):
        """What read=…,- printed, as bytes."""
        return [bytes.fromhex(line) for line in self.out.splitlines()
                if re.fullmatch("[0-9a-f]{8,}", line)]


class TargetTest(unittest.TestCase):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.folder = pathlib.Path(scratch.name)
        self.flash = self.folder / "flash.img"
        self.random = random.Random(1)
        self.environment = dict(os.environ)

    def data(self, name, size):
        path = self.folder / name
        path.write_bytes(self.random.randbytes(size))
        return path

    def command(self, arguments, timeout=900):
        start = time.monotonic()
        process = subprocess.run([str(a) for a in arguments], cwd=self.folder, text=True,
                                 capture_output=True, timeout=timeout,
                                 env=self.environment,
                                 stdin=subprocess.DEVNULL)
        seconds = time.monotonic() - start
        stats = {}
        if (self.folder / "stats").exists():
            lines = (self.folder / "stats").read_text().splitlines()
            stats = dict(line.rsplit(" ", 1) for line in lines)
        return Done(process, seconds, stats)

    def run_target(self, *arguments):
        return self.command([RUN, *arguments])

    def on_board(self, *arguments, board=(), client=None):
        """Run target-run, or a client, on a virtual board."""
        client = client or [RUN, *arguments]
        return self.command([BOARD, "--flash", self.flash, "--stats", self.folder / "stats",
                             *board, "--", *client])

    def image(self):
        return self.flash.read_bytes()

    def at(self, address, size):
        return self.image()[address - FLASH:][:size]

    def assert_ok(self, done):
        self.assertEqual((done.status, done.err), (OK, ""), done.out)

    def assert_refused(self, done, text, status=TARGET):
        """One line of error, and this in it."""
        self.assertEqual(done.status, status, (done.out, done.err))
        self.assertIn(text, done.err)
        self.assertEqual(done.err.count("error:"), 1, done.err)
        self.assertNotIn("LIBUSB", done.err + done.out)
        self.assertNotIn("[!]", done.err + done.out)

    def install_firmware(self):
        elf, flat = self.folder / "blink.elf", self.folder / "blink.bin"
        subprocess.run(["arm-none-eabi-gcc", "-mcpu=cortex-m4", "-mthumb", "-nostdlib",
                        "-Wl,-Ttext=0x08000000,-e0", SOURCE / "tests/target/blink.S", "-o", elf],
                       check=True)
        subprocess.run(["arm-none-eabi-objcopy", "-O", "binary", elf, flat], check=True)
        code = flat.read_bytes()
        self.flash.write_bytes(code + ERASED * (SIZE - len(code)))
