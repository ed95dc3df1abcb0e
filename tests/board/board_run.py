# SPDX-License-Identifier: BSD-2-Clause
"""What the tests of virtual-board share: running clients on a board with a flash of its own."""

import os
import pathlib
import random
import shutil
import subprocess
import sys
import tempfile
import unittest

sys.path.append(str(pathlib.Path(__file__).resolve().parents[1]))
from tap import main    # noqa: E402, F401

USAGE, IO = 2, 3
FLASH_SIZE = 0x100000
FLASH_BASE = 0x08000000
MODULES = 0x08060000
OPENOCD = ["openocd", "-f", "interface/stlink.cfg", "-c", "transport select hla_swd",
           "-f", "target/stm32f4x.cfg", "-c", "tcl_port disabled; telnet_port disabled"]


def bytes_of(seed, size):
    """Random bytes, the same every time."""
    return random.Random(seed).randbytes(size)


def needs(*programs):
    missing = [p for p in programs if shutil.which(p) is None]
    return unittest.skipIf(missing, "not installed: " + " ".join(missing))


class BoardTest(unittest.TestCase):
    """A test with a folder, a flash, and temporary files of its own."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.flash = self.folder / "f.img"
        self.temporary = self.folder / "t"
        self.temporary.mkdir()
        self.environment = {**os.environ, "TMPDIR": str(self.temporary)}
        # umockdev's folders are there while a board is, and no longer.
        self.addCleanup(lambda: self.assertEqual(list(self.temporary.iterdir()), []))

    def command(self, *arguments):
        return [os.environ["VIRTUAL_BOARD"], *map(str, arguments)]

    def run_tool(self, *arguments, **options):
        options.setdefault("stdout", subprocess.PIPE)
        options.setdefault("stderr", subprocess.PIPE)
        return subprocess.run(self.command(*arguments), cwd=self.folder, check=False,
                              env=self.environment, timeout=900, **options)

    def start(self, *arguments):
        """The board in the background; it is ended with the test."""
        board = subprocess.Popen(self.command(*arguments), cwd=self.folder,
                                 env=self.environment, stdin=subprocess.DEVNULL,
                                 stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

        def end():
            if board.poll() is None:
                board.terminate()
            board.communicate(timeout=900)
        self.addCleanup(end)
        return board

    def on_board(self, *client, options=(), status=0):
        """Run a client; @return its output, stdout and stderr."""
        done = self.run_tool("--flash", self.flash, "--stats", "stats", *options, "--", *client)
        text = done.stdout.decode(errors="replace") + done.stderr.decode(errors="replace")
        if status is not None:
            self.assertEqual(done.returncode, status, text)
        else:
            self.assertNotEqual(done.returncode, 0, text)
        return text

    def stats(self):
        """Of the last run."""
        lines = (self.folder / "stats").read_text().splitlines()
        pairs = [line.split(" ") for line in lines]
        return {name: int(value) if value.isdigit() else value for name, value in pairs}

    def contents(self, address=FLASH_BASE, size=FLASH_SIZE):
        data = self.flash.read_bytes()
        self.assertEqual(len(data), FLASH_SIZE)
        return data[address - FLASH_BASE:address - FLASH_BASE + size]

    def fill(self, data=b"", address=FLASH_BASE):
        """Make the flash: erased, but for some bytes."""
        cells = bytearray(b"\xff" * FLASH_SIZE)
        cells[address - FLASH_BASE:address - FLASH_BASE + len(data)] = data
        self.flash.write_bytes(cells)

    def write(self, name, data):
        path = self.folder / name
        path.write_bytes(data)
        return path

    def build(self, name, source, address):
        """Assemble a program, linked at an address; @return the ELF file."""
        gcc = shutil.which("arm-none-eabi-gcc")
        if gcc is None:
            self.skipTest("not installed: arm-none-eabi-gcc")
        path = self.folder / name
        subprocess.run([gcc, "-mcpu=cortex-m4", "-mthumb", "-nostdlib", "-x", "assembler", "-",
                        f"-Wl,-Ttext={address:#x},-e,start", "-o", path], check=True,
                       input=source.encode())
        return path

    def binary(self, elf):
        path = elf.with_suffix(".bin")
        subprocess.run(["arm-none-eabi-objcopy", "-O", "binary", elf, path], check=True)
        return path
