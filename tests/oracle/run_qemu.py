#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""The oracle's images run on an emulated STM32F405 and find themselves in order.

    run_qemu.py [--only TEXT] [--keep DIR]

Each source checks itself and returns 0, or the number of the check that failed. Many
images go into one flash region, so that QEMU starts a few times only.
"""
import argparse
import multiprocessing
import pathlib
import re
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
import build       # noqa: E402
import cases       # noqa: E402
import matrix      # noqa: E402
import tools       # noqa: E402

REGION = 120 << 10      # of the firmware's 128 KB
MODULE_RAM = 60 << 10   # of the firmware's 64 KB
OPTIONS = ("gcc-O0", "gcc-Os", "gcc-slow-flash", "gcc-long-calls", "gcc-fpic", "gcc-sb",
           "gcc-lto", "clang-Os", "clang-ropi")
# These are for every other source only: all of them would take too long.
HALF = ("gcc-O2", "clang-O0", "clang-fpic", "gcc-hard", "clang-hard")
MINIMUM = 300


def chosen_cases():
    plain = matrix.sources((".c", ".S", ".cpp")) + matrix.sources((".c",), group="libc")
    runnable = [s for s in plain
                if build.directives(build.SOURCES / s).get("run") != ["no"]]
    found = [c for c in matrix.spread(runnable, OPTIONS, cores=("m4", "m0"))
             + matrix.spread(runnable[::2], HALF, cores=("m4", "m0"))
             if c.option not in c.direct.get("run_not", [])]
    # The layouts that differ most from the usual one run as well.
    few = [s for s in runnable if s.endswith(".c") and s not in matrix.sources(
        (".c",), group="libc")]
    return found + matrix.crossed(few, ("gcc-Os",), ("data_first.ld", "bss_between.ld",
                                                     "outside.ld"), cores=("m4", "m0"))


def short_name(case):
    """A module's name, at most 63 bytes: letters, digits, dashes."""
    return re.sub(r"[^A-Za-z0-9]+", "-", case.name.replace(".ld", ""))[:63]


def make(job):
    """Build and pack one case: (name, path of the image, problem)."""
    case, folder = job
    cwd = pathlib.Path(folder) / short_name(case)
    cwd.mkdir(parents=True)
    try:
        link = cases.prepare(case, cwd)
        elf = link.at("base", case.base(), flags=["--emit-relocs"])
        image, _ = tools.pack(elf, cwd, "--name", short_name(case), "--strip-names")
        if image.text_mem + image.data_mem > MODULE_RAM:
            raise build.Failure(f"needs {image.text_mem + image.data_mem} bytes of RAM")
        return short_name(case), str(image.path), None
    except build.Failure as failure:
        return short_name(case), None, str(failure)


def batches(images):
    """Images in groups that fit the flash region."""
    found, size = [[]], 0
    for name, path in images:
        length = (pathlib.Path(path).stat().st_size + 255) & ~255
        if size + length > REGION or len(found[-1]) >= 48:
            found.append([])
            size = 0
        found[-1].append((name, path))
        size += length
    return [b for b in found if b]


def run_batch(images, options=()):
    """Run images together: {name: what the console says of it} and how it ended."""
    done = subprocess.run([tools.ROOT / "scripts" / "run-qemu.sh", *options,
                           *(p for _, p in images)],
                          capture_output=True, text=True, errors="replace", timeout=60)
    said = {}
    for line in done.stdout.splitlines():
        found = re.match(r"module ([A-Za-z0-9-]+) [0-9.]+:? *(.*)", line)
        if found and found.group(1) not in said:
            said[found.group(1)] = found.group(2).strip()
    return said, done


def returned(text):
    found = re.search(r"returned (-?\d+)", text or "")
    return int(found.group(1)) if found else None


def judge_batch(images, options=()):
    """Run images and print a line for each; how many failed.

    A module that faults ends the emulation, so what follows it is run again without it.
    """
    failed = 0
    while images:
        said, done = run_batch(images, options)
        heard = max((i for i, (n, _) in enumerate(images) if n in said), default=0) + 1
        wrong = 0
        for name, _ in images[:heard]:
            good = returned(said.get(name)) == 0
            wrong += not good
            print(f"{'ok' if good else 'not ok'} {' '.join(options)} {name}"
                  + ("" if good else f": {said.get(name, 'the console says nothing of it')}"))
        if (done.returncode == 0) != (wrong == 0 and heard == len(images)) \
                or (heard < len(images) and not wrong):
            print(f"run-qemu.sh exits {done.returncode}; {heard} of {len(images)} modules "
                  f"heard of, {wrong} failed: {done.stdout[-300:]}{done.stderr[-300:]}")
            wrong += 1
        failed += wrong
        images = images[heard:]
    return failed


def failure_is_seen(folder):
    """A module that returns 5 must be reported as such, or all this proves nothing."""
    case = matrix.Case("returns_five.c", "gcc-Os", "m4")
    name, path, problem = make((case, folder))
    if problem:
        print(f"not ok {name}: {problem}")
        return False
    said, done = run_batch([(name, path)])
    good = returned(said.get(name)) == 5 and done.returncode != 0
    print(f"{'ok' if good else 'not ok'} {name}: exit {done.returncode}, {said.get(name)}")
    return good


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--only", default="")
    parser.add_argument("--keep", help="leave the files below this (new) folder")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="oracle-qemu-") as temporary:
        folder = arguments.keep or temporary
        jobs = [(c, folder) for c in chosen_cases() if arguments.only in c.name]
        with multiprocessing.Pool(2) as pool:
            made = pool.map(make, jobs)
        failed = 0
        for name, _, problem in made:
            if problem:
                failed += 1
                print(f"not ok {name}: {problem}")
        images = [(n, p) for n, p, problem in made if not problem]
        for batch in batches(images):
            failed += judge_batch(batch)
        apart = [(n, p) for n, p in images if tools.Image(p).flags & tools.FLAG_APART]
        for batch in batches(apart):
            failed += judge_batch(batch, ("--apart",))
        failed += not failure_is_seen(folder)
        print(f"oracle-qemu: {len(made)} modules, {len(apart)} of them also apart, "
              f"{failed} failed")
        if not arguments.only and len(made) < MINIMUM:
            print(f"only {len(made)} modules; {MINIMUM} is the least")
            return 1
        return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
