#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""signatures.py LIST COMPILER LANGUAGE ABI [COUNT [SEED]]: functions with random signatures,
compiled; LIST (arguments_list) must say of each what the compiler itself says: GCC by the
comment "@ args =" of its assembly, clang by the objects that it finds on the stack.

COMPILER gcc or clang; LANGUAGE c or c++; ABI soft or hard.
"""
import os
import pathlib
import random
import re
import subprocess
import sys
import tempfile

SCALARS = ["char", "short", "int", "unsigned", "long long", "float", "double", "void *",
           "enum small", "enum wide"]
PRELUDE = """enum small { SMALL = 1 };
enum wide { WIDE = 0x7fffffff };
typedef double low_double __attribute__((aligned(4)));
typedef int high_int __attribute__((aligned(8)));
"""
CORES = {"soft": ["-mcpu=cortex-m3"],
         "hard": ["-mcpu=cortex-m4", "-mfpu=fpv4-sp-d16", "-mfloat-abi=hard"]}


class Maker:
    """Structs and functions; `doubtful` names the types of which an answer may be too high,
    `untold` those of which DWARF may have the name only."""

    def __init__(self, dice, cxx, clang):
        self.dice = dice
        self.cxx = cxx
        self.clang = clang
        self.structs = []
        self.doubtful = set()
        self.untold = set()
        self.virtual = set()
        self.text = [PRELUDE]

    def member_type(self, kind):
        # Classes with constructors would delete those of a union.
        if self.structs and not (self.cxx and kind == "union") and self.dice.random() < 0.2:
            return self.dice.choice(self.structs)
        return self.dice.choice(SCALARS + ["float", "double", "low_double", "high_int"])

    def plain(self, name):
        """Members, often all of one floating-point type."""
        kind = self.dice.choice(["struct", "struct", "struct", "union"])
        alike = self.dice.choice(["float", "double", None, None])
        lines, used = [], []
        for i in range(self.dice.randint(1, 5)):
            of = alike or self.member_type(kind)
            used.append(of)
            odds = self.dice.random()
            many = f"[{self.dice.randint(1, 3)}]" if odds < 0.2 else ""
            if of == "high_int":
                many = ""
            if of in ("int", "unsigned", "long long") and odds > 0.8:
                many = f" : {self.dice.randint(1, 20)}"
            # (clang's DWARF does not tell of a bit-field's.)
            aligned = self.dice.random() < 0.05 and ":" not in many
            aligned = " __attribute__((aligned(8)))" if aligned else ""
            lines.append(f"{of} m{i}{many}{aligned};")
        odds = self.dice.random()
        packed = odds < 0.1
        attribute = "__attribute__((packed)) " if packed else \
            "__attribute__((aligned(8))) " if odds > 0.95 else ""
        self.text.append(f"{kind} {attribute}{name} {{ {' '.join(lines)} }};")
        # The DWARF of a packed struct may look like that of another one.
        self.note(f"{kind} {name}", used, packed, False)

    def note(self, name, used, doubtful, untold):
        self.structs.append(name)
        if untold or any(u in self.untold for u in used):
            self.untold.add(name)
        if doubtful or any(u in self.doubtful for u in used):
            self.doubtful.add(name)

    def special(self, name):
        """What only C++ has."""
        form = self.dice.choice(["copied", "destroyed", "virtual", "derived", "empty",
                                 "defaulted", "holds_empty", "virtual_base"])
        base = next((s[7:] for s in self.structs if s.startswith("struct")), "plain")
        member = self.dice.choice(["float", "double", "int"])
        bodies = {
            "copied": f"{name}(const {name} &); {member} m;",
            "destroyed": f"~{name}(); char m;",
            "virtual": f"virtual void v(); {member} m;",
            "derived": f": {base} {{ {member} n; }}",
            "empty": "void f();",
            "defaulted": f"{name}(const {name} &) = default; ~{name}() = default; "
                         f"explicit {name}(int); {member} m;",
            "holds_empty": f": plain_empty {{ {member} m, n; }}",
            "virtual_base": f": virtual plain {{ {member} m; }}",
        }
        body = bodies[form]
        self.text.append(f"struct {name} {body if body[0] == ':' else '{ ' + body + ' }'};")
        if form == "virtual":
            self.text.append(f"void {name}::v() {{ }}")
            self.virtual.add(f"struct {name}")
        # GCC does not describe what has its vtable elsewhere, nor clang what has its
        # constructors elsewhere. clang passes nothing for what is empty, and forgets what
        # a base class is aligned to.
        self.note(f"struct {name}", [f"struct {base}"] if form == "derived" else [],
                  form == "empty" or (self.clang and form == "derived"),
                  form == "virtual_base" or
                  (form == "derived" and f"struct {base}" in self.virtual) or
                  (self.clang and form in ("copied", "defaulted", "destroyed")))

    def make_types(self, count):
        if self.cxx:
            self.text.append("struct plain { int m; };\nstruct plain_empty { };")
        for i in range(count):
            special = self.cxx and self.dice.random() < 0.4
            (self.special if special else self.plain)(f"t{i}")
        if self.cxx:
            self.text.append("typedef int plain::*to_data; typedef void (plain::*to_code)();")

    def parameter(self):
        if self.dice.random() < 0.45:
            return self.dice.choice(self.structs)
        extra = ["to_data", "to_code", "plain &"] if self.cxx else ["_Complex float",
                                                                   "_Complex double"]
        return self.dice.choice(SCALARS + extra + ["const volatile double"])

    def function(self, name):
        result = self.dice.choice([self.parameter(), "int", "void", "void"])
        result = result.replace("const volatile ", "")
        parameters = [self.parameter() for _ in range(self.dice.randint(0, 9))]
        listed = ", ".join(f"{t} p{i}" for i, t in enumerate(parameters)) or "void"
        method = self.cxx and self.dice.random() < 0.3
        body = "{ __builtin_trap(); }"
        if method:
            self.text.append(f"struct owner_{name} {{ {result} f({listed}); int m; }};\n"
                             f"{result} owner_{name}::f({listed}) {body}")
        else:
            hidden = "static " if self.dice.random() < 0.3 else ""
            self.text.append(f"{hidden}__attribute__((used)) {result} {name}({listed}) {body}")
        used = parameters + [result]
        return "untold" if any(t in self.untold for t in used) else \
            "doubtful" if any(t in self.doubtful for t in used) else "clear"


def run(command):
    done = subprocess.run([str(c) for c in command], capture_output=True, text=True)
    if done.returncode != 0:
        print(" ".join(str(c) for c in command), done.stderr)
        sys.exit(1)
    return done.stdout


def of_gcc(flags, source):
    assembly = run(["arm-none-eabi-gcc", *flags, "-S", source, "-o", "-"])
    stacks = {}
    for name, args, pretend in re.findall(
            r"^(\w+):\n(?:[^\n]*\n){0,12}?\t@ args = (\d+), pretend = (\d+)", assembly, re.M):
        stacks[name] = int(args) - int(pretend)
    return stacks


def of_clang(flags, source):
    text = run(["clang", *flags, "-S", source, "-mllvm", "-stop-after=prologepilog", "-o", "-"])
    stacks = {}
    for part in re.split(r"^name: +", text, flags=re.M)[1:]:
        objects = re.search(r"^fixedStack:(.*?)^stack:", part, re.M | re.S).group(1)
        ends = [int(offset) + int(size) for offset, size
                in re.findall(r"offset: (-?\d+), size: (\d+)", objects)]
        stacks[part.split()[0]] = (max(ends, default=0) + 3) & ~3
    return stacks


def good(got, stack, kind):
    """Too high is fine where there is a doubt; too low never, but for what is refused."""
    if kind == "untold":
        return got == "unknown" or int(got) >= min(stack, 33)
    if kind == "doubtful":
        return stack <= 32 if got == "unknown" else int(got) >= stack
    return got == str(stack)


def compare(told, seen, kinds):
    wrong, exact, unknown = [], 0, 0
    for name, stack in sorted(seen.items()):
        got = told.get(name, "0")
        kind = kinds.get(re.search(r"f\d+_|$", name).group(0), "clear")
        if got == str(stack):
            exact += 1
        elif not good(got, stack, kind):
            wrong.append(f"{name}: the compiler takes {stack} bytes, mkmod says {got}")
        elif got == "unknown":
            unknown += 1
    return wrong, exact, unknown


def main():
    lister, compiler, language, abi = sys.argv[1:5]
    count = int(sys.argv[5]) if len(sys.argv) > 5 else 100
    seed = sys.argv[6] if len(sys.argv) > 6 else "1"
    cxx = language == "c++"
    maker = Maker(random.Random(f"{seed} {compiler} {language} {abi}"), cxx,
                  compiler == "clang")
    maker.make_types(40)
    kinds = {f"f{i}_": maker.function(f"f{i}_") for i in range(count)}
    with tempfile.TemporaryDirectory() as folder:
        source = pathlib.Path(folder) / ("s.cpp" if cxx else "s.c")
        source.write_text("\n".join(maker.text) + "\n")
        if os.environ.get("KEEP"):
            pathlib.Path(os.environ["KEEP"]).write_text(source.read_text())
        flags = [*CORES[abi], "-mthumb", "-g", "-O0", "-w", "-fshort-enums"]
        if compiler == "clang":
            flags.append("--target=arm-none-eabi")
        seen = (of_gcc if compiler == "gcc" else of_clang)(flags, source)
        elf = pathlib.Path(folder) / "s.elf"
        run(["arm-none-eabi-gcc" if compiler == "gcc" else "clang", *flags, "-c", source,
             "-o", folder + "/s.o"])
        run(["arm-none-eabi-ld", "-e", "0", "--emit-relocs", "--unresolved-symbols=ignore-all",
             folder + "/s.o", "-o", elf])
        told = dict(line.split() for line in run([lister, elf]).splitlines())
    wrong, exact, unknown = compare(told, seen, kinds)
    print(f"{compiler}, {language}, {abi}: {len(seen)} functions, {exact} exact, "
          f"{unknown} not told, {len(seen) - exact - unknown - len(wrong)} above; "
          f"{sum(s != 0 for s in seen.values())} with arguments on the stack")
    print("\n".join(wrong))
    sys.exit(bool(wrong) or len(seen) < count or exact < count // 2)


main()
