#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""Count the results in Meson's test log: prints "passed failed skipped"."""
import json
import sys

PASSED = {"OK", "EXPECTEDFAIL"}
counts = [0, 0, 0]
for path in sys.argv[1:]:
    with open(path, encoding="utf-8") as log:
        for line in log:
            result = json.loads(line)["result"]
            counts[0 if result in PASSED else 2 if result == "SKIP" else 1] += 1
if not any(counts):
    sys.exit(1)
print(*counts)
