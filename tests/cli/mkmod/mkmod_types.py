# SPDX-License-Identifier: BSD-2-Clause
"""Types of imports: from the module's DWARF, from asm labels, from descriptions, and held
against each other. A "firmware" here is an ELF whose exports mkmod describes."""

import json
import random

from mkmod_run import CLANG, GCC, HEAD, MODDUMP, OK, REFUSED, Elf, ToolTest, main

HEADER = """
struct point { int x, y; };
struct file;
int fw_add(int a, int b);
void fw_draw(const struct point *where, unsigned color);
int fw_printf(const char *format, ...);
struct file *fw_open(const char *name);
extern unsigned fw_ticks;
"""
PROVIDER = HEADER + """
struct file { int fd; };
unsigned fw_ticks = 3;
int fw_add(int a, int b) { return a + b; }
void fw_draw(const struct point *where, unsigned color) { (void)where; (void)color; }
int fw_printf(const char *format, ...) { return *format; }
struct file *fw_open(const char *name) { return (struct file *)name; }
"""
NAMES = ("fw_add", "fw_draw", "fw_printf", "fw_open", "fw_ticks")
USER = HEADER + """static struct point corner;
int module_entry(void *p)
{
    fw_draw(&corner, 3);
    fw_printf("%d", fw_add(fw_ticks, 2));
    return fw_open("x") == p;
}
"""
FUNCTION = "int module_entry(void *p) { return fw_add(3, 4) + (p != 0); }\n"


class TypeTest(ToolTest):
    allowed = []

    def describe(self, source=PROVIDER, names=NAMES, provider="firmware", version="1.4.2",
                 name="fw", header=HEADER):
        """The description of what a source defines."""
        elf = self.elf(source.replace(HEADER, header) + "int *module_entry(void *p)"
                       " { static int z; return p ? &z : 0; }\n", "-g", name=name)
        exports = [a for n in names for a in ("--export", n)]
        done = self.mkmod(elf, "-o", name + ".bin", "--name", provider, "--version", version,
                          "--write-api", name + ".api", *exports)
        self.assertEqual((done.returncode, done.stderr), (OK, ""))
        return self.path(name + ".api")

    def old(self, source=USER, *flags, compiler=GCC, name="m"):
        return self.elf(source, *(flags or ("-g",)), compiler=compiler, name=name)

    def imports(self):
        rows = json.loads(self.command([MODDUMP, "--json", "m.bin"]).stdout)["imports"]
        return {r["name"]: r for r in rows}

    def tag(self, name):
        tags = json.loads(self.command([MODDUMP, "--json", "m.bin"]).stdout)["tags"]
        return next((t for t in tags if t["name"] == name), None)

    def described(self, api, name):
        """The tag in a description."""
        for line in api.read_text().splitlines():
            words = line.split()
            if words[:2] in (["function", name], ["data", name]):
                return "0x" + words[2]
        return None


class Sources(TypeTest):
    """Where an import's type comes from."""

    def test_dwarf(self):
        api = self.describe()
        self.good(self.old())
        found = self.imports()
        self.assertEqual(sorted(found), sorted(NAMES))
        for name in ("fw_add", "fw_draw", "fw_printf", "fw_ticks"):
            self.assertEqual(found[name]["type"], self.described(api, name))
            self.assertNotIn("unverified", found[name]["flags"])
        self.assertEqual(found["fw_ticks"]["flags"], ["object"])

    def test_dwarf_of_lto(self):
        api = self.describe()
        self.path("m.c").write_text(USER)
        self.command([*GCC, "-g", "-Os", "-flto", "-c", "m.c", "-o", "m.o"])
        self.command([*GCC, "-g", "-Os", "-flto", "-nostdlib", "-Wl,--emit-relocs",
                      "-Wl,--unresolved-symbols=ignore-all,-e,module_entry", "m.o", "-o",
                      "m.elf"])
        self.mkmod("m.elf", "-o", "m.bin", "--api", api)
        found = self.imports()
        self.assertEqual(found["fw_draw"]["type"], self.described(api, "fw_draw"))
        self.assertNotIn("unverified", found["fw_draw"]["flags"])

    def test_cxx(self):
        """C++ calls C's functions, and its own by their link names."""
        api = self.describe()
        compiler = [GCC[0].replace("gcc", "g++"), *GCC[1:]]
        self.path("m.cpp").write_text('extern "C" {' + HEADER + "int module_entry(void *p); }\n"
                                      "namespace n { int own(int, struct point &); }\n"
                                      "int module_entry(void *) { point p; n::own(1, p);"
                                      " fw_draw(&p, 1); return fw_add(1, 2); }\n")
        self.command([*compiler, "-g", "-c", "m.cpp", "-o", "m.o"])
        self.good(self.link("m.o"))
        found = self.imports()
        for name in ("fw_add", "fw_draw"):
            self.assertEqual(found[name]["type"], self.described(api, name))
        self.assertNotEqual(found["_ZN1n3ownEiR5point"]["type"], "0x00000000")

    def test_label(self):
        """The tag of the label, without any DWARF, and verified."""
        api = self.describe()
        tag = self.described(api, "fw_add")
        label = f"int fw_add(int, int) __asm__(\"fw_add${tag[2:]}\");\n"
        for compiler in (GCC, CLANG):
            self.good(self.old(label + FUNCTION, "-O1", compiler=compiler), "--api", api)
            found = self.imports()["fw_add"]
            self.assertEqual((found["type"], found["flags"]), (tag, []))

    def test_label_without_api(self):
        self.good(self.old("int fw_add(int, int) __asm__(\"fw_add$12345678\");\n" + FUNCTION, "-O1"))
        self.assertEqual(self.imports()["fw_add"]["type"], "0x12345678")

    def test_api_alone_is_unverified(self):
        api = self.describe()
        for compiler in (GCC, CLANG):
            self.good(self.old(USER, "-O1", compiler=compiler), "--api", api)
            for name, row in self.imports().items():
                self.assertEqual(row["type"], self.described(api, name))
                self.assertIn("unverified", row["flags"])

    def test_none_is_refused(self):
        self.refused(self.old(USER, "-O1"), "the type of 'fw_add' is not known",
                     "the type of 'fw_ticks' is not known", "--untyped", "no debug information")

    def test_none_with_clang_is_refused(self):
        self.refused(self.old(USER, "-O1", "-g", compiler=CLANG),
                     "the type of 'fw_add' is not known", "clang of nothing")

    def test_untyped(self):
        self.good(self.old(USER, "-O1"), "--untyped")
        self.assertEqual({(r["type"], *r["flags"]) for r in self.imports().values()},
                         {("0x00000000", "unverified")})

    def test_no_imports_need_nothing(self):
        self.good(self.old("int z; int *module_entry(void *p) { return p ? &z : 0; }", "-O1"))

    def test_abi_fixed_names(self):
        """What compilers call of their own accord needs no type and is not unverified."""
        source = ("struct s { char c[200]; } a, b;\n"
                  "unsigned long long module_entry(unsigned long long *p)"
                  " { a = b; return p[0] / p[1]; }\n")
        for flags in (("-O1",), ("-O1", "-g")):
            self.good(self.old(source, *flags))
            self.assertEqual({(n, r["type"], *r["flags"]) for n, r in self.imports().items()},
                             {("memcpy", "0x00000000"), ("__aeabi_uldivmod", "0x00000000")})

    def test_source_files_disagree(self):
        first = self.object("int fw_add(int, int); int one(void) { return fw_add(1, 2); }",
                            "-g", name="a")
        second = self.object("long long fw_add(int); int one(void);\n"
                             "int module_entry(void *p) { return fw_add(1) + one(); }", "-g",
                             name="b")
        self.refused(self.link(first, second), "source files do not agree about 'fw_add'",
                     "int fw_add(int, int)", "long long int fw_add(int)")


class Checks(TypeTest):
    """--api."""

    def test_same(self):
        api = self.describe()
        self.good(self.old(), "--api", api)
        self.assertNotIn("unverified", str(self.imports()))

    def test_struct_argument_gained_a_field(self):
        """The acceptance's case: an old module, a new firmware."""
        api = self.describe(header=HEADER.replace("int x, y;", "int x, y, z;"))
        message = self.refused(self.old(), "(m.c:", "'fw_draw'", "struct point: size 8 became 12",
                               "member z was added", arguments=["--api", api])
        self.assertEqual(message.count("error: "), 1)

    def test_unknown_name(self):
        api = self.describe(names=("fw_add", "fw_printf"))
        self.refused(self.old("int fw_printff(int); int module_entry(void *p)\n"
                              "{\n    return fw_printff(1);\n}\n"),
                     "'fw_printff' is defined neither in the module nor in",
                     "did you mean 'fw_printf'", "(m.c:3)", arguments=["--api", api])

    def test_unknown_and_unlike_all(self):
        api = self.describe()
        message = self.refused(self.old("int quite_else(int); int module_entry(void *p)"
                                        " { return quite_else(1); }"), "'quite_else'",
                               arguments=["--api", api])
        self.assertNotIn("did you mean", message)

    def test_all_problems_at_once(self):
        new = HEADER.replace("int x, y;", "int x;").replace("int a, int b", "int a, long long b")
        source = PROVIDER.replace("int a, int b", "int a, long long b").replace("fw_open",
                                                                               "fw_open2")
        api = self.describe(source.replace(HEADER.replace("int a, int b", "int a, long long b")
                                           .replace("fw_open", "fw_open2"), new),
                            names=("fw_add", "fw_draw", "fw_printf", "fw_ticks"))
        message = self.refused(self.old(), "'fw_draw'", "'fw_add'", "'fw_open'",
                               arguments=["--api", api])
        self.assertEqual(message.count("error: "), 3)

    def test_label_of_old_header(self):
        api = self.describe()
        source = "int fw_add(int, int) __asm__(\"fw_add$12345678\");\n" + FUNCTION
        self.refused(self.old(source, "-O1"), "'fw_add'",
                     "type was 0x12345678 and is " + self.described(api, "fw_add"),
                     arguments=["--api", api])

    def test_label_here_old_header_there(self):
        """One file has the label of today, another the plain header of yesterday."""
        api = self.describe()
        tag = self.described(api, "fw_add")[2:]
        new = self.object(f"int fw_add(int, int) __asm__(\"fw_add${tag}\");\n"
                          "int one(void) { return fw_add(1, 2); }", "-g", name="a")
        for declaration, good in (("int fw_add(int, int)", True), ("int fw_add(int, short)", False)):
            old = self.object(declaration + "; int one(void);\nint module_entry(void *p)"
                              " { return fw_add(1, 2) + one(); }", "-g", name="b")
            elf = self.link(new, old)
            if good:
                self.good(elf, "--api", api)
            else:
                self.refused(elf, "'fw_add'", "parameter 2", arguments=["--api", api])

    def test_function_became_object(self):
        api = self.describe("int fw_add = 3;\n", names=("fw_add",))
        self.refused(self.old("int fw_add(int, int);\n" + FUNCTION), "'fw_add'",
                     arguments=["--api", api])

    def test_opaque_here_complete_there(self):
        """The module need not see what a struct is made of; the image gets the API's tag."""
        api = self.describe()
        elf = self.old()
        self.good(elf)
        own = self.imports()["fw_open"]["type"]
        self.good(elf, "--api", api)
        self.assertEqual(self.imports()["fw_open"]["type"], self.described(api, "fw_open"))
        self.assertNotEqual(self.imports()["fw_open"]["type"], own)

    def test_first_description_wins(self):
        first = self.describe("int fw_add(int a, int b) { return a + b; }", ("fw_add",))
        second = self.describe("long long fw_add(int a) { return a; }", ("fw_add",), name="fw2")
        elf = self.old("int fw_add(int, int);\n" + FUNCTION)
        self.good(elf, "--api", first, "--api", second)
        self.refused(elf, "fw2.api has", arguments=["--api", second, "--api", first])

    def test_api_version(self):
        self.good(self.old(), "--api", self.describe(version="3.10.7"))
        self.assertEqual(self.tag("api_version")["version"], "3.10.7")
        self.good(self.old())
        self.assertIsNone(self.tag("api_version"))

    def test_module_as_provider(self):
        """What another module offers makes the module depend on it; unused ones do not."""
        library = self.describe("int lib_f(int a) { return a; }", ("lib_f",), "library", "1.2.3",
                                "lib")
        unused = self.describe("int other(int a) { return a; }", ("other",), "unused", "1.0.0",
                               "unused")
        firmware = self.describe(names=("fw_add",))
        self.good(self.old("int lib_f(int); int fw_add(int, int);\n"
                           "int module_entry(void *p) { return lib_f(1) + fw_add(1, 2); }"),
                  "--api", firmware, "--api", library, "--api", unused)
        needs = self.tag("dependency")
        self.assertEqual((needs["module"], needs["lowest"], needs["too_high"]),
                         ("library", "1.2.3", "2.0.0"))
        self.assertEqual(self.dumped("--tags").count(" dependency "), 1)
        self.assertEqual(self.tag("api_version")["version"], "1.4.2")

    def test_needs_wins(self):
        library = self.describe("int lib_f(int a) { return a; }", ("lib_f",), "library", "0.2.3")
        elf = self.old("int lib_f(int); int module_entry(void *p) { return lib_f(1); }")
        self.good(elf, "--api", library, "--needs", "library:0.2.0:0.9.0")
        needs = self.tag("dependency")
        self.assertEqual((needs["lowest"], needs["too_high"]), ("0.2.0", "0.9.0"))
        self.good(elf, "--api", library)
        self.assertEqual(self.tag("dependency")["too_high"], "0.3.0")

    def test_own_description(self):
        """A module that imports from a module of its own name."""
        library = self.describe("int lib_f(int a) { return a; }", ("lib_f",), "m")
        self.refused(self.old("int lib_f(int); int module_entry(void *p) { return lib_f(1); }"),
                     "would need itself", arguments=["--api", library])

    def test_weak(self):
        api = self.describe(names=("fw_add",))
        weak = "int fw_add(int, int) __attribute__((weak));\n" \
            "int absent(int) __attribute__((weak));\n" \
            "int module_entry(void *p) { return (absent ? absent(1) : 0) + fw_add(1, 2); }"
        self.good(self.old(weak), "--api", api)
        self.assertTrue(self.imports()["absent"]["weak"])
        self.refused(self.old(weak.replace("fw_add(int, int)", "fw_add(int, long long)")),
                     "'fw_add'", "parameter 2", arguments=["--api", api])

    def test_elf_with_description(self):
        """A firmware's ELF carries its description in .modapi."""
        api = self.describe()
        self.command(["arm-none-eabi-objcopy", "--add-section", f".modapi={api}", "m.elf",
                      "fw.elf"])
        self.good(self.old(), "--api", self.path("fw.elf"))
        self.assertEqual(self.tag("api_version")["version"], "1.4.2")

    def test_elf_without_description(self):
        self.describe()
        elf = self.old()
        self.path("fw.elf").write_bytes(elf.read_bytes())
        self.refused(elf, "fw.elf", ".modapi", arguments=["--api", "fw.elf"])

    def test_bad_description(self):
        api = self.describe()
        api.write_text(api.read_text().replace("function fw_draw", "fraction fw_draw"))
        self.refused(self.old(), "fw.api:", arguments=["--api", api])

    def test_missing_description(self):
        self.refused(self.old(), "nowhere.api", arguments=["--api", "nowhere.api"], status=3)

    def test_damaged_dwarf(self):
        """Costs the types at most; never a crash, never an image that passes unchecked."""
        api = self.describe()
        elf = Elf(self.old())
        good, chance = bytes(elf.bytes), random.Random(4)
        for section in (".debug_info", ".debug_abbrev", ".debug_str", ".symtab"):
            start, size = elf.field(section, 4), elf.field(section, 5)
            for _ in range(6):
                elf.bytes = bytearray(good)
                for _ in range(chance.choice((1, 1, 4, 40))):
                    elf.bytes[start + chance.randrange(size)] = chance.randrange(256)
                done = self.mkmod(elf.write(), "-o", "m.bin", "--api", api)
                self.assertIn(done.returncode, (OK, REFUSED), done.stderr)


class Offers(TypeTest):
    """The module's own exports."""

    def test_tag(self):
        api = self.describe()
        self.good(self.old(PROVIDER + "int *module_entry(void *p) { static int z; return &z; }\n"),
                  "--export", "fw_draw", "--export", "fw_ticks")
        rows = json.loads(self.command([MODDUMP, "--json", "m.bin"]).stdout)["exports"]
        for row in rows:
            self.assertEqual(row["type"], self.described(api, row["name"]))

    def test_no_tag_without_dwarf(self):
        self.good(self.old(PROVIDER + "int *module_entry(void *p) { static int z; return &z; }\n",
                           "-O1"), "--export", "fw_draw")
        rows = json.loads(self.command([MODDUMP, "--json", "m.bin"]).stdout)["exports"]
        self.assertEqual([r["type"] for r in rows], ["0x00000000"])

    def test_description_names_the_module(self):
        api = self.describe(provider="library", version="3.2.1").read_text()
        self.assertIn("provider library\n", api)
        self.assertIn("version 3.2.1\n", api)
        self.assertNotIn("module_entry", api)

    def test_description_twice_is_the_same(self):
        first = self.describe().read_bytes()
        self.assertEqual(self.describe().read_bytes(), first)

    def test_description_without_types(self):
        elf = self.old(PROVIDER + "int *module_entry(void *p) { static int z; return &z; }\n",
                       "-O1")
        self.refused(elf, "--write-api: the type of the export 'fw_draw' is not known", "-g",
                     arguments=["--export", "fw_draw", "--write-api", "x.api"])
        self.assertFalse(self.path("x.api").exists())


class Prototypes(TypeTest):
    def test_in_the_image(self):
        self.good(self.old())
        self.assertEqual(self.imports()["fw_add"]["prototype"], "int fw_add(int, int)")
        self.assertIn("void fw_draw(const struct point *, unsigned int)", self.dumped("--imports"))

    def test_stripped(self):
        self.good(self.old(), "--strip-names")
        self.assertIsNone(self.tag("import_prototypes"))
        self.assertNotIn("struct point", self.dumped("--imports"))

    def test_none_known(self):
        self.good(self.elf(HEAD + ".word module_entry, imported\n"), "--untyped")
        self.assertIsNone(self.tag("import_prototypes"))


if __name__ == "__main__":
    main()
