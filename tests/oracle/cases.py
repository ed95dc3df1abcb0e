# SPDX-License-Identifier: BSD-2-Clause
"""What a case of each kind does: compile, link, pack, load, and compare with the linker."""
import json
import struct

import build
import firmware
import imports
import relocator
import tools
import trampolines
from build import SOURCES, Failure, Link
from elf import ABS32, BASE_PREL, GOT_PREL, REL32, RELATIVE, SHF_WRITE, SHT_REL, Elf
from verdict import explain


def objects(case, cwd, options=None):
    names = [case.source, *case.direct.get("also", [])]
    return [build.compile_source(case.compiler, case.core, options or case.options,
                                 SOURCES / name, cwd) for name in names]


def prepare(case, cwd):
    """Compile a case, ready to be linked anywhere."""
    made = objects(case, cwd)
    hard = "hard" in case.options
    linker, driver = case.linker, []
    if case.option == "gcc-lto":
        linker = "gcc"
        driver = build.core_flags("gcc", case.core, []) + ["-Os", "-flto", "-fno-common"]
    whole = case.direct.get("whole", [])
    flags = list(case.direct.get("ldflags", []))
    if linker == "ld.lld":
        flags += ["-z", "norelro"]  # its order of sections is not the scripts'
    if whole:
        flags += ["-z", "muldefs"]
        if case.kind != "imports":
            # What the library lacks of itself is set to one of its functions.
            flags += [f"--defsym={n}=main" for n in MISSING_OF_LIBC]
        made += ["--whole-archive", *(build.gcc_file(f"lib{n}.a", case.core, hard)
                                      for n in whole), "--no-whole-archive"]
    libs = case.direct.get("libs", ["gcc", "c_nano"])
    return Link(cwd, made, case.layout, flags, libs, case.core, hard, linker, driver)


MISSING_OF_LIBC = ("_fcntl", "_jp2uc_l", "_malloc_trim_r", "_mkdir", "_uc2jp_l",
                   "_vfwprintf_r", "getentropy", "posix_memalign", "regcomp", "regexec",
                   "regfree", "sigprocmask")


def aligned_base(case, cwd, link, flags=("--emit-relocs",), **more):
    """Link at the case's base, moved so that the alignment is kept. The Elf."""
    elf = Elf(link.at("base", case.base(), flags=flags, **more))
    return elf


def judge_memory(path, cwd, again=False):
    """Memory of a linked ELF, read by us and, to be sure of that, by objcopy once a case."""
    elf = Elf(path)
    memory = elf.memory()
    if again:
        return elf, memory
    binary = path.with_suffix(".objcopy")
    build.run(["arm-none-eabi-objcopy", "-O", "binary", path, binary], cwd, "objcopy")
    other = binary.read_bytes()
    # objcopy drops what has no bytes, in front and behind.
    start = min((s.address for s in elf.allocated() if s.data), default=elf.first())
    skip = start - elf.first()
    if memory[:skip].strip(b"\0") or memory[skip:skip + len(other)] != other \
            or memory[skip + len(other):].strip(b"\0"):
        raise Failure(f"objcopy reads {path.name} otherwise than the harness")
    return elf, memory


def link_case(case, cwd):
    link = prepare(case, cwd)
    base = aligned_base(case, cwd, link)
    if imports.weak(base):
        return imports_case(case, cwd)  # which weak undefined symbols are, bound or not
    image, _ = tools.pack(cwd / "base.elf", cwd)
    if not image.flags & tools.FLAG_BLOCK:
        raise Failure("mkmod does not allow the image to be loaded as one block")
    size = base.end() - base.first()
    problems, count = [], 0
    for at in case.addresses(base.first(), size, max(base.alignment(), image.align)):
        _, got = tools.load(image, cwd, at)
        more, data, got = trampolines.blanked(image, base, at, got)
        judge, want = judge_memory(link.at("judge", at, data=data, flags=judge_flags(link)),
                                   cwd, count > 0)
        if judge.first() != at or len(want) != size + more:
            raise Failure(f"the linker lays the module out otherwise at {at:#x}")
        count += 1
        for line in explain(got, want, at, judge, base, base.first()) or []:
            problems.append(f"@{at:#x} (linked at {base.first():#x}): {line}")
    return count, problems


def judge_flags(link):
    """Debug information takes the judge's time and no memory."""
    return [] if link.linker == "gcc" else ["-S"]


def self_case(case, cwd):
    """The harness itself: the plain relocator is right, no relocator at all is wrong."""
    link = prepare(case, cwd)
    base = aligned_base(case, cwd, link)
    size, problems, count = base.end() - base.first(), [], 0
    moving = any(r.type == ABS32 and 0 < r.symbol.shndx < 0xff00
                 for _, r in base.relocations())
    for at in case.addresses(base.first(), size, base.alignment()):
        judge, want = judge_memory(link.at("judge", at, flags=judge_flags(link)), cwd,
                                   count > 0)
        got = relocator.load_at(base, at)
        count += 1
        for line in explain(got, want, at, judge, base, base.first()) or []:
            problems.append(f"@{at:#x} (linked at {base.first():#x}): {line}")
        still = explain(base.memory(), want, at, judge, base, base.first())
        if moving and (not still or "R_ARM_ABS32" not in "".join(still)):
            problems.append(f"@{at:#x}: an unrelocated image passes for a relocated one")
        flipped = bytearray(want)
        flipped[case.pick % size] ^= 1 << case.pick % 8
        if not explain(bytes(flipped), want, at, judge, base, base.first()):
            problems.append(f"@{at:#x}: a flipped bit passes")
        if not explain(want[:-1], want, at, judge, base, base.first()):
            problems.append(f"@{at:#x}: a missing byte passes")
    return count, problems


def may_be_apart(case):
    """Does the format allow it? Code in data must be reachable from text."""
    return "ramfunc" not in case.source


def some_data(case):
    """Where a script has data begin: at a multiple of its alignment, at some remainder of it, or
    (one in eight) where it comes to lie."""
    align = int(case.flag("data_align", "16"))
    if case.pick % 8 == 0:
        return "ALIGN(4)"
    return f"ALIGN({align}) + {case.pick // 8 % 2 * 4 * (case.pick // 16 % (align // 4))}"


def apart_case(case, cwd):
    """Text and data at two unrelated addresses."""
    link = prepare(case, cwd)
    base = aligned_base(case, cwd, link, data=some_data(case))
    if imports.weak(base):
        return imports_case(case, cwd)
    image, _ = tools.pack(cwd / "base.elf", cwd, "--verbose")
    data_start = base.data_start()
    allowed = may_be_apart(case)
    if bool(image.flags & tools.FLAG_APART) != allowed:
        raise Failure(f"mkmod {'does not allow' if allowed else 'allows'} text and data apart")
    if not allowed:
        return 1, []
    if data_start is None:
        return 1, [] if not image.data_mem else ["has data where there is none"]
    align = max(base.alignment(), image.align)
    text_size = data_start - base.first()
    text_ats = case.addresses(base.first(), text_size, align)
    # What the linker made of data keeps its place modulo the alignment; the image's data begins
    # with what mkmod has put in front of it.
    begin = data_start - trampolines.prefix(image, base)
    data_ats = [a + 0x190000 if a < 0x400000 else a - 0x190000
                for a in case.addresses(begin, base.end() - begin, align)[::-1]]
    if case.linker == "ld.lld":     # which wants addresses to rise
        text_ats = [a for a in text_ats if a < 0xf0000000]
        data_ats = [a + 0x410000 - (a - begin) % align for a in text_ats]
    problems, count = [], 0
    for at, data_at in zip(text_ats, data_ats):
        _, text, data = tools.load(image, cwd, at, data_at)
        more, text, data = trampolines.removed(image, base, at, data_at, text, data)
        data_at += more
        judge = Elf(link.at("judge", at, data=data_at, flags=judge_flags(link)))
        want_text = judge.memory(at, max(s.address + s.size for s in judge.allocated()
                                         if not s.flags & SHF_WRITE))
        want_data = judge.memory(data_at, max(s.address + s.size for s in judge.allocated()
                                              if s.flags & SHF_WRITE))
        count += 2
        if text[len(want_text):].strip(b"\0") or len(text) < len(want_text):
            problems.append(f"text has {len(text)} bytes, the linker makes {len(want_text)}")
        where = f"@{at:#x}, data @{data_at:#x}"
        for line in explain(text[:len(want_text)], want_text, at, judge, base,
                            base.first()) or []:
            problems.append(f"{where}: {line}")
        for line in explain(data, want_data, data_at, judge, base, data_start) or []:
            problems.append(f"{where}: {line}")
    return count, problems


# Where regions for linked images begin, in the F405's small sectors; where their RAM is.
REGIONS = ((0x08004000, 0xc000), (0x08008000, 0x8000), (0x0800c000, 0x14000),
           (0x08010000, 0x10000))
LARGE_REGION = (0x08020000, 0xe0000)
ARENAS = (0x20000000, 0x20001240, 0x2000ff08, 0x10000008, 0x2001ff80)
ARENA_SIZE = 0x200000


def install_pair(case, cwd, exports):
    """Pack base.elf under two names, and have both linked for one region and arena: the
    second one's addresses are odd. (the image as packed, [(address, linked image)]); or what
    is wrong with how it was refused, if it cannot be linked."""
    pair = [tools.pack(cwd / "base.elf", cwd, "--name", name, output=name)[0]
            for name in ("one", "two")]
    size = len(pair[0].bytes)
    place = LARGE_REGION if size > 0x2000 else REGIONS[case.pick % len(REGIONS)]
    pair = pair[:1 if size > LARGE_REGION[1] // 3 else 2]
    for image in pair:
        tools.pretend_core(image)
    arena = (ARENAS[case.pick // 5 % len(ARENAS)], ARENA_SIZE)
    host = firmware.make(cwd, tools.modref.name_hash, place, arena, exports)
    if not pair[0].flags & tools.FLAG_APART:
        return pair[0], tools.refuses_linked(pair[0], cwd, host, place, arena)
    made = tools.install_linked(pair, cwd, host, place, arena)
    ranges = sorted(tools.linked_for(*one, arena)[1:] for one in made)
    if ranges[0][1] > ranges[-1][0] and len(ranges) > 1:
        raise Failure(f"RAM of both overlaps: {ranges}")
    return pair[0], made


def linked_case(case, cwd):
    """What modflash links for a place in flash and one in RAM is what the linker makes there."""
    link = prepare(case, cwd)
    base = aligned_base(case, cwd, link, data=some_data(case))
    if imports.weak(base):
        return linked_imports_case(case, cwd)
    plain, made = install_pair(case, cwd, {})
    if not plain.flags & tools.FLAG_APART:
        return 1, made
    return 4, [line for at, image in made
               for line in compare_linked(link, base, plain, at, image)]


def linked_imports_case(case, cwd):
    """The same with imports, bound to what the firmware exports. Weak ones are unbound in
    every other case."""
    link = prepare(case, cwd)
    one_object(case, cwd, link)
    ignore = "--unresolved-symbols=ignore-all"
    flags = ["--emit-relocs", ignore]
    base = aligned_base(case, cwd, link, flags=flags, data=some_data(case))
    if with_libraries(base, cwd, link):
        base = aligned_base(case, cwd, link, flags=flags, data=some_data(case))
    names = [n for n in imports.undefined(base) if not n.startswith("__aeabi_unwind")]
    maybe = [n for n in imports.weak(base) if n in names]
    where = {n: 0 if n in maybe and case.pick % 2 else a
             for n, a in imports.addresses(names).items()}
    plain, made = install_pair(case, cwd, {n: a for n, a in where.items() if a})
    if not plain.flags & tools.FLAG_APART:
        return 1, made
    needed = imports.called(link.objects, set(names))
    # Where which veneer is shows when all are bound.
    bound = imports.addresses(names)
    prefix, _ = tools.load(plain, cwd, 0x20000000 + (base.first() + plain.prefix) % 64,
                           imports=bound)
    offsets = imports.veneers(prefix, bound, needed)
    split = [imports.split_calls(o, needed, cwd) for o in link.objects]
    as_flags = build.core_flags("gcc", case.core, case.options)
    settings = ["-S", ignore, *(f"--defsym={n}={a:#x}" for n, a in where.items() if a)]
    problems = []
    for at, image in made:
        prefix = tools.segments(image)[0][:plain.prefix]
        imports.check_veneers(prefix, offsets, where, maybe, case.core)
        extra, before = [], ""
        if prefix:
            extra = [imports.veneer_section(prefix, offsets, cwd, as_flags)]
            before = f"  .prefix {at + 64:#x} : {{ *(.prefix) }}\n"
        problems += compare_linked(link, base, plain, at, image, objects=split + extra,
                                   before=before, flags=settings)
    return 4, problems


def compare_linked(link, base, plain, at, image, **how):
    """One image in flash, and the linker's own link for its addresses."""
    text_at, data_at, _ = tools.linked_for(at, image)
    data_start = base.data_start()
    first = text_at + plain.prefix
    how.setdefault("flags", judge_flags(link))
    text, data, _, data_mem = tools.segments(image)
    more, got_text, got = trampolines.removed(plain, base, first, data_at, text[plain.prefix:],
                                              data + bytes(data_mem - len(data)))
    data_at += more
    judge = Elf(link.at("judge", first, data=data_at if data_start is not None else None, **how))
    want_text = judge.memory(first, max(s.address + s.size for s in judge.allocated()
                                        if not s.flags & SHF_WRITE))
    where, problems = f"@{text_at:#x}, data @{data_at:#x}", []
    if got_text[len(want_text):].strip(b"\0") or len(got_text) < len(want_text):
        problems.append(f"text has {len(got_text)} bytes, the linker makes {len(want_text)}")
    for line in explain(got_text[:len(want_text)], want_text, first, judge, base,
                        base.first()) or []:
        problems.append(f"{where}: {line}")
    if data_start is None:
        return problems + (["has data where there is none"] if data_mem else [])
    want = judge.memory(data_at, max(s.address + s.size for s in judge.allocated()
                                     if s.flags & SHF_WRITE))
    for line in explain(got, want, data_at, judge, base, data_start) or []:
        problems.append(f"{where}: {line}")
    return problems


def one_object(case, cwd, link):
    """Of what is LTO or an archive make one object, whose branches can be told apart."""
    whole = cwd / "whole.o"
    if link.linker == "gcc":
        build.run(["arm-none-eabi-gcc", *link.driver_flags, "-r", "-nostdlib",
                   "-flinker-output=nolto-rel", *link.objects, "-o", whole], cwd, "LTO")
        link.objects, link.linker = [whole], "arm-none-eabi-ld"
    elif "whole" in case.direct:
        build.run([link.linker, "-r", "-z", "muldefs", *link.objects, "-o", whole], cwd,
                  "ld -r")
        link.objects = [whole]


def with_libraries(base, cwd, link):
    """Members of archives that call weak symbols of their own: to be told apart as well."""
    own = {s.name for o in link.objects for s in Elf(o).symbols}
    if set(imports.weak(base)) <= own:
        return False
    whole = cwd / "with_libraries.o"
    build.run([link.linker, "-r", *link.objects,
               *build.libraries(link.libs, link.core, link.hard), "-o", whole], cwd, "ld -r")
    link.objects, link.libs = [whole], []
    return True


def imports_case(case, cwd):
    """Undefined symbols: the linker sets them, and sees the veneers as a section.

    Weak ones are bound at every other address; at the rest neither the loader nor the
    linker has anything for them.
    """
    link = prepare(case, cwd)
    one_object(case, cwd, link)
    ignore = "--unresolved-symbols=ignore-all"
    base = aligned_base(case, cwd, link, flags=["--emit-relocs", ignore])
    if with_libraries(base, cwd, link):
        base = aligned_base(case, cwd, link, flags=["--emit-relocs", ignore])
    names = [n for n in imports.undefined(base) if not n.startswith("__aeabi_unwind")]
    maybe = [n for n in imports.weak(base) if n in names]
    bound = imports.addresses(names)
    unbound = {n: 0 if n in maybe else a for n, a in bound.items()}
    image, _ = tools.pack(cwd / "base.elf", cwd)
    needed = imports.called(link.objects, set(names))
    split = [imports.split_calls(o, needed, cwd) for o in link.objects]
    size = base.end() - base.first()
    as_flags = build.core_flags("gcc", case.core, case.options)
    problems, count, offsets = [], 0, None
    for at in case.addresses(base.first(), size, max(base.alignment(), image.align)):
        where = unbound if count % 2 else bound
        settings = [f"--defsym={n}={a:#x}" for n, a in where.items() if a]
        prefix, got = tools.load(image, cwd, at,
                                 imports={n: a for n, a in where.items() if a})
        offsets = offsets or imports.veneers(prefix, where, needed)
        imports.check_veneers(prefix, offsets, where, maybe, case.core)
        extra, before = [], ""
        if prefix:
            extra = [imports.veneer_section(prefix, offsets, cwd, as_flags)]
            before = f"  .prefix {at - len(prefix):#x} : {{ *(.prefix) }}\n"
        more, data, got = trampolines.blanked(image, base, at, got)
        judge, want = judge_memory(link.at("judge", at, data=data, objects=split + extra,
                                           before=before, flags=["-S", ignore, *settings]),
                                   cwd, count > 0)
        if len(want) != size + len(prefix) + more:
            raise Failure(f"the linker lays the module out otherwise at {at:#x}")
        count += 1
        got = prefix + got
        for line in explain(got, want, at - len(prefix), judge, base,
                            base.first() - len(prefix)) or []:
            problems.append(f"@{at:#x} (linked at {base.first():#x}): {line}")
    return count, problems


def named_place(elf, address):
    for s in elf.allocated():
        if s.address <= address < s.address + s.size:
            return s.name, address - s.address
    return "nowhere", address


def relative_places(elf):
    """Places of the R_ARM_RELATIVE records of a position-independent executable."""
    found = set()
    for s in elf.sections:
        if s.type == SHT_REL and s.name.startswith(".rel.dyn"):
            for offset, info in struct.iter_unpack("<II", s.data):
                if info & 0xff != RELATIVE:
                    raise Failure(f"ld -pie leaves a record of type {info & 0xff}")
                found.add(named_place(elf, offset))
    return found


def fixup_places(image, base):
    """Places of the image's fix-ups that add an address, by section of the ELF."""
    done = build.run([tools.tool("MODDUMP"), "--json", image.path], image.path.parent,
                     "moddump --json")
    start = {"text": base.first() - image.prefix, "data": base.data_start()}
    crossing = {r.offset for _, r in base.relocations() if r.type in (REL32, BASE_PREL,
                                                                      GOT_PREL)}
    found = set()
    for row in json.loads(done.stdout)["relocations"]:
        address = start[row["segment"]] + row["offset"]
        if row["target"] == "import":
            continue    # weak ones; others there are none
        if row["relative"] and row["target"] != row["segment"] and address in crossing:
            continue    # of use only when text and data are apart, which -pie cannot be
        if row["kind"] != "word" or row["relative"] or row["target"] not in ("text", "data"):
            raise Failure(f"a fix-up that ld -pie has no word for: {row}")
        found.add(named_place(base, address))
    return found


def pie_case(case, cwd):
    """ld -pie relocates the same places: ABS32 and GOT slots, weak undefined ones not."""
    link = prepare(case, cwd)
    base = aligned_base(case, cwd, link)
    image, _ = tools.pack(cwd / "base.elf", cwd)
    pie = Elf(link.at("pie", case.base(), flags=["-pie", "--no-dynamic-linker", "-z",
                                                  "notext", "--no-warnings"]))
    want, got = relative_places(pie), fixup_places(image, base)
    problems = [f"ld -pie relocates {s}+{at:#x}, mkmod does not ({base_records(base, s, at)})"
                for s, at in sorted(want - got)]
    problems += [f"mkmod relocates {s}+{at:#x}, ld -pie does not ({base_records(base, s, at)})"
                 for s, at in sorted(got - want)]
    return max(1, len(want)), problems[:8]


def base_records(base, name, at):
    for s in base.sections:
        if s.name == name:
            return ", ".join(base.records_at(s.address + at)) or "no record"
    return "no such section"


KINDS = {"self": self_case, "link": link_case, "imports": imports_case, "apart": apart_case,
         "linked": linked_case, "linked imports": linked_imports_case, "pie": pie_case}
