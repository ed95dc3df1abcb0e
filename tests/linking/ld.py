# SPDX-License-Identifier: BSD-2-Clause
"""GNU ld is the judge: objects packed by mkmod and linked here for two addresses are, byte for
byte, what ld makes of the same objects there. tests/oracle does it over all that compilers do;
this is to know at once where to look."""

import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

import linkset
from linkset import LINK, UNLINK, Job, modref, vectorset

SOURCE = """
int zero[9], one = 1, *to_one = &one, *to_zero = &zero[3];
static int twice(int x) { return 2 * x; }
int (*function)(int) = twice;
const char *const names[] = {"one", "two", (const char *)zero + 1};
struct __attribute__((packed)) { char c; int *p; } packed = {1, &one};
int entry(void *p)
{
    static const short table[] = {1, 2, 3};
    one += table[*to_one & 1] + function(zero[one]) + *(int *)packed.p;
    return p == names[2] ? *names[one & 1] : entry(to_one);
}
"""
SCRIPT = """ENTRY(entry)
SECTIONS {{
  .text {text:#x} : {{ *(.text* .rodata*) . = ALIGN(8); }}
  .data {data} : {{ *(.data*) . = ALIGN(4); *(.bss* COMMON) }}
  /DISCARD/ : {{ *(.ARM.attributes.none .comment .ARM.exidx*) }}
}}
"""
OPTIONS = (("-Os",), ("-O2", "-mslow-flash-data"), ("-O0", "-mlong-calls"), ("-Os", "-mcpu=cortex-m0"))
PLACES = ((0x08060040, 0x20010000), (0x0800ffc0, 0x1000fff8))


def run(*command):
    subprocess.run([str(part) for part in command], check=True)


def segments(elf, folder):
    """Text and the stored part of data, as ld made them."""
    parts = []
    for section in (".text", ".data"):
        out = folder / f"out{section}"
        run("arm-none-eabi-objcopy", "-O", "binary", "-j", section, "--set-section-flags",
            f"{section}=alloc,load,contents", elf, out)
        parts.append(out.read_bytes())
    return parts


def link_by_ld(objects, folder, text, data):
    script, elf = folder / "script.ld", folder / f"{text:x}.elf"
    script.write_text(SCRIPT.format(text=text, data=data and hex(data)))
    run("arm-none-eabi-ld", "--emit-relocs", "-T", script, objects, "-o", elf)
    return elf


def check(options, folder):
    source, objects, image = folder / "s.c", folder / "s.o", folder / "s.bin"
    source.write_text(SOURCE)
    run("arm-none-eabi-gcc", "-mcpu=cortex-m4", "-mthumb", "-ffreestanding", "-fno-common",
        *options, "-c", source, "-o", objects)
    run(os.environ["MKMOD"], "--untyped", "--name", "judged", link_by_ld(objects, folder, 0, ""),
        "-o", image)
    before, wrong = image.read_bytes(), 0
    for text, data in PLACES:
        made, = linkset.run([Job(LINK, before, text, data)])
        if isinstance(made, str):
            print(f"{options}: {made}")
            return 1
        m = modref.read(made)
        want = segments(link_by_ld(objects, folder, text, data), folder)
        got = [m.area("text"), m.area("data").ljust(m.h.data_mem, b"\0")]
        wrong += got != want
        wrong += m.area("text") == modref.read(before).area("text")     # it must have changed
        wrong += linkset.run([Job(UNLINK, made)]) != [before]
        print(f"{options} at {text:#x}, {data:#x}: {len(want[0])} + {len(want[1])} bytes, "
              f"{m.h.reloc_size} of relocations, {wrong} wrong")
    return wrong


def main():
    if not shutil.which("arm-none-eabi-gcc") or "MKMOD" not in os.environ:
        print("SKIPPED: no arm-none-eabi-gcc, or no mkmod")
        sys.exit(vectorset.SKIP)
    wrong = 0
    for options in OPTIONS:
        with tempfile.TemporaryDirectory() as folder:
            wrong += check(options, pathlib.Path(folder))
    return wrong


if __name__ == "__main__":
    vectorset.finish(main())
