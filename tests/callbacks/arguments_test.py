#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""arguments_test.py LIST: what mkmod makes of functions whose arguments are out of the
ordinary, and of debug information that does not tell. What is ordinary: signatures.py."""
import pathlib
import subprocess
import sys
import tempfile

C = """
int none(void) { return 0; }
int empty() { return 0; }
int old(a, b) int a; float b; { return a; }
int formatted(const char *text, ...) { return 0; }
static int ten(int a, int b, int c, int d, int e, int f, int g, int h, int i, int j)
{ return j; }
int (*const table[])(int, int, int, int, int, int, int, int, int, int) = {ten};
int eleven(int a, int b, int c, int d, int e, int f, int g, int h, int i, int j, int k,
           double x) { return k; }
struct big { int words[5]; };
struct big hidden(int a, int b, int c, int d) { struct big x = {{a, b, c, d}}; return x; }
int outer(int x) { int inner(int y) { return x + y; } int (*volatile f)(int) = inner;
                   return f(3); }
__attribute__((cold)) extern void sorry(void);
struct gap { int a; unsigned long long : 20; };
int bits(int a, struct gap b, int c) { return b.a + c; }
struct __attribute__((aligned(8))) high { int a; };
int aligned(int a, struct high b, int c) { return b.a + c; }
void parted(int a, int b, int c, int d, int e) { if (e) { sorry(); sorry(); } }
"""
CXX = """
struct A { virtual int f(int, int, int, int, int); int a; };
struct B { virtual int g(int, int, int, int, int, int, int, int); int b; };
struct C : A, B { int f(int, int, int, int, int) override;
                  int g(int, int, int, int, int, int, int, int) override; };
int C::f(int, int, int, int, int) { return a; }
int C::g(int, int, int, int, int, int, int, int) { return b; }
namespace n { struct S { static int s(int, int, int, int, int); int m(int, int, int, int); }; }
int n::S::s(int, int, int, int, int) { return 1; }
int n::S::m(int, int, int, int) { return 1; }
auto f = [](int, int, int, int) { return 1; };
int use() { return f(1, 2, 3, 4); }
C object;
"""
WANT_C = {"none": "0", "empty": "0", "old": "unknown", "formatted": "variadic", "ten": "24",
          "eleven": "40", "hidden": "4", "inner.0": "nested", "outer": "0", "parted": "4",
          # DWARF has no unnamed bit-fields, which count for the alignment, nor all attributes.
          "bits": "unknown", "aligned": "unknown"}
WANT_CXX = {"_ZN1C1fEiiiii": "8", "_ZN1C1gEiiiiiiii": "20", "_ZThn8_N1C1gEiiiiiiii": "20",
            "_ZN1n1S1sEiiiii": "4", "_ZN1n1S1mEiiii": "4", "_Z3usev": "0",
            "_ZNKUliiiiE_clEiiii": "4"}


def told(lister, suffix, source, *flags):
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / ("s" + suffix)
        path.write_text(source)
        elf = path.with_suffix(".elf")
        subprocess.run(["arm-none-eabi-gcc", "-mcpu=cortex-m3", "-mthumb", "-w", *flags,
                        "-nostdlib", "-Wl,-e,0", "-Wl,--emit-relocs",
                        "-Wl,--unresolved-symbols=ignore-all", path, "-o", elf],
                       check=True, stderr=subprocess.DEVNULL)
        out = subprocess.run([lister, elf], check=True, capture_output=True, text=True).stdout
    return dict(line.split() for line in out.splitlines())


def main():
    lister = sys.argv[1]
    failures = 0

    def expect(what, got, want):
        nonlocal failures
        for name, stack in want.items():
            if name in got and got[name] == stack:
                continue
            failures += 1
            print(f"{what}: {name}: {got.get(name, 'is not there')}, not {stack}")

    for flags in (["-O0", "-g"], ["-O2", "-g"], ["-Os", "-g", "-gdwarf-4"]):
        got = told(lister, ".c", C, *flags)
        want = dict(WANT_C)
        if flags[0] != "-O0":
            del want["inner.0"]  # is gone
        expect(f"C {flags}", got, want)
        want = dict(WANT_CXX)
        if flags[0] != "-O0":
            del want["_ZNKUliiiiE_clEiiii"]
        got = told(lister, ".cpp", CXX, *flags)
        # A lambda's name starts with that of its file.
        got = {("_ZNKUliiiiE_clEiiii" if "Uliiii" in n and "clE" in n else n): s
               for n, s in got.items()}
        expect(f"C++ {flags}", got, want)
    got = told(lister, ".c", C.replace("int ", "__attribute__((used)) int ", 1)
               .replace("int (*const", "__attribute__((used)) int (*const"),
               "-O1", "-g", "-flto")
    expect("LTO", {n.split(".")[0]: s for n, s in got.items()}, {"none": "0", "ten": "24"})
    for flags in (["-g1"], ["-g0"]):
        for suffix, source in ((".c", C), (".cpp", CXX)):
            got = told(lister, suffix, source, "-O0", *flags)
            got.pop("inner.0", None)  # -g1 tells of this
            expect(f"{suffix} {flags}", got, {name: "unknown" for name in got})
    sys.exit(failures != 0)


main()
