# SPDX-License-Identifier: BSD-2-Clause
"""Running modapi on headers that are made for the purpose."""

import os
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

sys.path.append(str(pathlib.Path(__file__).resolve().parents[1]))
from tap import main    # noqa: E402, F401

MODAPI = os.environ["MODAPI"]
SOURCE = pathlib.Path(os.environ["MODFMT_SOURCE"])
OK, REFUSED, USAGE, IO = 0, 1, 2, 3
CORE = ["-mcpu=cortex-m4", "-mthumb"]
GCC = ["arm-none-eabi-gcc", *CORE]
GXX = ["arm-none-eabi-g++", *CORE]
# Without -fshort-enums and standalone debug information clang says less than there is.
CLANG = ["clang", "--target=arm-none-eabi", *CORE, "-fshort-enums", "-fstandalone-debug",
         "-ffreestanding"]


def fnv1a(name):
    value = 0x811c9dc5
    for byte in name.encode():
        value = (value ^ byte) * 0x01000193 & 0xffffffff
    return value


class ModapiTest(unittest.TestCase):
    maxDiff = None

    def setUp(self):
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.folder = pathlib.Path(scratch.name)

    def path(self, name):
        return self.folder / name

    def write(self, name, text):
        self.path(name).write_text(text)
        return self.path(name)

    def command(self, arguments, status=OK):
        done = subprocess.run([str(a) for a in arguments], cwd=self.folder, text=True,
                              capture_output=True, timeout=900, stdin=subprocess.DEVNULL)
        self.assertEqual(done.returncode, status, f"{arguments}\n{done.stdout}{done.stderr}")
        return done

    def modapi(self, *arguments, status=OK):
        return self.command([MODAPI, *arguments], status)

    def build(self, *arguments, flags=(), status=OK):
        """modapi build: fw.h and what else is given; table.c and fw.api."""
        return self.modapi("build", "fw.h", "-o", "table.c", "--api", "fw.api", *arguments, "--",
                           *CORE, *flags, status=status)

    def described(self, header, *arguments, flags=()):
        self.write("fw.h", header)
        self.build(*arguments, flags=flags)
        return self.path("fw.api").read_text()

    def tags(self, header, *arguments, flags=()):
        """{name: tag} of what a header declares."""
        text = self.described(header, *arguments, flags=flags)
        return dict(re.findall(r"^(?:function|data) (\S+) (\w{8})$", text, re.M))

    def seen(self, obj):
        """{name: (tag, canonical text)} of what an object's debug information says."""
        lines = self.modapi("show", "--dwarf", "--types", obj).stdout.splitlines()
        return {name: (tag, text) for tag, name, text in (line.split(" ", 2) for line in lines)}

    def refused(self, header, *wanted, csv=None, flags=()):
        """That header is refused, nothing is written, and the message has all of `wanted`."""
        self.write("fw.h", header)
        more = []
        if csv is not None:
            self.write("fw.csv", csv)
            more = ["--csv", "fw.csv"]
        done = self.build(*more, flags=flags, status=REFUSED)
        for text in wanted:
            self.assertIn(text, done.stderr)
        self.assertNotIn("Traceback", done.stderr)
        self.assertFalse(self.path("table.c").exists() or self.path("fw.api").exists())
        return done.stderr
