# SPDX-License-Identifier: BSD-2-Clause
"""What the tests of modflash share: running it on a file or on the virtual board, images to
install, and a second opinion on what is in the flash.

Wants MODFLASH, VIRTUAL_BOARD, MODFMT_SOURCE and MODFMT_BUILD in the environment.
"""
import copy
import json
import os
import pathlib
import random
import shutil
import subprocess
import sys
import tempfile
import time
import unittest

SOURCE = pathlib.Path(os.environ["MODFMT_SOURCE"])
BUILD = pathlib.Path(os.environ["MODFMT_BUILD"])
MODFLASH, BOARD = os.environ["MODFLASH"], os.environ["VIRTUAL_BOARD"]
sys.dont_write_bytecode = sys.pycache_prefix is None
sys.path[:0] = [str(SOURCE / part) for part in ("specs", "specs/vectors", "tests")]

import encoder    # noqa: E402
import storeref   # noqa: E402
from tap import main, skip_all    # noqa: E402, F401

OK, REFUSED, USAGE, IO, TARGET = range(5)
FLASH, SIZE = 0x08000000, 1 << 20
REGION = 0x08060000           # the default: one sector
SECTORS = [0x4000] * 4 + [0x10000] + [0x20000] * 7
RETURN_0 = bytes.fromhex("0020 7047")
ERASED = b"\xff"
RECORDS = storeref.NUMBERS      # types of records by their names
SLOWNESS = float(os.environ.get("SLOWNESS", "1"))     # of a build with sanitizers
NOTE = "modflash: note: nobody said where the module region is"


def need(*programs):
    """Skip the whole file if a program is not there."""
    for program in programs:
        if shutil.which(program) is None:
            skip_all(f"no {program}")


def sectors_of(base, size):
    """The sizes of the region's sectors, by RM0090."""
    at, sizes = FLASH, []
    for sector in SECTORS:
        if base <= at < base + size:
            sizes.append(sector)
        at += sector
    assert sum(sizes) == size
    return sizes


def image(name="plug", version="1.0.0", size=96, seed=None, **fields):
    """A module that returns 0, with `size` bytes of text; the rest of it is random, after
    `seed` or else name and version."""
    filling = random.Random(seed if seed is not None else f"{name} {version}")
    tags = [] if name is None else [encoder.tag("name", name if isinstance(name, bytes)
                                                else name.encode())]
    if version is not None:
        tags.append(encoder.tag("version", encoder.version(*map(int, version.split(".")))))
    text = RETURN_0 + filling.randbytes(size - len(RETURN_0))
    return encoder.Image(text=text, entry=1, tags=tags, **fields).build()


class Done:
    def __init__(self, process, stats, seconds=None):
        self.status, self.stats, self.seconds = process.returncode, stats, seconds
        self.out, self.err = process.stdout, process.stderr

    def __str__(self):
        return f"exit {self.status}\n{self.out}{self.err}{self.stats or ''}"


class FlashTest(unittest.TestCase):
    """A test with a folder of its own, in which modflash runs, on flash.img."""

    region = ()              # as options
    base, size = REGION, 0x20000

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.flash = self.folder / "flash.img"
        self.home = self.folder / "home"
        self.environment = {**os.environ, "HOME": str(self.home), "LC_ALL": "C.UTF-8"}
        self.environment.pop("XDG_STATE_HOME", None)

    def use_region(self, base, size):
        self.base, self.size = base, size
        self.region = ("--region", f"0x{base:08x}:{size // 1024}K")

    # ---- running -------------------------------------------------------------------------

    def run_command(self, command, timeout=900):
        stats = self.folder / "stats"
        stats.unlink(missing_ok=True)
        start = time.monotonic()
        process = subprocess.run([str(word) for word in command], cwd=self.folder, text=True,
                                 errors="surrogateescape", capture_output=True,
                                 timeout=timeout, env=self.environment,
                                 stdin=subprocess.DEVNULL)
        seconds = time.monotonic() - start
        lines = stats.read_text().splitlines() if stats.exists() else []
        return Done(process, dict(line.rsplit(" ", 1) for line in lines), seconds)

    def modflash(self, *arguments):
        """As it is typed."""
        return self.run_command([MODFLASH, *arguments])

    def file(self, *arguments):
        return self.modflash("--probe", f"file:{self.flash}", *self.region, *arguments)

    def client(self, *command, options=()):
        """Any client, on the virtual board."""
        return self.run_command([BOARD, "--flash", self.flash, "--stats", "stats", *options,
                                 "--", *command])

    def board(self, *arguments, options=()):
        return self.client(MODFLASH, *self.region, *arguments, options=options)

    # ---- files -----------------------------------------------------------------------------

    def write(self, name, data):
        path = self.folder / name
        path.write_bytes(data)
        return path

    def module(self, name="plug", version="1.0.0", size=96, file=None, **how):
        """Write an image to a file. @return its path's last part"""
        file = file or f"{name}-{version}.bin"
        self.write(file, image(name, version, size, **how))
        return file

    def bytes(self):
        return self.flash.read_bytes()

    def put(self, address, data):
        """Write bytes into the flash file, as no tool would."""
        flash = bytearray(self.bytes() if self.flash.exists() else ERASED * SIZE)
        flash[address - FLASH:address - FLASH + len(data)] = data
        self.flash.write_bytes(flash)

    # ---- what must hold ----------------------------------------------------------------------

    def good(self, done):
        """All is well: exit 0, nothing on stderr but the note about the default region."""
        self.assertEqual(done.status, OK, str(done))
        for line in done.err.splitlines():
            self.assertTrue(line.startswith(NOTE), str(done))
        return done

    def refused(self, status, text, done):
        """One line of error, with `text` (or all of several) in it, and nothing done."""
        self.assertEqual(done.status, status, str(done))
        errors = [line for line in done.err.splitlines() if ": note: " not in line]
        self.assertEqual(len(errors), 1, str(done))
        self.assertRegex(errors[0], r"^modflash: (.*: )?error: .")
        for part in [text] if isinstance(text, str) else text:
            self.assertIn(part, errors[0], str(done))
        return done

    def keeps_flash(self, call, *arguments, **how):
        before = self.bytes() if self.flash.exists() else None
        done = call(*arguments, **how)
        self.assertEqual(self.bytes() if self.flash.exists() else None, before, str(done))
        return done

    def second_opinion(self):
        data = self.bytes()[self.base - FLASH:][:self.size]
        return storeref.rows(self.region_of(data))

    def region_of(self, data):
        return storeref.Region(data, self.base, sectors_of(self.base, self.size), 4)

    def geometry_check(self):
        """What the checks of records are continued from."""
        return self.region_of(bytes(self.size)).geometry_check

    def listing(self, call=None):
        """list --json, held against the second reader. @return the parsed text"""
        done = (call or self.file)("list", "--json")
        self.assertEqual((done.status, done.err), (OK, ""), str(done))
        listing = json.loads(done.out)
        if self.flash.exists():
            for row in (rows := copy.deepcopy(listing["modules"])):
                if row["linked"] is not None:
                    del row["linked"]["stale"]      # the firmware's, too
            self.assertEqual(rows, self.second_opinion())
        return listing

    def modules(self, call=None):
        """name: version"""
        return {row["name"]: row["version"] for row in self.listing(call)["modules"]}

    def expect(self, modules, call=None):
        """These modules and no others, and their contents are good."""
        self.assertEqual(self.modules(call), modules)
        done = (call or self.file)("verify", "--quiet")
        self.assertEqual((done.status, done.out), (OK, ""), str(done))

    def left_well(self, done):
        """The board is locked, and its core does what it does without a probe."""
        self.assertEqual(done.stats["flash_locked"], "1", str(done))
        self.assertNotEqual(done.stats["core"], "halted", str(done))
