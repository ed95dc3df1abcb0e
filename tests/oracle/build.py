# SPDX-License-Identifier: BSD-2-Clause
"""Compile sources and link objects, for a module and for the judge alike."""
import functools
import pathlib
import re
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.append(str(HERE.parent))
import objects     # noqa: E402

SOURCES = HERE / "sources"
LAYOUTS = HERE / "layouts"
FIRMWARE = HERE.parents[1] / "target-loader" / "firmware" / "include"
EXAMPLES = HERE.parents[1] / "examples" / "include"
INCLUDED = SOURCES, FIRMWARE, EXAMPLES

GCC_CORES = {
    "m0": ["-mcpu=cortex-m0"],
    "m4": ["-mcpu=cortex-m4"],
    "m33": ["-mcpu=cortex-m33+nofp"],
    "m23": ["-mcpu=cortex-m23"],
}
CLANG_CORES = {
    "m0": ["--target=thumbv6m-none-eabi", "-mcpu=cortex-m0"],
    "m4": ["--target=thumbv7em-none-eabi", "-mcpu=cortex-m4"],
    "m33": ["--target=thumbv8m.main-none-eabi", "-mcpu=cortex-m33"],
    "m23": ["--target=thumbv8m.base-none-eabi", "-mcpu=cortex-m23"],
}
HARD = ["-mfloat-abi=hard", "-mfpu=fpv4-sp-d16"]


class Failure(Exception):
    """A case that cannot go on: the text says why."""


def run(command, cwd, what):
    try:
        done = subprocess.run([str(c) for c in command], cwd=cwd, capture_output=True,
                              text=True, errors="replace", timeout=900)
    except (OSError, subprocess.TimeoutExpired) as problem:
        raise Failure(f"{what}: {problem}") from problem
    if done.returncode != 0:
        raise Failure(f"{what} exits {done.returncode}: {done.stderr.strip()[:1500]}")
    return done


def directives(source):
    """The words `key=value` of a source's `oracle:` lines, values in a list each."""
    found = {}
    for line in re.findall(r"oracle:\s*(.*?)\s*(?:\*/)?$", source.read_text(), re.M):
        for word in re.findall(r'(\w+)=("[^"]*"|\S+)', line):
            found.setdefault(word[0], []).extend(word[1].strip('"').split(","))
    return found


def language(source):
    return {".c": "c", ".cpp": "c++", ".S": "asm"}[source.suffix]


def core_flags(compiler, core, options):
    if compiler == "clang":
        flags = CLANG_CORES[core] + (HARD if "hard" in options else ["-mfloat-abi=soft"])
    else:
        flags = list(GCC_CORES[core])
        if "hard" in options:
            flags = ["-mcpu=cortex-" + core] + HARD
    return flags + ["-mthumb"]


def compile_source(compiler, core, options, source, cwd):
    """One object of one source. `options` are compiler options, and the word "hard"."""
    kind = language(source)
    command = ["clang"] if compiler == "clang" else ["arm-none-eabi-gcc"]
    command += core_flags(compiler, core, options)
    command += [o for o in options if o != "hard"]
    command += ["-pipe", "-ffreestanding", "-fno-common", "-Wall", "-I", SOURCES,
                "-I", FIRMWARE, "-I", EXAMPLES]
    if compiler == "clang":
        command += ["-Wno-unused-command-line-argument"]
    if kind == "c++":
        command += ["-std=c++14"]
        if compiler == "clang":
            command += ["-nostdlibinc"]
    elif kind == "c":
        command += ["-std=gnu11"]
    command += [f for f in directives(source).get("cflags", [])]
    if kind == "c++":
        command += directives(source).get("cxxflags",
                                          ["-fno-exceptions", "-fno-rtti",
                                           "-fno-threadsafe-statics"])
    target = pathlib.Path(cwd) / (source.stem + ".o")
    objects.compiled(command, source, INCLUDED, target, lambda: run(
        command + ["-c", source, "-o", target], cwd, f"compiling {source.name}"))
    return target


@functools.lru_cache(None)
def gcc_file(name, core, hard):
    flags = core_flags("gcc", core, ["hard"] if hard else [])
    done = subprocess.run(["arm-none-eabi-gcc", *flags, "-print-file-name=" + name],
                          capture_output=True, text=True, check=True)
    return done.stdout.strip()


def libraries(names, core, hard):
    files = [gcc_file(f"lib{n}.a", core, hard) for n in names]
    return ["--start-group", *files, "--end-group"] if files else []


def examples_layout():
    """examples/module.ld, with our marks where its address and its data are."""
    script = (HERE.parents[1] / "examples" / "module.ld").read_text()
    script, texts = re.subn(r"\.text 0x[0-9a-f]+ :", ". = @TEXT@;\n    .text :", script)
    script, data = re.subn(r"(?m)^( *)(\.got :)", r"\1@DATA@\n\1\2", script)
    if texts != 1 or data != 1:
        raise Failure("examples/module.ld has changed: the oracle no longer finds its "
                      "address or its .got")
    return script


def layout(name, text, data=None, before=""):
    """A linker script's text with the addresses put in; `data` may be an expression."""
    script = examples_layout() if name == "module.ld" else (LAYOUTS / name).read_text()
    if data is not None and "@DATA@" not in script:
        raise Failure(f"{name} has no place for a data address")
    script = script.replace("@TEXT@", hex(text))
    script = script.replace("@DATA@", "" if data is None else f". = {data};")
    return script.replace("SECTIONS\n{", "SECTIONS\n{\n" + before, 1)


class Link:
    """What is linked, so that it can be linked again at other addresses."""

    def __init__(self, cwd, objects, script="plain.ld", flags=(), libs=(), core="m4",
                 hard=False, linker="arm-none-eabi-ld", driver_flags=()):
        self.cwd, self.objects, self.script = pathlib.Path(cwd), list(objects), script
        self.flags, self.libs = list(flags), list(libs)
        self.core, self.hard, self.linker = core, hard, linker
        self.driver_flags = list(driver_flags)

    def at(self, name, text, data=None, before="", objects=None, flags=()):
        """Link as `name`.elf with the first byte at `text`, data at `data` if given."""
        script = self.cwd / (name + ".ld")
        script.write_text(layout(self.script, text, data, before))
        target = self.cwd / (name + ".elf")
        objects = self.objects if objects is None else objects
        libs = libraries(self.libs, self.core, self.hard)
        flags = self.flags + list(flags)
        if self.linker == "gcc":   # for -flto, which needs the driver's plug-in
            command = ["arm-none-eabi-gcc", *self.driver_flags, "-nostdlib",
                       "-Wl,--no-warn-rwx-segments", *["-Wl," + f for f in flags],
                       "-T", script, *objects, *["-Wl," + f for f in libs]]
        else:
            command = [self.linker, *flags, "-T", script, *objects, *libs]
            if self.linker == "arm-none-eabi-ld":
                command.insert(1, "--no-warn-rwx-segments")
            else:
                command.insert(1, "--threads=1")
        run([*command, "-o", target], self.cwd, f"linking {name}")
        return target
