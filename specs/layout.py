#!/usr/bin/python3
"""Make the C header and the specs' tables from specs/layout.toml.

layout.py            rewrite libmodfmt/modfmt_layout.h, and the tables of
                     specs/modfmt.md, specs/store.md and specs/firmware.md
layout.py --check    change nothing; exit 1 if either is not what it would write
"""
import pathlib
import re
import sys
import tomllib

SPECS = pathlib.Path(__file__).resolve().parent
HEADER = SPECS.parent / "libmodfmt" / "modfmt_layout.h"
SPEC = SPECS / "modfmt.md"
STORE = SPECS / "store.md"
HOST = SPECS / "firmware.md"


def define(name, value, doc=None):
    text = f"#define {name} {value}"
    return f"{text} /**< {doc} */" if doc else text


def plain(doc):
    return doc.replace("`", "").replace("≥", ">=").replace("*", "")


def c_header(t):
    f, out = t["format"], []
    out.append("/* Made by specs/layout.py from specs/layout.toml. Do not edit. */")
    out.append("#ifndef MODFMT_LAYOUT_H\n#define MODFMT_LAYOUT_H\n")
    for key, value in f.items():
        text = f"0x{value:08x}u" if value > 0xffff else f"{value}u"
        out.append(define(f"MODFMT_{key.upper()}", text))
    out.append("\n/* Header fields: offsets in bytes. */")
    for x in t["header"]:
        out.append(define(f"MODFMT_OFF_{x['name'].upper()}", f"{x['offset']}u", plain(x["doc"])))
    for group, prefix in (("flag", "FLAG"), ("need", "NEED"),
                          ("import_flag", "IMPORT"), ("export_flag", "EXPORT")):
        out.append(f"\n/* {group} bits. */")
        mask = 0
        for x in t[group]:
            mask |= 1 << x["bit"]
            out.append(define(f"MODFMT_{prefix}_{x['name'].upper()}", f"0x{1 << x['bit']:x}u",
                              plain(x["doc"])))
        out.append(define(f"MODFMT_{prefix}_ALL", f"0x{mask:x}u"))
    out.append("\n/* Relocation lists. */")
    for key, value in t["reloc"].items():
        out.append(define(f"MODFMT_RELOC_{key.upper()}", f"{value}u"))
    for group, prefix in (("reloc_target", "TARGET"), ("reloc_kind", "KIND")):
        for x in t[group]:
            out.append(define(f"MODFMT_{prefix}_{x['name'].upper()}", f"{x['number']}u",
                              plain(x["doc"])))
    for key, value in t["mov"].items():
        out.append(define(f"MODFMT_MOV_{key.upper()}", f"{value}u"))
    for table in ("import", "export"):
        out.append(f"\n/* {table} table entries: offsets in bytes. */")
        for key, value in t[table].items():
            kind = "" if key in ("size", "weak") else "OFF_"
            out.append(define(f"MODFMT_{table.upper()}_{kind}{key.upper()}", f"0x{value:x}u"))
    out.append("\n/* Tags. */")
    for key, value in t["tag"].items():
        out.append(define(f"MODFMT_TAG_{key.upper()}", f"0x{value:x}u"))
    for x in t["tag_type"]:
        out.append(define(f"MODFMT_TAG_{x['name'].upper()}", f"0x{x['type']:02x}u",
                          plain(x["doc"])))
    out.append("\n/* The value of the tag linked: offsets in bytes. */")
    for key, value in t["linked"].items():
        out.append(define(f"MODFMT_LINKED_{key.upper()}", f"{value}u"))
    for x in t["linked_field"]:
        out.append(define(f"MODFMT_LINKED_OFF_{x['name'].upper()}", f"{x['offset']}u",
                          plain(x["doc"])))
    out.append("\n/* The module store: specs/store.md. */")
    for key, value in t["store"].items():
        out.append(define(f"MODFMT_STORE_{key.upper()}", f"{value}u"))
    for x in t["store_field"]:
        out.append(define(f"MODFMT_STORE_OFF_{x['name'].upper()}", f"{x['offset']}u",
                          plain(x["doc"])))
    for x in t["store_record"]:
        out.append(define(f"MODFMT_STORE_{x['name'].upper()}", f"0x{x['type']:02x}u",
                          plain(x["doc"])))
    out.append("\n/* The firmware's descriptor: specs/firmware.md. */")
    for key, value in t["host"].items():
        out.append(define(f"MODFMT_HOST_{key.upper()}", f"0x{value:x}u"))
    for x in t["host_field"]:
        out.append(define(f"MODFMT_HOST_OFF_{x['name'].upper()}", f"{x['offset']}u",
                          plain(x["doc"])))
    out.append("\n/** Every error: X(name, number, text). Numbers are append-only. */")
    out.append("#define MODFMT_ERRORS(X) \\")
    out.append(" \\\n".join(f'    X({x["name"]}, {x["number"]}, "{x["doc"]}")' for x in t["error"]))
    out.append("\n#endif\n")
    return "\n".join(out)


def rows(head, lines):
    return "\n".join(["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
                     + ["| " + " | ".join(str(c) for c in line) + " |" for line in lines])


def spec_tables(t):
    bits = lambda group: rows(("bit", "name", "meaning"),
                              [(x["bit"], x["name"], x["doc"]) for x in t[group]])
    numbers = lambda group: rows(("number", "name", "meaning"),
                                 [(x["number"], x["name"], x["doc"]) for x in t[group]])
    return {
        "header": rows(("offset", "size", "field", "meaning"),
                       [(x["offset"], x["size"], x["name"], x["doc"]) for x in t["header"]]),
        "flag": bits("flag"), "need": bits("need"),
        "import_flag": bits("import_flag"), "export_flag": bits("export_flag"),
        "reloc_target": numbers("reloc_target"), "reloc_kind": numbers("reloc_kind"),
        "tag_type": rows(("type", "name", "length of the value", "meaning"),
                         [(f"0x{x['type']:02X}", x["name"], x["length"], x["doc"])
                          for x in t["tag_type"]]),
        "linked_field": rows(("offset", "field", "meaning"),
                             [(x["offset"], x["name"], x["doc"]) for x in t["linked_field"]]),
        "error": numbers("error"),
    }


def store_tables(t):
    return {
        "store": rows(("name", "value"), t["store"].items()),
        "store_field": rows(("offset", "size", "field", "meaning"),
                            [(x["offset"], x["size"], x["name"], x["doc"])
                             for x in t["store_field"]]),
        "store_record": rows(("type", "name", "form", "meaning"),
                             [(f"0x{x['type']:02X}", x["name"].upper(), x["form"], x["doc"])
                              for x in t["store_record"]]),
    }


def host_tables(t):
    return {
        "host_field": rows(("offset", "field", "meaning"),
                           [(x["offset"], x["name"], x["doc"]) for x in t["host_field"]]),
    }


def spec_text(path, tables):
    text = path.read_text()
    seen = set()

    def fill(m):
        seen.add(m[1])
        return f"<!-- table: {m[1]} -->\n{tables[m[1]]}\n<!-- end -->"

    text = re.sub(r"<!-- table: (\w+) -->\n.*?<!-- end -->", fill, text, flags=re.S)
    missing = set(tables) - seen
    if missing:
        sys.exit(f"{path}: no place for the tables {', '.join(sorted(missing))}")
    return text


def main():
    table = tomllib.loads((SPECS / "layout.toml").read_text())
    check = sys.argv[1:] == ["--check"]
    stale = 0
    for path, want in ((HEADER, c_header(table)), (SPEC, spec_text(SPEC, spec_tables(table))),
                       (STORE, spec_text(STORE, store_tables(table))),
                       (HOST, spec_text(HOST, host_tables(table)))):
        if path.exists() and path.read_text() == want:
            continue
        if check:
            print(f"{path}: differs from specs/layout.toml; run specs/layout.py", file=sys.stderr)
            stale = 1
        else:
            path.write_text(want)
    sys.exit(stale)


if __name__ == "__main__":
    main()
