# SPDX-License-Identifier: BSD-2-Clause
"""Type tags: the same from every compiler, and different for what is different."""

import re
import subprocess

import tagref
from modapi_run import CLANG, GCC, GXX, IO, MODAPI, OK, REFUSED, ModapiTest, main

# Everything that C has types for, and a body for every function, so that clang describes it.
HEADER = """
#include <stdint.h>
#include <stdbool.h>
#include <stdarg.h>
#include <stddef.h>
#ifdef __cplusplus
extern "C" {
#endif
struct opaque;
union hidden;
typedef struct { int x, y; } pair;
typedef enum { LOW = -1, HIGH = 0x7fffffff } level;
enum packed { ONE, TWO } __attribute__((packed));
struct node { struct node *next; const struct tree *root; union { int i; float f; };
              unsigned a : 3, b : 5; int : 7; _BOOL flag : 1; uint64_t wide : 40; pair p; };
struct tree { struct node *nodes[4]; struct { short s; char c; } in; level l; char tail[]; };
struct __attribute__((packed)) tight { char c; uint32_t u; int16_t h; };
typedef void (*callback)(struct node *, int (*)(const char *, ...), void *);
typedef int32_t matrix[2][3];
"""
FUNCTIONS = [  # result, the rest
    ("void ", "f_base(char a, signed char b, unsigned char c, short d, unsigned short e, int f)"),
    ("void ", "f_long(long a, unsigned long b, long long c, unsigned long long d, float e, double f)"),
    ("void ", "f_fixed(int8_t a, uint8_t b, int16_t c, uint16_t d, int32_t e, uint32_t f, size_t h)"),
    ("bool ", "f_bool(bool a)"),
    ("long double ", "f_wide(long double a)"),
    ("struct node *", "f_node(const struct node *a, struct tree b[4])"),
    ("pair ", "f_pair(pair a, const pair *b)"),
    ("void ", "f_tight(struct tight *a, struct tight b)"),
    ("void ", "f_opaque(struct opaque *a, union hidden *const *b)"),
    ("void ", "f_enum(level a, enum packed b, enum packed *c)"),
    ("void ", "f_callback(callback a, callback *b, void (*c[3])(callback))"),
    ("int ", "f_many(const char *a, ...)"),
    ("void ", "f_list(const char *a, va_list b)"),
    ("void ", "f_array(int a[7], int b[2][3], matrix *c)"),
    ("void ", "f_void(void)"),
    ("const void *", "f_pointer(volatile void *a, const char *const *b, int *__restrict c)"),
]
DATA = """
volatile uint32_t d_word
const char d_text[8]
matrix d_matrix
struct node d_node
callback d_callback
struct opaque *d_opaque
struct tree *d_tree[5]
"""


class Compilers(ModapiTest):
    def source(self):
        """all.h declares everything, all.c defines it, in C and in C++."""
        data = DATA.strip().splitlines()
        self.write("all.h", HEADER.replace("_BOOL", "bool") + "".join(
            [f"{result}{rest};\n" for result, rest in FUNCTIONS] +
            [f"extern {line};\n" for line in data]) + "#ifdef __cplusplus\n}\n#endif\n")
        bodies = [result + rest + ("{ }" if result == "void " else
                                   "{ static %sr; return r; }" % result)
                  for result, rest in FUNCTIONS]
        start = {"const char d_text[8]": ' = "x"'}
        self.write("all.c", '#include "all.h"\n' + "\n".join(
            bodies + [line + start.get(line, "") + ";" for line in data]) + "\n")

    def compile(self, compiler, *flags):
        self.command([*compiler, "-w", "-g", "-c", "all.c", "-o", "all.o", *flags])
        return self.path("all.o")

    def test_gcc_is_what_the_specification_says(self):
        self.source()
        obj = self.compile(GCC)
        wanted = tagref.read(obj)
        self.assertGreater(len(wanted), 20)
        self.assertEqual(self.seen(obj), wanted)

    def test_gcc_cxx_is_what_the_specification_says(self):
        self.source()
        obj = self.compile(GXX, "-x", "c++")
        self.assertEqual(self.seen(obj), tagref.read(obj))

    def test_all_compilers_agree(self):
        self.source()
        wanted = self.seen(self.compile(GCC, "-O0"))
        for what, compiler, flags in (
                ("gcc -Os", GCC, ["-Os"]), ("gcc -O3", GCC, ["-O3"]), ("g++", GXX, ["-x", "c++"]),
                ("gcc DWARF 4", GCC, ["-gdwarf-4"]), ("gcc DWARF 3", GCC, ["-gdwarf-3"]),
                ("gcc DWARF 2", GCC, ["-gdwarf-2", "-gstrict-dwarf"]),
                ("g++ -Os", GXX, ["-x", "c++", "-Os"]), ("gcc C17", GCC, ["-std=gnu17"]),
                ("clang", CLANG, ["-O0"]), ("clang -Os", CLANG, ["-Os"]),
                ("clang DWARF 4", CLANG, ["-gdwarf-4"]), ("clang DWARF 3", CLANG, ["-gdwarf-3"]),
                ("clang++", CLANG, ["-x", "c++"]), ("clang++ -Os", CLANG, ["-x", "c++", "-Os"])):
            self.assertEqual(self.seen(self.compile(compiler, *flags)), wanted, what)

    def test_types_that_are_elsewhere(self):
        self.source()
        wanted = self.seen(self.compile(GCC))
        self.compile(GCC, "-gdwarf-4", "-fdebug-types-section")
        done = self.modapi("show", "--dwarf", "all.o", status=REFUSED)
        self.assertIn("not all in this file", done.stderr)
        self.command([*GCC, "-nostdlib", "-Wl,-e0", "all.o", "-o", "all.elf"])
        self.assertEqual(self.seen(self.path("all.elf")), wanted)

    def test_split_debug_information(self):
        self.source()
        self.compile(GCC, "-gsplit-dwarf")
        done = self.modapi("show", "--dwarf", "all.o", status=REFUSED)
        self.assertIn("compile without -gsplit-dwarf", done.stderr)

    def test_g1_tells_no_types(self):
        self.source()
        self.assertEqual(self.seen(self.compile(GCC, "-g1")), {})

    def test_link_time_optimization(self):
        self.source()
        wanted = self.seen(self.compile(GCC))
        self.command([*GCC, "-w", "-g", "-O2", "-flto", "-nostdlib", "-Wl,-e0", "all.c", "-o",
                      "all.elf", *[f"-Wl,-u{name}" for name in wanted]])
        self.assertEqual(self.seen(self.path("all.elf")), wanted)

    def test_headers_alone_agree(self):
        self.source()
        wanted = {n: t for n, (t, _) in self.seen(self.compile(GCC)).items()}
        self.modapi("build", "all.h", "--api", "c.api", "--", *GCC[1:])
        self.modapi("build", "all.h", "--api", "cxx.api", "--", *GCC[1:], "-x", "c++")
        for name in ("c.api", "cxx.api"):
            lines = self.modapi("show", "--types", name).stdout.splitlines()
            tags = {line.split()[1]: line.split()[0] for line in lines}
            self.assertEqual(tags, wanted, name)

    def test_callers_see_what_the_header_says(self):
        self.source()
        wanted = {n: t for n, (t, _) in self.seen(self.compile(GCC)).items() if n[0] == "f"}
        names = sorted(wanted)
        self.write("caller.c", '#include "all.h"\nvoid *all[] = {' + ", ".join(
            f"(void *){n}" for n in names) + "};\n")
        for flags in (["-O0"], ["-Os"], ["-O2", "-x", "c++"]):
            self.command([*GCC, "-g", "-w", *flags, "-c", "caller.c"])
            seen = self.seen(self.path("caller.o"))
            self.assertEqual({n: t for n, (t, _) in seen.items() if n in wanted}, wanted, flags)

    def test_linked_with_others_that_know_less(self):
        self.write("a.c", "struct s; int take(struct s *); int a(struct s *p) { return take(p); }")
        self.write("b.c", "struct s { int x; }; int b(struct s *p); int b(struct s *p) "
                          "{ return p->x; }")
        self.command([*GCC, "-g", "-nostdlib", "-Wl,--unresolved-symbols=ignore-all", "-Wl,-e0",
                      "a.c", "b.c", "-o", "ab.elf"])
        seen = self.seen(self.path("ab.elf"))
        self.assertEqual({n: t for n, (_, t) in seen.items()},
                         {n: "(*S4{x@0s4;})s4" for n in ("a", "b", "take")})


CLASSES = """
namespace fw {
class opaque;
struct base { int a; virtual int f(int) { return 0; } virtual ~base() {} };
class derived : public base { char c; static int count; enum class kind : unsigned char { A } k;
  public: int f(int x) override { return x + c; } void m(bool) const; };
template <class T, int N> struct vec { T items[N]; T &at(int i) { return items[i]; } };
struct empty {};
struct multi : base, empty { bool b : 1; char16_t w; };
enum plain { ONE, TWO = 0x7fffffff };
union both { int i; float f; both() : i(0) {} };
void take(derived &d, const opaque *o, vec<int, 3> v, multi &&m, plain p, decltype(nullptr) n)
{ (void)d; (void)o; (void)v; (void)m; (void)p; (void)n; }
int (base::*pm)(int) = &base::f;
int base::*pd = &base::a;
both make(both *b) { return *b; }
void derived::m(bool) const {}
derived *it;
vec<fw::opaque *, 2> list;
}
"""


class Classes(ModapiTest):
    """C++: the two compilers say different things of classes, and mean the same."""

    def test_compilers_agree(self):
        self.write("c.cpp", CLASSES)
        seen = []
        for compiler, flags in ((GXX, ["-femit-class-debug-always"]),
                                ([*CLANG, "-x", "c++"], [])):
            self.command([*compiler, "-w", "-std=c++17", "-g", *flags, "-c", "c.cpp"])
            seen.append(self.seen(self.path("c.o")))
        both = set(seen[0]) & set(seen[1])
        self.assertGreater(len(both), 9)
        self.assertEqual({n: seen[0][n] for n in both}, {n: seen[1][n] for n in both})
        self.assertIn("_vptr@0*v", seen[0]["_ZN2fw2itE"][1])
        self.assertTrue(all(n.startswith("_Z") for s in seen for n in s), seen)

    def test_header_with_virtual_functions(self):
        text = self.described(
            "struct base { int a; virtual int f(int); virtual ~base(); };\n"
            "void take(base &);\n", flags=["-x", "c++"])
        self.assertIn("struct base 8\n  _vptr 0 *void\n  a 4 s32\n", text)


# What, before, after. The function or data is called x.
COVERED = [
    ("size of a parameter", "void x(int16_t);", "void x(int32_t);"),
    ("signedness", "void x(int32_t);", "void x(uint32_t);"),
    ("signedness of char", "void x(char);", "void x(signed char);"),
    ("integer or float", "void x(int32_t);", "void x(float);"),
    ("integer or pointer", "void x(int32_t);", "void x(int32_t *);"),
    ("integer or bool", "void x(uint8_t);", "void x(bool);"),
    ("integer or enum", "enum e { A = 0x7fffffff }; void x(uint32_t);",
     "enum e { A = 0x7fffffff }; void x(enum e);"),
    ("number of parameters", "void x(int);", "void x(int, int);"),
    ("order of parameters", "void x(int, char);", "void x(char, int);"),
    ("result", "void x(void);", "int x(void);"),
    ("variadic", "void x(int);", "void x(int, ...);"),
    ("function or data", "int x(void);", "extern int x;"),
    ("array length", "extern int x[4];", "extern int x[5];"),
    ("array length known", "extern int x[];", "extern int x[5];"),
    ("inner array length", "extern int x[4][2];", "extern int x[4][3];"),
    ("array or struct", "extern int x[2];", "extern struct { int a, b; } x;"),
    ("member added", "struct s { int a; }; void x(struct s *);",
     "struct s { int a, b; }; void x(struct s *);"),
    ("member name", "struct s { int a; }; void x(struct s *);",
     "struct s { int b; }; void x(struct s *);"),
    ("member type", "struct s { int a; }; void x(struct s *);",
     "struct s { float a; }; void x(struct s *);"),
    ("member offset", "struct s { char a; int b; }; void x(struct s *);",
     "struct __attribute__((packed)) s { char a; int b; char c[3]; }; void x(struct s *);"),
    ("members exchanged", "struct s { int a, b; }; void x(struct s *);",
     "struct s { int b, a; }; void x(struct s *);"),
    ("size by alignment", "struct s { char a; }; void x(struct s *);",
     "struct __attribute__((aligned(8))) s { char a; }; void x(struct s *);"),
    ("struct or union", "struct s { int a; }; void x(struct s *);",
     "union s { int a; }; void x(union s *);"),
    ("width of a bit-field", "struct s { unsigned a : 3; }; void x(struct s *);",
     "struct s { unsigned a : 4; }; void x(struct s *);"),
    ("place of a bit-field", "struct s { unsigned a : 3, b : 4; }; void x(struct s *);",
     "struct s { unsigned a : 3, : 1, b : 4; }; void x(struct s *);"),
    ("bit-field or member", "struct s { unsigned a : 8; }; void x(struct s *);",
     "struct s { unsigned char a; char p[3]; }; void x(struct s *);"),
    ("member of an anonymous union", "struct s { union { int a; float b; }; }; void x(struct s *);",
     "struct s { union { int a; float c; }; }; void x(struct s *);"),
    ("far away", "struct t { int a; }; struct s { struct s *n; struct t *t; }; void x(struct s *);",
     "struct t { char a; }; struct s { struct s *n; struct t *t; }; void x(struct s *);"),
    ("whom a member points back to",
     "struct b; struct a { struct a *p; struct b *q; }; struct b { int i; struct a *p; struct b *q; };"
     "void x(struct a *);",
     "struct b; struct a { struct a *p; struct b *q; }; struct b { int i; struct b *p; struct a *q; };"
     "void x(struct a *);"),
    ("name of an opaque struct", "struct o1; void x(struct o1 *);", "struct o2; void x(struct o2 *);"),
    ("opaque or void", "struct o3; void x(struct o3 *);", "void x(void *);"),
    ("levels of pointers", "void x(int *);", "void x(int **);"),
    ("callback's parameter", "void x(void (*)(int));", "void x(void (*)(char));"),
    ("callback variadic", "void x(void (*)(int));", "void x(void (*)(int, ...));"),
    ("callback in a struct", "struct s { int (*f)(void); }; void x(struct s *);",
     "struct s { int (*f)(int); }; void x(struct s *);"),
    ("size of an enum", "enum e { A = 0x7fffffff }; void x(enum e);",
     "enum __attribute__((packed)) e { A }; void x(enum e);"),
    ("signedness of an enum", "enum e { A = 0x7fffffff }; void x(enum e);",
     "enum e { A = 0x7fffffff, B = -1 }; void x(enum e);"),
]
NOT_COVERED = [
    ("parameter name", "void x(int a);", "void x(int b);"),
    ("parameter name left out", "void x(int a);", "void x(int);"),
    ("typedef", "typedef int one; void x(one);", "void x(int);"),
    ("typedef of a struct", "typedef struct { int a; } one; void x(one *);",
     "typedef struct { int a; } two; void x(two *);"),
    ("comment", "void x(int);", "/** x. */ void x(int /* a */);"),
    ("const", "void x(char *); ", "void x(const char *const);"),
    ("const member", "struct s { int a; }; void x(struct s *);",
     "struct s { const int a; }; void x(struct s *);"),
    ("volatile", "extern int x;", "extern volatile int x;"),
    ("restrict", "void x(char *);", "void x(char *__restrict);"),
    ("const data", "extern int x[3];", "extern const int x[3];"),
    ("name of a base type", "void x(uint32_t, int64_t);", "void x(unsigned int, long long);"),
    ("long or int", "void x(long);", "void x(int);"),
    ("array or pointer parameter", "void x(int a[3]);", "void x(int *a);"),
    ("name of a complete struct", "struct s { struct s *n; }; void x(struct s *);",
     "struct t { struct t *n; }; void x(struct t *);"),
    ("two structs of the same contents",
     "struct s { int a; }; void x(struct s *, struct s *);",
     "struct s { int a; }; struct t { int a; }; void x(struct s *, struct t *);"),
    ("how far a circle is unrolled", "struct s { struct s *n; }; void x(struct s *);",
     "struct t; struct s { struct t *n; }; struct t { struct s *n; }; void x(struct s *);"),
    ("enum constants", "enum e { A, Z = 0x7fffffff }; void x(enum e);",
     "enum f { B, C = 7, Z = 0x7fffffff }; void x(enum f);"),
    ("noreturn", "void x(int);", "void x(int) __attribute__((noreturn));"),
    ("attributes", "int x(const char *, ...);",
     "int x(const char *, ...) __attribute__((format(printf, 1, 2), cold));"),
    ("pure", "int x(int);", "int x(int) __attribute__((const));"),
]


class Tags(ModapiTest):
    def compare(self, cases, same):
        """Each declaration in a function of its own, which uses it: one file for all."""
        text = "#include <stdint.h>\n#include <stdbool.h>\nvoid sink(const void *);\n"
        for number, case in enumerate(cases):
            for side in (1, 2):
                name = f"x{side}_{number}"
                declaration = re.sub(r"\bx\b", name, case[side])
                text += f"void use{name}(void) {{ {declaration} sink((const void *)&{name}); }}\n"
        self.write("x.c", text)
        self.command([*GCC, "-w", "-g", "-c", "x.c"])
        seen = self.seen(self.path("x.o"))
        for number, case in enumerate(cases):
            with self.subTest(case[0]):
                tags = [seen[f"x{side}_{number}"] for side in (1, 2)]
                (self.assertEqual if same else self.assertNotEqual)(tags[0], tags[1])

    def test_what_is_covered(self):
        self.compare(COVERED, same=False)

    def test_what_is_not_covered(self):
        self.compare(NOT_COVERED, same=True)


class Files(ModapiTest):
    """Descriptions that are not what modapi wrote."""

    GOOD = ("modfmt interface 1\nprovider firmware\nversion 1.0.0\n\n"
            "function f 00000000\n\nstruct s 4\n  a 0 s32\n")

    def wrong(self, text, line, *wanted):
        self.write("bad.api", text)
        done = self.modapi("show", "bad.api", status=REFUSED)
        place = f"bad.api:{line}: error: " if line else "bad.api: error: "
        for part in (place, *wanted):
            self.assertIn(part, done.stderr)

    def test_good(self):
        self.write("good.api", "# a comment\r\n" + self.GOOD.replace("\n", "\r\n"))
        self.assertIn("function f", self.modapi("show", "good.api").stdout)

    def test_own_text_comes_back(self):
        text = self.described("struct s { struct s *n; int a : 3; }; union u { int i; float f; };\n"
                              "struct o; enum e { A = -5, B = 0x7fffffff };\n"
                              "int f(struct s *, union u, struct o *, enum e, int (*)[3], ...);\n")
        self.assertEqual(self.modapi("show", "fw.api").stdout, text)

    def test_other_file(self):
        self.wrong("int main;\n", 0, "is no interface description")

    def test_empty(self):
        self.wrong("", 0, "is no interface description")

    def test_later_version(self):
        self.wrong(self.GOOD.replace("interface 1", "interface 2"), 1, "version 2")

    def test_unknown_word(self):
        self.wrong(self.GOOD + "thing x\n", 9, "\"thing x\" is not understood")

    def test_member_without_place(self):
        self.wrong(self.GOOD + "  b s32\n", 9, "place")

    def test_struct_twice(self):
        self.wrong(self.GOOD + "struct s 8\n", 9, "struct s was defined on line 7 already")

    def test_struct_that_is_not_there(self):
        self.wrong(self.GOOD + "  b 4 *{struct t}\n", 9, "struct t is not defined")

    def test_symbol_twice(self):
        self.wrong(self.GOOD + "function f 00000000\n", 9, "f is there twice", "line 5")

    def test_tag_that_does_not_fit(self):
        self.wrong(self.GOOD + "function g 12345678\n  type ()s32\n", 9,
                   "g has tag 12345678, but its type gives")

    def test_type_too_deep(self):
        self.wrong(self.GOOD + "  b 4 " + "*" * 70 + "void\n", 9, "deeper than")

    def test_bad_type(self):
        for bad in ("s33", "q8", "[4", "(s32", "{struct s", "", "u32x", "f0", "*", "const"):
            self.wrong(self.GOOD + f"  b 4 {bad}\n", 9)

    def test_no_provider(self):
        self.wrong("modfmt interface 1\n", 0, "provider")

    def test_elf_without_section(self):
        self.write("a.c", "int a;")
        self.command([*GCC, "-c", "a.c"])
        done = self.modapi("show", "a.o", status=REFUSED)
        self.assertIn("has no section .modapi", done.stderr)

    def test_elf_without_debug_information(self):
        self.write("a.c", "int a;")
        self.command([*GCC, "-c", "a.c"])
        done = self.modapi("show", "--dwarf", "a.o", status=REFUSED)
        self.assertIn("compile with -g", done.stderr)

    def test_damaged_files_do_no_harm(self):
        self.write("fw.h", "struct s { struct s *n; int a : 3; }; enum e { A = 0x7fffffff };\n"
                           "int f(struct s *, enum e, int (*)[3], ...);\n")
        self.build()
        text = self.path("fw.api").read_bytes()
        self.write("a.c", '#include "fw.h"\nint f(struct s *s, enum e e, int (*p)[3], ...)'
                          "{ return s->a + e + (*p)[0]; }\n")
        self.command([*GCC, "-g", "-c", "a.c"])
        obj = self.path("a.o").read_bytes()
        state = 12345
        for number in range(60):
            bytes_ = bytearray(text if number % 2 else obj)
            for _ in range(1 + number % 7):
                state = (state * 1103515245 + 12345) & 0x7fffffff
                bytes_[state % len(bytes_)] = state >> 16 & 0xff
            if number % 5 == 0:
                del bytes_[state % len(bytes_):]
            self.path("bad").write_bytes(bytes_)
            more = [] if number % 2 else ["--dwarf"]
            done = subprocess.run([MODAPI, "show", *more, self.path("bad")], timeout=900,
                                  capture_output=True)
            self.assertIn(done.returncode, (OK, REFUSED, IO), (number, done.stderr))


if __name__ == "__main__":
    main()
