# SPDX-License-Identifier: BSD-2-Clause
"""Which source is built how, linked where and loaded where."""
import zlib

from build import SOURCES, directives

ALL = ("m0", "m4", "m33", "m23")
WIDE = ("m4", "m33")

# name: compiler, options, cores that have it
OPTIONS = {
    "gcc-O0": ("gcc", ["-O0"], ALL),
    "gcc-Os": ("gcc", ["-Os"], ALL),
    "gcc-O2": ("gcc", ["-O2"], ALL),
    "gcc-long-calls": ("gcc", ["-Os", "-mlong-calls"], ALL),
    "gcc-slow-flash": ("gcc", ["-Os", "-mslow-flash-data"], WIDE),
    "gcc-pure-code": ("gcc", ["-O2", "-mpure-code"], WIDE),
    "gcc-lto": ("gcc", ["-Os", "-flto"], ALL),
    "gcc-fpic": ("gcc", ["-Os", "-fpic"], ALL),
    "gcc-fpic-O0": ("gcc", ["-O0", "-fpic"], ALL),
    "gcc-hard": ("gcc", ["-O2", "hard"], WIDE),
    "gcc-debug": ("gcc", ["-Og", "-g"], ALL),
    "gcc-sections": ("gcc", ["-Os", "-ffunction-sections", "-fdata-sections"], ALL),
    "gcc-sb": ("gcc", ["-Os", "-fpic", "-msingle-pic-base", "-mpic-register=r9",
                       "-mno-pic-data-is-text-relative"], WIDE),
    "clang-O0": ("clang", ["-O0"], ALL),
    "clang-Os": ("clang", ["-Os"], ALL),
    "clang-O2": ("clang", ["-O2"], ALL),
    "clang-long-calls": ("clang", ["-Os", "-mlong-calls"], ALL),
    "clang-fpic": ("clang", ["-Os", "-fpic"], ALL),
    "clang-hard": ("clang", ["-O2", "hard"], WIDE),
    "clang-ropi": ("clang", ["-Os", "-fropi"], WIDE),
    "clang-rwpi": ("clang", ["-Os", "-frwpi"], WIDE),
    "clang-ropi-rwpi": ("clang", ["-O1", "-fropi", "-frwpi"], ("m0", "m4", "m33")),
    "clang-lto": ("clang", ["-Os", "-flto"], WIDE),
}

# Link bases and load addresses, moved down to the module's alignment where need be. None
# of the latter is a multiple of 64 KiB; some cross one, some are nearly at the top.
BASES = (0x0, 0x10000, 0x08000400, 0x00004f00)
LOADS = (0x20001300, 0x2000aaa8, 0x1000fff0, 0x20003ffc, 0x2001ff38, 0x0badc0dc,
         0x9ffff004, 0xffe7fff8, 0x00108014, 0x20008004)


class Case:
    """One source in one build. What the worker needs, and no more."""

    def __init__(self, source, option, core, layout="plain.ld", kind="link", **more):
        self.source, self.option, self.core = source, option, core
        self.layout, self.kind = layout, kind
        self.compiler, self.options, _ = OPTIONS[option]
        self.linker = more.get("linker", "arm-none-eabi-ld")
        self.phase = more.get("phase")
        self.linked = more.get("base")
        self.direct = directives(SOURCES / source)
        self.loads = more.get("loads", int(self.flag("loads", "2")))
        name = f"{option}/{self.core}/{source.split('/')[-1]}"
        if layout != "plain.ld":
            name += "/" + layout
        if self.linked is not None:
            name += f"/base={self.linked:#x}"
        if self.linker == "ld.lld":
            name += "/lld"
        if self.phase is not None:
            name += f"/first%16={self.phase}"
        self.name = name
        self.pick = zlib.crc32(name.encode())

    def flag(self, key, default=None):
        return self.direct.get(key, [default])[0]

    def base(self):
        if self.linked is not None:
            return self.linked
        return BASES[self.pick % len(BASES)] + int(self.phase or self.flag("phase", "0"))

    def addresses(self, first, size, align):
        """Load addresses that keep `first`'s place modulo the alignment."""
        found = []
        if self.layout in ("outside.ld", "module.ld"):
            align = max(align, 8)   # what they align no section's header tells
        for i in range(len(LOADS)):
            at = LOADS[(self.pick // 7 + i) % len(LOADS)]
            at -= (at - first) % align
            if at % 0x10000 and at + size < 0xfffffff0 and at not in found:
                found.append(at)
        return found[:self.loads]


def sources(kinds=(".c",), imports=False, group=None, parts=False):
    """Names of sources, in order, whose directives fit."""
    found = []
    for path in sorted(SOURCES.iterdir()):
        if path.suffix not in kinds:
            continue
        d = directives(path)
        if ("part" in d) == parts and ("imports" in d) == imports \
                and d.get("group", [None])[0] == group:
            found.append(path.name)
    return found


# Absolute, undefined or text symbols that count from r9; debug information that lld will
# not link.
NOT_RWPI = ("absolute.c", "weak_undefined.c", "script_symbols.c", "gc_sections.c")


def fits(source, option, core):
    """Does a source want this build?"""
    d = directives(SOURCES / source)
    compiler, options, cores = OPTIONS[option]
    if core not in cores or core not in d.get("cores", ALL):
        return False
    if compiler not in d.get("compilers", ("gcc", "clang")):
        return False
    if source.endswith(".cpp") and option in ("clang-ropi", "clang-rwpi", "clang-ropi-rwpi"):
        return False    # clang has no such C++
    if "rwpi" in option and source in NOT_RWPI:
        return False
    if source == "weak_undefined.c" and option == "clang-lto":
        return False    # bit code: its branches cannot be told apart for the judge
    if source.endswith(".S") and option not in ("gcc-Os", "clang-Os", "gcc-debug"):
        return False
    return option in d.get("options", (option,))


def spread(names, options, cores=ALL, each=1, **more):
    """Every source with every option, each on `each` of the cores in turn."""
    cases = []
    for i, source in enumerate(names):
        for j, option in enumerate(options):
            able = [c for c in cores if fits(source, option, c)]
            for k in range(min(each, len(able))):
                cases.append(Case(source, option, able[(i + j + k) % len(able)], **more))
    return cases


def crossed(names, options, layouts, cores=ALL, **more):
    """Sources by layouts, the options and cores taken in turn."""
    cases = []
    for i, source in enumerate(names):
        for j, layout in enumerate(layouts):
            able = [(o, c) for o in options for c in cores if fits(source, o, c)]
            if able:
                option, core = able[(i + 2 * j) % len(able)]
                cases.append(Case(source, option, core, layout=layout, **more))
    return cases


GCC = ("gcc-O0", "gcc-Os", "gcc-O2", "gcc-long-calls", "gcc-slow-flash", "gcc-pure-code",
       "gcc-hard", "gcc-debug", "gcc-sections")
CLANG = ("clang-O0", "clang-Os", "clang-O2", "clang-long-calls", "clang-hard", "clang-ropi")
PIC = ("gcc-fpic", "gcc-fpic-O0", "clang-fpic", "gcc-sb")
LAYOUTS = ("outside.ld", "data_first.ld", "bss_between.ld", "odd_names.ld", "spread.ld")
GOT_LAYOUTS = ("got_in_data.ld", "got_last.ld", "outside.ld", "spread.ld", "odd_names.ld")
C = (".c", ".S")


def sample(cases, every):
    """One in so many, the same ones each time; by the name's hash, since cases stand in patterns
    of cores and options."""
    return [case for case in cases if zlib.crc32(case.name.encode()) % every == 0]


def group_cases(name):
    plain = sources(C)
    if name == "self":
        return spread([s for s in plain if s.endswith(".c") and s not in
                       ("weak_undefined.c", "got.c")], ("gcc-Os", "gcc-O0"),
                      cores=("m0", "m4", "m33"), kind="self")
    if name == "gcc":
        return spread(plain, GCC) + [Case("movw_twice.S", "gcc-Os", core, base=base)
                                     for core in WIDE for base in (0x7f00, 0x18800)]
    if name == "clang":
        return spread(plain, CLANG)
    if name == "lto":
        return spread([s for s in plain if s.endswith(".c")], ("gcc-lto",))
    if name == "fpic":
        few = [s for s in plain if s.endswith(".c")]
        return spread(few, PIC) + crossed(few, ("gcc-fpic", "clang-fpic"), GOT_LAYOUTS[:3]) \
            + crossed(["got.c"], ("gcc-fpic", "clang-fpic", "gcc-sb"), GOT_LAYOUTS, loads=5) \
            + [Case(s, option, core, layout="got_first.ld", base=0)
               for s, option, core in (("got.c", "gcc-fpic", "m4"),
                                       ("got.c", "clang-fpic", "m0"),
                                       ("bss_only.c", "gcc-fpic", "m0"),
                                       ("lists.c", "gcc-sb", "m33"),
                                       ("const_tables.c", "clang-fpic", "m4"))]
    if name == "cxx":
        return spread(sources((".cpp",)), GCC + ("gcc-fpic", "gcc-lto") + CLANG[:4]
                      + ("clang-fpic", "clang-hard"))
    if name == "layout":
        phases = [Case("phases.c", option, core, layout="bytes_first.ld", phase=phase)
                  for phase in range(16) for option, core in
                  (("gcc-Os", "m0"), ("gcc-fpic", "m4"), ("clang-Os", "m33"))]
        return crossed(plain, ("gcc-Os", "clang-Os", "gcc-O0"), LAYOUTS) + phases
    if name == "libc":
        return spread(sources(C, group="libc"), ("gcc-Os", "clang-Os", "gcc-long-calls"),
                      each=2) + [Case("whole_libc.c", "gcc-hard", "m4")]
    if name == "imports":
        return spread(sources(C + (".cpp",), imports=True),
                      GCC + ("gcc-lto", "gcc-fpic", "gcc-sb") + CLANG[:4] + ("clang-fpic",),
                      kind="imports") \
            + spread(sources(C, imports=True, group="libc"), ("gcc-Os", "clang-O0"), each=2,
                     kind="imports")
    if name == "apart":
        return spread(plain, ("gcc-Os", "gcc-slow-flash", "gcc-fpic", "clang-ropi"),
                      kind="apart") \
            + spread(plain[::2], ("gcc-O0", "gcc-sb", "clang-Os"), kind="apart") \
            + spread(plain[1::2], ("clang-fpic", "clang-O0"), kind="apart")
    if name == "lld":
        few = [s for s in plain if directives(SOURCES / s).get("lld") != ["no"]]
        return spread(few, ("clang-Os", "clang-fpic", "gcc-O2"), linker="ld.lld") \
            + spread(few[::2], ("clang-lto", "clang-rwpi"), linker="ld.lld") \
            + spread(few[1::2], ("clang-O0", "clang-ropi-rwpi"), linker="ld.lld") \
            + crossed(few[::2], ("clang-Os", "clang-fpic", "gcc-fpic", "gcc-Os"),
                      ("data_first.ld", "spread.ld", "got_in_data.ld"),
                      linker="ld.lld") \
            + [Case("bss_only.c", "clang-fpic", "m0", layout="got_first.ld", base=0,
                    linker="ld.lld")] \
            + spread(sources(C, imports=True), ("clang-Os", "gcc-O2", "clang-fpic",
                                                "gcc-fpic", "clang-O0"),
                     kind="imports", linker="ld.lld") \
            + spread(few[::2], ("clang-O2",), kind="apart", linker="ld.lld")
    if name == "linked":
        plain.remove("sparse_far.c")    # twice as large as what fits the chip's flash
        return spread(plain, GCC[:1] + GCC[2:7] + CLANG[:3] + ("gcc-fpic", "clang-fpic",
                                                              "clang-ropi"), kind="linked") \
            + spread(plain[::2], ("gcc-Os", "gcc-debug"), kind="linked") \
            + spread(plain[::3], ("gcc-sb",), kind="linked") \
            + spread(plain[1::2], ("clang-hard", "gcc-fpic-O0"), kind="linked") \
            + spread(sources((".cpp",)), ("gcc-Os", "clang-O2", "gcc-fpic"), kind="linked") \
            + spread(sources(C + (".cpp",), imports=True), ("gcc-O2", "gcc-long-calls",
                     "gcc-slow-flash", "gcc-fpic", "clang-O0"), kind="linked imports") \
            + spread([s for s in plain[::3] if directives(SOURCES / s).get("lld") != ["no"]],
                     ("clang-Os",), linker="ld.lld", kind="linked")
    if name == "pie":
        # ld -pie relocates absolute symbols too, and mistakes .relics for records.
        odd = ("absolute.c", "absolute_call.c", "odd_sections.c")
        return spread([s for s in plain if s.endswith(".c") and s not in odd],
                      ("gcc-Os", "gcc-fpic"), kind="pie")
    if name == "examples":
        # Each example, and the sources with the script that users are given. Those with
        # newlib's headers are for its compiler, and for a test of their own; a firmware is
        # no module.
        given = sorted(f"../../../examples/{p.parent.name}/{p.name}"
                       for p in (SOURCES.parents[2] / "examples").glob("*/*.c*")
                       if p.parent.name not in ("newlib", "firmware"))
        own = [s for s in plain + sources((".cpp",)) if s not in ("script_symbols.c", "got.c")]
        return spread(given, ("gcc-Os", "gcc-O0", "gcc-O2", "gcc-fpic", "clang-Os"), each=3,
                      layout="module.ld", kind="imports") \
            + spread(own, ("gcc-Os", "clang-O2"), layout="module.ld") \
            + spread(own[::2], ("gcc-fpic",), layout="module.ld") \
            + spread(own[1::2], ("gcc-O0",), layout="module.ld", kind="apart")
    raise SystemExit(f"no group {name}")


# A group that runs fewer cases than this has lost some and fails.
MINIMUM = {"self": 60, "gcc": 300, "clang": 195, "lto": 32, "fpic": 235, "cxx": 75,
           "layout": 240, "libc": 19, "imports": 85, "apart": 215, "lld": 245, "linked": 300, "pie": 60,
           "examples": 170}
