# SPDX-License-Identifier: BSD-2-Clause
"""modapi build: which symbols, which conditions, which refusals; and the table itself."""

import os
import re

from elftools.elf.elffile import ELFFile

from modapi_run import (CLANG, CORE, GCC, IO, MODAPI, REFUSED, SOURCE, USAGE, ModapiTest,
                        fnv1a, main)

MARKS = "#ifndef MODAPI_IF\n#define MODAPI_IF(c)\n#define MODAPI_EXCLUDE\n#endif\n"


class Refuses(ModapiTest):
    def test_no_prototype(self):
        self.refused("int fw_old();\nint fw_new(void);\n",
                     "fw.h:1: error: fw_old is declared without a prototype", "fw_old(void)")

    def test_overload(self):
        text = self.refused("int fw_add(int);\nfloat fw_add(float);\n", "fw_add is overloaded",
                            flags=["-x", "c++"])
        self.assertRegex(text, r"fw\.h:1: error: fw_add is overloaded \(fw\.h:2\)")

    def test_function_like_macro(self):
        self.refused("int fw_add(int, int);\n#define fw_twice(a) fw_add(a, a)\n",
                     "fw.h:2: error: fw_twice is a function-like macro")

    def test_function_that_is_a_macro_too(self):
        self.refused("int fw_get(int);\n#define fw_get(a) (a)\n",
                     "fw.h:2: error: fw_get is a function-like macro, too")

    def test_enum_without_fixed_size(self):
        self.refused("enum color { RED, GREEN };\nvoid fw_paint(enum color);\n",
                     "enum color has no fixed size", "1 byte", "4", "0x7fffffff")

    def test_enum_without_fixed_size_in_a_struct(self):
        self.refused("typedef enum { ON, OFF } state;\nstruct s { int a; state b[4]; };\n"
                     "void fw_set(const struct s *);\n", "enum state has no fixed size")

    def test_hash_collision(self):
        # Words whose hashes are known to be the same.
        self.refused("int costarring(void);\nint liquid(void);\n", "costarring", "liquid",
                     "have the same hash 0x5e4daa9d")

    def test_two_definitions(self):
        self.refused('int fw_a(void) __asm__("fw_x");\nint fw_b(void) __asm__("fw_x");\n',
                     "fw_a", "fw_b", "fw_x: two definitions")

    def test_two_definitions_in_the_csv(self):
        self.refused("int fw_a(void);\n", "fw.csv:3: error: fw_a was defined on fw.csv:1 already",
                     csv='"fw_a","fw.h",""\n\n"fw_a","fw.h","X"\n')

    def test_csv_and_header_disagree(self):
        self.refused("int fw_a(int);\n", "fw.csv:1", "conflicting types",
                     csv='"fw_a","fw.h","","int","long long"\n')

    def test_name_that_no_header_declares(self):
        self.refused("int fw_a(void);\n", "fw.csv:2: error: no header declares fw_b",
                     csv='"fw_a","",""\n"fw_b","string.h",""\n')

    def test_csv_asks_for_a_static_function(self):
        self.refused("static inline int fw_a(void) { return 1; }\nint fw_b(void);\n",
                     "fw.h:1: error: fw_a is static or inline", "fw.csv:1",
                     csv='"fw_a","fw.h",""\n')

    def test_csv_asks_for_a_macro(self):
        self.refused("int fw_b(void);\n#define FW_A(x) (x)\n",
                     "fw.csv:1: error: FW_A is a function-like macro", csv='"FW_A","fw.h",""\n')

    def test_csv_line_that_is_none(self):
        self.refused("int fw_a(void);\n", "fw.csv:1: error: expected \"name\"", csv="fw_a, fw.h\n")

    def test_thread_local(self):
        self.refused("extern _Thread_local int fw_errno;\n", "fw.h:1", "fw_errno is thread-local")

    def test_nothing_to_export(self):
        self.refused("#include <string.h>\n#define FW_A 1\n", "nothing is exported")

    def test_header_that_does_not_compile(self):
        self.refused("int fw_a(strange x);\n", "fw.h:1", "strange")

    def test_mark_without_declaration(self):
        self.refused(MARKS + "int fw_a(void);\nMODAPI_IF(X)\ntypedef int t;\n",
                     "fw.h:6", "MODAPI_IF stands in front of no function")

    def test_alias_of_another_type(self):
        self.refused("int fw_a(int);\n", "another type",
                     csv='"puts=fw_a","stdio.h",""\n')

    def test_all_at_once(self):
        text = self.refused("#define fw_m(a) a\nextern _Thread_local int fw_t;\n"
                            "int costarring(void), liquid(void);\n", "fw_m", "fw_t", "liquid")
        self.assertEqual(text.count("error:"), 3)


class Usage(ModapiTest):
    def test_no_header(self):
        self.assertIn("no header", self.modapi("build", "-o", "t.c", status=USAGE).stderr)

    def test_nothing_to_write(self):
        self.write("fw.h", "int f(void);\n")
        self.modapi("build", "fw.h", "--", *CORE, status=USAGE)

    def test_missing_header(self):
        done = self.modapi("build", "none.h", "-o", "t.c", "--", *CORE, status=IO)
        self.assertIn("none.h", done.stderr)

    def test_missing_compiler(self):
        self.write("fw.h", "int f(void);\n")
        done = self.build("--cc", "no-such-gcc", status=IO)
        self.assertIn("no-such-gcc cannot be run", done.stderr)

    def test_unknown_verb(self):
        self.assertIn("modapi", self.modapi("made", status=USAGE).stderr)

    def test_bad_version(self):
        self.write("fw.h", "int f(void);\n")
        self.build("--api-version", "1.2", status=USAGE)


HEADER = MARKS + """
#include <stdint.h>
#include <string.h>
#define FW_MIN(a, b) ((a) < (b) ? (a) : (b))
struct fw_point { int32_t x, y; };
int fw_add(int a, int b);
MODAPI_IF(defined(CONFIG_NET) && CONFIG_NET > 1)
void fw_send(const void *bytes, uint32_t size);
MODAPI_EXCLUDE void fw_secret(void);
static inline int fw_twice(int a) { return fw_add(a, a); }
extern volatile uint32_t fw_ticks;
extern const char fw_name[16];
struct fw_point fw_real(void) __asm__("fw_middle");
"""
CSV = """# what else there is
"memcpy", "string.h", "", "FAR void *", "FAR void *", "FAR const void *", "size_t"
"qsort","stdlib.h","","void","FAR void *","size_t","size_t","int(*)(FAR const void *","FAR const void *)"
"strtok","string.h","0"
"pipe_","","0","int","int [2]|FAR int *"
"malloc=fw_get","stdlib.h","!defined(SMALL)","void *","size_t"
"__aeabi_memcpy","",""
"fw_add","fw.h","defined(CONFIG_ADD)","int","int","int"
"""
FIRMWARE = """
#include "fw.h"
#include <stddef.h>
int fw_add(int a, int b) { return a + b; }
void fw_send(const void *b, uint32_t n) { (void)b; (void)n; }
volatile uint32_t fw_ticks; const char fw_name[16] = "x";
struct fw_point fw_real(void) { return (struct fw_point){1, 2}; }
void *fw_get(size_t size) { (void)size; return 0; }
int main(void) { extern const uint8_t firmware_exports[]; return firmware_exports[0]; }
"""


class Table(ModapiTest):
    def make(self, *defines, compiler=GCC, rest=(), more=()):
        """A firmware with the table, linked by GNU ld: (ELF, {hash: (tag, address)})."""
        self.write("fw.h", HEADER)
        self.write("fw.csv", CSV)
        self.write("main.c", FIRMWARE)
        self.build("--csv", "fw.csv", "--api-version", "2.3.4", *more)
        self.command([*compiler, "-std=c11", "-Os", "-Wall", "-Wextra", "-Wpedantic", "-Werror",
                      "-Wconversion", "-Wmissing-prototypes", "-I", SOURCE / "target-loader",
                      *defines, "-c", "table.c"])
        self.command([*GCC, "-Os", *defines, *rest, "main.c", "table.o", "-Wl,--gc-sections",
                      "--specs=nosys.specs", "-o", "fw.elf"])
        elf = ELFFile(open(self.path("fw.elf"), "rb"))
        self.addCleanup(elf.stream.close)
        symbols = {s.name: s for s in elf.get_section_by_name(".symtab").iter_symbols()}
        table = symbols["firmware_exports"]
        section = elf.get_section(table["st_shndx"])
        at = table["st_value"] - section["sh_addr"]
        words = [int.from_bytes(section.data()[i:i + 4], "little")
                 for i in range(at, at + table["st_size"], 4)]
        self.assertEqual(symbols["firmware_export_count"]["st_value"], len(words) // 3)
        self.assertEqual(symbols["firmware_api_version"]["st_value"], 0x20003)
        self.assertEqual(table["st_size"], 12 * (len(words) // 3))
        self.assertEqual(words[::3], sorted(words[::3]))
        return {n: s["st_value"] for n, s in symbols.items()}, {
            h: (t, a) for h, t, a in zip(words[::3], words[1::3], words[2::3])}

    def check_entries(self, symbols, table, behind):
        described = dict(re.findall(r"^(?:function|data) (\S+) (\w{8})$",
                                    self.path("fw.api").read_text(), re.M))
        wanted = {fnv1a(name): (int(described[name], 16), symbols[symbol])
                  for name, symbol in behind.items()}
        self.assertEqual(table, wanted)

    SAME = {n: n for n in ("fw_ticks", "fw_name", "fw_middle", "memcpy", "qsort",
                           "__aeabi_memcpy")}

    def test_gcc(self):
        symbols, table = self.make()
        self.check_entries(symbols, table, {**self.SAME, "malloc": "fw_get"})

    def test_clang(self):
        symbols, table = self.make(compiler=CLANG)
        self.check_entries(symbols, table, {**self.SAME, "malloc": "fw_get"})

    def test_lto(self):
        symbols, table = self.make(rest=["-flto"])
        self.check_entries(symbols, table, {**self.SAME, "malloc": "fw_get"})

    def test_functions_have_the_thumb_bit(self):
        symbols, table = self.make()
        for name in ("memcpy", "malloc", "fw_middle"):
            self.assertEqual(table[fnv1a(name)][1] & 1, 1, name)
        self.assertEqual(table[fnv1a("fw_ticks")][1] & 1, 0)

    def test_conditions(self):
        symbols, table = self.make("-DCONFIG_NET=2", "-DCONFIG_ADD", "-DSMALL")
        self.check_entries(symbols, table, {**self.SAME, "fw_send": "fw_send",
                                            "fw_add": "fw_add"})
        text = self.path("fw.api").read_text()
        self.assertIn("function fw_send", text)
        self.assertIn("  if defined(CONFIG_NET) && CONFIG_NET > 1\n", text)
        self.assertIn("  if defined(CONFIG_ADD)\n", text)

    def test_conditions_by_a_header(self):
        self.write("config.h", "#define CONFIG_NET 3\n#define CONFIG_ADD\n#define SMALL\n")
        symbols, table = self.make("-I.", more=["--include", "config.h"])
        self.check_entries(symbols, table, {**self.SAME, "fw_send": "fw_send",
                                            "fw_add": "fw_add"})

    def test_elf_carries_what_it_has(self):
        self.make("-DCONFIG_NET=2")
        inside = self.modapi("show", "fw.elf").stdout
        self.assertEqual(set(re.findall(r"^(?:function|data) (\S+)", inside, re.M)),
                         {*self.SAME, "malloc", "fw_send"})
        self.assertIn("version 2.3.4\n", inside)
        self.command(["arm-none-eabi-strip", "-g", "fw.elf"])
        self.assertEqual(self.modapi("show", "fw.elf").stdout, inside)

    def two_tables(self, provider):
        """An ELF with a firmware's table and one of an RTOS."""
        for name, header in (("fw", "struct p { int x, y; };\nint fw_add(struct p a);\n"
                              "int both(void);\n"),
                             ("os", "struct p { char c; };\nint os_add(struct p a);\n"
                              "long both(void);\n")):
            self.write(f"{name}.h", header)
            self.modapi("build", f"{name}.h", "-o", f"{name}_table.c", "--api", f"{name}.api",
                        "--name", f"{name}_exports", "--provider",
                        provider if name == "os" else "firmware", "--", *CORE)
        self.write("fw.c", "int fw_add(void) { return 1; }\nint os_add(void) { return 2; }\n"
                   "int both(void) { return 3; }\nint main(void) { return 0; }\n")
        self.command([*GCC, "-nostdlib", "-Wl,-e,main", f"-I{SOURCE}/target-loader",
                      f"-I{SOURCE}/libmodfmt", "fw.c", "fw_table.c", "os_table.c", "-o",
                      "two.elf"])

    def test_two_tables_in_one_elf(self):
        """Read as one; of what both have, the first counts, as for a loader."""
        self.two_tables("firmware")
        both = self.modapi("show", "--types", "two.elf").stdout
        parts = [self.modapi("show", "--types", f"{name}.api").stdout for name in ("fw", "os")]
        for line in (*parts[0].splitlines(), *parts[1].splitlines()):
            self.assertEqual(line in both.splitlines(), "both" not in line or line in parts[0],
                             line)
        self.assertEqual(both.count(" both "), 1)

    def test_two_providers_in_one_elf(self):
        self.two_tables("rtos")
        done = self.modapi("show", "two.elf", status=REFUSED)
        self.assertIn("'firmware' and of 'rtos'", done.stderr)

    def test_description_is_not_loaded(self):
        self.make()
        with open(self.path("fw.elf"), "rb") as f:
            section = ELFFile(f).get_section_by_name(".modapi")
            self.assertEqual(section["sh_flags"], 0)
            self.assertEqual(section["sh_addr"], 0)

    def test_twice_is_the_same(self):
        self.write("fw.h", HEADER)
        self.write("fw.csv", CSV)
        self.build("--csv", "fw.csv")
        first = [self.path(n).read_bytes() for n in ("table.c", "fw.api")]
        self.write("sub.h", "")
        self.modapi("build", self.path("fw.h"), "-o", "table.c", "--api", "fw.api", "--csv",
                    self.path("fw.csv"), "--", *CORE, "-O2", "-flto", "-g0")
        self.assertEqual(first, [self.path(n).read_bytes() for n in ("table.c", "fw.api")])
        for text in first:
            self.assertNotIn(str(self.folder).encode(), text)
            self.assertNotIn(b"/tmp", text)

    def test_only_named_headers(self):
        self.write("inner.h", "int inner_f(void);\nextern int inner_d;\n")
        tags = self.tags('#include "inner.h"\n#include <stdlib.h>\nint fw_a(void);\n')
        self.assertEqual(set(tags), {"fw_a"})

    def test_two_headers(self):
        self.write("inner.h", "int inner_f(void);\n")
        tags = self.tags('#include "inner.h"\nint fw_a(void);\n', "inner.h")
        self.assertEqual(set(tags), {"fw_a", "inner_f"})

    def test_left_out_is_told(self):
        self.write("fw.h", HEADER)
        done = self.build("-v")
        self.assertIn("fw_twice is static or inline: left out", done.stderr)
        self.assertIn("fw.h:14", done.stderr)

    def test_cxx(self):
        tags = self.tags("namespace fw { int add(int); class c { int a; virtual ~c(); };\n"
                         "extern c *it; void take(c &, bool); }\nextern \"C\" int fw_c(int);\n"
                         "const int limit = 3; template <class T> T same(T);\n",
                         flags=["-x", "c++", "-fno-exceptions"])
        self.assertEqual(set(tags), {"_ZN2fw3addEi", "_ZN2fw2itE", "_ZN2fw4takeERNS_1cEb", "fw_c"})

    def test_temporary_files_go(self):
        self.write("fw.h", "int fw_a(void);\n")
        before = set(self.folder.iterdir())
        self.command(["env", f"TMPDIR={self.folder}", MODAPI, "build", "fw.h", "-o", "table.c",
                      "--", *CORE])
        self.write("fw.h", "int fw_a();\n")
        self.command(["env", f"TMPDIR={self.folder}", MODAPI, "build", "fw.h", "-o", "table.c",
                      "--", *CORE], REFUSED)
        self.assertEqual({p.name for p in set(self.folder.iterdir()) - before}, {"table.c"})


class Labels(ModapiTest):
    """Headers and Rust that put tags into symbols' names."""

    HEADER = """
    #ifndef FW_H
    #define FW_H
    #include <stdint.h>
    #include <stdbool.h>
    #ifdef __cplusplus
    extern "C" {
    #endif
    struct fw_point { int32_t x; uint8_t y; };
    typedef struct { struct fw_point p[2]; float f; bool b; unsigned n : 3; } fw_shape;
    union fw_word { uint32_t u; uint8_t type[4]; };
    struct fw_task;
    enum fw_color { RED, BLUE = 0x7fffffff };
    int fw_add(int a, int b);
    static inline int fw_twice(int a) { return fw_add(a, a); }
    void fw_draw(const fw_shape *s, struct fw_point at, enum fw_color in, struct fw_task *t, ...);
    union fw_word fw_word(int a[3], int (*each)(struct fw_point *, void *), const char *text);
    extern volatile uint32_t fw_ticks;
    extern const int16_t fw_table[8];
    #ifdef __cplusplus
    }
    #endif
    #endif
    """
    USE = """
    #include "labels.h"
    int use(int a) { struct fw_point at = {a, 0}; fw_draw(0, at, RED, 0); (void)fw_word(0, 0, 0);
                     return fw_twice(a) + (int)fw_ticks + fw_table[a]; }
    """

    def setUp(self):
        super().setUp()
        self.path("include").mkdir()
        self.write("include/fw.h", self.HEADER)
        self.write("use.c", self.USE)
        self.modapi("build", "include/fw.h", "--labels", "labels.h", "--rust", "fw.rs", "--api",
                    "fw.api", "--", *CORE, "-Iinclude")
        self.tags = dict(re.findall(r"^(?:function|data) (\S+) (\w{8})$",
                                    self.path("fw.api").read_text(), re.M))

    def compile(self, compiler, *flags, status=0):
        return self.command([*compiler, "-Wall", "-Wextra", "-Werror", "-Iinclude", *flags, "-c",
                             "use.c", "-o", "use.o"], status)

    def test_every_compiler(self):
        for compiler in (GCC, CLANG):
            for flags in (["-std=c11"], ["-O2", "-std=gnu17"], ["-x", "c++"]):
                self.compile(compiler, *flags)
                out = self.command(["arm-none-eabi-nm", "-u", "use.o"]).stdout
                names = {line.split()[1] for line in out.splitlines()}
                self.assertEqual({n for n in names if not n.startswith("__aeabi_unwind")},
                                 {f"{n}${t}" for n, t in self.tags.items()}, (compiler, flags))

    def test_header_of_another_prototype(self):
        self.write("include/fw.h", self.HEADER.replace("int fw_add(int a", "int fw_add(char a"))
        self.assertIn("conflicting types for 'fw_add'",
                      self.compile(GCC, status=1).stderr.replace("‘", "'").replace("’", "'"))

    def test_header_of_another_struct(self):
        for old, new in (("int32_t x;", "int32_t w, x;"), ("uint8_t y;", "uint8_t y, z[4];"),
                         ("struct fw_point p[2]; float f;", "float f; struct fw_point p[2];")):
            self.write("include/fw.h", self.HEADER.replace(old, new))
            self.assertIn("changed: make this again", self.compile(GCC, status=1).stderr)

    def test_rust(self):
        rustc = "/usr/bin/rustc"
        if not os.path.exists(rustc):
            self.skipTest("no /usr/bin/rustc")
        sizes = {"fw_point": 8, "fw_shape": 24, "fw_word": 4, "fw_color": 4}
        self.write("lib.rs", "#![no_std]\nmod fw;\n" + "".join(
            f"const _: [(); {size}] = [(); core::mem::size_of::<fw::{name}>()];\n"
            for name, size in sizes.items()) + """
            pub unsafe fn all(a: &fw::fw_shape, t: *mut fw::fw_task) -> i32 {
                fw::fw_draw(a, fw::fw_point { x: 1, y: 2 }, fw::BLUE, t);
                let _ = fw::fw_word(core::ptr::null_mut(), None, core::ptr::null()).type_[0];
                fw::fw_add(1, 2) + fw::fw_ticks as i32 + fw::fw_table[1] as i32
            }
            """)
        self.command([rustc, "--edition", "2021", "--crate-type", "lib", "-D", "warnings",
                      "-O", "--emit", "obj", "lib.rs", "-o", "lib.o"])
        out = self.command(["nm", "-u", "lib.o"]).stdout
        for name, tag in self.tags.items():
            self.assertIn(f" {name}${tag}", out)


class Firmware(ModapiTest):
    def test_description_is_what_modapi_makes(self):
        folder = SOURCE / "target-loader/firmware"
        kept = (folder / "firmware.api").read_text()
        version = re.search(r"^version (.*)$", kept, re.M)[1]
        self.modapi("build", folder / "include/firmware.h", "--csv", folder / "exports.csv",
                    "--api", "new.api", "--api-version", version, "--", *CORE, "-std=c11")
        self.assertEqual(self.path("new.api").read_text(), kept,
                         "run modapi build and commit target-loader/firmware/firmware.api")


if __name__ == "__main__":
    main()
