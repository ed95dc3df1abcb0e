#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""acceptance.py LINE: one line of the acceptance list, done as a newcomer would do it.

Wants MKMOD, MODDUMP, MODFLASH, VIRTUAL_BOARD, MODFMT_SOURCE and MODFMT_BUILD in the environment.
"""
import json
import os
import pathlib
import random
import re
import subprocess
import sys
import tempfile
import textwrap

SOURCE = pathlib.Path(os.environ["MODFMT_SOURCE"])
BUILD = pathlib.Path(os.environ["MODFMT_BUILD"])
MKMOD, MODDUMP = os.environ["MKMOD"], os.environ["MODDUMP"]
MODFLASH, BOARD = os.environ["MODFLASH"], os.environ["VIRTUAL_BOARD"]
GCC = ["arm-none-eabi-gcc", "-mcpu=cortex-m4", "-mthumb", "-Os"]
LINK = [*GCC, "-nostdlib", "-Wl,--emit-relocs", "-Wl,--unresolved-symbols=ignore-all"]
MODULE = """
int other;
int *const pointers[] = {&other, &other + 1};
static int twice(int x) { return 2 * x; }
int (*function)(int) = twice;
int module_entry(void *param)
{
    (void)param;
    return function(21) - 42 + (pointers[0] != &other);
}
"""


def run(*command, status=0, **options):
    done = subprocess.run([str(c) for c in command], capture_output=True, text=True, **options)
    assert done.returncode == status, f"{command}: {done.returncode}\n{done.stdout}{done.stderr}"
    return done


def compile_module(text=MODULE, name="m"):
    pathlib.Path(f"{name}.c").write_text(text)
    run(*GCC, "-c", f"{name}.c", "-o", f"{name}.o")


def link(name="m", *options):
    run(*LINK, "-T", SOURCE / "examples/module.ld", *options, f"{name}.o", "-o", f"{name}.elf")


def make():
    compile_module()
    link()
    run(MKMOD, "--untyped", "m.elf", "-o", "m.bin")


def run_qemu(*images):
    firmware = BUILD / "cross/cortex-m4/target-loader/firmware/stm32f405.elf"
    return run(SOURCE / "scripts/run-qemu.sh", "--firmware", firmware, *images).stdout


def json_line():
    make()
    out = run("bash", "-o", "pipefail", "-c", f"{MODDUMP} --json m.bin | /usr/bin/python3 -m json.tool")
    assert json.loads(out.stdout)["name"] == "m"


def load_at_line():
    """GNU ld's own link at the address, its first byte there, bss as zeros."""
    make()
    run(MODDUMP, "--load-at", "0x20001300", "m.bin", "-o", "mem.bin")
    script = (SOURCE / "examples/module.ld").read_text()
    assert script.count("0x10000") == 1, "module.ld does not begin at 0x10000 any more"
    pathlib.Path("there.ld").write_text(script.replace("0x10000", "0x20001300"))
    run(*LINK, "-T", "there.ld", "m.o", "-o", "there.elf")
    run("arm-none-eabi-objcopy", "-O", "binary", "--set-section-flags",
        ".bss=alloc,load,contents", "there.elf", "there.bin")
    want, got = pathlib.Path("there.bin").read_bytes(), pathlib.Path("mem.bin").read_bytes()
    assert len(want) >= 40 and got == want, f"{got.hex()}\n{want.hex()}"
    assert b"\x13\x00\x20" in want, "no address in it: the link proves nothing"


def truncated_line():
    make()
    pathlib.Path("t.bin").write_bytes(pathlib.Path("m.bin").read_bytes()[:100])
    done = run(MODDUMP, "t.bin", status=1)
    assert done.stdout == "" and done.stderr.count("\n") == 1 and "100 bytes" in done.stderr


def seed_line():
    compile_module("int module_entry(void *param) { (void)param; return 0; }", "one")
    compile_module('extern int puts(const char *); static const char *text = "a string";\n'
                   "int module_entry(void *param) { (void)param; return puts(text) < 0; }", "two")
    for name in ("one", "two"):
        link(name)
        run(MKMOD, "--untyped", f"{name}.elf", "-o", f"{name}.bin")
    out = run_qemu("one.bin", "two.bin")
    assert "module one 0.0.0: returned 0" in out and "module two 0.0.0: returned 0" in out
    assert "\na string\n" in out.replace("\r", "")


def usage_line():
    make()
    os.mkdir("folder")
    cases = {(): 2, ("missing.elf", "-o", "x"): 3, ("folder", "-o", "x"): 3, ("m.o", "-o", "x"): 1,
             ("/usr/bin/true", "-o", "x"): 1}
    for arguments, status in cases.items():
        done = run(MKMOD, *arguments, status=status)
        assert done.stdout == "" and done.stderr.count("\n") == 1, (arguments, done.stderr)
        assert done.stderr.startswith("mkmod: ") and len(done.stderr) > 30, done.stderr
        assert not pathlib.Path("x").exists()
    done = run(MKMOD, "--help")
    assert done.stderr == "" and "--strip-names" in done.stdout


def demo_line():
    """As the README says, but for the build: the tests' own spares another one. Its tools are
    where it says and nowhere else."""
    build = pathlib.Path(os.environ["MODFMT_BUILD"])
    out = run(SOURCE / "scripts/demo.sh").stdout.replace("\r", "")
    assert "Hello from a module\nmodule hello 1.0.0: returned 0\n" in out and "It works" in out
    for text in ("hello 1.0.0: installed at 0x08060000", "hello 1.0.0 -> 1.1.0: updated",
                 "average: removed", "module hello 1.1.0: returned 0",
                 "module counter 1.0.0: not unloaded: MODLOAD_E_IN_USE", "9 in all",
                 "ruler destructed", "module sheep 1.0.0: unloaded"):
        assert text in out, text
    said = re.search(r"In the middle it says\n\n((?:    .*\n)+)", (SOURCE / "README.md").read_text())[1]
    assert "\n" + textwrap.dedent(said) in "\n" + out, said
    found = [str(p.relative_to(build)) for p in build.rglob("*")
             if p.name in ("mkmod", "moddump") and p.is_file() and os.access(p, os.X_OK)]
    assert sorted(found) == ["mkmod/mkmod", "moddump/moddump"], found


# --- the third issue: modflash on the virtual board --------------------------------------

def board(*client, options=(), status=0):
    return run(BOARD, "--flash", "f.img", "--stats", "stats", *options, "--", *client,
               status=status)


def stats():
    lines = pathlib.Path("stats").read_text().splitlines()
    return {name: int(value) for name, value in map(str.split, lines) if value.isdecimal()}


def pack(name, version, filling=0):
    """m.bin of that version, with so many bytes that differ from version to version."""
    table = ", ".join(map(str, random.Random(version).randbytes(filling)))
    compile_module(MODULE + f"const unsigned char table[] = {{{table or 0}}};\n")
    link()
    run(MKMOD, "--untyped", "--name", name, "--version", version, "m.elf", "-o", f"{name}-{version}.bin")
    return f"{name}-{version}.bin"


def modules():
    done = board(MODFLASH, "list", "--json")
    assert done.stderr == "", done.stderr
    return {row["name"]: row["version"] for row in json.loads(done.stdout)["modules"]}


def install_line():
    make()
    done = board(MODFLASH, "m.bin")
    assert done.stdout.startswith("m -: installed at 0x08060000, "), done.stdout
    assert modules() == {"m": None}
    assert pathlib.Path("m.bin").read_bytes() in pathlib.Path("f.img").read_bytes()[0x60000:]


def st_flash_line():
    make()
    board(MODFLASH, "m.bin")
    board("st-flash", "read", "r.bin", "0x08060000", "4096")
    assert pathlib.Path("r.bin").read_bytes() == \
        pathlib.Path("f.img").read_bytes()[0x60000:0x61000]


def cut_line():
    board(MODFLASH, pack("plug", "1.0.0"))
    update = pack("plug", "1.1.0")
    done = board(MODFLASH, update, options=("--cut-after", "7"), status=4)
    errors = [line for line in done.stderr.splitlines() if "error: " in line]
    assert len(errors) == 1 and "gone from USB" in errors[0], done.stderr
    assert "plug                     1.0.0" in board(MODFLASH, "list").stdout
    assert "updated" in board(MODFLASH, update).stdout and modules() == {"plug": "1.1.0"}


def gdb_server_line():
    """Port 3333, as it is typed; another one if somebody has that."""
    make()
    port = "3333"
    if subprocess.run(["sh", "-c", ": </dev/tcp/localhost/3333"], capture_output=True,
                      executable="/bin/bash").returncode == 0:
        port = "3335"
    script = f"""
        openocd -f interface/stlink.cfg -c 'transport select hla_swd' -f target/stm32f4x.cfg \\
            -c 'gdb_port {port}; tcl_port disabled; telnet_port disabled' >log 2>&1 & server=$!
        for i in $(seq 5000); do grep -q 'for gdb connections' log && break; sleep 0.05; done
        {MODFLASH} --probe gdb:localhost:{port} m.bin; status=$?
        sleep 0.2; kill $server; wait $server; exit $status"""
    done = board("bash", "-c", script)
    assert "m -: installed at 0x08060000" in done.stdout, done.stdout
    assert modules() == {"m": None}


def update_line():
    """An update programs the image and at most 64 bytes, and erases nothing."""
    board(MODFLASH, pack("plug", "1.0.0", 3000))
    for version in ("1.1.0", "1.2.0", "1.3.0"):
        file = pack("plug", version, 3000)
        board(MODFLASH, "update", file)
        counted = stats()
        print(file, os.path.getsize(file), counted["bytes_programmed"], counted["erases"])
        assert counted["bytes_programmed"] <= os.path.getsize(file) + 64
        assert counted["erases"] == counted["overprograms"] == 0


def commands_line():
    """Installing 20 KB takes no more USB commands than st-flash needs for it."""
    file = pack("plug", "1.0.0", 20000)
    board(MODFLASH, file)
    mine = stats()["commands"]
    os.unlink("f.img")
    board("st-flash", "write", file, "0x08060000")
    theirs = stats()["commands"]
    print(f"{os.path.getsize(file)} bytes: modflash {mine} commands, st-flash {theirs}")
    assert mine <= theirs


def loader_line():
    """QEMU boots the very flash that modflash wrote over the virtual ST-LINK."""
    firmware = BUILD / "cross/cortex-m4/target-loader/firmware/stm32f405.elf"
    run("arm-none-eabi-objcopy", "-O", "binary", firmware, "firmware.bin")
    board("st-flash", "write", "firmware.bin", "0x08000000")
    make()
    board(MODFLASH, "m.bin")
    out = run(SOURCE / "scripts/run-qemu.sh", "--firmware", firmware, "--flash", "f.img").stdout
    assert "module m 0.0.0: returned 0" in out, out


def main():
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        globals()[sys.argv[1].replace("-", "_") + "_line"]()
        os.chdir("/")
    print("as promised")


main()
