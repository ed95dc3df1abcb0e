# SPDX-License-Identifier: BSD-2-Clause
"""What the tests of moddump share: running the tool, and images to run it on."""

import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

SOURCE = pathlib.Path(os.environ.get("MODFMT_SOURCE")
                      or pathlib.Path(__file__).resolve().parents[2])
VECTORS = SOURCE / "specs" / "vectors"
GOOD, BAD = VECTORS / "good", VECTORS / "bad"
sys.dont_write_bytecode = sys.pycache_prefix is None
sys.path[:0] = [str(SOURCE / "specs"), str(VECTORS), str(SOURCE / "tests")]

import encoder   # noqa: E402
import modref    # noqa: E402
from tap import main    # noqa: E402, F401

OK, REFUSED, USAGE, IO = range(4)
RETURN_0 = bytes.fromhex("0020 7047")   # movs r0, #0; bx lr


class ToolTest(unittest.TestCase):
    """A test with a folder of its own, in which the tool runs."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def run_tool(self, *arguments, **options):
        command = [os.environ["MODDUMP"], *map(str, arguments)]
        options.setdefault("stdout", subprocess.PIPE)
        return subprocess.run(command, cwd=self.folder, stderr=subprocess.PIPE, check=False,
                              **options)

    def expect(self, status, *arguments, **options):
        """Run, compare the exit status; stderr must be empty exactly when all is well."""
        done = self.run_tool(*arguments, **options)
        message = done.stderr.decode()
        self.assertEqual(done.returncode, status, message)
        self.assertEqual(message == "", status == OK, message)
        return done.stdout.decode() if done.stdout is not None else "", message

    def expect_line(self, status, *arguments, **options):
        """A failure that prints nothing but one line on stderr, which is returned."""
        output, message = self.expect(status, *arguments, **options)
        self.assertEqual(output, "")
        self.assertEqual(message.count("\n"), 1, message)
        self.assertTrue(message.startswith("moddump: ") and ": error: " in message
                        or message.startswith("moddump: error: "), message)
        return message

    def write(self, name, data):
        path = self.folder / name
        path.write_bytes(data)
        return path

    def image(self, name="m.bin", **fields):
        """An image made by the vectors' encoder."""
        fields.setdefault("text", RETURN_0)
        fields.setdefault("entry", 1 if fields["text"] else encoder.NONE)
        return self.write(name, encoder.Image(**fields).build())

    def listing(self):
        return sorted(path.name for path in self.folder.iterdir())
