# SPDX-License-Identifier: BSD-2-Clause
"""Type tags by specs/interface.md, section 2, out of the DWARF that pyelftools reads: written
from the text alone, to hold the tools against."""

from elftools.dwarf.descriptions import describe_form_class
from elftools.elf.elffile import ELFFile

NAMES = {"DW_TAG_structure_type": "S", "DW_TAG_class_type": "S", "DW_TAG_union_type": "U"}
PASSED = {"DW_TAG_typedef", "DW_TAG_const_type", "DW_TAG_volatile_type", "DW_TAG_restrict_type",
          "DW_TAG_atomic_type"}
LETTERS = {2: "b", 3: "z", 4: "f", 5: "s", 6: "s", 7: "u", 8: "u", 16: "u"}


def value(die, name, default=None):
    at = die.attributes.get("DW_AT_" + name)
    return default if at is None else at.value


def plain(die):
    """Behind typedefs and qualifiers; None is void."""
    while die is not None and die.tag in PASSED:
        die = target(die)
    return die


def target(die):
    return die.get_DIE_from_attribute("DW_AT_type") if "DW_AT_type" in die.attributes else None


def members(die):
    return [m for m in die.iter_children() if m.tag == "DW_TAG_member"
            and "DW_AT_external" not in m.attributes]


def place(m):
    bits = value(m, "bit_size")
    if bits is None:
        return f"@{value(m, 'data_member_location', 0)}"
    return f"@{value(m, 'data_bit_offset')}:{bits}"


def name_of(die):
    return value(die, "name", b"").decode()


def dimension(sub):
    for name, more in (("DW_AT_count", 0), ("DW_AT_upper_bound", 1)):
        at = sub.attributes.get(name)
        if at is not None and describe_form_class(at.form) == "constant":
            return f"[{at.value + more}]"
    return "[]"


class Writer:
    def __init__(self, is_c, classes):
        self.is_c, self.classes, self.met = is_c, classes, []

    def type(self, die):
        die = plain(die)
        if die is None:
            return "v"
        if die.tag in NAMES:
            return self.record(die)
        if die.tag in ("DW_TAG_pointer_type", "DW_TAG_reference_type"):
            return "*" + self.type(target(die))
        if die.tag == "DW_TAG_array_type":
            subs = [c for c in die.iter_children() if c.tag == "DW_TAG_subrange_type"]
            return "".join(map(dimension, subs)) + self.type(target(die))
        if die.tag in ("DW_TAG_subroutine_type", "DW_TAG_subprogram"):
            return self.function(die)
        if die.tag == "DW_TAG_enumeration_type":
            return "e" + self.type(target(die))
        assert die.tag == "DW_TAG_base_type", die.tag
        return f"{LETTERS[value(die, 'encoding')]}{value(die, 'byte_size')}"

    def function(self, die):
        parts, more = [], ""
        if self.is_c and "DW_AT_prototyped" not in die.attributes:
            more = "?"
        for child in die.iter_children():
            if child.tag == "DW_TAG_formal_parameter":
                parts.append(self.type(target(child)))
            elif child.tag == "DW_TAG_unspecified_parameters" and not more:
                parts.append("...")
        return f"({more}{','.join(parts)})" + self.type(target(die))

    def record(self, die):
        letter = NAMES[die.tag]
        if "DW_AT_declaration" in die.attributes:
            return f'{letter}"{name_of(die)}"'
        key = self.classes[die.offset]
        if key in self.met:
            return f"#{self.met.index(key)}"
        self.met.append(key)
        inner = "".join(f"{name_of(m)}{place(m)}{self.type(target(m))};" for m in members(die))
        return f"{letter}{value(die, 'byte_size')}{{{inner}}}"


class Shallow(Writer):
    """The same with a struct's class so far in the place of its contents."""

    def record(self, die):
        if "DW_AT_declaration" in die.attributes:
            return super().record(die)
        return f"<{self.classes[die.offset]}>"


def classify(dies, is_c):
    """{offset: class}: two structs have one unless a path of members tells them apart."""
    classes = {d.offset: 0 for d in dies}
    while True:
        shallow = Shallow(is_c, classes)
        looks = {d.offset: (classes[d.offset], NAMES[d.tag], value(d, "byte_size"),
                            tuple((name_of(m), place(m), shallow.type(target(m)))
                                  for m in members(d))) for d in dies}
        numbers = {look: i for i, look in enumerate(sorted(set(looks.values()), key=repr))}
        now = {offset: numbers[look] for offset, look in looks.items()}
        if len(set(now.values())) == len(set(classes.values())):
            return now
        classes = now


def tag(text):
    value = 0x811c9dc5
    for byte in text.encode():
        value = (value ^ byte) * 0x01000193 & 0xffffffff
    return (value >> 31 ^ value & 0x7fffffff) or 1


def read(path):
    """{name: (tag, canonical text)} of the external symbols of an ELF with one source file."""
    found = {}
    with open(path, "rb") as f:
        for unit in ELFFile(f).get_dwarf_info().iter_CUs():
            dies = [d for d in unit.iter_DIEs() if d.tag]
            is_c = value(unit.get_top_DIE(), "language") in (1, 2, 12, 29)
            classes = classify([d for d in dies if d.tag in NAMES
                                and "DW_AT_declaration" not in d.attributes], is_c)
            for die in unit.get_top_DIE().iter_children():
                if "DW_AT_external" not in die.attributes:
                    continue
                if die.tag not in ("DW_TAG_subprogram", "DW_TAG_variable"):
                    continue
                writer = Writer(is_c, classes)
                text = writer.function(die) if die.tag == "DW_TAG_subprogram" \
                    else writer.type(target(die))
                name = value(die, "linkage_name", value(die, "name")).decode()
                found[name] = (f"{tag(text):08x}", text)
    return found
