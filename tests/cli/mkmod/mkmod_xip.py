# SPDX-License-Identifier: BSD-2-Clause
"""Images that run in place do so: an emulated CPU judges."""

import re
import struct

from emulated_cpu import R9
from mkmod_run import CLANG, GCC, main
from xip_world import (CXX, FIRMWARE_HEAD, M0, MODULE_LD, R9_FLAGS, ROOT, SORT, STACK, TEXT, Image,
                       World, XipTest)

SORTER = """#include <stddef.h>
void fw_sort(void *, size_t, size_t, int (*)(const void *, const void *));
static int calls, down;
static int compare(const void *a, const void *b) {
    calls++;
    return (*(const int *)a - *(const int *)b) * (down ? -1 : 1);
}
static int list[] = {3, 1, 2, 5, 4};
int module_entry(void *p) {
    int all = 0;
    down = p != 0;
    fw_sort(list, 5, 4, compare);
    for (int i = 0; i < 5; i++) all = all * 10 + list[i];
    return all * 100 + calls;
}
"""
CALLS = FIRMWARE_HEAD + """
struct big { int a[6]; };
int fw_ten(int (*f)(int, int, int, int, int, int, int, int, int, int)) {
    ENTER; int x = f(1, 2, 3, 4, 5, 6, 7, 8, 9, 10); LEAVE; return x; }
int fw_nine(int (*f)(int n, ...)) { ENTER; int x = f(9, 1, 2, 3, 4, 5, 6, 7, 8, 9); LEAVE; return x; }
int fw_big(struct big (*f)(int, int, int, int, int)) {
    ENTER; struct big b = f(1, 2, 3, 4, 5); LEAVE; return b.a[0] + b.a[5]; }
int fw_double(double (*f)(double, double, double)) { ENTER; int x = (int)f(1.5, 2, 3); LEAVE; return x; }
int fw_again(int (*f)(int), int n) { ENTER; int x = f(n); LEAVE; return x; }
"""
CALLED = """#include <stdarg.h>
struct big { int a[6]; };
int fw_ten(int (*)(int, int, int, int, int, int, int, int, int, int));
int fw_nine(int (*)(int n, ...));
int fw_big(struct big (*)(int, int, int, int, int));
int fw_double(double (*)(double, double, double));
int fw_again(int (*)(int), int);
static int kept = 1000;
static int ten(int a, int b, int c, int d, int e, int f, int g, int h, int i, int j) {
    return a + 2 * b + 3 * c + 4 * d + 5 * e + 6 * f + 7 * g + 8 * h + 9 * i + 10 * j + kept; }
static int nine(int n, ...) {
    va_list list; int sum = kept; va_start(list, n);
    while (n-- > 0) sum = sum * 2 + va_arg(list, int);
    va_end(list); return sum; }
static struct big big(int a, int b, int c, int d, int e) {
    return (struct big){{a + kept, b, c, d, 0, e}}; }
static double twice(double a, double b, double c) { return a * b * c + kept; }
static int again(int n) { return n == 0 ? kept : fw_again(again, n - 1) + n; }
int module_entry(int which) {
    kept++;
    switch (which) {
    case 0: return fw_ten(ten);
    case 1: return fw_nine(nine);
    case 2: return fw_big(big);
    case 3: return fw_double(twice);
    default: return fw_again(again, 6);
    }
}
"""
CLASSES = """extern "C" int fw_visit(struct Shape *, int);
extern "C" void __cxa_pure_virtual();
extern "C" void *memset(void *, int, unsigned);
struct Shape { virtual int area(int) = 0; virtual int sides() { return made; } static int made; };
struct Named { virtual int name() { return 7; } };
int Shape::made = 2;
struct Square : Named, Shape {      // Shape's functions come by thunks
    int side = 3;
    int area(int k) override { return side * side * k + made; }
    int sides() override { return 4; }
};
struct Line : Shape { int area(int k) override { return k; } };
static Square square;
static Line line;
static int built;
struct Early { Early() { built = Shape::made + 40; } };
static Early early;
extern "C" int module_entry(int which) {
    Shape::made++;
    return which == 0 ? fw_visit(&square, 2) : which == 1 ? fw_visit(&line, 5) : built;
}
"""
VISITOR = """register unsigned r9_now asm("r9");
struct Shape { virtual int area(int) = 0; virtual int sides() = 0; };
static unsigned wrong;
extern "C" {
void start() {}
unsigned fw_wrong() { return wrong; }
void __cxa_pure_virtual() { for (;;) {} }
int fw_visit(Shape *s, int k) {
    unsigned back = r9_now; r9_now = 0x9e779e77u;
    int x = s->area(k) * 10 + s->sides();
    wrong += r9_now != 0x9e779e77u; r9_now = back;
    return x;
}
}
"""
WEAK = """int fw_one(int) __attribute__((weak));
int fw_two(int) __attribute__((weak));
int fw_three(int);
int (*volatile keep)(int);
int module_entry(int which) {
    keep = fw_three;                        /* a GOT slot, which the veneer uses too */
    if (which == 0) return fw_one(5) + 1;   /* no slot: a word of its own */
    if (which == 1) return fw_two ? fw_two(5) : 77;
    if (which == 2) return fw_three(9);
    return (int)keep;
}
"""
ADDERS = FIRMWARE_HEAD + """
int fw_one(int x) { return x + 1; }
int fw_two(int x) { return x + 2; }
int fw_three(int x) { return x + 3; }
"""
EQUAL = """#include <stddef.h>
void fw_sort(void *, size_t, size_t, int (*)(const void *, const void *));
int other(int x) { return x + 1; }
__attribute__((alias("other"))) int same(int);
static int mine(int x) { return x + 2; }
static int (*const table[])(int) = {other, mine, same};
static const char *const names[] = {"other", "mine"};
int (*volatile chosen)(int) = mine;
int (*give(void))(int) { return mine; }
int module_entry(int which) {
    static void *const labels[] = {&&first, &&second};
    goto *labels[which & 1];
first:
    return (table[0] == other) + 2 * (table[1] == chosen) + 4 * (table[2] == table[0])
        + 8 * (give() == chosen) + 16 * (other != mine) + 32 * (names[1][0] == 'm');
second:
    return table[which >> 1](10) + chosen(100) + names[0][1];
}
"""


def far_source(count):
    """Every second function gets five words on the stack, and looks at the last of them."""
    return "static volatile int mine;\n" + "".join(
        f"int f{i}(int x, int b, int c, int d, int e, int f, int g, int h, int i)"
        f" {{ return {i * 1000} + x + mine + i; }}\n" if i % 2 else
        f"int f{i}(int x) {{ return {i * 1000} + x + mine; }}\n" for i in range(count)) \
        + f"void *table[] = {{{','.join(f'f{i}' for i in range(count))}}};\n" \
        "int module_entry(int x) { return mine = x; }"


def price(tail, row):
    """Instructions that the documentation says."""
    spec = (ROOT / "specs/trampolines.md").read_text()
    return int(re.search(rf"^\| {tail} \| {row} \| \d+ \| (\d+) \|", spec, re.M)[1])


class Callbacks(XipTest):
    def test_two_instances(self):
        """A static comparator, given to a sort that knows nothing of r9."""
        for compiler in (GCC, M0):
            world = self.world(SORTER, compiler=compiler)
            up, down = world.instances
            self.assertEqual(up.enter(0) // 100, 12345)
            self.assertEqual(down.enter(1) // 100, 54321)
            first = up.enter(0) % 100
            self.assertEqual(up.enter(0) % 100, first + 4)  # sorted already: 4 comparisons
            self.assertEqual(world.cpu.get(R9), up.base)
            self.kept(world)

    def test_arguments(self):
        """Ten of them, variadic, a struct by hidden pointer, doubles, recursion six deep."""
        for compiler in (GCC, M0):
            for told in ((), ("-g0",)):     # without DWARF all are served alike
                world = self.world(CALLED, CALLS, compiler=compiler,
                                   more=("-Os", "-g", *R9_FLAGS, *told))
                one, two = world.instances
                self.assertEqual(one.enter(0), 385 + 1001)
                nine = 1002
                for i in range(1, 10):
                    nine = nine * 2 + i
                self.assertEqual(one.enter(1), nine)
                self.assertEqual(one.enter(2), 1 + 1003 + 5)
                self.assertEqual(one.enter(3), 9 + 1004)
                self.assertEqual(one.enter(4), 21 + 1005)
                self.assertEqual(two.enter(0), 385 + 1001)
                self.kept(world)

    def test_pointers_are_equal(self):
        """To one function, by whatever name; labels and strings are no functions."""
        for level in ("-O0", "-O2"):
            world = self.world(EQUAL, more=(level, "-g", *R9_FLAGS))
            for instance in world.instances:
                self.assertEqual(instance.enter(0), 63)
                self.assertEqual(instance.enter(1), 11 + 102 + ord("t"))
                self.assertEqual(instance.enter(3), 12 + 102 + ord("t"))

    def test_exports(self):
        """Called by whoever, each works on its own instance's data."""
        world = self.world("static int n; int count(void) { return ++n; }\n"
                           "int module_entry(int x) { return n = x; }",
                           arguments=["--export", "count"])
        one, two = world.instances
        one.enter(10)
        two.enter(20)
        self.assertEqual([one.call_export("count"), one.call_export("count"),
                          two.call_export("count")], [11, 12, 21])

    def test_many(self):
        """More than a branch reaches over. ARMv6-M has several runs of words, too."""
        for compiler, count in ((GCC, 1100), (M0, 1101), (M0, 33), (M0, 67)):
            self.check_many(compiler, count)

    def check_many(self, compiler, count):
        names = [f"f{i}" for i in range(count)]
        source = "static int n = 5;\n" + "\n".join(
            f"int {f}(int x) {{ return x + n + {i}; }}" for i, f in enumerate(names)) \
            + f"\nint (*const table[])(int) = {{{','.join(names)}}};\n" \
            "int fw_again(int (*)(int), int);\n" \
            "int module_entry(int i) { return fw_again(table[i], 1000); }"
        world = self.world(source, CALLS, instances=1, compiler=compiler,
                           more=("-O1", *R9_FLAGS))
        steps = {0, 31, 32, 33, 66, count // 2, 239, 240, 241, 479, 480, 481, 719, 720, 959, 960,
                 count - 1}
        for i in sorted(i for i in steps if i < count):
            self.assertEqual(world.instances[0].enter(i), 1005 + i)
        self.kept(world)

    def test_farther_than_a_branch(self):
        """1,200 of both kinds: each is called, is the one that was meant, and takes the
        instructions that the documentation says, and one more for each branch further."""
        for compiler, row in ((GCC, "ARMv7-M, ARMv8-M Mainline"),
                              (M0, "ARMv6-M, ARMv8-M Baseline")):
            prices = {tail: price(tail, row) for tail in ("tail0", "tail8")}
            world = self.world(far_source(1200), CALLS, compiler=compiler,
                               more=("-O1", "-g", "-w", *R9_FLAGS))
            done = self.mkmod(self.module_elf, "-v", "--xip", "-o", "m.bin")
            listed = re.findall(r"^trampoline of (f\d+) at data\+0x(\w+), (tail\d) .*?"
                                r"(?:, (\d+) branch(?:es)? further)?$", done.stdout, re.M)
            self.assertEqual(len(listed), 1200)
            self.assertEqual({hops for *_, hops in listed}, {"", "1", "2"})
            places = self.places(world)
            for instance in world.instances:
                instance.enter(instance.data_at & 0xfffff)
            world.cpu.count_instructions()
            for name, offset, tail, hops in listed:
                self.check_far(world, name, int(offset, 16), places[name],
                               prices[tail] + int(hops or 0))

    def places(self, world):
        """Where functions are now."""
        prefix, text_origin, _ = struct.unpack("<III", world.image.module.tag("origin").value)
        listing = self.command(["arm-none-eabi-nm", self.module_elf]).stdout.splitlines()
        rows = [line.split() for line in listing if line[:1].isalnum()]
        return {name: int(value, 16) - text_origin + prefix + TEXT for value, kind, name in rows
                if kind in "tT"}

    def check_far(self, world, name, offset, function, instructions):
        """By way of either instance in turn; then the function itself, with its r9."""
        number, cpu = int(name[1:]), world.cpu
        instance = world.instances[number // 2 % 2]
        wanted = number * 1000 + 11 + (instance.data_at & 0xfffff) + (304 if number % 2 else 0)
        costs = []
        for address, r9 in ((instance.data_at + offset, 0x99999999), (function, instance.base)):
            cpu.write(STACK + 0x8000, struct.pack("<8I", *range(300, 308)))
            cpu.set(R9, r9)
            before = cpu.instructions
            self.assertEqual(world.call(address, 11), wanted, name)
            self.assertEqual(cpu.get(R9), r9, name)
            costs.append(cpu.instructions - before)
        self.assertEqual(costs[0] - costs[1], instructions, name)


class Imports(XipTest):
    def test_weak_and_slots(self):
        for compiler in (GCC, M0):
            world = self.world(WEAK, ADDERS, compiler=compiler)
            one = world.instances[0]
            self.assertEqual([one.enter(i) for i in range(3)], [7, 7, 12])
            self.assertEqual(one.enter(3), world.symbols["fw_three"])

    def test_weak_unbound(self):
        for compiler in (GCC, M0):
            world = self.world(WEAK, FIRMWARE_HEAD + "int fw_three(int x) { return x + 3; }",
                               compiler=compiler)
            one = world.instances[0]
            self.assertEqual([one.enter(i) for i in range(3)], [6, 77, 12])

    def test_many(self):
        """Words out of one instruction's reach from r9, and far more of them."""
        for count in (63, 64, 65, 1030):
            names = [f"fw_{i}" for i in range(count)]
            source = "\n".join(f"int {n}(int);" for n in names) + "int kept = 3;" \
                "\nint module_entry(int x) { switch (x) {" + "".join(
                    f"case {i}: return {n}(x) + kept;" for i, n in enumerate(names)) + "} return 0; }"
            firmware = FIRMWARE_HEAD + "".join(
                f"int {n}(int x) {{ return x + {i}; }}" for i, n in enumerate(names))
            world = self.world(source, firmware, instances=1, more=("-Os", *R9_FLAGS))
            for i in {0, 1, 31, 62, count - 2, count - 1}:
                self.assertEqual(world.instances[0].enter(i), 2 * i + 3)

    def test_nothing_but_calls(self):
        """Neither GOT nor data: r9 leads to the words of the imports."""
        world = self.world("int fw_one(int); int module_entry(int x) { return fw_one(x) + 1; }",
                           ADDERS, more=("-O0", *R9_FLAGS))
        self.assertEqual([i.enter(4) for i in world.instances], [6, 6])
        self.assertEqual(world.image.data_mem, 4)


class Builds(XipTest):
    def test_cxx(self):
        """Virtual functions by vtables and thunks, pure ones, constructors."""
        self.visit(self.world(CLASSES, VISITOR, compiler=CXX, suffix=".cpp"))

    def test_beside_tables_by_distance(self):
        """In RAM: what expects the GOT in r9, linked with what finds the GOT itself."""
        plain = "static int q = 4;\nint g = 9;\nint other(int x) { return ++q + g + x; }\n"
        r9 = "int other(int), fw_again(int (*)(int), int);\nstatic int own = 3;\n" \
            "static int back(int x) { return other(x) + ++own; }\n" \
            "int module_entry(int x) { return fw_again(back, x) * 100 + own; }\n"
        for compiler in (GCC, M0):
            elf = self.link(self.object(r9, "-Os", *R9_FLAGS, compiler=compiler),
                            self.object(plain, "-Os", "-fpic", name="plain",
                                        compiler=compiler), script=MODULE_LD)
            records = self.command(["arm-none-eabi-readelf", "-rW", elf]).stdout
            self.assertIn("R_ARM_BASE_PREL", records)
            world = World(Image(self.good(elf)), *self.firmware(CALLS, compiler), 1)
            self.assertEqual(world.instances[0].enter(1), 1904)
            self.assertEqual(world.instances[0].enter(2), 2205)
            self.kept(world)

    def test_tables_by_distance(self):
        """Where each function finds the GOT itself there is no static base."""
        for compiler in (GCC, M0):
            elf = self.link(self.object(SORTER, "-O2", "-fpic", compiler=compiler),
                            script=MODULE_LD)
            self.assertIsNone(Image(self.good(elf)).module.tag("static_base"))

    def test_thunks_of_v6m(self):
        """GCC's have the distance to the function under a name of their own."""
        for flags in (("-Os",), ("-O0",), ("-Os", "-flto")):
            compiler = [CXX[0], "-mcpu=cortex-m0", *CXX[2:]]
            world = self.world(CLASSES, VISITOR, compiler=compiler, suffix=".cpp",
                               more=("-g", *R9_FLAGS, *flags))
            records = self.command(["arm-none-eabi-readelf", "-rW", "m.elf"]).stdout
            self.assertIn(".LTHUNK", records)
            self.visit(world)
            in_ram = Image(self.good(self.module_elf))
            self.visit(World(in_ram, *self.firmware(VISITOR, CXX), 1))

    def visit(self, world):
        for instance in world.instances:
            address, size = struct.unpack("<II", world.image.module.tag("init_array").value)
            self.assertEqual(size, 4)
            place = address & 0x7fffffff
            constructor, = struct.unpack_from("<I", instance.data, place)
            world.cpu.set(R9, instance.base)
            world.call(constructor)
            self.assertEqual(instance.enter(2), 42)
            self.assertEqual(instance.enter(0), (18 + 4) * 10 + 4)
            self.assertEqual(instance.enter(1), 5 * 10 + 5)
            self.kept(world)

    def test_options(self):
        """What compilers and linkers make of the same source."""
        builds = (("-O0",), ("-O3", "-funroll-loops"), ("-Os", "-flto"),
                  ("-Os", "-ffunction-sections", "-fdata-sections"), ("-Os", "-mlong-calls"),
                  ("-Os", "-fno-toplevel-reorder", "-fno-section-anchors"))
        for flags in builds:
            world = self.world(SORTER, more=("-g", *R9_FLAGS, *flags))
            self.assertEqual(world.instances[0].enter(0) // 100, 12345, flags)
            self.assertEqual(world.instances[1].enter(1) // 100, 54321, flags)

    def test_lld(self):
        world = self.world(SORTER, linker="ld.lld")
        self.assertEqual(world.instances[0].enter(0) // 100, 12345)
        self.assertEqual(world.instances[1].enter(1) // 100, 54321)

    def test_clang_rwpi(self):
        """Not in place: addresses of functions in MOVW and MOVT, and in words, fixed in text,
        lead to trampolines too."""
        for compiler in (CLANG, [*CLANG, "-fropi"],
                         ["clang", "--target=thumbv6m-none-eabi", "-mcpu=cortex-m0",
                          "-mfloat-abi=soft", "-ffreestanding"]):
            elf = self.link(self.object(SORTER, "-Os", "-frwpi", "-ffunction-sections",
                                        compiler=compiler),
                            linker="ld.lld", script=MODULE_LD)
            world = World(Image(self.good(elf)), *self.firmware(SORT), 1)
            self.assertEqual(world.instances[0].enter(1) // 100, 54321)
            self.assertIn(b"\xfc\x46", world.image.data)
            self.kept(world)

    def test_far(self):
        """Linked for flash and RAM, a script's own way; GOT in the middle of data."""
        script = MODULE_LD.replace("    .got :", "    . = 0x20000000;\n    .got :")
        self.assertNotEqual(script, MODULE_LD)
        world = self.world(SORTER, script=script)
        self.assertEqual(world.instances[1].enter(1) // 100, 54321)
        script = script.replace("    .got :", "    .before : { *(.data) }\n    .got :")
        world = self.world(SORTER, script=script)
        self.assertEqual(world.instances[0].enter(0) // 100, 12345)


if __name__ == "__main__":
    main()
