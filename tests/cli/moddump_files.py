# SPDX-License-Identifier: BSD-2-Clause
"""moddump and the file system: what cannot be read or written, and how files are replaced."""

import os
import resource
import stat
import subprocess

from moddump_run import GOOD, IO, OK, ToolTest, main

WORDS = GOOD / "words.bin"
LOAD = (WORDS, "--load-at", "0x20000000", "-o")


class Reading(ToolTest):
    def test_missing_file(self):
        line = self.expect_line(IO, "missing.bin")
        self.assertIn("moddump: missing.bin: error: ", line)
        self.assertIn("No such file", line)

    def test_directory(self):
        line = self.expect_line(IO, ".")
        self.assertIn("is a directory", line)

    def test_name_through_a_file(self):
        self.write("file", b"")
        self.assertIn("Not a directory", self.expect_line(IO, "file/m.bin"))

    def test_pipe(self):
        with WORDS.open("rb") as stream:
            piped = subprocess.run(["cat"], stdin=stream, capture_output=True, check=True).stdout
        output, _ = self.expect(OK, "/dev/stdin", input=piped)
        self.assertEqual(output, self.expect(OK, WORDS)[0])


class Stdout(ToolTest):
    def test_full_disk(self):
        for mode in ([], ["--json"], ["--hex"], ["-d"], ["--help"], ["--version"]):
            with open("/dev/full", "wb") as full:
                line = self.expect_line(IO, *mode, WORDS, stdout=full)
            self.assertIn("No space left on device", line)

    def test_closed(self):
        done = subprocess.run(["sh", "-c", 'exec "$0" "$1" >&-', os.environ["MODDUMP"], WORDS],
                              stderr=subprocess.PIPE, check=False)
        self.assertEqual(done.returncode, IO)
        self.assertEqual(done.stderr.count(b"\n"), 1)

    def test_closed_but_not_needed(self):
        for option in ("--check", "--load-at=0x20000000"):
            done = subprocess.run(["sh", "-c", 'exec "$0" "$@" >&-', os.environ["MODDUMP"], option,
                                   *(["-o", "a"] if "load" in option else []), WORDS],
                                  cwd=self.folder, stderr=subprocess.PIPE, check=False)
            self.assertEqual((done.returncode, done.stderr), (OK, b""))
        self.assertGreater((self.folder / "a").stat().st_size, 0)


class Writing(ToolTest):
    def setUp(self):
        super().setUp()
        self.expect(OK, *LOAD, "reference")
        self.memory = (self.folder / "reference").read_bytes()
        (self.folder / "reference").unlink()
        self.assertEqual(len(self.memory), 32)

    def test_full_disk(self):
        line = self.expect_line(IO, *LOAD, "/dev/full")
        self.assertIn("moddump: /dev/full: error: ", line)
        self.assertIn("No space left on device", line)
        self.assertTrue(stat.S_ISCHR(os.stat("/dev/full").st_mode))

    def test_devices_stay(self):
        self.expect(OK, *LOAD, "/dev/null")
        self.assertTrue(stat.S_ISCHR(os.stat("/dev/null").st_mode))

    def test_stdout(self):
        for name in ("-", "/dev/stdout"):
            done = self.run_tool(*LOAD, name)
            self.assertEqual((done.returncode, done.stdout), (OK, self.memory))

    def test_stdout_that_is_a_file(self):
        for name in ("-", "/dev/stdout", "out"):
            with (self.folder / "out").open("wb") as out:
                out.write(b"before ")
                out.flush()
                done = self.run_tool(*LOAD, name, stdout=out)
                self.assertEqual(done.returncode, OK, done.stderr)
            self.assertEqual((self.folder / "out").read_bytes(), b"before " + self.memory)

    def test_directory(self):
        (self.folder / "d").mkdir()
        self.assertIn("Is a directory", self.expect_line(IO, *LOAD, "d"))
        self.assertIn("No such file", self.expect_line(IO, *LOAD, "missing/a"))
        self.assertEqual(self.listing(), ["d"])

    def test_symbolic_link_is_followed(self):
        (self.folder / "sub").mkdir()
        (self.folder / "sub" / "link").symlink_to("../target")
        for _ in range(2):   # a link to nothing yet, then to a file
            self.expect(OK, *LOAD, "sub/link")
            self.assertTrue((self.folder / "sub" / "link").is_symlink())
            self.assertEqual((self.folder / "target").read_bytes(), self.memory)
        self.assertEqual(self.listing(), ["sub", "target"])

    def test_loop_of_links(self):
        (self.folder / "loop").symlink_to("loop")
        self.expect_line(IO, *LOAD, "loop")
        self.assertEqual(self.listing(), ["loop"])

    def test_modes(self):
        old = os.umask(0o027)
        self.addCleanup(os.umask, old)
        self.expect(OK, *LOAD, "new")
        self.assertEqual(stat.S_IMODE((self.folder / "new").stat().st_mode), 0o640)
        self.write("old", b"x").chmod(0o604)
        self.expect(OK, *LOAD, "old")
        self.assertEqual(stat.S_IMODE((self.folder / "old").stat().st_mode), 0o604)
        self.assertEqual((self.folder / "old").read_bytes(), self.memory)

    def test_write_protected_file(self):
        if os.geteuid() == 0:
            self.skipTest("root may write to everything")
        self.write("mine", b"x").chmod(0o444)
        self.expect_line(IO, *LOAD, "mine")
        self.assertEqual((self.folder / "mine").read_bytes(), b"x")

    def test_failure_leaves_the_old_file(self):
        big = self.image("big.bin", data_mem=100000)
        self.write("out", b"old")

        def limit():
            # Beyond it a write fails with EFBIG; Python ignores the signal, the tool inherits.
            resource.setrlimit(resource.RLIMIT_FSIZE, (50000, 50000))
        line = self.expect_line(IO, big, "--load-at", "0x20000000", "-o", "out",
                                preexec_fn=limit, restore_signals=False)
        self.assertIn("moddump: out: error: cannot be written", line)
        self.assertEqual((self.folder / "out").read_bytes(), b"old")
        self.assertEqual(self.listing(), ["big.bin", "out"])


if __name__ == "__main__":
    main()
