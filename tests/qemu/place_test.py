#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""place_test.py CASE: modules that run in place, instances of them, and linked modules, on the
demo firmware, on QEMU.

Environment: as qemu_test.py's, and MODFLASH.
"""
import os
import pathlib
import re
import subprocess
import zlib

from qemu_test import (BUILD, FIRMWARE, Run, example, expect, flash_of, good, layout, main, make,
                       overwrite)

MODFLASH = os.environ["MODFLASH"]
PIC = ["-mcpu=cortex-m4", "-fpic", "-msingle-pic-base", "-mpic-register=r9",
       "-mno-pic-data-is-text-relative"]
# Code with all of its addresses in MOVW and MOVT.
ANY = ["-mcpu=cortex-m4", "-mslow-flash-data", "-O2"]
FIRMWARES = BUILD / "cross/cortex-m4/target-loader/firmware"


def xip(folder, name="xip"):
    return make(folder, name, PIC, ["--xip"])


def linked(folder, *images, firmware=FIRMWARE, more=(), flash=None):
    """A flash with the images in it, linked for where they lie."""
    flash = flash or flash_of(folder)
    subprocess.run([MODFLASH, "--probe", f"file:{flash}", "--firmware", firmware, "--xip-link",
                    *more, "install", *images], check=True, stdout=subprocess.DEVNULL)
    return flash


def place(image, how):
    """What the line of a module that was not copied ends with."""
    return rf"module {image} 1\.2\.3: returned 0 \({how}, (\d+) bytes of RAM\)"


def case_in_place(folder):
    """A module runs where it lies, with callbacks from the firmware and an interrupt, and
    needs RAM for its data only; copied, it does the same."""
    image = xip(folder)
    run = Run(image).ended(0).memory_as_before()
    run.has("fig quince, text at 806, data at 20", "6 ticks, started 7")
    run.matches(r"ended: \d+ comparisons, 6 ticks, started 8").matches(place("xip", "in place"))
    size = int(re.search(place("xip", "in place"), run.text)[1])
    header = image.read_bytes()
    want = int.from_bytes(header[layout("MODFMT_OFF_DATA_MEM"):][:4], "little")
    expect(size == want, f"data is {want} bytes", run)
    for way in (["--copy"], ["--copy", "--apart"], ["--read"]):
        copied = Run(*way, image).ended(0).memory_as_before().has(good("xip"))
        copied.has("fig quince, text at 2000, data at 20", "6 ticks, started 7")


def case_instances(folder):
    """Two instances of one image share its text, and each has its own state."""
    run = Run("--twice", xip(folder)).ended(0).memory_as_before()
    expect(run.text.count("fig quince, text at 806, data at 20") == 2 and
           run.text.count("6 ticks, started 7") == 2, "state is not their own", run)
    ended = re.findall(r"ended: (\d+) comparisons, 6 ticks, started 8", run.text)
    expect(len(ended) == 2 and ended[0] == ended[1] != "0", "nor at the end", run)
    run.matches(place("xip", "in place")).matches(place(r"xip\.2", "in place"))
    # All loaded before the first one goes, together with one that is copied.
    run = Run("--twice", "--keep", xip(folder), example("hello")).ended(0).memory_as_before()
    run.has("module xip 1.2.3: unloaded", "module xip.2 1.2.3: unloaded",
            "module hello.2 1.0.0: unloaded")
    expect(run.text.count("ended: ") == 2, "a destructor was not called", run)


def case_in_place_cores(folder):
    """Other cores with the flags for r9 run in place as well."""
    for core, board in (("cortex-m0", "microbit"), ("cortex-m3", "mps2-an385"),
                        ("cortex-m33", "mps2-an505")):
        image = make(folder, "xip", [f"-mcpu={core}", *PIC[1:]], ["--xip"], as_name=f"xip-{core}")
        firmware = BUILD / f"cross/{core}/target-loader/firmware/{board}.elf"
        run = Run("--firmware", firmware, "--twice", image).ended(0)
        run.matches(place(f"xip-{core}", "in place"))
        expect(run.text.count("6 ticks, started 7") == 2, board, run)
        expect(run.text.count("bytes of module RAM free, as before") == 1, board, run)


def case_execute(folder):
    """Memory that cannot execute is refused for data with code in it, by name, and does not
    keep others from running in place."""
    run = Run("--no-execute", xip(folder), example("trivial")).ended(1).memory_as_before()
    run.matches(r"module xip 1\.2\.3: refused: MODLOAD_E_EXECUTE: .*")
    run.matches(r"module trivial 1\.0\.0: returned 0 \(in place, 0 bytes of RAM\)")


def case_linked(folder):
    """Code that knows nothing of r9 is linked for its place and runs there, its data in the
    arena; other modules go on being copied."""
    images = [make(folder, "xip", ANY), make(folder, "order"), example("cxx"),
              make(folder, "memory")]
    flash = linked(folder, *images)
    run = Run("--flash", flash).ended(0).memory_as_before()
    run.has("fig quince, text at 806, data at 20", "6 ticks, started 7")
    for name in ("xip", "order", "memory"):
        run.matches(place(name, "linked"))
    # The same lines as copied ones print, but for where they are.
    def plain(text):
        lines = [re.sub(r" \(linked, .*|, text at .*|\d+ comparisons", "", line)
                 for line in text.splitlines() if not line.startswith("firmware")]
        return sorted(lines)
    copied = Run(*images).ended(0)
    expect(plain(copied.text) == plain(run.text), "other lines than copied", f"{run}\n{copied}")


def case_linked_kept(folder):
    """Linked modules that are loaded at the same time have RAM of their own; a second
    instance of one has none, and is refused."""
    flash = linked(folder, make(folder, "xip", ANY), make(folder, "order"), xip(folder, "base"))
    run = Run("--flash", flash, "--keep").ended(0).memory_as_before()
    expect(len(re.findall(r": started, returned 0 \(linked, \d+ bytes of RAM\)", run.text)) == 3,
           "not all are linked", run)
    run = Run("--flash", flash, "--twice").ended(1).memory_as_before()
    run.matches(r"module xip\.2 1\.2\.3: refused: MODLOAD_E_MEMORY: .*: RAM from "
                r"0x2001[c-f][0-9a-f]{3} to 0x2001[c-f][0-9a-f]{3} is not free in the arena")
    run.matches(place("xip", "linked"))


def case_linked_other_firmware(folder):
    """A module that was linked for another firmware is refused by name; others run."""
    flash = linked(folder, make(folder, "xip", ANY), firmware=FIRMWARES / "stm32f405-crc-unit.elf")
    subprocess.run([MODFLASH, "--probe", f"file:{flash}", "--firmware", FIRMWARE, "install",
                    example("hello")], check=True, stdout=subprocess.DEVNULL)
    run = Run("--flash", flash).ended(1).memory_as_before().has(good("hello", "1.0.0"))
    run.matches(r"module xip 1\.2\.3: refused: MODLOAD_E_LINKED: .*: "
                r"the firmware's build id is another; modflash relink mends that")


def case_linked_elsewhere(folder):
    """A linked module that lies at another place than it was linked for is refused; so is one
    whose RAM is outside the arena."""
    image = make(folder, "xip", ANY)
    flash = linked(folder, image)
    content = bytearray(flash.read_bytes())
    at = content.find(b"MODF", 0x60000)
    size = int.from_bytes(content[at + 8:at + 12], "little")
    module = bytearray(content[at:at + size])
    expect(at > 0 and module[layout("MODFMT_OFF_FLAGS")] & layout("MODFMT_FLAG_LINKED"),
           "not linked")
    moved = pathlib.Path(folder) / "moved.bin"
    moved.write_bytes(module)
    run = Run(example("trivial"), moved).ended(1).memory_as_before()
    run.matches(r"module xip 1\.2\.3: refused: MODLOAD_E_LINKED: .*: got 0x8060[0-9a-f]{3}, "
                r"want 0x80[0-9a-f]{5}")
    # Its tag: at the end of what it was, the first of all.
    tag = bytes(module).find(bytes([layout("MODFMT_TAG_LINKED"), 48, 0, 0]))
    data = tag + 4 + layout("MODFMT_LINKED_OFF_DATA")
    length = int.from_bytes(module[layout("MODFMT_OFF_DATA_MEM"):][:4], "little")
    for begin in (0x20000000, 0x20020000 - length // 8 * 8, 0x10000000, 0xfffffff8):
        module[data:data + 4] = begin.to_bytes(4, "little")
        module[data + 4:data + 8] = (begin + length & 0xffffffff).to_bytes(4, "little")
        module[56:60] = bytes(4)
        module[56:60] = zlib.crc32(module).to_bytes(4, "little")
        overwrite(flash, at, module)
        run = Run("--flash", flash).ended(1).memory_as_before()
        run.matches(rf"module xip 1\.2\.3: refused: MODLOAD_E_MEMORY: .*: RAM from 0x{begin:08x} "
                    r"to 0x[0-9a-f]{8} is not free in the arena")


if __name__ == "__main__":
    main(globals())
