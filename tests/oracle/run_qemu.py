#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""The oracle's images run on emulated boards and find themselves in order.

    run_qemu.py [--only TEXT] [--keep DIR]

Each source checks itself and returns 0, or the number of the check that failed. Images of
ARMv6-M and v7E-M run on the STM32F405, the small ones of the former on a Cortex-M0 as well,
images of ARMv8-M on a Cortex-M33; those that may be run apart too. Those whose text can stay in flash run
there, two instances of each as well, and those that can be linked for flash are, by modflash.
Many images go into one flash region, so that QEMU starts a few times only.
"""
import argparse
import multiprocessing
import os
import pathlib
import re
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = sys.pycache_prefix is None
import build       # noqa: E402
import cases       # noqa: E402
import matrix      # noqa: E402
import tools       # noqa: E402

REGION = 120 << 10      # of the firmware's 128 KB
# firmware: core whose build has it, bytes of module RAM to count on
BOARDS = {"stm32f405": ("cortex-m4", 60 << 10), "mps2-an505": ("cortex-m33", 60 << 10),
          "microbit": ("cortex-m0", 8 << 10)}
OPTIONS = ("gcc-O0", "gcc-Os", "gcc-slow-flash", "gcc-long-calls", "gcc-fpic", "gcc-sb",
           "gcc-lto", "clang-Os", "clang-ropi")
# These are for every other source only: all of them would take too long.
HALF = ("gcc-O2", "clang-O0", "clang-fpic", "gcc-hard", "clang-hard")
MINIMUM = 140
TWICE, LINKED = ("--twice",), ("linked",)
ARENA = 16 << 10        # RAM that the firmware has for linked images


def chosen_cases():
    plain = matrix.sources((".c", ".S", ".cpp")) + matrix.sources((".c",), group="libc")
    runnable = [s for s in plain
                if build.directives(build.SOURCES / s).get("run") != ["no"]]
    found = matrix.spread(runnable, OPTIONS, cores=("m4", "m0", "m33", "m23")) \
        + matrix.spread(runnable[::2], HALF, cores=("m4", "m0"))
    # The layouts that differ most from the usual one run as well.
    few = [s for s in matrix.sources((".c",)) if s in runnable]
    found += matrix.crossed(few, ("gcc-Os",), ("data_first.ld", "bss_between.ld",
                                               "outside.ld"), cores=("m4", "m0"))
    found = [c for c in found if c.option not in c.direct.get("run_not", [])]
    return matrix.sample(found, 1 if os.environ.get("MODFMT_ALL") else 3)


def boards_of(core, ram):
    """Where an image of that core that takes `ram` bytes of RAM is run."""
    if core in ("m33", "m23"):
        return ["mps2-an505"]
    return ["stm32f405"] + (["microbit"] if core == "m0" and ram <= BOARDS["microbit"][1]
                            else [])


def short_name(case):
    """A module's name, at most 63 bytes: letters, digits, dashes."""
    return re.sub(r"[^A-Za-z0-9]+", "-", case.name.replace(".ld", ""))[:63]


def make(job):
    """Build and pack one case: (name, path of the image, boards, problem)."""
    case, folder = job
    cwd = pathlib.Path(folder) / short_name(case)
    cwd.mkdir(parents=True)
    try:
        link = cases.prepare(case, cwd)
        # libc, which vtables.cpp takes __cxa_atexit of, is not compiled for r9.
        xip = case.option == "gcc-sb" and case.flag("group") != "libc" \
            and case.source != "vtables.cpp"
        elf = link.at("base", case.base(), flags=["--emit-relocs"],
                      data=cases.some_data(case) if case.layout == "plain.ld" else None)
        in_place = ["--xip"] if xip else []
        image, _ = tools.pack(elf, cwd, "--name", short_name(case), "--strip-names", *in_place)
        ram = image.text_mem + image.data_mem
        boards = boards_of(case.core, ram)
        if ram > BOARDS[boards[0]][1]:
            raise build.Failure(f"needs {ram} bytes of RAM")
        return short_name(case), str(image.path), boards, None
    except build.Failure as failure:
        return short_name(case), None, [], str(failure)


def batches(images, arena):
    """Images in groups that fit the flash region, and whose data fits the arena."""
    found, size, ram = [[]], 0, 0
    for name, path in images:
        image = tools.Image(path)
        length, data = (len(image.bytes) + 511) & ~255, image.data_mem + 64
        if size + length > REGION or ram + data > arena or len(found[-1]) >= 48:
            found.append([])
            size = ram = 0
        found[-1].append((name, path))
        size, ram = size + length, ram + data
    return [b for b in found if b]


def runs_of(board, images):
    """(options, images, bytes of RAM for linked ones) of each way to run a board's images."""
    apart = [(n, p) for n, p in images if tools.Image(p).flags & tools.FLAG_APART]
    in_place = [(n, p) for n, p in images if tools.Image(p).flags & tools.FLAG_IN_PLACE]
    ways = [((), images), (("--apart",), apart), (("--copy",), in_place),
            (TWICE, in_place)]
    if board == "stm32f405":        # modflash knows that one
        ways.append((LINKED, [(n, p) for n, p in apart if tools.Image(p).data_mem < ARENA - 64]))
    return [(options, chosen, ARENA if options == LINKED else 1 << 30)
            for options, chosen in ways]


def firmware(board):
    top = pathlib.Path(os.environ.get("MODFMT_BUILD", tools.ROOT / "build"))
    return top / "cross" / BOARDS[board][0] / "target-loader" / "firmware" / f"{board}.elf"


def link_for_flash(images, board):
    """A flash file into which modflash has linked the images."""
    flash = pathlib.Path(images[0][1]).parent / "flash.img"
    flash.unlink(missing_ok=True)
    build.run([tools.tool("MODFLASH"), "--probe", f"file:{flash}", "--chip", board, "--firmware",
               firmware(board), "install", "--xip-link", *(p for _, p in images)],
              flash.parent, "modflash install --xip-link")
    return flash


def run_batch(images, board, options=()):
    """Run images together: {name: what the console says of it} and how it ended."""
    if options == LINKED:
        which = ["--flash", link_for_flash(images, board)]
    else:
        which = [*options, *(p for _, p in images)]
    done = subprocess.run([tools.ROOT / "scripts" / "run-qemu.sh", "--firmware",
                           firmware(board), *which],
                          capture_output=True, text=True, errors="replace", timeout=900)
    said = {}
    for line in done.stdout.splitlines():
        found = re.match(r"module ([A-Za-z0-9-]+(?:\.2)?) [0-9.]+:? *(.*)", line)
        if found and found.group(1) not in said:
            said[found.group(1)] = found.group(2).strip()
    return said, done


def returned(text):
    found = re.search(r"returned (-?\d+)", text or "")
    return int(found.group(1)) if found else None


def judge_batch(images, board, options=()):
    """Run images and print a line for each; how many failed.

    A module that faults ends the emulation, so what follows it is run again without it.
    """
    failed = 0
    while images:
        said, done = run_batch(images, board, options)
        heard = max((i for i, (n, _) in enumerate(images) if n in said), default=0) + 1
        wrong = 0
        for name, _ in images[:heard]:
            names = [name, name + ".2"] if options == TWICE else [name]
            good = all(returned(said.get(n)) == 0 for n in names)
            wrong += not good
            print(f"{'ok' if good else 'not ok'} {' '.join([board, *options])} {name}"
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
    name, path, _, problem = make((case, folder))
    if problem:
        print(f"not ok {name}: {problem}")
        return False
    said, done = run_batch([(name, path)], "stm32f405")
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
        failed = ran = 0
        for name, _, _, problem in made:
            if problem:
                failed += 1
                print(f"not ok {name}: {problem}")
        for board in BOARDS:
            images = [(n, p) for n, p, boards, _ in made if board in boards]
            for options, chosen, arena in runs_of(board, images):
                ran += len(chosen)
                for batch in batches(chosen, arena):
                    failed += judge_batch(batch, board, options)
        failed += not failure_is_seen(folder)
        print(f"oracle-qemu: {len(made)} modules, {ran} runs, {failed} failed")
        if not arguments.only and len(made) < MINIMUM:
            print(f"only {len(made)} modules; {MINIMUM} is the least")
            return 1
        return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
