#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""The oracle: memory after loading equals GNU ld's own link at that address.

    oracle.py GROUP [--only TEXT] [--keep DIR] [--jobs N]

Every source is compiled once for each case, linked at a base with --emit-relocs, packed
by $MKMOD, and placed by $MODDUMP --load-at X; then the same objects are linked at X, and
all bytes must be the same. Groups are listed in matrix.py. The group `self` proves the
harness itself: it needs neither tool.
"""
import argparse
import multiprocessing
import os
import pathlib
import shutil
import sys
import tempfile
import traceback

sys.dont_write_bytecode = sys.pycache_prefix is None
import build       # noqa: E402
import cases       # noqa: E402
import matrix      # noqa: E402


def run_case(job):
    """Run one case in a directory of its own: (name, comparisons, problems)."""
    case, keep = job
    if keep:
        cwd = pathlib.Path(keep) / case.name.replace("/", "_")
        shutil.rmtree(cwd, ignore_errors=True)
        cwd.mkdir(parents=True)
    else:
        cwd = pathlib.Path(tempfile.mkdtemp(prefix="oracle-"))
    try:
        count, problems = cases.KINDS[case.kind](case, cwd)
    except build.Failure as failure:
        count, problems = 0, [str(failure)]
    except Exception:   # a fault of the harness fails the case, not the whole run
        count, problems = 0, [traceback.format_exc()]
    finally:
        if not keep:
            shutil.rmtree(cwd, ignore_errors=True)
    return case.name, count, problems


def report(results, group, least):
    """Print every case and the count; the exit status."""
    failed = compared = total = 0
    for name, count, problems in results:
        total += 1
        compared += count
        failed += bool(problems)
        print(f"{'not ok' if problems else 'ok'} {name}: {count} compared", flush=True)
        for line in problems:
            print("    " + line.replace("\n", "\n    "))
    print(f"oracle-{group}: {total} cases, {compared} comparisons, {failed} failed")
    if total < least:
        print(f"only {total} cases ran; {least} is the least")
        return 1
    if not compared:
        print("nothing was compared")
        return 1
    return 1 if failed else 0


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("group", choices=sorted(matrix.MINIMUM))
    parser.add_argument("--only", default="", help="cases whose name contains this")
    parser.add_argument("--every", type=int, default=1, help="every so-manieth case only")
    parser.add_argument("--keep", help="leave each case's files below this folder")
    parser.add_argument("--jobs", type=int, default=2)
    arguments = parser.parse_args()
    chosen = [c for c in matrix.group_cases(arguments.group) if arguments.only in c.name]
    every = 1 if os.environ.get("MODFMT_ALL") else arguments.every
    chosen = matrix.sample(chosen, every)
    least = 0 if arguments.only else matrix.MINIMUM[arguments.group] // (1 if every == 1 else 4 * every)
    jobs = [(c, arguments.keep) for c in chosen]
    with multiprocessing.Pool(arguments.jobs) as pool:
        return report(pool.imap(run_case, jobs), arguments.group, least)


if __name__ == "__main__":
    sys.exit(main())
