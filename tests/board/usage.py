# SPDX-License-Identifier: BSD-2-Clause
"""virtual-board's command line: options, files, its client, and its messages."""

import os
import pathlib
import re
import shutil
import signal
import subprocess
import time
import unittest

from board_run import FLASH_SIZE, IO, USAGE, BoardTest, bytes_of, main, needs

OPTIONS = ("--flash", "--cut-after", "--cut-after-command", "--cut-kind", "--seed",
           "--write-protect", "--spare-probes", "--trace", "--stats", "--serve", "--help",
           "--version")


class ToolTest(BoardTest):
    def refused(self, status, *arguments):
        """One line on stderr, which is returned, and nothing else."""
        done = self.run_tool(*arguments)
        message = done.stderr.decode()
        self.assertEqual((done.returncode, done.stdout), (status, b""), message)
        self.assertRegex(message, r"\Avirtual-board: (.*: )?error: .*\n\Z")
        self.assertEqual(message.count("\n"), 1)
        return message


class Usage(ToolTest):
    def test_help(self):
        done = self.run_tool("--help")
        self.assertEqual((done.returncode, done.stderr), (0, b""))
        for option in OPTIONS:
            self.assertIn(option + " ", done.stdout.decode())
        self.assertEqual(self.run_tool("-h").stdout, done.stdout)

    def test_version(self):
        done = self.run_tool("--version")
        self.assertEqual((done.returncode, done.stderr), (0, b""))
        self.assertRegex(done.stdout.decode(), r"\Avirtual-board \d+\.\d+\.\d+\n\Z")
        self.assertEqual(self.run_tool("-V").stdout, done.stdout)

    def test_help_to_a_full_disk(self):
        with open("/dev/full", "w", encoding="ascii") as full:
            done = self.run_tool("--help", stdout=full)
        self.assertEqual(done.returncode, IO)
        self.assertIn("No space left", done.stderr.decode())

    def test_nothing_given(self):
        self.assertIn("--flash FILE", self.refused(USAGE))
        self.assertIn("--flash FILE", self.refused(USAGE, "--", "true"))
        self.assertIn("no client", self.refused(USAGE, "--flash", "f.img"))
        self.assertFalse(self.flash.exists())

    def test_serve_with_a_client(self):
        self.assertIn("--serve", self.refused(USAGE, "--flash", "f.img", "--serve", "true"))

    def test_unknown_options(self):
        for option in ("--frobnicate", "-x"):
            message = self.refused(USAGE, option, "--flash", "f.img", "true")
            self.assertIn(f'unknown option "{option}"', message)
        self.assertIn("needs a value", self.refused(USAGE, "--flash"))

    def test_bad_values(self):
        for option, values in (("--cut-after", ("0", "", "x", "1x", "-1", "99999999999999999999")),
                               ("--cut-after-command", ("0", " 1")),
                               ("--seed", ("", "-1", "one")),
                               ("--spare-probes", ("0", "4", "", "1x")),
                               ("--write-protect", ("", "12", "1,", ",1", "a", "1;2", "-1")),
                               ("--cut-kind", ("", "powers", "POWER"))):
            for value in values:
                message = self.refused(USAGE, "--flash", "f.img", option, value, "true")
                self.assertIn(f'option {option} wants ', message)
                self.assertIn(f'not "{value}"', message)
        self.assertFalse(self.flash.exists())

    def test_good_values(self):
        for option in (["--seed", "0"], ["--seed=0xffffffffffffffff"], ["--cut-after=1"],
                       ["--write-protect", "0,11"], ["--cut-kind", "hang"]):
            self.assertEqual(self.on_board("true", options=option), "")


class Files(ToolTest):
    def test_flash_is_made(self):
        self.on_board("true")
        self.assertEqual(self.contents(), b"\xff" * FLASH_SIZE)

    def test_flash_is_kept(self):
        self.fill(bytes_of("kept", FLASH_SIZE))
        before = self.contents()
        self.on_board("true")
        self.assertEqual(self.contents(), before)

    def test_wrong_size(self):
        for size in (0, 5, FLASH_SIZE - 1, FLASH_SIZE + 1):
            self.write("f.img", b"x" * size)
            message = self.refused(IO, "--flash", "f.img", "true")
            self.assertIn("f.img: error: ", message)
            self.assertIn(f"{size} bytes", message)
            self.assertIn("1048576", message)
            self.assertEqual(self.flash.read_bytes(), b"x" * size)

    def test_no_flash_file(self):
        self.assertIn("No such file", self.refused(IO, "--flash", "nowhere/f.img", "true"))
        self.assertIn("directory", self.refused(IO, "--flash", ".", "true"))
        os.mkfifo(self.folder / "pipe")
        self.assertIn("no regular file", self.refused(IO, "--flash", "pipe", "true"))
        self.assertIn("a\\x0ab", self.refused(IO, "--flash", "no/a\nb", "true"))

    def test_two_boards(self):
        inner = self.command("--flash", self.flash, "true")
        text = self.on_board(*inner, status=IO)
        self.assertIn("in use by another virtual-board", text)

    def test_outputs_that_cannot_be_written(self):
        for option in ("--trace", "--stats"):
            message = self.refused(IO, "--flash", "f.img", option, "nowhere/o", "true")
            self.assertIn("nowhere/o: error: ", message)
        message = self.refused(IO, "--flash", "f.img", "--stats", "/dev/full", "true")
        self.assertIn("No space left", message)

    def test_temporary_folder(self):
        for folder in ("/nowhere", str(self.folder / ("x" * 60))):
            self.environment["TMPDIR"] = folder
            message = self.refused(IO, "--flash", "f.img", "true")
            self.assertIn("set TMPDIR to another", message)

    def test_outputs_to_stderr(self):
        for option, text in (("--trace", "core locked up"), ("--stats", "core lockup\n")):
            done = self.run_tool("--flash", "f.img", option, "-", "echo", "client")
            self.assertEqual((done.returncode, done.stdout), (0, b"client\n"))
            self.assertIn(text, done.stderr.decode())


class Client(ToolTest):
    def test_status(self):
        for status in (0, 1, 2, 77, 255):
            self.assertEqual(self.on_board("sh", "-c", f"exit {status}", status=status), "")

    def test_killed(self):
        for number in (signal.SIGKILL, signal.SIGSEGV, signal.SIGTERM):
            self.on_board("sh", "-c", f"kill -{number} $$", status=128 + number)

    def test_cannot_be_started(self):
        self.assertIn("no-such-client: error: cannot be started",
                      self.refused(127, "--flash", "f.img", "--", "no-such-client"))
        self.assertIn("Permission denied",
                      self.refused(126, "--flash", "f.img", "--", "/dev/null"))

    def test_streams_are_its_own(self):
        done = self.run_tool("--flash", "f.img", "sh", "-c", "cat; echo error >&2; exit 3",
                             input=b"some\0bytes")
        self.assertEqual((done.returncode, done.stdout, done.stderr),
                         (3, b"some\0bytes", b"error\n"))

    def test_options_are_its_own(self):
        for dashes in ([], ["--"]):
            done = self.run_tool("--flash", "f.img", *dashes, "echo", "--flash", "--help", "--")
            self.assertEqual((done.returncode, done.stdout), (0, b"--flash --help --\n"))

    def test_environment(self):
        self.environment["LD_PRELOAD"] = "libc.so.6"
        self.environment["ASAN_OPTIONS"] = "verify_asan_link_order=0"  # for a board with ASan
        done = self.run_tool("--flash", "f.img", "sh", "-c", "echo $LD_PRELOAD; echo $UMOCKDEV_DIR")
        preload, folder = done.stdout.decode().split()
        self.assertEqual(preload, "libumockdev-preload.so.0:libc.so.6")
        self.assertEqual(pathlib.Path(folder).parent, self.temporary)

    def signal_it(self, client, *numbers):
        """Send signals to the board once the client is ready; its status and output."""
        board = self.start("--flash", self.flash, "--", "sh", "-c", client)
        self.assertEqual(board.stdout.readline(), "ready\n")
        for number in numbers:
            board.send_signal(number)
            time.sleep(0.1)
        output, _ = board.communicate(timeout=900)
        return board.returncode, output

    def test_signals_are_passed_on(self):
        for name in ("TERM", "INT", "HUP"):
            number = getattr(signal, "SIG" + name)
            client = f"trap 'echo caught; exit 9' {name}; echo ready; while :; do sleep 0.02; done"
            self.assertEqual(self.signal_it(client, number), (9, "caught\n"))
        self.assertEqual(self.signal_it("echo ready; exec sleep 50", signal.SIGTERM), (143, ""))

    def test_deaf_client_is_killed(self):
        client = "trap '' TERM; echo ready; while :; do sleep 0.02; done"
        start = time.monotonic()
        self.assertEqual(self.signal_it(client, signal.SIGTERM), (137, ""))
        self.assertGreater(time.monotonic() - start, 1)

    @needs("st-flash")
    def test_killed_in_the_middle(self):
        """Whatever it was at: the board ends as ever, and says nothing."""
        image = self.write("i", bytes_of("large", 0x20000))
        for delay in (0.02, 0.04, 0.06, 0.08, 0.1, 0.13):
            done = self.run_tool("--flash", "f.img", "--", "timeout", "-s", "KILL", delay, "sh",
                                 "-c", f"exec st-flash write {image} 0x08060000 >/dev/null 2>&1")
            self.assertIn(done.returncode, (0, 137))
            self.assertEqual((done.stdout, done.stderr), (b"", b""))

    @needs("st-info", "setpriv")
    def test_without_permission(self):
        if os.getuid() != 0:
            raise unittest.SkipTest("only root can become somebody else")
        self.folder.chmod(0o755)
        self.temporary.chmod(0o755)
        text = self.on_board("setpriv", "--reuid=65534", "--clear-groups", "sh", "-c",
                             "cat $UMOCKDEV_DIR/sys/bus/usb/devices/1-1/idProduct;"
                             ": <>$UMOCKDEV_DIR/dev/bus/usb/001/002", status=None)
        self.assertIn("3748", text)
        self.assertIn("ermission denied", text)


class Stats(ToolTest):
    def test_names(self):
        self.on_board("true")
        names = list(self.stats())
        self.assertEqual(names, ["commands", "urbs", "ioctls", "bytes_read", "bytes_written",
                                 "operations", "programs", "bytes_programmed", "overprograms",
                                 "erases", "sectors_erased", "refusals", "instructions",
                                 "resets", "cut", "flash_locked", "core"])
        page = (pathlib.Path(os.environ["MODFMT_SOURCE"])
                / "virtual-board/virtual-board.1").read_text(encoding="utf-8")
        self.assertEqual(re.findall(r"^\.It Cm ([a-z_]+)$", page, re.M)[-len(names):], names)

    def test_blank_flash_locks_up(self):
        self.on_board("true")
        self.assertEqual(self.stats()["core"], "lockup")
        self.assertEqual((self.stats()["resets"], self.stats()["flash_locked"]), (0, 1))

    @needs("st-info")
    def test_senseless_flash_locks_up(self):
        for seed in range(5):
            self.fill((0x20010000).to_bytes(4, "little") + (0x08000201).to_bytes(4, "little")
                      + bytes_of(seed, FLASH_SIZE - 8))
            self.assertEqual(self.on_board("st-info", "--chipid"), "0x0413\n")
            self.assertEqual(self.stats()["core"], "lockup")
            self.assertEqual(self.stats()["operations"], 0)


class Serve(ToolTest):
    @needs("st-info", "st-flash")
    def test_clients_from_elsewhere(self):
        image = self.write("i", bytes_of("served", 600))
        board = self.start("--flash", self.flash, "--stats", "stats", "--serve")
        lines = [board.stdout.readline() for _ in range(3)]
        for line, name in zip(lines, ("UMOCKDEV_DIR", "LD_PRELOAD", "ASAN_OPTIONS")):
            self.assertRegex(line, rf"\Aexport {name}='[^']+'\n\Z")
        environment = "".join(lines)
        for client in ("st-info --probe", f"st-flash write {image} 0x08060000",
                       "st-flash read o 0x08060000 600", "st-info --chipid"):
            done = subprocess.run(["sh", "-c", environment + "exec " + client], check=False,
                                  cwd=self.folder, capture_output=True, text=True, timeout=900)
            self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("0x0413", done.stdout)
        self.assertEqual((self.folder / "o").read_bytes(), image.read_bytes())
        self.assertEqual(self.contents(0x08060000, 600), image.read_bytes())
        self.assertIsNone(board.poll())
        board.terminate()
        output, _ = board.communicate(timeout=900)
        self.assertEqual((board.returncode, output), (0, ""))
        self.assertEqual(self.stats()["bytes_programmed"], 600)

    def test_ends_by_each_signal(self):
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            board = self.start("--flash", self.flash, "--serve")
            board.stdout.readline()
            board.send_signal(number)
            board.communicate(timeout=900)
            self.assertEqual(board.returncode, 0)

    def test_stdout_that_is_full(self):
        with open("/dev/full", "w", encoding="ascii") as full:
            done = self.run_tool("--flash", "f.img", "--serve", stdout=full)
        self.assertEqual(done.returncode, IO)
        self.assertIn("No space left", done.stderr.decode())


class ManPage(unittest.TestCase):
    PAGE = pathlib.Path(os.environ["MODFMT_SOURCE"]) / "virtual-board/virtual-board.1"

    @unittest.skipIf(shutil.which("mandoc") is None, "not installed: mandoc")
    def test_lint(self):
        done = subprocess.run(["mandoc", "-Tlint", "-Wwarning", self.PAGE], check=False,
                              capture_output=True, text=True)
        self.assertEqual((done.returncode, done.stdout), (0, ""))

    def test_names_every_option(self):
        page = self.PAGE.read_text(encoding="utf-8")
        for option in OPTIONS:
            self.assertRegex(page, rf"(?m)^\.It (Fl . , )?Fl -{option[2:]}( |$)")


if __name__ == "__main__":
    main()
