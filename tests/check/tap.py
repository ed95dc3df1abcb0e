#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""tap.py SOURCE: what tests/tap.py says of tests that fail, skip or end the process, and how
scripts/test_counts.py counts that."""
import json
import pathlib
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(sys.argv[1])
TESTS = """
import os, subprocess, sys, unittest
sys.path.append(sys.argv.pop(1))
import tap
tap.LIMIT = 1
class A(unittest.TestCase):
    def test_good(self): subprocess.run(["echo", "not ok 1 - noise"])
    def test_bad(self): self.assertEqual(1, 2)
    def test_exit(self): sys.exit(0)
    def test_hangs(self): subprocess.run(["sleep", "1000"])
    def test_skip(self): self.skipTest("no # moon")
    def test_sub(self):
        with self.subTest(): self.fail()
class B(unittest.TestCase):
    def test_1(self): pass
    def test_2(self): os._exit(0)
    def test_3(self): pass
class D(unittest.TestCase):
    def test_hides(self):
        try: subprocess.run(["sleep", "1000"])
        except Exception: pass
class E(unittest.TestCase): pass
tap.main()
"""
WANTED = {
    ("A=a", "A.test_good=good"): ("""\
1..6
not ok 1 - a: bad
not ok 2 - a: exit
not ok 3 - a: hangs
ok 4 - a: skip # SKIP no # moon
not ok 5 - a: sub
ok 6 - good
""", "1 4 1"),
    ("A.test_good=good", "A.test_bad=bad", "A.test_good"): ("1..1\nok 1 - good\n", "1 0 0"),
    ("A.test_good=good", "A.test_none"): ("1..1\nnot ok 1 - A.test_none: there is no such test\n",
                                          "0 1 0"),
    ("B=b",): ("1..3\nok 1 - b: 1\n", "1 2 0"),     # the process ended
    ("C=c",): ("", "0 1 0"),
    ("D=d",): ("1..1\nnot ok 1 - d: hides\n", "0 1 0"),
    ("E=e",): ("1..0\n", "0 1 0"),    # no tests
}


def main():
    wrong = 0
    with tempfile.TemporaryDirectory() as folder:
        file, log = pathlib.Path(folder) / "tests.py", pathlib.Path(folder) / "log"
        file.write_text(TESTS)
        for names, (results, counts) in WANTED.items():
            command = [sys.executable, file, ROOT / "tests", "--tap", *names]
            done = subprocess.run(command, capture_output=True, text=True)
            log.write_text(json.dumps({"name": "x", "stdout": done.stdout, "result": "OK",
                                       "command": [str(word) for word in command]}) + "\n")
            counted = subprocess.run([sys.executable, ROOT / "scripts/test_counts.py", log],
                                     capture_output=True, text=True).stdout.strip()
            if (done.stdout, counted) != (results, counts):
                wrong += 1
                print(f"{names}: {done.stdout}counted {counted}; wanted {results}{counts}\n{done.stderr}")
    sys.exit(wrong != 0)


main()
