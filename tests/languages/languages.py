#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""languages.py CASE: an example on the demo firmware, on QEMU, and all that it prints.

Environment: MODFMT_SOURCE, MODFMT_BUILD, MKMOD, RUST_MISSING (why there is no Rust, or nothing).
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
    "params": (["greeting", "morning"], """Hello
module greeting 1.0.0: returned 0
Good morning
Good morning
Good morning
module morning 1.0.0: returned 0
"""),
}


PARAMS = r"\3\0\0\0Good morning\0"


def morning(folder):
    """The image of greeting with other parameters, as its comment has it."""
    params = pathlib.Path(folder) / "greetings.bin"
    params.write_bytes(PARAMS.encode().decode("unicode_escape").encode())
    image = pathlib.Path(folder) / "morning.bin"
    subprocess.run([os.environ["MKMOD"], "--version", "1.0.0", "--name", "morning", "--params", params,
                    BUILD / "examples/greeting.elf", "-o", image], check=True)
    return image


def commands():
    """What the heads of the sources say is run as it stands there, and makes the images that the
    build made."""
    made = 0
    with tempfile.TemporaryDirectory() as folder:
        tools = pathlib.Path(folder) / "tools"
        tools.mkdir()
        (tools / "mkmod").symlink_to(os.environ["MKMOD"])
        shutil.copytree(SOURCE / "examples", pathlib.Path(folder) / "examples")
        (pathlib.Path(folder) / "target-loader").symlink_to(SOURCE / "target-loader")
        # counter before sheep
        for source in sorted((pathlib.Path(folder) / "examples").glob("*/*.c*")):
            head = re.match(r"(?:/\*.*\*/\n)?/\*\n(.*?)\*/", source.read_text(), re.S)
            script = re.findall(r"^ \*     (.*)$", head[1], re.M) if head else []
            if not any(line.startswith("mkmod") for line in script):
                continue
            script = [f"printf {PARAMS!r} >greetings.bin" if source.stem == "greeting" else ":", *script]
            subprocess.run(["bash", "-euc", "\n".join(script)], check=True, cwd=source.parent,
                           env=os.environ | {"PATH": f"{tools}:{os.environ['PATH']}"})
            image = source.with_suffix(".bin").read_bytes()
            if image != (BUILD / f"examples/{source.stem}.bin").read_bytes():
                print(f"{source.name}: makes another image than the build")
                return 1
            made += 1
    print(made, "images made")
    return made < 8


def main(case):
    if case == "commands":
        return commands()
    if case == "rust" and os.environ["RUST_MISSING"]:
        print("skipped:", os.environ["RUST_MISSING"])
        return 77
    if case == "rust":
        subprocess.run(["ninja", "-C", BUILD, "examples/rust/rust.bin"], check=True)
    names, wanted = CASES[case]
    with tempfile.TemporaryDirectory() as folder:
        images = [morning(folder) if name == "morning" else BUILD / f"examples/{name}.bin"
                  for name in names]
        done = subprocess.run([SOURCE / "scripts/run-qemu.sh", "--timeout", "60", *images],
                              capture_output=True, text=True)
    lines = done.stdout.replace("\r", "").splitlines(keepends=True)
    printed, free = "".join(lines[1:-1]), FREE.findall(done.stdout)
    print(done.stdout, done.stderr)
    if done.returncode or printed != wanted:
        print(f"exit status {done.returncode}; wanted 0 and\n{wanted}")
        return 1
    return len(free) != 2 or free[0] != free[1]


sys.exit(main(sys.argv[1]))
