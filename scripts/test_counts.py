#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""Count the results in Meson's test log: prints "passed failed skipped", and on stderr why each
was skipped.

Of a process that runs a file of tests (tests/tap.py) each test counts, and one that did not
come to its turn has failed."""
import json
import re
import sys

PASSED = {"OK", "EXPECTEDFAIL"}
PLAN = re.compile(r"^1\.\.(\d+)(?: # SKIP(.*))?", re.M)
RESULT = re.compile(r"^(ok|not ok) \d+ - ([^#\n]*)(# SKIP.*)?", re.M)
PASS, FAIL, SKIP = range(3)


def outcome(result):
    return PASS if result in PASSED else SKIP if result == "SKIP" else FAIL


def tell(name, why):
    print(f"skipped: {name.strip()}: {' '.join(why.split())[-200:]}", file=sys.stderr)


def of_file(entry):
    """[passed, failed, skipped] of the tests of one process."""
    counts = [0, 0, 0]
    for ok, title, skip in RESULT.findall(entry["stdout"]):
        counts[FAIL if ok != "ok" else SKIP if skip else PASS] += 1
        if skip:
            tell(title, skip[len("# SKIP"):])
    plan = PLAN.search(entry["stdout"])
    counts[FAIL] += max(0, int(plan[1]) - sum(counts)) if plan else 1
    if not counts[FAIL] and outcome(entry["result"]) == FAIL:
        counts[FAIL] = 1
    if not any(counts) and not plan[2]:     # nothing was run, and nobody says why
        counts[FAIL] = 1
    elif not any(counts):
        counts[SKIP] = 1
        tell(entry["name"], plan[2] or "")
    return counts


def of_entry(entry):
    if "--tap" in entry["command"]:
        return of_file(entry)
    counts = [0, 0, 0]
    counts[outcome(entry["result"])] = 1
    if counts[SKIP]:
        tell(entry["name"], entry["stdout"])
    return counts


def main():
    total = [0, 0, 0]
    for path in sys.argv[1:]:
        with open(path, encoding="utf-8") as log:
            for line in log:
                total = [a + b for a, b in zip(total, of_entry(json.loads(line)))]
    if not any(total):
        sys.exit(1)
    print(*total)


main()
