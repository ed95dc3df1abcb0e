#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""stack_test.py CASE: mkmod --stack-size auto. Judges: QEMU's CPU on a painted stack, and what
compilers themselves say of frames.

Environment: MODFMT_SOURCE, MKMOD, MODDUMP. A case is a function of this file that starts with
case_; its first line of text says what it proves.
"""
import os
import pathlib
import random
import re
import shutil
import subprocess
import sys
import tempfile

SOURCE = pathlib.Path(os.environ["MODFMT_SOURCE"])
HERE = SOURCE / "tests/stack"
GCC = ["arm-none-eabi-gcc"]
CLANG = ["clang", "--target=arm-none-eabi"]
SOFT = ["-mfloat-abi=soft"]
# Core, its flags, QEMU's machine, where code and RAM are there.
BOARDS = {
    "m0": (["-mcpu=cortex-m0", *SOFT], "microbit", 0, 0x20000000),
    "m3": (["-mcpu=cortex-m3", *SOFT], "mps2-an385", 0, 0x20000000),
    "m4": (["-mcpu=cortex-m4", "-mfloat-abi=hard", "-mfpu=fpv4-sp-d16"], "mps2-an386", 0,
           0x20000000),
    "m7": (["-mcpu=cortex-m7", "-mfloat-abi=hard", "-mfpu=fpv5-d16"], "mps2-an500", 0,
           0x20000000),
    "m33": (["-mcpu=cortex-m33", *SOFT], "mps2-an505", 0x10000000, 0x38000000),
}
ENTRIES = re.findall(r"^int (entry_\w+)\(void \*p\);", (HERE / "frames.c").read_text(), re.M)
BASE = ["-fpic", "-msingle-pic-base", "-mpic-register=r9", "-mno-pic-data-is-text-relative"]
# Not exact: libgcc need not take its deepest way, and realigning takes what is needed.
LOOSE = {"entry_libgcc": 100, "entry_aligned": 64, "entry_float": 40}


class Failure(Exception):
    pass


def expect(truth, what, shown=""):
    if not truth:
        raise Failure(f"{what}\n{shown}")


def run(*command, **options):
    return subprocess.run([str(c) for c in command], check=True, **options)


def link(objects, elf, *options):
    libgcc = subprocess.run([*GCC, *options, "-mthumb", "-print-libgcc-file-name"], check=True,
                            capture_output=True, text=True).stdout.strip()
    run("arm-none-eabi-ld", "-T", SOURCE / "examples/module.ld", "--emit-relocs",
        "--unresolved-symbols=ignore-all", "--no-warn-mismatch", "-z", "noexecstack", *objects, "-o", elf, libgcc)


def mkmod(elf, *options, size="auto"):
    image = elf.with_suffix(".bin")
    image.unlink(missing_ok=True)
    return subprocess.run([os.environ["MKMOD"], "--untyped", "--stack-size", size,
                           *map(str, options), elf, "-o", image], text=True,
                          capture_output=True)


def computed(elf, *options):
    """The stack size in the image, and what -v says of it."""
    done = mkmod(elf, "-v", *options)
    expect(done.returncode == 0, f"mkmod {options} refused", done.stderr)
    shown = int(re.search(r"^stack: (\d+) bytes", done.stdout, re.M)[1])
    image = elf.with_suffix(".bin").read_bytes()
    size = int.from_bytes(image[24:28], "little")
    expect(size == max(shown, 8), "image and -v differ", done.stdout)
    return size, done.stdout


def make(folder, text, *options, compiler=GCC, core=("-mcpu=cortex-m4", *SOFT), name="m"):
    """An ELF of C (or, with .S options, assembler) text."""
    source = folder / f"{name}.c"
    source.write_text(text)
    obj, elf = folder / f"{name}.o", folder / f"{name}.elf"
    run(*compiler, "-mthumb", "-Os", *core, *options, "-c", source, "-o", obj, cwd=folder)
    link([obj], elf, *core)
    return elf


# ---- on QEMU --------------------------------------------------------------------------


def variants(folder, board):
    """(name, what the compiler is called with); not all for all, to save time."""
    core = BOARDS[board][0]
    for compiler, level in ((GCC, "-O0"), (GCC, "-Os"), (GCC, "-O2"), (CLANG, "-O0"),
                            (CLANG, "-O2")):
        if compiler is GCC and level == "-O2" and board in ("m7", "m33"):
            continue
        yield compiler[0].split("-")[-1] + level.replace("-", ""), [*compiler, *core, level]


def build(folder, board):
    """Per variant module.elf, and one program with all of them. Returns the program."""
    core, _, code, ram = BOARDS[board]
    table, parts, elfs = ["struct entry { const char *name; int (*run)(void *); };"], [], {}
    rows = []
    for name, command in variants(folder, board):
        obj, elf, part = (folder / f"{name}{end}" for end in (".o", ".elf", ".part"))
        run(*command, "-mthumb", "-ffunction-sections", "-Wall", "-Wno-unknown-attributes", "-c",
            HERE / "frames.c", "-o", obj)
        link([obj], elf, *core)
        elfs[name] = elf
        keep = [f"--redefine-sym={e}={name}_{e}" for e in ENTRIES]
        keep += [f"--keep-global-symbol={name}_{e}" for e in ENTRIES]
        run("arm-none-eabi-objcopy", *keep, obj, part)
        parts.append(part)
        for e in ENTRIES:
            table.append(f"int {name}_{e}(void *);")
            rows.append(f'{{"{name} {e}", {name}_{e}}},')
    source = folder / "table.c"
    source.write_text("\n".join([*table, "extern const struct entry entries[];",
                                 "const struct entry entries[] = {", *rows, "{0, 0}};"]))
    program = folder / "program.elf"
    run(*GCC, *core, "-mthumb", "-Os", "-nostdlib", "-Wl,--no-warn-rwx-segments,--no-enum-size-warning,-z,noexecstack", "-T",
        HERE / "board.ld", f"-Wl,--defsym=_code={code},--defsym=_ram={ram}", HERE / "board.c",
        source, *parts, "-lgcc", "-o", program)
    return program, elfs


def measured(board, program):
    done = subprocess.run(["qemu-system-arm", "-M", BOARDS[board][1], "-display", "none",
                           "-monitor", "none", "-serial", "none", "-semihosting-config",
                           "enable=on,target=native", "-kernel", program], text=True,
                          stdin=subprocess.DEVNULL, capture_output=True, timeout=900)
    text = done.stdout + done.stderr
    expect(done.returncode == 0, f"QEMU ended with {done.returncode}", text)
    return {(v, e): int(n) for v, e, n in re.findall(r"^(\w+) (entry_\w+) (\d+)$", text, re.M)}


def on_board(folder, board):
    program, elfs = build(folder, board)
    used = measured(board, program)
    expect(len(used) == len(elfs) * len(ENTRIES) > 20, "entries are missing", str(used))
    wrong = []
    for (variant, entry), bytes_ in sorted(used.items()):
        if entry == "entry_constant_pointer" and variant.endswith("O0"):
            continue  # there the pointer is a variable
        size, _ = computed(elfs[variant], "--entry", entry, "--stack-imports", 0)
        slack = LOOSE.get(entry, 0)
        if not bytes_ <= size <= bytes_ + slack:
            wrong.append(f"{variant} {entry}: used {bytes_}, computed {size}")
    expect(not wrong, f"{board}: {len(wrong)} of {len(used)}", "\n".join(wrong))


def case_board(folder, board):
    """What QEMU's CPU used of a painted stack: never more than computed, and just that where
    the code leaves no choice. GCC and clang, optimised and not."""
    on_board(folder, board)


# ---- what compilers say -----------------------------------------------------------------


def graph(seed, count=40):
    """C functions that call each other without a circle; and who calls whom."""
    dice = random.Random(seed)
    text = ["int fw_use(void *);", "volatile int zero;"]
    calls = {}
    for i in reversed(range(count)):
        callees = sorted(dice.sample(range(i + 1, count), min(dice.randrange(1, 4), count - 1 - i)))
        calls[f"f{i}"] = [f"f{c}" for c in callees]
        # What a call returns is used behind it, so that none is the last thing done.
        body = "".join(f" sum += f{c}(a[{c % 3}]) * 3 + zero;" for c in callees)
        text.append(f"__attribute__((noinline, noclone)) int f{i}(int x);\n"
                    f"int f{i}(int x) {{ volatile int a[{dice.randrange(4, 60)}]; a[x & 3] = x;"
                    f" int sum = a[1];{body} return sum + a[2]; }}")
    text.append("int module_entry(void *p);\n"
                "int module_entry(void *p) { return f0((int)p) + zero; }")
    calls["module_entry"] = ["f0"]
    return "\n".join(text), calls


def deepest(calls, frames, name="module_entry"):
    return frames[name] + max((deepest(calls, frames, c) for c in calls[name]), default=0)


def read_su(path):
    rows = [line.split("\t") for line in path.read_text().splitlines()]
    expect(all(row[2] == "static" for row in rows), "not static", str(rows))
    return {row[0].split(":")[-1]: int(row[1]) for row in rows}


def case_fstack_usage(folder):
    """Sums over random call graphs equal those of the sizes that GCC and clang print."""
    for seed, (compiler, level, core) in enumerate((
            (GCC, "-O0", ["-mcpu=cortex-m0"]), (GCC, "-O0", ["-mcpu=cortex-m4"]),
            (GCC, "-O1", ["-mcpu=cortex-m4"]), (CLANG, "-O0", ["-mcpu=cortex-m4"]),
            (CLANG, "-O1", ["-mcpu=cortex-m0"]), (CLANG, "-O1", ["-mcpu=cortex-m33"]))):
        text, calls = graph(seed)
        elf = make(folder, text, "-fstack-usage", level, "-Wno-unknown-attributes",
                   compiler=compiler, core=[*core, *SOFT])
        want = deepest(calls, read_su(folder / "m.su"))
        size, shown = computed(elf)
        expect(size == want > 100, f"{compiler[0]} {level} {core}: {size}, not {want}", shown)


VARIES = """
int use(volatile char *);
__attribute__((noinline)) int use(volatile char *p) { return p[0]; }
__attribute__((noinline)) int varying(int n) { volatile char a[n + 1]; a[n] = 1; return use(a) + 1; }
int module_entry(void *p) { volatile char b[24]; b[0] = 1; return varying((int)p & 63) + b[1]; }
"""


def refused(elf, pattern, *options, count=1):
    done = mkmod(elf, *options)
    expect(done.returncode == 1 and not elf.with_suffix(".bin").exists(), "not refused",
           done.stdout + done.stderr)
    expect(re.search(pattern, done.stderr), f"wanted {pattern!r}", done.stderr)
    expect(done.stderr.count("\n") == count, f"wanted {count} lines", done.stderr)


def case_alloca(folder):
    """An array of variable length: refused by name, with the line; a .su file with a bound, or
    --stack-allow, is the way out."""
    elf = make(folder, VARIES, "-g")
    refused(elf, r"\(m\.c:4\): --stack-size auto: 'varying' takes an amount of stack that only "
            r"shows when it runs .*\(module_entry > varying\).*--stack-allow varying=BYTES")
    base, _ = computed(elf, "--stack-allow", "varying=0")
    expect(computed(elf, "--stack-allow", "varying=200")[0] == base + 200, "another sum")
    su = folder / "own.su"
    su.write_text("m.c:4:31:varying\t96\tdynamic,bounded\nm.c:3:31:use\t0\tstatic\n")
    # The frame and what it calls from there: use() takes nothing.
    expect(computed(elf, "--stack-usage", su)[0] == base + 96, "another sum")
    su.write_text("m.c:4:31:varying\t96\tdynamic\n")
    refused(elf, "'varying' takes an amount", "--stack-usage", su)
    (folder / "below").mkdir()
    su.rename(folder / "below/a.su").write_text("m.c:4:varying\t48\tdynamic,bounded\n")
    expect(computed(elf, "--stack-usage", folder)[0] == base + 48, "a folder, clang's form")


def case_stack_sizes(folder):
    """.stack_sizes, where the code leaves it open."""
    elf = make(folder, VARIES + """
__asm__(".section .stack_sizes,\\"\\",%progbits\\n.word varying\\n.uleb128 300\\n.text");
""")
    base, _ = computed(elf, "--stack-allow", "varying=0")
    expect(computed(elf)[0] == base + 300, ".stack_sizes was not read")


def case_call_frames(folder):
    """Call frame information, where the code leaves it open; if it counts from sp only."""
    text = """
int hidden(void);
__asm__(".text\\n.syntax unified\\n.thumb\\n.align 2\\n.type hidden, %%function\\n.thumb_func\\n"
        ".cfi_sections .debug_frame\\n"
        "hidden:\\n.cfi_startproc\\npush {r4, lr}\\n.cfi_def_cfa_offset 8\\n"
        "ldr r3, =place\\nldr r3, [r3]\\n"
        "mov sp, r3\\n.cfi_def_cfa %s, 40\\n"
        "add sp, #32\\n.cfi_def_cfa sp, 8\\npop {r4, pc}\\n.cfi_endproc\\n.ltorg\\n"
        ".size hidden, . - hidden");
int place;
int module_entry(void *p) { volatile char b[24]; b[0] = 1; return hidden() + b[1]; }
"""
    elf = make(folder, text % "sp")
    base, _ = computed(elf, "--stack-allow", "hidden=0")
    expect(computed(elf)[0] == base + 40, "it was not read")
    refused(make(folder, text % "r7"), "'hidden' takes an amount of stack")


def case_recursion(folder):
    """A function that calls itself, and two that call each other."""
    elf = make(folder, """
__attribute__((noinline)) int fact(int n) { return n < 2 ? 1 : n * fact(n - 1) + 1 - fact(n - 2); }
int module_entry(void *p) { return fact((int)p); }
""", "-g", "-fno-optimize-sibling-calls", "-fno-inline")
    refused(elf, r"\(m\.c:2\): --stack-size auto: recursion, so nobody knows how deep: "
            r"fact > fact \(module_entry > fact\); say what 'fact' needs in all with "
            r"--stack-allow fact=BYTES", count=2)
    expect(computed(elf, "--stack-allow", "fact=500")[0] >= 500, "the way out")
    elf = make(folder, """
int odd(int n);
__attribute__((noinline)) int even(int n) { return n == 0 ? 1 : odd(n - 1) + 2; }
__attribute__((noinline)) int odd(int n) { return n == 0 ? 0 : even(n - 1) + 1; }
int module_entry(void *p) { return even((int)p) + 1; }
""", "-fno-inline")
    refused(elf, r"how deep: even > odd > even \(module_entry > even > odd\)")


def case_pointers(folder):
    """A call through a pointer: refused with the line; --stack-indirect is the way out."""
    elf = make(folder, """
int (*volatile pointer)(int);
int module_entry(void *p) { return pointer((int)p) + 1; }
""", "-g")
    refused(elf, r"\(m\.c:3\): --stack-size auto: a call through a pointer, which may go "
            r"anywhere \(module_entry\); .*--stack-indirect BYTES.*--stack-allow CALLER=BYTES")
    size, shown = computed(elf, "--stack-indirect", 100)
    expect(size == 108 and "100  a call through a pointer (given)" in shown, "a sum", shown)


def case_imports(folder):
    """Imports, called near and by -mlong-calls, on every core: unknown unless given."""
    text = """
int fw_one(int); int fw_two(int);
__attribute__((noinline)) static int work(int x) { return fw_one(x) + fw_two(x); }
int module_entry(void *p) { return work((int)p) + 1; }
"""
    for core in ("-mcpu=cortex-m0", "-mcpu=cortex-m4"):
        for flags in ((), ("-mlong-calls",)):
            elf = make(folder, text, *flags, core=[core, *SOFT])
            refused(elf, r"the import 'fw_one' needs \(module_entry > work\); give it with "
                    r"--stack-allow fw_one=BYTES, or one number for all imports with "
                    r"--stack-imports BYTES\n(.*\n)*.*the import 'fw_two'", count=2)
            refused(elf, "the import 'fw_two'", "--stack-allow", "fw_one=64")
            own, _ = computed(elf, "--stack-allow", "work=0")
            size, shown = computed(elf, "--stack-imports", 64, "--stack-allow", "fw_two=128")
            expect("     128  fw_two (given)" in shown, "the chain", shown)
            rows = [int(n) for n in re.findall(r"^ +(\d+)  \w+", shown, re.M)]
            expect(size == sum(rows) and rows[0] == own and len(rows) == 3, "no sum", shown)


REGISTER = """static void end(void *p) { (void)p; late(); }
__attribute__((constructor)) static void begin(void)
{ (void)__aeabi_atexit((void *)0, end, (void *)0); }"""
LATE = """
int __aeabi_atexit(void *, void (*)(void *), void *);
int use(volatile char *);
__attribute__((noinline)) int use(volatile char *p) { return p[0]; }
static void %s late(void) { volatile char a[%d]; a[0] = 1; (void)use(a); }
%s
int module_entry(void *p) { return (int)p + 1; }
"""


def case_constructors(folder):
    """Constructors, destructors and what they register count as well as the entry."""
    for attribute, more in (("__attribute__((constructor))", ""),
                            ("__attribute__((destructor))", ""),
                            ("__attribute__((noinline))", REGISTER)):
        sizes = [computed(make(folder, LATE % (attribute, n, more)), "--stack-imports", 0)[0]
                 for n in (64, 264)]
        expect(sizes[1] == sizes[0] + 200 and sizes[0] >= 64, f"{attribute}: {sizes}")


def case_trampolines(folder):
    """Code that counts on r9: calls through pointers, and what runs at exit, go through
    trampolines, of 8 or 72 bytes each."""
    text = LATE % ("__attribute__((noinline))", 264, REGISTER)
    plain, through = (computed(make(folder, text, *flags), "--stack-imports", 0)
                      for flags in ((), ("-g", *BASE)))
    expect(through[0] == plain[0] + 8 and "8  a trampoline" in through[1], "at exit",
           plain[1] + through[1])
    call = """static int n; __attribute__((noinline)) int far(int x) { return n += x; }
int module_entry(void *p) { return far((int)p) + far(3) + 1; }"""
    sizes = [computed(make(folder, call, "-g", *BASE, *f))[0] for f in ((), ("-mlong-calls",))]
    sizes += [computed(make(folder, call, *BASE, "-mlong-calls"))[0]]
    expect(sizes[1] >= sizes[0] + 8 and sizes[2] == sizes[1] + 64, f"long calls: {sizes}")
    pointer = """int n, (*f)(int); int far(int x) { return n += x; }
int module_entry(void *p) { f = far; return f((int)p) + n; }"""
    sizes = [computed(make(folder, pointer, "-g", "-O0", *BASE), "--stack-indirect", k)[0]
             for k in (0, 100)]
    expect(sizes[1] == sizes[0] + 100 and sizes[0] >= 8 + 16, f"pointer: {sizes}")


def case_long_chain(folder):
    """A chain of 3,000 calls takes neither long nor mkmod's own stack."""
    lines = [".syntax unified", ".thumb", ".text"]
    for i in range(3000):
        lines.append(f".type f{i}, %function; .thumb_func; f{i}: push {{r3, lr}}; "
                     f"bl f{i + 1}; pop {{r3, pc}}; .size f{i}, . - f{i}")
    lines.append(".type f3000, %function; .thumb_func; f3000: bx lr; .size f3000, . - f3000")
    text = "\n".join(f'__asm__("{line}\\n");' for line in lines)
    elf = make(folder, text + "int f0(void *);int module_entry(void *p) { return f0(p) + 1; }")
    size, shown = computed(elf)
    expect(size == 3001 * 8 and shown.count("  f") == 3000, shown[:300])


def case_no_stack(folder):
    """An entry that takes none: 0 would mean "not stated"."""
    size, shown = computed(make(folder, "int module_entry(void *p) { return (int)p; }"))
    expect(size == 8 and "stack: 0 bytes" in shown, "another size", shown)


def case_usage(folder):
    """What makes no sense is refused; an allowance that nothing uses is mentioned."""
    elf = make(folder, "int module_entry(void *p) { return (int)p; }")

    def wrong(status, pattern, *options, **size):
        done = mkmod(elf, *options, **size)
        expect(done.returncode == status and re.search(pattern, done.stderr),
               f"wanted {status}, {pattern!r}", f"{done.returncode} {done.stderr}")

    wrong(2, "a number of bytes, or 'auto', not 'automatic'", size="automatic")
    for option in ("--stack-allow=f=1", "--stack-imports=1", "--stack-indirect=1",
                   "--stack-usage=x"):
        wrong(2, "go with --stack-size auto", option, size="512")
    for option in ("--stack-allow=f", "--stack-allow==3", "--stack-allow=f=x",
                   "--stack-imports=-1", "--stack-indirect=many"):
        wrong(2, "wants", option)
    wrong(3, "nowhere", "--stack-usage", folder / "nowhere")
    (folder / "empty").mkdir()
    wrong(1, "has no .su file; compile with -fstack-usage", "--stack-usage", folder / "empty")
    (folder / "bad.su").write_text("m.c:1:1:f\t8\tstatic\nm.c:f 8\n")
    wrong(1, r"bad.su: error: line 2 is not as", "--stack-usage", folder / "bad.su")
    wrong(0, "warning: --stack-allow f: nothing of that name is called", "--stack-allow", "f=8")


def case_damage(folder):
    """Code and tables that were overwritten are refused, or not; never a crash."""
    source = HERE / "frames.c"
    elf = make(folder, source.read_text(), "-g", "-ffunction-sections")
    good = elf.read_bytes()
    text = subprocess.run(["arm-none-eabi-readelf", "-SW", elf], check=True, text=True,
                          capture_output=True).stdout
    offset, size = (int(x, 16) for x in
                    re.search(r" \.text +PROGBITS +\w+ (\w+) (\w+)", text).groups())
    dice = random.Random(5)
    refusals = 0
    for _ in range(60):
        bad = bytearray(good)
        for _ in range(dice.choice((1, 4, 40))):
            at = offset + dice.randrange(size // 2) * 2
            bad[at:at + 2] = dice.choice((dice.randbytes(2), b"\x00\xb5", b"\xfe\xe7",
                                          b"\x85\x46", b"\xdf\xe8"))
        elf.write_bytes(bad)
        done = mkmod(elf, "--stack-imports", "16", "--entry", dice.choice(ENTRIES))
        expect(done.returncode in (0, 1), "a crash", f"{done.returncode} {done.stderr}")
        refusals += done.returncode
    expect(5 < refusals < 60, f"{refusals} refusals of 60 prove little")


def main():
    case = globals()["case_" + sys.argv[1]]
    if "board" in sys.argv[1] and not shutil.which("qemu-system-arm"):
        print("skipped: there is no qemu-system-arm")
        sys.exit(77)
    with tempfile.TemporaryDirectory() as folder:
        try:
            case(pathlib.Path(folder), *sys.argv[2:])
        except Failure as failure:
            print(f"{sys.argv[1]}: {failure}")
            sys.exit(1)


if __name__ == "__main__":
    main()
