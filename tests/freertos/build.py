#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""build.py FLAVOUR KERNEL OUT STAMP: a firmware of FreeRTOS, the loader and the cases, and its
modules, in the folder OUT: firmware.elf, modules.bin.

FLAVOUR is heap (a Cortex-M4F, all from the kernel's heap) or static (a Cortex-M3, a kernel
without a heap). KERNEL is a FreeRTOS-Kernel tree. Environment: MODFMT_SOURCE, MODFMT_BUILD,
MKMOD, MODAPI.
"""
import concurrent.futures
import os
import pathlib
import subprocess
import sys

SOURCE = pathlib.Path(os.environ["MODFMT_SOURCE"])
HERE = SOURCE / "tests/freertos"
LOADER = SOURCE / "target-loader"
PORT = LOADER / "port"
GCC = "arm-none-eabi-gcc"
WARNINGS = ["-Wall", "-Wextra", "-Wconversion", "-Wshadow", "-Wvla", "-Wundef", "-Werror"]
C_WARNINGS = ["-std=c11", "-Wstrict-prototypes", "-Wmissing-prototypes"]

FLAVOURS = {
    "heap": dict(core="cortex-m4", port="ARM_CM4F", define=[],
                 cpu=["-mcpu=cortex-m4", "-mfloat-abi=softfp", "-mfpu=fpv4-sp-d16"],
                 kernel=["portable/MemMang/heap_4.c"], sources=[],
                 link=["-Wl,--wrap=pvPortMalloc"]),
    "static": dict(core="cortex-m3", port="ARM_CM3", define=["-DSTATIC_ONLY"],
                   cpu=["-mcpu=cortex-m3"], kernel=[],
                   sources=[PORT / "cortex-m/arena.c", HERE / "firmware/idle_memory.c"],
                   link=[]),
}
PORT_SOURCES = [PORT / "cortex-m/sync.c", PORT / "cortex-m/call.S", PORT / "cortex-m/port.c",
                PORT / "cortex-m/arena.c", PORT / "cxx/atexit.c", PORT / "cxx/guard.c",
                *[PORT / f"freertos/{name}.c"
                  for name in ("registry", "module_task", "module_heap", "runtime")]]
OWN_SOURCES = [HERE / f"firmware/{name}.c" for name in ("main", "cases", "instances", "placing", "board", "example")]
INCLUDES = [f"-I{folder}" for folder in (
    HERE / "firmware", PORT / "freertos", PORT / "cxx", PORT / "cortex-m", LOADER,
    SOURCE / "libmodfmt")]
# Where clang finds the C library's headers.
NEWLIB = ["-isystem", "/usr/include/newlib"]
# Comes first: others are made with its description.
LIBRARY = ("library", "library.c", [], ["--export", "library_add", "--write-api", "library.api"])
# Modules: name, source, the compiler's and mkmod's options beyond the usual.
BASE = ["-fpic", "-msingle-pic-base", "-mpic-register=r9", "-mno-pic-data-is-text-relative"]
MODULES = [
    ("ticker_a", "ticker.c", ["-DWHO='a'"], []), ("ticker_b", "ticker.c", ["-DWHO='b'"], []),
    ("once", "once.c", [], []), ("stubborn", "stubborn.c", [], []),
    ("spinner", "spinner.c", [], []), ("blocked", "blocked.c", [], []),
    ("leaky", "leaky.c", [], []), ("churn", "churn.c", [], []),
    ("deep", "deep.c", [], ["--stack-size", "3000"]), ("cxx", "cxx.cpp", ["-DWHO='c'"], []),
    ("cxx_b", "cxx.cpp", ["-DWHO='d'"], []), ("late", "late.c", [], []),
    ("small_stack", "once.c", [], ["--stack-size", "1000"]),
    ("big_stack", "once.c", [], ["--stack-size", "8000"]),
    ("huge_stack", "once.c", [], ["--stack-size", "120000"]),
    ("absurd_stack", "once.c", [], ["--stack-size", "4294967292"]),
    ("aligned", "aligned.c", [], []), ("worker", "worker.c", [], []),
    ("suicidal", "suicidal.c", [], []), ("base_a", "base.c", ["-DWHO='x'", *BASE], []),
    ("base_b", "base.c", ["-DWHO='y'", *BASE], []),
    ("callback", "callback.c", BASE, ["--xip", "--export", "count_of"]),
    ("cxx_base", "cxx.cpp", ["-DWHO='z'", *BASE], ["--xip"]),
    ("tail", "tail.c", [], []), ("user", "user.c", [], ["--api", "library.api"]),
]
HEAP_MODULES = [("served", "served.c", [], ["--export", "module_stop"])]


def run(*command):
    done = subprocess.run([str(c) for c in command], capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{' '.join(map(str, command))}\n{done.stdout}{done.stderr}")


def all_at_once(jobs):
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        return list(pool.map(lambda job: job(), jobs))


def table(flavour, kernel, out, name, *headers):
    """Have modapi make a table of what headers declare, and its description."""
    source = out / f"{name}_table.c"
    run(os.environ["MODAPI"], "build", *headers, "-o", source, "--api", out / f"{name}.api",
        "--api-version", "1.0.0", "--name", name, "--", *flavour["cpu"],
        "-mthumb", "-ffreestanding", *flavour["define"], *INCLUDES,
        *kernel_includes(flavour, kernel))
    return source


def kernel_includes(flavour, kernel):
    """As a system's, so that its macros are not warned of."""
    return ["-isystem", kernel / "include", "-isystem", kernel / "portable/GCC" / flavour["port"]]


def firmware(flavour, kernel, out):
    flags = [*flavour["cpu"], "-mthumb", "-Os", "-g", "-ffunction-sections", "-fdata-sections",
             "-ffreestanding", *flavour["define"], *INCLUDES, *kernel_includes(flavour, kernel)]
    theirs = [kernel / name for name in ("tasks.c", "queue.c", "list.c", "timers.c", *flavour["kernel"])]
    theirs.append(kernel / "portable/GCC" / flavour["port"] / "port.c")
    ours = [*PORT_SOURCES, *OWN_SOURCES, *flavour["sources"],
            table(flavour, kernel, out, "firmware", PORT / "freertos/runtime.h",
                  HERE / "firmware/offered.h"),
            table(flavour, kernel, out, "kernel", PORT / "freertos/kernel_calls.h")]
    jobs, objects = [], []
    for source in dict.fromkeys(theirs + ours):
        strict = ["-w"] if source in theirs else [*WARNINGS, *C_WARNINGS]
        objects.append(out / f"{source.parent.name}-{source.stem}.o")
        jobs.append(lambda s=source, o=objects[-1], w=strict:
                    run(GCC, *flags, *w, "-c", s, "-o", o))
    # The other compiler only looks at what is ours.
    jobs += [lambda s=source: run("clang", "--target=arm-none-eabi", *flags, *NEWLIB, *WARNINGS,
                                  *C_WARNINGS, "-fsyntax-only", s)
             for source in ours if source.suffix == ".c"]
    all_at_once(jobs)
    cross = pathlib.Path(os.environ["MODFMT_BUILD"]) / "cross" / flavour["core"]
    script = HERE / "firmware/mps2.ld"
    run(GCC, *flavour["cpu"], "-mthumb", "-nostartfiles", "-Wl,--gc-sections", "-T", script,
        *flavour["link"], *objects, cross / "target-loader/libmodload.a",
        cross / "libmodfmt/libmodfmt.a", "-o", out / "firmware.elf")


def module(flavour, kernel, out, name, source, cflags, mkmod):
    elf, image = out / f"{name}.elf", out / f"{name}.bin"
    cxx = ["-fno-exceptions", "-fno-rtti"] if source.endswith("cpp") else C_WARNINGS
    run("arm-none-eabi-g++" if source.endswith("cpp") else GCC, *flavour["cpu"], "-mthumb", "-Os",
        "-g", *WARNINGS, *cxx, *cflags, *flavour["define"], f"-I{HERE}/firmware",
        *kernel_includes(flavour, kernel), "-nostdlib", "-T", SOURCE / "examples/module.ld",
        "-Wl,--emit-relocs,--unresolved-symbols=ignore-all", HERE / "modules" / source, "-o", elf,
        "-lgcc")
    run(os.environ["MKMOD"], "--version", "1.0.0", "--api", out / "firmware.api",
        "--api", out / "kernel.api", *[out / o if o.endswith(".api") else o for o in mkmod],
        elf, "-o", image)
    return image.read_bytes()


def check_readme():
    """What the README shows is what is compiled here."""
    code = (HERE / "firmware/example.c").read_text()
    code = code.split("/* README begins */\n")[1].split("/* README ends */")[0]
    shown = "".join(f"    {line}\n" if line else "\n" for line in code.rstrip().split("\n"))
    if shown not in (PORT / "freertos/README.md").read_text():
        sys.exit("target-loader/port/freertos/README.md: its code is not that of example.c")


def main():
    check_readme()
    flavour = FLAVOURS[sys.argv[1]]
    kernel, out = pathlib.Path(sys.argv[2]), pathlib.Path(sys.argv[3])
    out.mkdir(parents=True, exist_ok=True)
    firmware(flavour, kernel, out)
    wanted = MODULES + (HEAP_MODULES if sys.argv[1] == "heap" else [])
    images = [module(flavour, kernel, out, *LIBRARY)]
    images += all_at_once([lambda m=m: module(flavour, kernel, out, *m) for m in wanted])
    (out / "modules.bin").write_bytes(b"".join(images))
    pathlib.Path(sys.argv[4]).touch()


main()
