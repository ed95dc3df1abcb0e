# SPDX-License-Identifier: BSD-2-Clause
"""The bad images: at least one for every error that an image can have.

Unless CRC or header check are the point, both are right: what counts is that hostile
contents are refused, and damage is found by the CRCs anyway.
"""

from encoder import (APART, BLOCK, CODE_IN_DATA, EXPORT_DATA, EXPORT_OBJECT, IN_DATA, IN_PLACE,
                     LINKED, Image, Symbol, Vector, fnv, mov_bytes, WEAK, strings, tag,
                     u16, u32, version)

RETURN_0 = bytes.fromhex("0020 7047")           # movs r0, #0; bx lr
MOVS = mov_bytes(False, 0) + mov_bytes(True, 0)     # movw r0; movt r0
MAX = 0x0fffffff
RAM, CCM = 0x20000000, 0x10000000


def bad(error, name, shows, *segments, **how):
    return Vector(name, shows, Image(*segments, **how), error=f"MODFMT_E_{error}")


def field(error, name, shows, **fields):
    """The trivial module with other header fields."""
    return bad(error, name, shows, RETURN_0, b"\1\2\3\4", entry=fields.pop("entry", 1),
               flags=fields.pop("flags", BLOCK | APART), header=fields)


def identity():
    yield bad("TRUNCATED", "truncated_empty", "No byte at all.", cut=0)
    yield bad("TRUNCATED", "truncated_header", "63 bytes.", cut=63)
    yield bad("TRUNCATED", "truncated_image", "The last byte is missing.", RETURN_0, cut=-1)
    yield field("TRUNCATED", "truncated_by_size", "total_size 32 more than there is.",
                total_size=128)
    yield field("MAGIC", "magic", "FDOM: the magic the other way round.", magic=0x4d4f4446)
    yield bad("MAGIC", "magic_first", "Everything is wrong, magic comes first.",
              patch={0: bytes(56)}, late={56: b"\xee" * 8})
    yield bad("HEADER_CHECK", "header_check", "One bit of the header check.", RETURN_0,
              late={60: b"\0\0\0\0"})
    yield bad("HEADER_CHECK", "header_check_before_version", "A header check that was not "
              "made for the major version 2.", RETURN_0, late={4: b"\2"})
    for major in (0, 2):
        yield field("VERSION", f"version_{major}", f"Major version {major}.", major=major)
    for size in (0, 60, 68):
        yield field("HEADER_SIZE", f"header_size_{size}", f"header_size {size}.",
                    header_size=size)
    for size in (65, 100, 112, 0x10000000, 0xffffffe0):
        yield field("TOTAL_SIZE", f"total_size_{size:x}", f"total_size {size:#x}.",
                    total_size=size)
    yield bad("TRAILING", "trailing_zero", "A zero byte after the image in a file.", RETURN_0,
              append=b"\0")
    yield bad("TRAILING", "trailing_later", "Erased flash, then another byte.", RETURN_0,
              append=b"\xff" * 31 + b"\xfe")


def fields():
    for flags in (0, LINKED | BLOCK, LINKED | APART, LINKED | IN_PLACE, LINKED | APART | IN_PLACE,
                  CODE_IN_DATA, 0x20 | BLOCK, 0x80000000 | APART, IN_PLACE, IN_PLACE | BLOCK):
        yield field("FLAGS", f"flags_{flags:x}", f"flags {flags:#x}.", flags=flags)
    for machine in (0, 3, 243, 0x2800):
        yield field("MACHINE", f"machine_{machine}", f"machine {machine}.", machine=machine)
    for bit in (12, 15):
        yield field("NEEDS", f"needs_{bit}", f"Bit {bit} of needs.", needs=1 << bit)
    for name in ("text_align", "data_align"):
        for align in (16, 32, 255):
            yield field("ALIGN", f"{name}_{align}", f"{name} {align}.", **{name: align})
    yield field("ALIGN", "align_before_in_place", "ALIGN comes before IN_PLACE.", data_align=16,
                text_align=7, flags=APART | IN_PLACE)
    yield field("ENTRY", "entry_even", "The entry has bit 0 clear.", entry=2)
    yield field("ENTRY", "entry_end", "The entry lies at the end of text.", entry=5)
    yield field("ENTRY", "entry_far", "An entry of 0xFFFFFFFD.", entry=0xfffffffd)
    yield field("ENTRY", "entry_even_none", "0xFFFFFFFE: even, and far.", entry=0xfffffffe)
    yield field("ENTRY", "entry_ff", "0xFFFFFFFF is not none.", entry=0xffffffff)
    yield bad("ENTRY", "entry_no_text", "An entry without text.", entry=1)
    yield field("IN_PLACE", "in_place_align", "in_place with text_align 7.", text_align=7,
                flags=APART | IN_PLACE)
    yield field("NEEDS", "needs_before_in_place", "NEEDS comes before IN_PLACE.", needs=1 << 12,
                text_align=7, flags=APART | IN_PLACE)
    yield bad("IN_PLACE", "in_place_before_padding", "IN_PLACE comes before PADDING.", RETURN_0 + b"\1",
              entry=1, flags=APART | IN_PLACE, header={"text_align": 7}, patch={69: b"\1"})
    yield field("IN_PLACE", "in_place_stored", "in_place, and text has zeros that are not stored.",
                text_mem=8, flags=APART | IN_PLACE)
    yield field("IN_PLACE", "in_place_align_first", "text_align comes before text_stored.",
                text_mem=8, text_align=7, flags=APART | IN_PLACE)


def linked(error, name, shows, text=RAM, data=CCM, end=CCM + 4, api=0, flags=APART, total=128,
           crc=0, build_id=b"", tags=(), how=None):
    """An image with the flag linked, and 4 bytes each of text and data."""
    value = u32(text, data, end, api, flags, total, crc) + build_id
    more = {"flags": LINKED, "entry": 1} | (how or {})
    segments = more.pop("segments", (RETURN_0, b"\1\2\3\4"))
    return bad(error, f"linked_{name}", shows, *segments, tags=[tag("linked", value), *tags], **more)


def linked_tags():
    yield linked("TAG_VALUE", "flag", "The tag linked without the flag.", how={"flags": APART})
    yield bad("FLAGS", "linked_tag", "The flag linked, and no tag at all.", RETURN_0, flags=LINKED)
    yield bad("FLAGS", "linked_tag_other", "The flag linked, and another first tag.", RETURN_0,
              flags=LINKED, tags=[tag("init_array", u32(0, 0))])
    yield bad("TAG_VALUE", "linked_flag_after", "A bad tag comes before the flag without linked.",
              RETURN_0, flags=LINKED, tags=[tag("version", bytes(7))])
    yield linked("TAG_ORDER", "twice", "The tag linked twice.",
                 tags=[tag("linked", u32(RAM, CCM, CCM + 4, 0, APART, 128, 0))])
    yield bad("TAG_VALUE", "linked_short", "The tag has no crc.", RETURN_0, flags=LINKED,
              tags=[tag("linked", u32(RAM, 0, 0, 0, APART, 128))])
    yield linked("TAG_VALUE", "long", "A build id of 65 bytes.", build_id=b"b" * 65)
    yield linked("TAG_VALUE", "end", "data_end - data is not data_mem.", end=CCM + 8)
    yield linked("TAG_VALUE", "end_before", "data_end lies before data.", end=CCM - 4)
    yield linked("TAG_VALUE", "no_data", "data is not 0, and there is none.", end=CCM,
                 how={"segments": (RETURN_0,)})
    yield linked("TAG_VALUE", "text_align", "text at an odd address.", text=RAM + 1)
    yield linked("TAG_VALUE", "data_align", "data at an odd address.", data=CCM + 2, end=CCM + 6)
    for log2, data in ((3, CCM), (5, CCM + 0x40), (4, CCM + 12), (15, CCM + 0x4004)):
        yield linked("TAG_VALUE", f"data_align_{log2}", f"text_mem is 4 and data_align {1 << log2} "
                     f"bytes, but data lies at {data % (1 << log2)} modulo that.", data=data,
                     end=data + 4, how={"header": {"data_align": log2}})
    yield linked("TAG_VALUE", "overlap", "data over text.", data=RAM, end=RAM + 4)
    yield linked("TAG_VALUE", "wrap", "data reaches beyond 2^32.", data=0xfffffffe, end=2,
                 how={"header": {"data_align": 0}})
    yield linked("TAG_VALUE", "text_wrap", "text reaches beyond 2^32.", text=0xfffffffe,
                 how={"header": {"text_align": 0}})
    for name, flags in (("block", BLOCK), ("linked", APART | LINKED), ("reserved", APART | 32),
                        ("code", APART | CODE_IN_DATA), ("none", 0)):
        yield linked("TAG_VALUE", f"before_{name}", f"It was linked with flags {flags:#x}.",
                     flags=flags)
    yield linked("TAG_VALUE", "code_lost", "code_in_data, and it had it not.",
                 how={"flags": LINKED | CODE_IN_DATA})
    yield linked("TAG_VALUE", "total", "Its total_size was 100.", total=100)
    yield linked("TAG_VALUE", "total_max", "Its total_size was above the largest.",
                 total=0x10000000)
    yield linked("IN_PLACE", "align_7", "text_align 7.", how={"header": {"text_align": 7}})
    yield linked("IN_PLACE", "stored", "text has zeros that are not stored.",
                 how={"text_mem": 8})
    yield linked("TAG_VALUE", "unbound", "An import, and no tag bound.",
                 how={"imports": [Symbol("puts")]})
    yield linked("TAG_VALUE", "bound_short", "Two imports, one word.", tags=[tag("bound", u32(0))],
                 how={"imports": sorted((Symbol("a"), Symbol("b")), key=lambda s: s.hash)})
    yield linked("TAG_VALUE", "bound_long", "One import, two words.", tags=[tag("bound", u32(0, 0))],
                 how={"imports": [Symbol("puts")]})
    yield linked("TAG_VALUE", "bound_empty", "No import, and a tag bound of no length.",
                 tags=[tag("bound")])
    yield bad("TAG_CRITICAL", "bound_critical", "The number of bound with bit 7.", RETURN_0,
              tags=[tag(0x8b)])
    yield bad("TAG_ORDER", "linked_late", "linked after init_array.", RETURN_0, flags=LINKED,
              tags=[tag("init_array", u32(0, 0)),
                    tag("linked", u32(RAM, 0, 0, 0, APART, 128, 0))])
    yield bad("TAG_VALUE", "bound_flag", "bound in an image that is not linked.", RETURN_0,
              imports=[Symbol("puts")], tags=[tag("bound", u32(0x08000001))])


def sizes():
    yield field("LAYOUT", "total_size_0", "total_size 0: not even the header fits.",
                total_size=0)
    yield bad("LAYOUT", "total_size_32", "total_size 32, and nothing but a header.",
              header={"total_size": 32})
    yield field("SEGMENT", "text_stored", "text_stored above text_mem.", text_mem=3)
    yield field("SEGMENT", "text_mem", "text_mem above the largest size.", text_mem=MAX + 1)
    yield field("SEGMENT", "text_mem_ff", "text_mem 0xFFFFFFFF.", text_mem=0xffffffff)
    yield field("SEGMENT", "data_stored", "data_stored above data_mem.", data_mem=0)
    yield field("SEGMENT", "data_mem", "data_mem above the largest size.", data_mem=MAX + 1)
    yield field("LAYOUT", "layout_text", "Text reaches past total_size.", text_stored=64,
                text_mem=64)
    yield field("LAYOUT", "layout_data", "Data reaches past total_size.", data_stored=MAX,
                data_mem=MAX)
    yield field("LAYOUT", "layout_relocs", "reloc_size 0xFFFFFFFF: sums shall not wrap.",
                reloc_size=0xffffffff)
    yield field("LAYOUT", "layout_relocs_wrap", "reloc_size -4: after rounding it would wrap "
                "to nothing.", reloc_size=0xfffffffc)
    yield field("LAYOUT", "layout_imports", "65535 imports.", import_count=0xffff)
    yield field("LAYOUT", "layout_exports", "65535 exports.", export_count=0xffff)
    yield bad("LAYOUT", "layout_export_flags", "Only the exports' flags do not fit.",
              bytes(20), header={"export_count": 1})
    yield field("LAYOUT", "reloc_size", "reloc_size above the largest size comes before "
                "ALIGN.", reloc_size=MAX + 1, text_align=16)
    yield field("SEGMENT", "text_mem_first", "text_mem above the largest size comes before the "
                "image that is cut.", text_mem=MAX + 1, total_size=0x1000)
    yield field("TRUNCATED", "truncated_second", "The image that is cut comes before text_stored "
                "above text_mem.", text_mem=0, total_size=0x1000)
    yield bad("CRC", "crc_before_flags", "No placement is allowed, but the CRC comes first.",
              RETURN_0, flags=0, late={56: b"\0\0\0\0"})
    yield bad("CRC", "crc", "The CRC is wrong.", RETURN_0, late={56: b"\0\0\0\0"})
    yield bad("CRC", "crc_text", "One bit of text.", RETURN_0, entry=1, late={64: b"\1"})
    yield bad("CRC", "crc_last", "The last byte.", RETURN_0, late={95: b"\1"})


def padding():
    three = dict(imports=[Symbol("a")], exports=[Symbol("b", value=1)],
                 relocs=[(b"\x49\x01\x00", "word in data, data")], flags=BLOCK)
    #   text 64 1+3, data 68 5+3, relocs 76 3+1, imports 80 8, flags 88 1+3,
    #   exports 92 12, flags 104 1+3, tags 108
    for area, offset in (("text", 65), ("text_last", 67), ("data", 73), ("relocs", 79),
                         ("import_flags", 89), ("export_flags", 107)):
        yield bad("PADDING", f"padding_{area}", f"A byte after {area} is not zero.", b"\0",
                  bytes(5), **three, patch={offset: b"\1"})
    yield bad("PADDING", "padding_tag", "The byte after a tag's value is not zero.", RETURN_0,
              tags=[tag("name", b"abc", padding=b"\1")])
    yield bad("PADDING", "padding_unknown_tag", "The same in a tag that nobody knows.", RETURN_0,
              tags=[tag(0x5f, b"abc", padding=b"\1")])
    yield bad("PADDING", "end_length", "END with a length.", RETURN_0, patch={69: b"\4"})
    yield bad("PADDING", "end_last", "A byte other than 0 after END, the image's last.", RETURN_0,
              patch={95: b"\1"})


def imports():
    a, b = sorted((Symbol("a"), Symbol("b")), key=lambda symbol: symbol.hash)
    yield bad("IMPORT", "import_flag", "Bit 2 of an import's flags, in minor version 0.",
              imports=[Symbol("a", 4)])
    yield bad("IMPORT", "import_flag_last", "Bit 7 of the second import's flags.",
              imports=[a, Symbol(b.name, 0x80)])
    yield bad("IMPORT", "import_order", "Hashes descend.", imports=[b, a])
    yield bad("IMPORT", "import_twice", "A hash twice.", imports=[a, a])
    yield bad("IMPORT", "import_sign", "Hashes are unsigned: 0x80000000 comes after 1.",
              imports=[Symbol("x", hash=0x80000000), Symbol("y", hash=1)])
    yield bad("IMPORT", "import_order_minor", "A later minor version does not excuse the order.",
              imports=[b, a], header={"minor": 9})


def exports():
    a, b = sorted((Symbol("a", value=1), Symbol("b", value=1)), key=lambda symbol: symbol.hash)

    def one(name, shows, flags, value):
        return bad("EXPORT", name, shows, RETURN_0, bytes(8), exports=[Symbol("f", flags,
                                                                             value=value)])
    yield one("export_flag", "Bit 2 of an export's flags, in minor version 0.", 4, 1)
    yield one("export_even", "A function with bit 0 clear.", 0, 0)
    yield one("export_end", "A function at the end of text.", 0, 5)
    yield one("export_far", "A function at 0xFFFFFFFE.", 0, 0xffffffff)
    yield one("export_object_end", "An object at the end of text.", EXPORT_OBJECT, 4)
    yield one("export_data_end", "A function at the end of data.", EXPORT_DATA, 9)
    yield one("export_data_object_end", "An object at the end of data.",
              EXPORT_DATA | EXPORT_OBJECT, 8)
    yield one("export_place", "Bit 31 is no segment here.", EXPORT_OBJECT, IN_DATA | 0)
    yield bad("EXPORT", "export_weak", "Bit 31 of an export's type.", RETURN_0,
              exports=[Symbol("f", 0, WEAK, value=1)])
    yield bad("EXPORT", "export_order", "Hashes descend.", RETURN_0, exports=[b, a])
    yield bad("EXPORT", "export_twice", "A hash twice.", RETURN_0, exports=[a, a])


def tagged(error, name, shows, *tags, **how):
    return bad(error, name, shows, RETURN_0, bytes(8), tags=tags, **how)


def tag_frames():
    yield tagged("TAG_END", "tag_end", "A value of 0xFFFFFF bytes.",
                 tag("name", b"abcd", length=0xffffff))
    yield tagged("TAG_END", "tag_end_by_one", "A value that ends one byte after the image.",
                 tag("description", b" " * 16, length=17))
    yield tagged("TAG_END", "tag_end_unknown", "The same in a tag that nobody knows.",
                 tag(0x5f, bytes(16), length=17))
    yield tagged("TAG_END", "tag_end_critical", "TAG_END comes before TAG_CRITICAL.",
                 tag(0xdf, bytes(16), length=17))
    yield tagged("TAG_ORDER", "tag_order", "version before name.",
                 tag("version", version(1, 0, 0)), tag("name", b"x"))
    yield tagged("TAG_ORDER", "tag_twice", "Two names.", tag("name", b"x"), tag("name", b"y"))
    yield tagged("TAG_ORDER", "tag_order_critical", "fini_array before init_array.",
                 tag("fini_array", u32(0, 0)), tag("init_array", u32(0, 0)))
    yield tagged("TAG_ORDER", "tag_twice_critical", "Two arrays of constructors.",
                 tag("init_array", u32(0, 0)), tag("init_array", u32(0, 0)))
    yield tagged("TAG_ORDER", "tag_twice_vendor", "The same vendor's tag twice.",
                 tag(0x60), tag(0x60))
    yield tagged("TAG_ORDER", "tag_order_end", "END with bit 7 (0x80), number 0, after init_array.",
                 tag("init_array", u32(0, 0)), tag(0x80))
    yield tagged("TAG_ORDER", "tag_after_signature", "A tag of a higher number after the "
                 "signature.", tag("signature", u16(0, 0)), tag(0x7f))
    for kind, what in ((0x96, "a number reserved for the format"), (0xe0, "a vendor's"),
                       (0x81, "name with bit 7"), (0xfe, "signature with bit 7"),
                       (0xff, "the last number"), (0x80, "END with bit 7, the first tag")):
        yield tagged("TAG_CRITICAL", f"tag_critical_{kind:x}", f"Critical and unknown: {what}.",
                     tag(kind, b"x"), tag("version", version(1, 0, 0)))
    yield tagged("TAG_CRITICAL", "tag_critical_first", "TAG_CRITICAL comes before PADDING.",
                 tag(0xdf, b"x", padding=b"\1\1\1"))
    yield tagged("TAG_CRITICAL", "tag_critical_minor", "A later minor version may not bring "
                 "critical tags.", tag(0x96, b""), header={"minor": 9})


def tag_counts():
    array, name = tag("init_array", u32(0, 0)), tag("name", b"x")
    yield tagged("TAG_COUNT", "count_late", "A critical tag after another one.", name, array)
    yield tagged("TAG_COUNT", "count_0", "A critical tag, and critical_count 0.", array,
                 header={"critical_count": 0})
    yield tagged("TAG_COUNT", "count_high", "critical_count 2, and one critical tag.", array, name,
                 header={"critical_count": 2})
    yield tagged("TAG_COUNT", "count_end", "critical_count 2, one tag, then END.", array,
                 header={"critical_count": 2})
    yield tagged("TAG_COUNT", "count_no_tags", "critical_count 1, and no tag.",
                 header={"critical_count": 1})
    yield tagged("TAG_COUNT", "count_full", "critical_count 65535, and tags to the end.",
                 tag("dependency", version(0, 0, 0) * 2 + b"x"),
                 header={"critical_count": 0xffff})
    yield tagged("TAG_COUNT", "count_before_zeros", "TAG_COUNT comes before PADDING after END.",
                 header={"critical_count": 1}, patch={95: b"\1"})
    yield tagged("TAG_COUNT", "count_before_order", "TAG_COUNT comes before TAG_ORDER.",
                 tag("signature", u16(0, 0)), array)
    yield tagged("TAG_COUNT", "count_before_critical", "TAG_COUNT comes before TAG_CRITICAL.",
                 tag(0xdf), header={"critical_count": 0})


def tag_lengths():
    from encoder import LAYOUT
    for entry in LAYOUT["tag_type"]:
        name, text = entry["name"], entry["length"]
        if name == "end" or text.startswith("≥"):
            continue
        low, _, high = text.partition("–")
        for length, what in ((int(low) - 1, "short"), (int(high or low) + 1, "long")):
            # Good bytes as far as there are any; zeros are fine where numbers are meant.
            value = bytes(length) if high == "" else b"n" * length
            if name == "dependency":
                value = version(1, 0, 0) + version(2, 0, 0) + b"n" * (length - 12)
            yield tagged("TAG_VALUE", f"tag_{name}_{what}", f"{name} of {length} bytes.",
                         tag(name, value))


def tag_values():
    for name, value in (("blank", b"a b"), ("zero", b"ab\0"), ("delete", b"a\x7f")):
        yield tagged("TAG_VALUE", f"tag_name_{name}", f"The name {value}.", tag("name", value))
    for name, value in (("newline", b"a\nb"), ("zero", b"ab\0"), ("delete", b"a\x7f")):
        yield tagged("TAG_VALUE", f"tag_description_{name}", f"The description {value}.",
                     tag("description", value))
    yield tagged("TAG_VALUE", "tag_origin_prefix", "prefix above text_mem.",
                 tag("origin", u32(5, 0, 0)))
    yield tagged("TAG_VALUE", "tag_dependency_name", "A blank in a dependency's name.",
                 tag("dependency", version(1, 0, 0) + version(2, 0, 0) + b"a b"))
    yield tagged("TAG_VALUE", "tag_compression_text", "More text than text_mem.",
                 tag("compression", u32(0, 5, 0)))
    yield tagged("TAG_VALUE", "tag_compression_data", "More data than data_mem.",
                 tag("compression", u32(0, 0, 9)))
    for name in ("params", "init_array", "fini_array"):
        for what, place, size in (("text", 0, 8), ("text_place", 8, 0), ("data", IN_DATA, 12),
                                  ("data_place", IN_DATA | 12, 0), ("wrap", 4, 0xfffffffc)):
            yield tagged("TAG_VALUE", f"tag_{name}_{what}", f"{name} at {place:#x}, {size:#x} "
                         "bytes: outside its segment.", tag(name, u32(place, size)))
    for name in ("init_array", "fini_array"):
        yield tagged("TAG_VALUE", f"tag_{name}_odd_size", f"{name} of 2 bytes.",
                     tag(name, u32(0, 2)))
        yield tagged("TAG_VALUE", f"tag_{name}_odd_place", f"{name} at offset 2.",
                     tag(name, u32(2, 0)))
    yield tagged("TAG_VALUE", "tag_static_base_text", "static_base above text_mem.",
                 tag("static_base", u32(5, 0)))
    yield tagged("TAG_VALUE", "tag_static_base_data", "static_base above data_mem.",
                 tag("static_base", u32(IN_DATA | 9, 0)))
    yield tagged("TAG_VALUE", "tag_static_base_size", "A static_base of 4 bytes.",
                 tag("static_base", u32(0, 4)))


def names():
    def listed(name, shows, value, symbols=("a", "b"), kind="import_names"):
        table = sorted((Symbol(symbol, value=1 if kind == "export_names" else None)
                        for symbol in symbols), key=lambda symbol: symbol.hash)
        where = {kind.partition("_")[0] + "s": table}
        return bad("NAMES", name, shows, RETURN_0, tags=[tag(kind, value)], **where)

    first, second = sorted(("a", "b"), key=fnv)
    for kind in ("import_names", "export_names"):
        short = kind.partition("_")[0]
        yield listed(f"names_{short}_order", "Two names the wrong way round.",
                     strings(second, first), kind=kind)
        yield listed(f"names_{short}_few", "One name for two symbols.", strings(first), kind=kind)
        yield listed(f"names_{short}_many", "Three names for two symbols.",
                     strings(first, second, "c"), kind=kind)
        yield listed(f"names_{short}_unended", "The last name is not ended by a zero byte.",
                     strings(first, second)[:-1], kind=kind)
        yield listed(f"names_{short}_empty_end", "An empty name after the last one.",
                     strings(first, second, ""), kind=kind)
        yield listed(f"names_{short}_none", "A tag of length 0.", b"", kind=kind)
    yield listed("names_without_imports", "A name, and no import.", strings("a"), symbols=())
    yield bad("NAMES", "names_bad_byte", "A blank in a name that hashes rightly.",
              imports=[Symbol("a b")], tags=[tag("import_names", strings("a b"))])
    yield bad("NAMES", "names_empty", "The empty name has no hash, not even FNV's basis.",
              imports=[Symbol("")], tags=[tag("import_names", strings(""))])


def lists(error, name, shows, *relocs, **how):
    """Text of 16 bytes, data of 11, two imports, and relocations as given."""
    how.setdefault("imports", sorted((Symbol("a"), Symbol("b")), key=lambda s: s.hash))
    return bad(error, name, shows, how.pop("text", bytes(16)), how.pop("data", bytes(11)),
               relocs=[(data if isinstance(data, bytes) else bytes.fromhex(data), "")
                       for data in relocs], **how)


def descriptors():
    # Descriptors: kind << 5 | relative << 4 | data << 3 | target. 0x00: word_any in text,
    # text; 0x20: mov; 0x40: word; 0x44: word in text, an import; 0x45: imports.
    for target in (2, 6, 7):
        yield lists("RELOC_LIST", f"list_target_{target}", f"Target {target}.",
                    bytes([0x40 | target, 1, 0]))
    for kind, what in ((3, "Kind 3."), (4, "Bit 7 with word_any."), (5, "Bit 7 with mov."),
                       (6, "Bit 7 with word."), (7, "Bit 7 with kind 3.")):
        yield lists("RELOC_LIST", f"list_kind_{kind}", what, bytes([kind << 5, 1, 0]))
    yield lists("RELOC_LIST", "list_absolute", "absolute without relative.", "43 01 00")
    yield lists("RELOC_LIST", "list_imports_mov", "imports with kind mov.", "25 0000 00",
                text=MOVS * 2)
    yield lists("RELOC_LIST", "list_imports_mov_end", "It comes before the missing index.", "25")
    yield lists("RELOC_LIST", "list_order", "Descriptors descend.", "41 01 00", "40 09 00")
    yield lists("RELOC_LIST", "list_twice", "A descriptor twice.", "40 01 00", "40 09 00")
    for name, byte, what in (("index", "44", "Imports"), ("row", "45", "Rows' first imports")):
        yield lists("RELOC_LIST", f"list_{name}_order", f"{what} descend.",
                    byte + "0100 01 00", byte + "0000 09 00")
        yield lists("RELOC_LIST", f"list_{name}_twice", f"{what}: one twice.",
                    byte + "0000 01 00", byte + "0000 09 00")
    yield lists("RELOC_LIST", "list_row_first", "A row before the list of an import.",
                "45 0000 01 00", "44 0100 09 00")
    yield lists("RELOC_LIST", "list_order_before_import", "The order comes before RELOC_IMPORT.",
                "45 0000 01 00", "44 0900 09 00")
    yield lists("RELOC_LIST", "list_zeros", "Zeros are not filling: a list of word_any, text, "
                "each two bytes.", "00 00 00 00")
    yield lists("RELOC_LIST", "list_before_in_place", "RELOC_LIST comes before IN_PLACE.",
                "43 01 00", flags=APART | IN_PLACE)
    yield lists("RELOC_LIST", "list_before_end", "RELOC_LIST comes before the missing index.",
                "c4")
    for name, relocs in (("text", "40 01 00"), ("mov", "20 00"), ("empty", "00 00"),
                         ("index", "44 0900 01 00"), ("row", "45 0900 01 00")):
        yield lists("IN_PLACE", f"in_place_{name}", "in_place with a list that has its place in "
                    "text.", relocs, flags=APART | IN_PLACE)


def import_indexes():
    """What "row" is in the name of has the target imports, the others import."""
    def one(name, shows, relocs, **how):
        return lists("RELOC_IMPORT", f"reloc_{name}", shows, relocs, **how)

    for name, byte in (("import", "44"), ("row", "45")):
        yield one(name, "An import that does not exist.", byte + "0200 01 00")
        yield one(f"{name}_ff", "Import 65535.", byte + "ffff 01 00")
        yield one(f"{name}_none", "An import where there is none.", byte + "0000 01 00",
                  imports=[])
    yield one("import_empty", "An import that does not exist, and no group.", "44 0200 00")
    yield one("import_mov", "The same with MOVW and MOVT.", "24 0200 01 00", text=MOVS * 2)
    yield one("import_before_groups", "RELOC_IMPORT comes before groups that are missing.",
              "44 0200")
    yield one("import_before_skip", "And before a skip that leads out.", "44 0200 29 00")
    yield one("import_before_code", "And before low that is missing.", "24 0200 07")
    yield one("row_next", "The second import of a row does not exist.", "45 0100 02 00")
    yield one("row_next_group", "Nor does that of a row's second group.", "45 0100 01 09 00")
    yield one("row_next_any", "The same with unaligned words in data.", "0d 0100 09 09 00")
    yield one("row_before_end", "The second import comes before the end mark that is missing.",
              "45 0100 02")
    yield one("row_long", "A row of 262 words: the 10th import does not exist.", "45 0000 07 ff 00",
              text=bytes(4 * 262),
              imports=sorted((Symbol(f"i{i}") for i in range(9)), key=lambda s: s.hash))


def ends():
    yield lists("RELOC_END", "reloc_end_descriptor", "Nothing after the descriptor.", "40")
    yield lists("RELOC_END", "reloc_end_index", "Half an import index.", "44 00")
    yield lists("RELOC_END", "reloc_end_index_row", "Half the index of a row.", "45 00")
    yield lists("RELOC_END", "reloc_end_import", "Nothing after the index.", "44 0000")
    yield lists("RELOC_END", "reloc_end_row", "No end mark after a row.", "45 0000 02")
    yield lists("RELOC_END", "reloc_end_count", "The count of a long run is missing; that comes "
                "before 7 words that do not fit.", "40 07")
    yield lists("RELOC_END", "reloc_end_count_row", "Of a row, too; and before its imports, which "
                "do not exist.", "45 0200 07")
    yield lists("RELOC_END", "reloc_end_group", "No end mark after a group.", "40 01")
    yield lists("RELOC_END", "reloc_end_skip", "A group ends after the first byte of its skip.",
                "48 08", data_mem=1000)
    yield lists("RELOC_END", "reloc_end_second", "The second list is cut.", "40 01 00", "41")
    yield lists("RELOC_END", "reloc_end_count_second", "The second group's count is missing.",
                "40 01 07", text=bytes(64))
    yield lists("RELOC_END", "reloc_end_low_none", "low is missing.", "20 07",
                text=MOVS + bytes(8))
    yield lists("RELOC_END", "reloc_end_low", "Half of low.", "20 07 00", text=MOVS + bytes(8))
    yield lists("RELOC_END", "reloc_end_low_place", "The missing low comes before the place.",
                "20 3f 00")
    yield lists("RELOC_END", "reloc_end_padding", "The zeros after the area are not part of it: "
                "no end mark.", "20 01", text=MOVS + bytes(8))


def places():
    yield lists("RELOC_PLACE", "place_run", "Five words in text of 16 bytes.", "40 05 00")
    yield lists("RELOC_PLACE", "place_skip", "A skip of 5 words.", "40 29 00")
    yield lists("RELOC_PLACE", "place_after_skip", "A skip to the end, then one word.",
                "40 21 00")
    yield lists("RELOC_PLACE", "place_half", "Data of 11 bytes has two words at offset 0.",
                "48 03 00")
    yield lists("RELOC_PLACE", "place_any", "And two at offset 3; not three.", "08 1b 00")
    yield lists("RELOC_PLACE", "place_any_last", "Nor one at offset 8.", "08 41 00")
    yield lists("RELOC_PLACE", "place_any_skip", "A skip of 12 bytes in 11.", "08 61 00")
    yield lists("RELOC_PLACE", "place_second", "The second group runs over.", "40 03 0b 00")
    yield lists("RELOC_PLACE", "place_run_seven", "Seven words in text of 24 bytes.",
                "40 07 00 00", text=bytes(24))
    yield lists("RELOC_PLACE", "place_run_eight", "Eight words, the last of them half out.",
                "48 07 01 00", data=bytes(30))
    yield lists("RELOC_PLACE", "place_run_long", "262 words in text for 261.", "40 07 ff 00",
                text=bytes(4 * 261))
    yield lists("RELOC_PLACE", "place_run_long_skip", "262 words, and one before them.",
                "40 0f ff 00", text=bytes(4 * 262))
    yield lists("RELOC_PLACE", "place_run_after_long", "A word after 262 of them.", "40 07 ff 01 00",
                text=bytes(4 * 262))
    yield lists("RELOC_PLACE", "place_run_before_count", "A skip that leads out comes before the "
                "count that is missing.", "40 2f")
    yield lists("RELOC_PLACE", "place_row", "Five words in a row.", "45 0000 05 00")
    yield lists("RELOC_PLACE", "place_row_before_import", "They come before imports that do not "
                "exist.", "45 0200 07 00 00")
    yield lists("RELOC_PLACE", "place_row_second", "The second group of a row runs over.",
                "45 0000 01 1a 00")
    yield lists("RELOC_PLACE", "place_import_mov", "An import's pair in the last word.",
                "24 0000 31 00", text=MOVS * 2)
    yield lists("RELOC_PLACE", "place_no_data", "A word where there is no data.", "48 01 00",
                data=b"")
    yield lists("RELOC_PLACE", "place_any_small", "A word at offset 1 of 4 bytes.", "08 09 00",
                data=bytes(4))
    yield lists("RELOC_PLACE", "place_any_tiny", "A word in 2 bytes.", "08 01 00", data=bytes(2))
    yield lists("RELOC_PLACE", "place_skip_ff", "A skip far out, with its first byte.",
                "40 f8 f8 f8 f8 f8 f8 01 00")
    yield lists("RELOC_PLACE", "place_skip_wrap", "A skip of 32^6 words: 2^32 bytes.",
                "48 08 00 00 00 00 00 01 00", data_mem=MAX)
    yield lists("RELOC_PLACE", "place_skip_wrap_any", "A skip of 32^7 bytes: modulo 2^32 it is 0.",
                "08 08 00 00 00 00 00 00 01 00", data_mem=MAX)
    yield lists("RELOC_PLACE", "place_skip_first", "RELOC_PLACE comes before the byte that is "
                "missing.", "40 28")
    yield lists("RELOC_PLACE", "place_mov_skip", "A skip of 9 half-words in 8.", "20 49 00")
    yield lists("RELOC_PLACE", "place_mov_alone", "One instruction in the last half-word.",
                "20 3f 0000 00")
    yield lists("RELOC_PLACE", "place_mov_movt", "The MOVT of a pair, distance 7, lies past the "
                "end.", "20 06 00", text=MOVS + bytes(8))
    yield lists("RELOC_PLACE", "place_mov_odd", "Data of 11 bytes: the instruction would end at "
                "12.", "28 27 0000 00")
    yield lists("RELOC_PLACE", "place_mov_before_insn", "RELOC_PLACE of the MOVT comes before "
                "RELOC_INSN of the MOVW.", "20 06 00")


def codes():
    movs = dict(text=MOVS + bytes(8))
    yield lists("RELOC_CODE", "code_same_place", "The second group skips 0.", "20 01 01 00",
                **movs)
    yield lists("RELOC_CODE", "code_same_place_first", "RELOC_CODE comes before the missing low.",
                "20 01 07", **movs)
    yield lists("RELOC_CODE", "code_same_place_alone", "Two groups for one instruction alone.",
                "20 07 0000 07 0000 00", **movs)
    yield lists("RELOC_CODE", "code_same_place_import", "The same for an import.",
                "24 0000 01 01 00", **movs)
    for name, text, relocs in (
            ("zeros", bytes(16), "20 01 00"), ("movt_first", MOVS[4:] + MOVS, "20 01 00"),
            ("movw_second", MOVS[:4] * 2 + MOVS, "20 01 00"),
            ("alone", bytes(16), "20 07 0000 00"),
            ("alone_add", bytes.fromhex("00f2 0000") + bytes(12), "20 07 0000 00"),
            ("alone_bit15", MOVS[:4] + bytes.fromhex("c0f2 0080") + MOVS, "20 17 0000 00"),
            ("half", MOVS + MOVS, "20 09 00"),
            ("add", bytes.fromhex("00f2 0000") + MOVS[4:] + MOVS, "20 01 00"),
            ("bit15", bytes.fromhex("40f2 0080") + MOVS[4:] + MOVS, "20 01 00"),
            ("second_group", MOVS + bytes(8), "20 01 21 00")):
        yield lists("RELOC_INSN", f"insn_{name}", "No MOVW or MOVT where one should be.", relocs,
                    text=text)
    yield lists("RELOC_INSN", "insn_data", "The same in data.", "28 01 00")


def vectors():
    for part in (identity, fields, linked_tags, sizes, padding, imports, exports, tag_frames, tag_counts,
                 tag_lengths, tag_values, names, descriptors, import_indexes, ends, places, codes):
        yield from part()
