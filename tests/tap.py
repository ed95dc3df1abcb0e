# SPDX-License-Identifier: BSD-2-Clause
"""A file of tests as one process, which Meson wants: Python takes longer to begin than most of
them to run. Each is counted and named all the same, by the Test Anything Protocol.

    file.py                            as unittest.main(): all that there is
    file.py CLASS.test_x               this one
    file.py --tap NAME=TITLE… [NAME…]  results for Meson; NAME is CLASS.test_x, or CLASS for all
                                       of it that have no title of their own. Names without a
                                       title: only these (meson test … --test-args CLASS.test_x)
"""
import contextlib
import os
import signal
import sys
import unittest

SKIP = 77
LIMIT = 1200    # seconds, after which a test is taken for hung; Meson's time-out is a file's


class Hung(BaseException):
    """No test may take it for an error that it expects."""


class Verdict(unittest.TestResult):
    """What one test says."""

    def __init__(self):
        super().__init__()
        self.problems, self.reasons = [], []

    def problem(self, error, about=""):
        self.problems.append(about + self._exc_info_to_string(error, self.test))

    def startTest(self, test):
        self.test = test
        super().startTest(test)

    def addError(self, test, error):
        self.test = test
        self.problem(error)

    addFailure = addError

    def addSubTest(self, test, subtest, error):
        if error is not None:
            self.problem(error, f"{subtest}\n")

    def addSkip(self, test, reason):
        self.reasons.append(reason)

    def addUnexpectedSuccess(self, test):
        self.problems.append("It passes, and is marked as one that fails.\n")


def tests_of(suite):
    for test in suite:
        if isinstance(test, unittest.TestSuite):
            yield from tests_of(test)
        else:
            yield test


def name_of(test):
    """CLASS.test_x"""
    return ".".join(test.id().split(".")[-2:])


def titled(module, pairs):
    """(title, test) of each, in their order."""
    alone = {name for name, _ in pairs if "." in name}
    for name, title in pairs:
        found = list(tests_of(unittest.defaultTestLoader.loadTestsFromName(name, module)))
        if "." in name:
            yield title, found[0]
            continue
        for test in found:
            if name_of(test) not in alone:
                words = name_of(test).split(".test_")[1].replace("_", " ")
                yield f"{title}: {words}", test


def hang(signum, frame):
    raise Hung(f"not done in {LIMIT} s")


@contextlib.contextmanager
def results():
    """Where the results go; what tests print goes to stderr meanwhile."""
    sys.stdout.flush()
    with os.fdopen(os.dup(1), "w") as stream:
        os.dup2(2, 1)
        sys.stdout.reconfigure(line_buffering=True)
        yield stream


def run(test):
    verdict = Verdict()
    signal.signal(signal.SIGALRM, hang)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)    # nohup ignores it, and what it starts
    signal.alarm(LIMIT)
    try:
        test.run(verdict)
    finally:
        signal.alarm(0)
    return verdict


def line(number, title, verdict):
    ok = "not ok" if verdict.problems else "ok"
    skipped = not verdict.problems and verdict.reasons
    reason = " # SKIP " + " ".join("; ".join(verdict.reasons).split()) if skipped else ""
    return f"{ok} {number} - {title.replace('#', 'No.')}{reason}"


def protocol(module, arguments):
    """@return the exit status: 0, whatever the results are"""
    pairs = [argument.split("=", 1) for argument in arguments if "=" in argument]
    only = [argument for argument in arguments if "=" not in argument]
    tests = [(title, test) for title, test in titled(module, pairs)
             if not only or name_of(test) in only or name_of(test).split(".")[0] in only]
    missing = [name for name in only if not any(name_of(test).startswith(name) for _, test in tests)]
    with results() as stream:
        print(f"1..{len(tests) + len(missing)}", file=stream, flush=True)
        for number, (title, test) in enumerate(tests, 1):
            verdict = run(test)
            print(line(number, title, verdict), file=stream, flush=True)
            if verdict.problems:
                print(f"\n{title}\nonce more, alone: --test-args {name_of(test)}\n",
                      *verdict.problems, sep="\n", file=sys.stderr, flush=True)
        for number, name in enumerate(missing, len(tests) + 1):
            print(f"not ok {number} - {name}: there is no such test", file=stream, flush=True)


def skip_all(reason):
    """None of the file's tests can be run."""
    print("1..0 # SKIP" if "--tap" in sys.argv else "skipped:", reason)
    sys.exit(0 if "--tap" in sys.argv else SKIP)


def main(module="__main__"):
    """As unittest.main(), but a file of tests that all skipped tells Meson so; or see above."""
    if sys.argv[1:2] == ["--tap"]:
        protocol(sys.modules[module], sys.argv[2:])
        return
    result = unittest.main(module=module, exit=False).result
    if not result.wasSuccessful():
        sys.exit(1)
    if result.testsRun == 0:
        sys.exit("no test was run")
    sys.exit(SKIP if len(result.skipped) == result.testsRun else 0)
