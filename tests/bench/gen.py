#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""The bench module and what it is bound to.

gen.py module OUT.c          100 functions, 40 imports, pointers in const and in data
gen.py inside OUT.c          what it imports, as functions of its own
gen.py exports OUT.S         128 exports of a firmware, 40 of them what the module imports
gen.py fixups COUNT OUT.S    a module that is nothing but COUNT pointers

The module is of the shape that real ones have: strings and calls, a little state, tables of
functions. Its numbers are those that published measurements of other loaders were taken
with, so that they can be compared.
"""
import sys

IMPORTS, FUNCTIONS, PADDING = 40, 100, 88


def module():
    out = ["/* Made by gen.py. */"]
    out += [f"extern int ext_function_number_{i}(int, const char *);" for i in range(IMPORTS)]
    out += ["static int counter_a;", "int state_b = 7;", "static int arr_c[16];"]
    out += [f"int fn_{f}(int x);" for f in range(FUNCTIONS)]
    for f in range(FUNCTIONS):
        first, second = f % IMPORTS, (f * 7 + 3) % IMPORTS
        out += [f"int fn_{f}(int x)", "{",
                "    counter_a += x;",
                "    arr_c[x & 15] += state_b;",
                f'    int r = ext_function_number_{first}(x, "message text {f}");',
                f'    r += ext_function_number_{second}(r, "other {f}");',
                "    return r + counter_a;", "}"]
    every = ", ".join(f"fn_{f}" for f in range(FUNCTIONS))
    even = ", ".join(f"fn_{f}" for f in range(0, FUNCTIONS, 2))
    out += [f"int (*const table_d[])(int) = {{{every}}};",
            f"int (*mutable_e[])(int) = {{{even}}};",
            "int module_entry(void *p)", "{", "    int s = 0;",
            f"    for (int i = 0; i < {FUNCTIONS}; i++)",
            f"        s += mutable_e[i % {FUNCTIONS // 2}](i);",
            "    return s + (int)p;", "}"]
    return out


def inside():
    """What the module imports, to be linked into it: then it has no imports."""
    return ["/* Made by gen.py. */"] + [
        f"int ext_function_number_{i}(int a, const char *b) {{ (void)b; return a + 1; }}"
        for i in range(IMPORTS)]


def fnv1a(name):
    value = 0x811c9dc5
    for byte in name.encode():
        value = (value ^ byte) * 0x01000193 & 0xffffffff
    return value


def exports():
    """A table as modapi makes them, types not known: every name, and the one function
    behind it."""
    names = [f"api_symbol_padding_{i}" for i in range(PADDING)]
    names += [f"ext_function_number_{i}" for i in range(IMPORTS)]
    return ["/* Made by gen.py. */", '\t.section .rodata.firmware_exports, "a", %progbits',
            "\t.balign 4", "\t.global firmware_exports", "firmware_exports:",
            *[f"\t.word 0x{h:08x}, 0, bench_function" for h in sorted(map(fnv1a, names))],
            "\t.global firmware_export_count",
            f"\t.equ firmware_export_count, {len(names)}",
            "\t.global firmware_api_version", "\t.equ firmware_api_version, 0x10000"]


def fixups(count):
    return ["/* Made by gen.py. */", "\t.syntax unified", "\t.thumb", "\t.text",
            "\t.global module_entry", "\t.type module_entry, %function", "\t.thumb_func",
            "module_entry:", "\tmovs r0, #0", "\tbx lr",
            "\t.data", "\t.balign 4", "words:",
            # In pairs to text and to data, with gaps: no list is one long run.
            f"\t.rept {count // 4}", "\t.word module_entry, words + 8, module_entry",
            "\t.word 0x55555555, words", "\t.endr"]


def main():
    what, *arguments = sys.argv[1:]
    makers = {"module": module, "inside": inside, "exports": exports,
              "fixups": lambda: fixups(int(arguments[0]))}
    with open(arguments[-1], "w") as out:
        print("\n".join(makers[what]()), file=out)


if __name__ == "__main__":
    main()
