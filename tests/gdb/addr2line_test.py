#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""addr2line_test.py CASE: moddump --addr2line. The judge is arm-none-eabi-addr2line -pfi on
module.elf; for a fault, the source.

Environment: MODFMT_SOURCE, MODFMT_BUILD, MKMOD, MODDUMP. A case is a function of this file
that starts with case_; its first line of text says what it proves.
"""
import os
import pathlib
import re
import subprocess
import sys
import tempfile

from elftools.elf.elffile import ELFFile

SOURCE = pathlib.Path(os.environ["MODFMT_SOURCE"])
BUILD = pathlib.Path(os.environ["MODFMT_BUILD"])
HERE = SOURCE / "tests/gdb"
CXX = """
extern "C" int fw_add(int, int);
extern "C" int module_entry(void *);
namespace ns {
struct S {
    int v;
    explicit S(int x) : v(x) {}
    int twice() const { return fw_add(v, v); }
    __attribute__((noinline)) int far(int y) { return twice() + y; }
};
template <class T> T three(T x) { return x * 3 + fw_add(x, 1); }
}
int module_entry(void *p)
{
    ns::S s((int)p);
    return s.far(4) + ns::three((int)p) + s.twice();
}
"""


class Failure(Exception):
    pass


def expect(truth, what, shown=""):
    if not truth:
        raise Failure(f"{what}\n{shown}")


def make(folder, compiler, source, *flags, link=("--build-id=sha1",), name="m"):
    """Compile, link, pack. Returns module.elf and module.bin."""
    obj, elf, image = (folder / f"{name}.{end}" for end in ("o", "elf", "bin"))
    subprocess.run([*compiler, "-mcpu=cortex-m4", "-mthumb", *flags,
                    f"-I{SOURCE}/target-loader/firmware/include", "-c", source, "-o", obj],
                   check=True)
    subprocess.run(["arm-none-eabi-ld", "-T", SOURCE / "examples/module.ld", *link,
                    "--emit-relocs", "--unresolved-symbols=ignore-all", obj, "-o", elf],
                   check=True)
    subprocess.run([os.environ["MKMOD"], "--untyped", elf, "-o", image], check=True)
    return elf, image


def moddump(*arguments):
    return subprocess.run([os.environ["MODDUMP"], *map(str, arguments)], capture_output=True,
                          text=True, errors="replace")


def prefix_of(image):
    return int(re.search(r"prefix (\d+)", moddump("--tags", image).stdout)[1])


def compare(folder, compiler, source, *flags):
    """Every half-word of every function: as addr2line says."""
    elf, image = make(folder, compiler, source, *flags)
    with elf.open("rb") as file:
        e = ELFFile(file)
        text = e.get_section_by_name(".text")["sh_addr"]
        functions = [s for s in e.get_section_by_name(".symtab").iter_symbols()
                     if s["st_info"]["type"] == "STT_FUNC" and s["st_size"]]
    places = [at - text for s in functions
              for at in range(s["st_value"] & ~1, (s["st_value"] & ~1) + s["st_size"], 2)]
    want = subprocess.run(["arm-none-eabi-addr2line", "-pfi", "-e", elf,
                           *(hex(text + p) for p in places)], check=True, text=True,
                          capture_output=True).stdout
    want = re.sub(r" \(discriminator \d+\)", "", want).splitlines()
    prefix = prefix_of(image)
    done = moddump(*(w for p in places for w in ("--addr2line", hex(p + prefix))),
                   "--elf", elf, image)
    got = re.sub(r"(?m)^text\+0x[0-9a-f]+: ", "", done.stdout).splitlines()
    expect(done.returncode == 0 and not done.stderr, "it failed", done.stderr)
    wrong = [f"{w!r} {g!r}" for w, g in zip(want, got) if w != g]
    expect(not wrong and len(want) == len(got) > 20, f"{flags}: {len(wrong)} differ",
           "\n".join(wrong[:5]))
    return want


GCC = ["arm-none-eabi-gcc"]
CLANG = ["clang", "--target=arm-none-eabi", "-mfloat-abi=soft"]


def case_gcc(folder):
    """GCC's code, optimised or not, DWARF 4 and 5."""
    inlined = 0
    for flags in (("-O0", "-gdwarf-5"), ("-O2", "-gdwarf-4"), ("-Os", "-gdwarf-5")):
        inlined += sum("(inlined by)" in line
                       for line in compare(folder, GCC, HERE / "faulty.c", *flags))
    expect(inlined > 5, "nothing was inlined: this proves little")


def case_clang(folder):
    """clang's code. (DWARF 4: binutils misses inlined functions in clang's DWARF 5.)"""
    for flags in (("-O0", "-gdwarf-4"), ("-O2", "-gdwarf-4")):
        compare(folder, CLANG, HERE / "faulty.c", *flags)


def case_cxx(folder):
    """C++: methods, templates, namespaces, by their mangled names."""
    source = folder / "x.cpp"
    source.write_text(CXX)
    for flags in (("-O0", "-g"), ("-O2", "-g")):
        compare(folder, ["arm-none-eabi-g++", "-fno-exceptions"], source, *flags)


def case_veneer(folder):
    """An offset in front of the ELF's code: the call of an import."""
    elf, image = make(folder, GCC, HERE / "faulty.c", "-Os", "-g")
    done = moddump("--addr2line", "0x2", "--elf", elf, image)
    expect(done.stdout == "text+0x2: the call of import fw_puts\n", "other text", done.stdout)


def case_veneer_in_place(folder):
    """The same where calls go by r9: near and far words, weak imports, both architectures."""
    names = [f"fw_{i}" for i in range(70)]
    source = folder / "many.c"
    source.write_text("__attribute__((weak)) int fw_w(int);" + "".join(f"int {n}(int);" for n in names)
                      + "int kept; int module_entry(int x) { switch (x) {" + "".join(
                          f"case {i}: return {n}(x) + kept;" for i, n in enumerate(names))
                      + "} return fw_w(x) + kept; }")
    for core in ("-mcpu=cortex-m4", "-mcpu=cortex-m0"):
        elf, image = make(folder, GCC, source, core, "-Os", "-g", "-fpic", "-msingle-pic-base",
                          "-mpic-register=r9", "-mno-pic-data-is-text-relative")
        packed = subprocess.run([os.environ["MKMOD"], "--untyped", "--xip", "-v", elf, "-o", image],
                                check=True, capture_output=True, text=True).stdout
        found = re.findall(r"^import (\w+) .*veneer at text\+(0x\w+)", packed, re.M)
        expect(len(found) >= 71, "not all imports", packed)
        places = [(int(at, 16) + inside, name) for name, at in found for inside in (0, 2)]
        done = moddump(*(w for at, _ in places for w in ("--addr2line", hex(at))), "--elf", elf,
                       image)
        expect(done.stdout == "".join(f"text+{at:#x}: the call of import {name}\n"
                                      for at, name in places), "other text", done.stdout)


def case_no_dwarf(folder):
    """Without DWARF the symbol still tells the function."""
    elf, image = make(folder, GCC, HERE / "faulty.c", "-Os")
    at = prefix_of(image)
    done = moddump("--addr2line", at, "--elf", elf, image)
    expect(re.fullmatch(rf"text\+0x{at:x}: (work|module_entry) at \?\?:\?\n", done.stdout),
           "other text", done.stdout)


def refused(status, message, *arguments):
    done = moddump(*arguments)
    expect(done.returncode == status and re.fullmatch(f"moddump: .*{message}.*\n.*", done.stderr),
           f"wanted {status} and {message!r}", f"{done.returncode} {done.stderr}")
    expect(done.stdout == "", "it printed something", done.stdout)


def case_build_ids(folder):
    """An ELF with another build id is refused; both ids are named. So is one without."""
    elf, image = make(folder, GCC, HERE / "faulty.c", "-Os", "-g")
    ask = ("--addr2line", "0x10", "--elf")
    ids = []
    other, other_image = make(folder, GCC, HERE / "faulty.c", "-O2", "-g", name="other")
    for path in (other, elf):
        with path.open("rb") as file:
            ids.append(ELFFile(file).get_section_by_name(".note.gnu.build-id").data()[16:].hex())
    refused(1, rf"other.elf: error: is not what .*m\.bin was made of: its build id is {ids[0]}, "
            rf"the module's is {ids[1]}", *ask, other, image)
    none, none_image = make(folder, GCC, HERE / "faulty.c", "-Os", "-g", name="none", link=())
    refused(1, r"none.elf: error: has no build id.*-Wl,--build-id", *ask, none, image)
    refused(1, r"none.bin: error: has no build id.*-Wl,--build-id", *ask, none, none_image)


def case_usage(folder):
    """What makes no sense: an option alone, an offset that is none or outside, no ELF."""
    elf, image = make(folder, GCC, HERE / "faulty.c", "-Os", "-g")
    refused(2, "--addr2line OFFSET and --elf FILE go together", "--addr2line", "4", image)
    refused(2, "--addr2line OFFSET and --elf FILE go together", "--elf", elf, image)
    refused(2, "\"work\" is not an offset", "--addr2line", "work", "--elf", elf, image)
    refused(2, "exclude each other", "--addr2line", "4", "--elf", elf, "--json", image)
    refused(1, "there is none at offset 0xfffff", "--addr2line", "0xfffff", "--elf", elf, image)
    refused(1, "is not an ELF file", "--addr2line", "4", "--elf", image, image)
    refused(3, "nowhere", "--addr2line", "4", "--elf", folder / "nowhere", image)


def case_damage(folder):
    """DWARF that was cut or overwritten costs the answer, never a crash."""
    elf, image = make(folder, GCC, HERE / "faulty.c", "-O2", "-g")
    good = elf.read_bytes()
    with elf.open("rb") as file:
        e = ELFFile(file)
        parts = [e.get_section_by_name(name) for name in (".debug_info", ".debug_line",
                                                          ".debug_abbrev", ".debug_str")]
        spots = [(p["sh_offset"], p["sh_size"]) for p in parts]
    answered = 0
    for round_, (offset, size) in enumerate(spots * 12):
        bad = bytearray(good)
        step = 1 + round_ // len(spots)
        for i in range(offset + 16 % size, offset + size, 7 * step):
            bad[i] = (bad[i] * 5 + step) & 0xFF
        elf.write_bytes(bad)
        done = moddump("--addr2line", hex(prefix_of(image) + 8), "--elf", elf, image)
        expect(done.returncode in (0, 1), "a crash", f"{done.returncode} {done.stderr}")
        answered += done.returncode == 0
    elf.write_bytes(good[:len(good) // 2])
    done = moddump("--addr2line", "0x20", "--elf", elf, image)
    expect(done.returncode == 1 and done.stderr.count("\n") == 1, "a cut file", done.stderr)
    expect(answered, "every answer was lost: this proves little")


def case_fault(folder):
    """What the firmware's fault handler prints, given to moddump, is the line that faults."""
    text = (HERE / "faulty.c").read_text().splitlines()
    line = {key: next(n for n, t in enumerate(text, 1) if f"here: {key}" in t)
            for key in ("the fault", "calls read_far", "calls twice")}
    elf, image = make(folder, GCC, HERE / "faulty.c", "-Os", "-g")
    run = subprocess.run([SOURCE / "scripts/run-qemu.sh", image], capture_output=True, text=True,
                         timeout=900, env=os.environ | {"MODFMT_BUILD": str(BUILD)})
    found = re.search(r"faulted: pc m\+(0x[0-9a-f]+) ", run.stdout)
    expect(found, "no fault was reported", run.stdout + run.stderr)
    done = moddump("--addr2line", found[1], "--elf", elf, image)
    want = (rf"text\+{found[1]}: read_far at .*/faulty\.c:{line['the fault']}\n"
            rf" \(inlined by\) twice at .*/faulty\.c:{line['calls read_far']}\n"
            rf" \(inlined by\) work at .*/faulty\.c:{line['calls twice']}\n")
    expect(re.fullmatch(want, done.stdout), f"wanted {want}", done.stdout + done.stderr)


def main():
    case = globals()["case_" + sys.argv[1]]
    with tempfile.TemporaryDirectory() as folder:
        try:
            case(pathlib.Path(folder))
        except Failure as failure:
            print(f"{sys.argv[1]}: {failure}")
            sys.exit(1)


main()
