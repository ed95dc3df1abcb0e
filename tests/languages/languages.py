#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""languages.py CASE: an example on the demo firmware, on QEMU, and all that it prints.

Environment: MODFMT_SOURCE, MODFMT_BUILD, MKMOD, MODAPI,
RUST_MISSING (why there is no Rust, or nothing).
"""
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

SOURCE = pathlib.Path(os.environ["MODFMT_SOURCE"])
BUILD = pathlib.Path(os.environ["MODFMT_BUILD"])
FREE = re.compile(r"(\d+) bytes of module RAM free")

# Image: what the modules print, the firmware's line on each included.
CASES = {
    "c": (["hello", "average"], """\
Hello from a module
module hello 1.0.0: returned 0
smallest   -7
average    38
module average 1.0.0: returned 0
"""),
    # journal and total are static objects; the ruler is one in a function.
    "cxx": (["cxx"], """\
constructed
total constructed
square of area 49
ruler constructed
rectangle of area 15
ruler destructed
total of 64 destructed
destructed after 2 shapes
module cxx 1.0.0: returned 0
"""),
    "rust": (["rust/rust"], """\
   square of area  49
rectangle of area  15
dropped after 2 shapes
module rust 1.0.0: returned 0
"""),
    "newlib": (["newlib"], """\
0: -0.9589
1: -0.7568
2: +0.0000
3: +0.1411
4: +0.8415
5: +0.9093
root of the sum of squares: 1.745593
module newlib 1.0.0: returned 0
"""),
    # Whichever comes first in flash, what is needed is loaded first.
    "modules": (["sheep", "counter"], """1 black sheep, 1 white ones
2 black sheep, 3 white ones
3 black sheep, 6 white ones
9 in all
module sheep 1.0.0: returned 0
module counter 1.0.0: has no entry
"""),
    # Twice: what each instance counts and sorts is its own.
    "xip": (["--twice", "xip"], """\
Cid wins with 99 points, Bob is last; 12 comparisons
Cid wins with 99 points, Bob is last; 12 comparisons
module xip 1.0.0: returned 0 (in place, 112 bytes of RAM)
module xip.2 1.0.0: returned 0 (in place, 112 bytes of RAM)
"""),
    "params": (["greeting", "morning"], """Hello
module greeting 1.0.0: returned 0
Good morning
Good morning
Good morning
module morning 1.0.0: returned 0
"""),
}


PARAMS = b"\3\0\0\0Good morning\0"


def morning(folder):
    """The image of greeting with other parameters, as its comment has it."""
    params = pathlib.Path(folder) / "greetings.bin"
    params.write_bytes(PARAMS)
    image = pathlib.Path(folder) / "morning.bin"
    subprocess.run([os.environ["MKMOD"], "--version", "1.0.0", "--name", "morning", "--params", params,
                    BUILD / "examples/greeting.elf", "-o", image], check=True)
    return image


def copy_examples(folder):
    """As in the source tree, and with tools. @return its folder, and the environment"""
    tools = pathlib.Path(folder) / "tools"
    tools.mkdir()
    for tool in ("mkmod", "modapi"):
        (tools / tool).symlink_to(os.environ[tool.upper()])
    shutil.copytree(SOURCE / "examples", pathlib.Path(folder) / "examples")
    (pathlib.Path(folder) / "target-loader").symlink_to(SOURCE / "target-loader")
    return (pathlib.Path(folder) / "examples",
            os.environ | {"PATH": f"{tools}:{os.environ['PATH']}"})


def commands_of(source):
    """The commands in the head of a source, or nothing."""
    if source.suffix == ".rs":
        return re.findall(r"^//!     (.*)$", source.read_text(), re.M)
    head = re.match(r"(?:/\*.*\*/\n)?/\*\n(.*?)\*/", source.read_text(), re.S)
    return re.findall(r"^ \*     (.*)$", head[1], re.M) if head else []


def same_image(source, environment, built):
    subprocess.run(["bash", "-euc", "\n".join(commands_of(source))], check=True,
                   cwd=source.parent, env=environment)
    if source.with_suffix(".bin").read_bytes() == built.read_bytes():
        return True
    print(f"{source.name}: its commands make another image than the build")
    return False


def commands():
    """What the heads of the sources say is run as it stands there, and makes the images that the
    build made."""
    made = 0
    with tempfile.TemporaryDirectory() as folder:
        examples, environment = copy_examples(folder)
        (examples / "greeting/greetings.bin").write_bytes(PARAMS)
        for source in sorted(examples.glob("*/*.c*")): # counter before sheep
            if not any(line.startswith("mkmod") for line in commands_of(source)):
                continue
            if not same_image(source, environment, BUILD / f"examples/{source.stem}.bin"):
                return 1
            made += 1
    print(made, "images made")
    return made < 8


def rust():
    """Build the example, which nothing else does, and see that its head says how."""
    subprocess.run(["ninja", "-C", BUILD, "examples/rust/rust.bin"], check=True)
    with tempfile.TemporaryDirectory() as folder:
        examples, environment = copy_examples(folder)
        (examples / "rust/core").symlink_to(BUILD / "examples/rust")
        if not same_image(examples / "rust/rust.rs", environment, BUILD / "examples/rust/rust.bin"):
            return False
        if (examples / "rust/firmware.rs").read_bytes() != (SOURCE / "examples/rust/firmware.rs").read_bytes():
            print("examples/rust/firmware.rs is not what modapi makes of firmware.h any more")
            return False
    return True


def other_rust():
    """Sources of core that are not the compiler's own are not compiled, nor is it without any."""
    with tempfile.TemporaryDirectory() as folder:
        sources = pathlib.Path(folder) / "lib/rustlib/src/rust"
        fake = pathlib.Path(folder) / "rustc"
        fake.write_text(f"#!/bin/sh\n[ $1 = --print ] && echo {folder} || echo 'rustc 1.95.0 (x y)'\n")
        fake.chmod(0o755)
        for file, text, wanted in (
                (None, "", f"{sources}: no sources of core; install rust-src"),
                ("library/core/src/lib.rs", "", f"{fake} is 1.95.0, but the sources are of none"),
                ("src/version", "1.63.0\n", f"{fake} is 1.95.0, but the sources are of 1.63.0")):
            if file:
                (sources / file).parent.mkdir(parents=True)
                (sources / file).write_text(text)
            for rustc, message in ((fake, wanted), (f"{fake}-1.95", f"{fake}-1.95 is missing; install rustc")):
                done = subprocess.run([SOURCE / "examples/rust/core.sh", rustc, f"{folder}/core"],
                                      capture_output=True, text=True)
                if done.returncode != 3 or done.stderr != f"core.sh: {message}\n":
                    print(f"{done.returncode}: {done.stderr}; wanted 3: {message}")
                    return 1
    return 0


def main(case):
    if case == "other-rust":
        return other_rust()
    if case == "commands":
        return commands()
    if case == "rust" and os.environ["RUST_MISSING"]:
        print("skipped:", os.environ["RUST_MISSING"])
        return 77
    if case == "rust" and not rust():
        return 1
    names, wanted = CASES[case]
    with tempfile.TemporaryDirectory() as folder:
        images = [morning(folder) if name == "morning" else name if name.startswith("--")
                  else BUILD / f"examples/{name}.bin" for name in names]
        done = subprocess.run([SOURCE / "scripts/run-qemu.sh", "--timeout", "600", *images],
                              capture_output=True, text=True)
    lines = done.stdout.replace("\r", "").splitlines(keepends=True)
    printed, free = "".join(lines[1:-1]), FREE.findall(done.stdout)
    print(done.stdout, done.stderr)
    if done.returncode or printed != wanted:
        print(f"exit status {done.returncode}; wanted 0 and\n{wanted}")
        return 1
    return len(free) != 2 or free[0] != free[1]


sys.exit(main(sys.argv[1]))
