# SPDX-License-Identifier: BSD-2-Clause
"""What cannot run in place, or cannot be called back, is refused: symbol, source line, and
the way out."""

import collections
import struct

from mkmod_run import CLANG, GCC, OK, Elf, main
from xip_world import M0, MODULE_LD, R9_FLAGS, XipTest

DISTANT = [f for f in R9_FLAGS if f != "-mno-pic-data-is-text-relative"]
R10 = ["-fpic", "-msingle-pic-base", "-mpic-register=r10", "-mno-pic-data-is-text-relative"]
STATE = """int fw_one(int);
int state = 3;
int module_entry(int x) {
    state += x;
    return fw_one(state);
}
"""
TABLE = """int fw_one(int), fw_two(int);
int (*const table[])(int) = {
    fw_one, fw_two};
int module_entry(int x) { return table[x](x); }
"""


COUNTING = """static int state = 5;
__attribute__((noinline)) static int counted(int x) { return ++state + x; }
__attribute__((noinline)) int between(int x) { return counted(x) * 2 + 1; }
__attribute__((noinline)) int free(int x) { return x * 2 + 1; }
int spoiler(int);
int module_entry(int x) { return spoiler(x); }
"""
# More values than there are registers: one is in r9 while free() runs.
SPOILER = """int between(int), free(int); extern int (*pointer)(int);
int spoiler(int a) {
    VALUES
    return between(a) + 1;
}
""".replace("VALUES", "int " + ", ".join(f"v{i} = free({i})" for i in range(9)) + "; if ("
            + " + ".join(f"v{i} * v{8 - i}" for i in range(9)) + " == a) return 2;")
# Whatever the compiler would like to have there.
FORCED = """int between(int), free(int);
int spoiler(int a) {
    asm volatile("mov r9, %0" : : "r"(a) : "r8", "r9");
    return between(a) + 1;
}
"""
CORES = [("cortex-m0", GCC), ("cortex-m23", GCC), ("cortex-m3", GCC), ("cortex-m33", GCC),
         ("cortex-m0", CLANG), ("cortex-m4", CLANG)]


SHF_ALLOC = 2
Header = collections.namedtuple("Header", "name at address")


def section_headers(elf):
    first, = struct.unpack_from("<I", elf, 32)
    count, names = struct.unpack_from("<HH", elf, 48)
    strings, = struct.unpack_from("<I", elf, first + 40 * names + 16)
    for at in range(first, first + 40 * count, 40):
        name, _, _, address = struct.unpack_from("<4I", elf, at)
        yield Header(bytes(elf[strings + name:elf.index(0, strings + name)]), at, address)


class NotInPlace(XipTest):
    def elf_of(self, source, *flags, compiler=GCC, linker="arm-none-eabi-ld",
               script=MODULE_LD):
        return self.link(self.object(source, "-Os", "-g", *flags, compiler=compiler),
                         linker=linker, script=script)

    def no_xip(self, elf, *texts, good=True, **how):
        """Refused with --xip; taken without it. The text of the refusal."""
        if good:
            self.good(elf)
        return self.refused(elf, *texts, arguments=["--xip", *how.pop("arguments", ())], **how)

    def test_no_position_independent_code(self):
        """ABS32 in code."""
        self.no_xip(self.elf_of(STATE), "m.c:4", "R_ARM_ABS32", "module_entry",
                    "not position-independent", *R9_FLAGS, "--xip-link", "RAM (no --xip)")

    def test_movw(self):
        text = self.no_xip(self.elf_of(STATE, "-mslow-flash-data"), "m.c:4",
                           "R_ARM_THM_MOVW_ABS_NC", "MOVW and MOVT", "-mslow-flash-data",
                           "--xip-link")
        self.assertEqual(text.count("MOVW and MOVT"), 1)     # one message a function
        self.no_xip(self.elf_of(STATE, compiler=CLANG), "m.c:4", "MOVW and MOVT", "GCC")

    def test_gcc_fpic(self):
        """The GOT by its distance from the code."""
        self.no_xip(self.elf_of(STATE, "-fpic"), "m.c:3", "R_ARM_BASE_PREL",
                    "-msingle-pic-base -mpic-register=r9", "--xip-link")

    def test_clang_fpic(self):
        self.no_xip(self.elf_of(STATE, "-fpic", compiler=CLANG), "R_ARM_GOT_PREL", "'state'",
                    "clang cannot", "--xip-link")

    def test_data_by_distance(self):
        """REL32 from text to data."""
        source = "static int state = 3;\nint module_entry(int x) {\n    return state += x; }"
        self.no_xip(self.elf_of(source, *DISTANT), "m.c:3", "R_ARM_REL32",
                    "-mno-pic-data-is-text-relative", "--xip-link")

    def test_function_by_distance(self):
        """A pointer by REL32 would lead around the trampoline; in RAM it is fixed up."""
        source = """static int n;
static int mine(int x) { return x + n++; }
int (*volatile kept)(int);
int module_entry(int x) {
    kept = mine;
    return kept(x); }"""
        self.no_xip(self.elf_of(source, *DISTANT), "m.c:5", "R_ARM_REL32", "'mine'",
                    "trampoline", "-mno-pic-data-is-text-relative", "--xip-link")
        self.assertIn("trampoline of mine", self.mapped())

    def mapped(self):
        return self.mkmod("m.elf", "-v", "--untyped", "-o", "m.bin").stdout

    def test_clang_ropi(self):
        """Addresses in read-only data, which GCC moves into data."""
        elf = self.elf_of(TABLE, "-fropi", "-frwpi", "-g0", compiler=CLANG, linker="ld.lld")
        self.no_xip(elf, "R_ARM_ABS32", "'fw_one'", "read-only data 'table'", "RAM (no --xip)",
                    "--xip-link")
        elf = self.elf_of(TABLE, "-fropi", compiler=CLANG, linker="ld.lld")
        self.no_xip(elf, "m.c:2", "R_ARM_ABS32", "'fw_one'", "read-only data 'table'")

    def test_assembler_left_no_record(self):
        """Of a function in the same section, whose address clang takes by its distance."""
        source = "void fw_call(int (*)(int));\nint kept = 3;\n" \
            "static int mine(int x) { return x + kept++; }\n" \
            "int module_entry(int x) {\n    fw_call(mine);\n    return kept; }"
        for arguments in ((), ("--xip",)):
            for core in ([], ["--target=thumbv6m-none-eabi", "-mcpu=cortex-m0"]):
                elf = self.elf_of(source, "-fropi", "-frwpi", "-g0", compiler=[*CLANG, *core],
                                  linker="ld.lld")
                self.refused(elf, ".text", "'mine'", "trampoline", "-ffunction-sections",
                             arguments=arguments)

    def test_thread_local(self):
        elf = self.elf_of("__thread int mine = 3;\nint module_entry(int x) { return mine + x; }",
                          *R9_FLAGS, "-ftls-model=local-exec")
        self.no_xip(elf, "mine", "thread-local", "__thread", good=False)

    def test_code_in_data(self):
        elf = self.elf_of("__attribute__((section(\".data.fast\"), noinline)) int fast(int x)"
                          " { return x + 1; }\nint kept;\nint module_entry(int x) {\n"
                          "    return fast(x) + kept; }", *R9_FLAGS, "-Wa,--no-warn")
        self.no_xip(elf, "m.c:4", "branches to 'fast' in the other segment", "-mlong-calls",
                    "RAM (no --xip)")

    def test_code_in_data_by_pointer(self):
        """That is the way out."""
        source = ("__attribute__((section(\".data.fast\"), noinline)) int fast(int x)"
                  " { return x + 1; }\nint kept = 4;\nint module_entry(int x) "
                  "{ return fast(x) + kept; }")
        world = self.world(source, more=("-Os", "-mlong-calls", "-Wa,--no-warn", *R9_FLAGS))
        self.assertEqual([i.enter(3) for i in world.instances], [8, 8])

    def test_branch_over_trampolines(self):
        """Without --xip: text and data as one block, and trampolines in between."""
        elf = self.elf_of("__attribute__((section(\".data.fast\"), noinline)) int fast(int x)"
                          " { return x + 1; }\nint (*volatile kept)(int);\n"
                          "int module_entry(int x) { kept = module_entry;\n"
                          "    return fast(x) + 1; }", *R9_FLAGS, "-Wa,--no-warn")
        self.refused(elf, "m.c:4", "branches to 'fast'", "trampolines", "-mlong-calls")

    def test_alignment(self):
        elf = self.elf_of("__attribute__((aligned(128))) const char big[200] = {1};\n"
                          "int module_entry(int x) { return big[x]; }", *R9_FLAGS)
        self.no_xip(elf, "alignment of 128 bytes", "multiples of 64", "RAM (no --xip)")

    def test_table_in_text(self):
        """The global offset table in a section that nobody may write to."""
        elf = self.elf_of("int n; int module_entry(int x) { return n += x; }", *R9_FLAGS)
        content = bytearray(elf.read_bytes())
        table = next(h for h in section_headers(content) if h.name == b".got")
        struct.pack_into("<I", content, table.at + 8, SHF_ALLOC)
        elf.write_bytes(content)
        self.no_xip(elf, f"global offset table, at {table.address:#010x}", "not in a writable",
                    "put .got into data")

    def test_all_at_once(self):
        source = "__attribute__((aligned(128))) const char big[200] = {1};\n" + TABLE + \
            "int state;\nint other(int x) { return state += big[x]; }\n"
        self.no_xip(self.elf_of(source), "'table'", "'module_entry'", "'other'", "128 bytes",
                    arguments=["--export", "other"])

    def test_other_register(self):
        elf = self.elf_of(STATE, *R10)
        for arguments in ((), ("--xip",)):
            self.refused(elf, "m.c:4", "'state'", "by r10", "-mpic-register=r9",
                         arguments=arguments)

    def test_offset_used_up(self):
        """A register that held a table's offset is added to another one, but only after the
        offset was added to r9."""
        for join in ("ldr r3, [r9, r3]", "add r3, r9", "add.w r3, r9, r3"):
            source = f"""int table[4];
                int module_entry(int i) {{
                    register int t asm("r3"), k asm("r8") = i;
                    asm volatile("ldr r3, 1f\\n {join}\\n add r3, r8\\n b.n 2f\\n .balign 4\\n"
                                 "1: .word table(GOT)\\n 2:" : "=r"(t), "+r"(k));
                    return t;
                }}"""
            elf = self.elf_of(source, *R9_FLAGS)
            self.assertEqual(self.mkmod(elf, "--xip", "-o", "m.bin").returncode, OK, join)

    def test_offset_and_copy_of_r9(self):
        """ARMv6-M loads by a low register; what then is added to ip is not the offset."""
        for base, good in (("r9", True), ("r10", False)):
            load = "ldr r2, [r5, r3]" if good else "add r3, r10"
            source = f"""int table[4];
                int module_entry(int i) {{
                    register int t asm("r3") = i, k asm("r12") = i;
                    asm volatile("mov r5, {base}\\n ldr r3, 1f\\n {load}\\n lsl r3, r1, #2\\n"
                                 "add r3, ip\\n b 2f\\n .balign 4\\n 1: .word table(GOT)\\n 2:"
                                 : "+r"(t), "+r"(k) : : "r2", "r5", "cc");
                    return t;
                }}"""
            elf = self.link(self.object(source, "-Os", "-g", *R9_FLAGS, compiler=M0),
                            script=MODULE_LD)
            if good:
                self.good(elf, "--xip")
            else:
                self.refused(elf, "by r10", arguments=["--xip"])

    def test_r9_for_other_ends(self):
        """A library that was compiled without knowing, and calls what needs r9."""
        calls = "".join(f"    int v{i} = fw_one({i});\n" for i in range(8))
        source = f"int fw_one(int);\nint module_entry(int x) {{\n{calls}    return x" + "".join(
            f" + v{i} * v{7 - i}" for i in range(8)) + "; }"
        for cpu in ("cortex-m4", "cortex-m0", "cortex-m23", "cortex-m7"):
            core = [f"-mcpu={cpu}", "-O2"]      # with -Os, v6-M keeps all on the stack
            self.no_xip(self.elf_of(source, *core), "m.c:", "'module_entry' uses r9", "'fw_one'",
                        "-mpic-register=r9")
            for flags in (R9_FLAGS, ["-ffixed-r9"]):
                done = self.mkmod(self.elf_of(source, *core, *flags), "--xip", "--untyped", "-o",
                                  "m.bin")
                self.assertEqual(done.returncode, OK, done.stderr)

    def mixed(self, spoiler, *flags, rest=COUNTING, compiler=GCC,
              linker="arm-none-eabi-ld", options=R9_FLAGS):
        """An ELF of code that counts on r9 and of a function that knows nothing of it."""
        objects = [self.object(rest, "-Os", "-g", *options, compiler=compiler),
                   self.object(spoiler, "-Os", "-g", *flags, name="plain")]
        return self.link(*objects, linker=linker, script=MODULE_LD)

    def test_r9_spoiled_through_another(self):
        """Also where a function in between has no data, and where the module is for RAM."""
        for arguments in ((), ("--xip",)):
            text = self.refused(self.mixed(SPOILER), "plain.c:4", "'spoiler' uses r9",
                                "calls 'between'", "'counted' is called", arguments=arguments)
            self.assertIn("-mpic-register=r9" if arguments else "-ffixed-r9", text)
            self.assertNotIn("no --xip", text)
            self.good(self.mixed(SPOILER, "-ffixed-r9"), *arguments)

    def on(self, cpu, spoiler, *flags, compiler=GCC):
        """As mixed(), for that core."""
        objects = [self.object(COUNTING, "-Os", "-g", *R9_FLAGS, f"-mcpu={cpu}"),
                   self.object(spoiler, "-O2", "-g", f"-mcpu={cpu}", *flags, name="plain",
                               compiler=compiler)]
        return self.link(*objects, script=MODULE_LD)

    def shown(self, elf, function):
        """Its code."""
        return self.command(["arm-none-eabi-objdump", "-d", "--no-show-raw-insn",
                             f"--disassemble={function}", elf]).stdout

    def test_r9_spoiled_on_every_core(self):
        """By code of GCC and clang, which gives it back in another way on each."""
        texts = ["plain.c:4", "'spoiler' uses r9 for its own ends and calls 'between'",
                 "'counted' is called", "-ffixed-r9"]
        for cpu, compiler in CORES:
            self.refused(self.on(cpu, FORCED, compiler=compiler), *texts)
            if compiler is GCC or cpu == "cortex-m4":       # clang's for v6-M never uses r9
                self.refused(self.on(cpu, SPOILER, compiler=compiler), *texts)
            self.good(self.on(cpu, SPOILER, "-ffixed-r9", compiler=compiler))

    def test_r9_spoiled_and_never_given_back(self):
        """A function that does not return."""
        source = FORCED.replace("return between(a) + 1;", "for (;;) between(a);")
        self.assertNotEqual(source, FORCED)
        for cpu in ("cortex-m0", "cortex-m4"):
            elf = self.on(cpu, source)
            self.assertNotRegex(self.shown(elf, "spoiler"), "pop|ldm")
            self.refused(elf, "'spoiler' uses r9", "calls 'between'")

    def test_r9_given_back_unchanged(self):
        """It is saved and restored, and nothing else: so does GCC with -Os on ARMv6-M everywhere,
        and every compiler where the source asks for it."""
        for cpu, compiler in CORES:
            elf = self.on(cpu, FORCED.replace("mov r9, %0", ""), compiler=compiler)
            self.assertIn("r9", self.shown(elf, "spoiler"))
            self.good(elf)
        elf = self.elf_of(COUNTING + "int spoiler(int x) { return between(x) + state; }\n",
                          *R9_FLAGS, "-mcpu=cortex-m0")
        self.assertRegex(self.shown(elf, "spoiler"), r"mov\tr9, r\d\n(.*\n)?.*\tpop\t{.*pc}")
        self.good(elf, "--xip")

    def test_r9_and_far_branches(self):
        """On ARMv6-M a BL within a function is a branch that reaches farther than B."""
        far = """.syntax unified
            .thumb
            .global spoiler
            .type spoiler, %function
        spoiler: push {r4, lr}
            mov r4, r9
            CHANGE
            bl between
            mov r9, r4
            bl 1f
            .space 4000
        1:  pop {r4, pc}
            .size spoiler, . - spoiler
        """
        self.good(self.on("cortex-m0", far.replace("CHANGE", "")))
        self.refused(self.on("cortex-m0", far.replace("CHANGE", "mov r9, r0")),
                     "'spoiler' uses r9", "calls 'between'")
        self.refused(self.on("cortex-m0", far.replace("CHANGE", "add r9, r0")),
                     "'spoiler' uses r9", "calls 'between'")

    def test_r9_and_ways_out(self):
        """To return or to branch to another function is one; a condition or a switch is none."""
        source = """.syntax unified
            .thumb
            .global spoiler
            .type spoiler, %function
        spoiler: push {r4, lr}
            mov r4, r9
            CHANGE
        2:  bl between
            mov r9, r4
            LEAVE
            .size spoiler, . - spoiler
        """
        leave = "pop {r4, pc}"
        for cpu, change in (
                ("cortex-m0", "adr r1, 1f; ldr r1, [r1]; mov pc, r1; .align 2; 1: .word 2f"),
                ("cortex-m0", "mov r1, pc; adds r1, 4; add pc, r1; .align 2"),
                ("cortex-m0", f"cmp r0, 3; beq 3f; bl between; 3: mov r9, r4; {leave}"),
                ("cortex-m23", f"cbnz r0, 3f; bl between; 3: mov r9, r4; {leave}"),
                ("cortex-m4", f"cmp r0, 3; beq 2f; mov r9, r4; {leave}"),
                ("cortex-m4", f"cmp r0, 3; beq.w 3f; bl between; 3: mov r9, r4; {leave}"),
                ("cortex-m4", "tbb [pc, r0]; .byte 1, 1"),
                ("cortex-m4", "tbh [pc, r0, lsl #1]; .2byte 1"),
                ("cortex-m4", "adr r1, 1f; ldr pc, [r1, r0, lsl #2]; .align 2; 1: .word 2f + 1")):
            text = source.replace("CHANGE", "mov r9, r0; " + change).replace("LEAVE", leave)
            self.refused(self.on(cpu, text), "'spoiler' uses r9", "calls 'between'")
        for more in ("pop {r4, pc}", "pop {r4}; pop {r1}; bx r1", "b.n 1f; nop; 1: pop {r4, pc}",
                     "pop {r4}; pop {r1}; mov lr, r1; b free"):
            for cpu in ("cortex-m0", "cortex-m4"):
                # With a call behind, which is not come to.
                text = source.replace("CHANGE", "").replace("LEAVE", more + "; bl between")
                self.good(self.on(cpu, text))

    def test_r9_in_a_part_split_off(self):
        """Code that hardly ever runs may be elsewhere, as name.cold: it has the function's r9."""
        source = """.syntax unified
            .thumb
            .global spoiler
            .type spoiler, %function
            .type NAME, %function
        spoiler: push {r4, lr}
            mov r4, r9
            mov r9, r0
            b NAME
        1:  mov r9, r4
            pop {r4, pc}
            .size spoiler, . - spoiler
        NAME: bl between
            b 1b
            .size NAME, . - NAME
        """
        for cpu in ("cortex-m0", "cortex-m4"):
            self.refused(self.on(cpu, source.replace("NAME", "spoiler.cold")),
                         "'spoiler.cold' uses r9", "calls 'between'")
            self.good(self.on(cpu, source.replace("NAME", "spoiler.cold").replace("mov r9, r0", "")))

    def test_r9_in_libraries(self):
        """newlib and libgcc know nothing of r9. What the module defines, and they call, must not
        count on it; setjmp and arithmetic call nothing of the kind."""
        arithmetic = """#include <setjmp.h>
static jmp_buf place; static int state = 5; int fw_one(int);
int divide(long long a, long long b, double c) { return (int)(a / b * c) + ++state; }
int module_entry(int x) { return setjmp(place) != 0 ? state : divide(x, 3, x); }
int again(void) { longjmp(place, 1); }
"""
        printing = """#include <stdio.h>
static char heap[4096]; static int state;
void *_sbrk(ptrdiff_t size) { return heap + (state += size); }
int module_entry(int x) { char text[20]; return snprintf(text, sizeof text, "%d", x) + state; }
"""
        for cpu in ("cortex-m0", "cortex-m4"):
            core = [f"-mcpu={cpu}", "-mthumb"]
            for source, good in ((arithmetic, True), (printing, False)):
                item = self.object(source, "-Os", "-g", *R9_FLAGS, *core)
                elf = self.link(item, "--start-group", *self.libraries(*core), "--end-group",
                                script=MODULE_LD)
                self.assertRegex(self.shown(elf, "__ssputs_r" if not good else "setjmp"), "r9|sb")
                if good:
                    self.good(elf)
                else:
                    self.refused(elf, "uses r9 for its own ends", "'_sbrk'", "-ffixed-r9")

    def libraries(self, *core):
        return [self.command([GCC[0], *core, f"-print-file-name={name}"]).stdout.strip()
                for name in ("libc_nano.a", "libgcc.a")]

    def test_r9_spoiled_for_clang(self):
        """Its assembler leaves no record of branches within a section."""
        clang = {"compiler": CLANG, "linker": "ld.lld", "options": ["-frwpi", "-g0"]}
        self.refused(self.mixed(SPOILER, **clang), "'spoiler' uses r9", "calls 'between'",
                     "'counted' is called", "-ffixed-r9")
        self.good(self.mixed(SPOILER, "-ffixed-r9", **clang))

    def test_r9_spoiled_by_nobody(self):
        """What ends a function gets r9 back, and what needs no r9 can be called by all."""
        for last in ("return between(a);", "return free(a) + 1;"):
            source = SPOILER.replace("return between(a) + 1;", last)
            self.assertNotEqual(source, SPOILER)
            for arguments in ((), ("--xip",)):
                self.good(self.mixed(source), *arguments)

    def test_r9_spoiled_for_a_pointer(self):
        """That leads to a trampoline, which sets r9."""
        source = SPOILER.replace("return between(a) + 1;", "return pointer(a) + 1;")
        self.good(self.mixed(source, rest=COUNTING + "int (*pointer)(int) = between;\n"))

    def test_exceptions(self):
        compiler = ["arm-none-eabi-g++", *GCC[1:]]
        elf = self.elf_of("int fw_one(int);\nextern \"C\" int module_entry(int x) {\n"
                          "    try { return fw_one(x); } catch (int e) { return e; } }",
                          *R9_FLAGS, "-x", "c++", compiler=compiler)
        self.no_xip(elf, "-fno-exceptions", "--xip-link", good=False)


class Lines(XipTest):
    def test_of_literals(self):
        """What a word beside the code is wrong with is told of the line that loads it."""
        self.allowed = []
        made = self.object("extern int fw_state;\nint module_entry(int x) {\n    x += 3;\n"
                           "    x += fw_state;\n    return x * x; }", "-O0", "-g1")
        self.refused(self.link(made, script=MODULE_LD), "m.c:4", "fw_state")

    def test_of_variables(self):
        """Where it was declared: GCC's DWARF and clang's, also inside functions."""
        source = "int fw_one(int);\nint module_entry(int x) {\n" \
            "    static int (*const inner[])(int) = {\n        fw_one};\n" \
            "    return inner[x](x); }"
        for compiler in (GCC, CLANG):
            made = self.object(source, "-O0", "-g", compiler=compiler)
            text = self.refused(self.link(made, script=MODULE_LD), "m.c:3",
                                arguments=["--xip"])
            self.assertRegex(text, r"m\.c:3.*read-only data '[a-z_.]*inner")


class Damage(XipTest):
    def test_never_crashes(self):
        """Whatever byte is changed: packed or refused, and packed only good images."""
        made = self.object(NoTrampoline.source + "int fw_one(int); int (*p)(int) = fw_one;\n"
                           "int other(int x) { return fw_one(x) + kept; }",
                           "-Os", "-g", *R9_FLAGS)
        whole = self.link(made, script=MODULE_LD).read_bytes()
        elf = Elf(self.path("m.elf"))
        places = [elf.field(name, 4) + i for name in (".symtab", ".rel.text", ".rel.data", ".got",
                                                      ".text") for i in range(
                                                          0, elf.field(name, 5), 11)]
        for place in places:
            damaged = bytearray(whole)
            damaged[place] ^= 0x91
            self.path("bad.elf").write_bytes(damaged)
            done = self.mkmod("bad.elf", "--xip", "--untyped", "-o", "m.bin", "--export", "other",
                              "--callback", "sums=8")
            self.assertIn(done.returncode, (OK, 1), f"{place}: {done.stderr}")
            self.assertNotIn("fault of mkmod", done.stderr, f"byte {place}")


class NoTrampoline(XipTest):
    source = """struct nine { int a[12]; };
static int kept;
int sums(struct nine by_value, int last) {
    return by_value.a[11] + last + kept; }
int (*volatile chosen)(struct nine, int) = sums;
int module_entry(void *p) { return kept++ + (p != 0); }
"""

    def built(self, source, *flags, compiler=GCC):
        return self.link(self.object(source, "-Os", "-g", *R9_FLAGS, *flags, compiler=compiler),
                         script=MODULE_LD)

    def test_too_many_arguments(self):
        """12 words by value, of which four are in registers."""
        for arguments in ((), ("--xip",)):
            self.refused(self.built(self.source), "m.c:3", "'sums' has 36 bytes", "at most 32",
                         "--callback sums=BYTES", arguments=arguments)

    def test_callback_option(self):
        elf = self.built(self.source)
        for told, tail in (("sums=0", "tail0"), ("sums=32", "tail8"), ("sums=4", "tail8")):
            done = self.mkmod(elf, "-v", "--xip", "--callback", told, "-o", "m.bin")
            self.assertRegex(done.stdout, rf"trampoline of sums at data\+0x\d+, {tail} .*--callback")
        self.refused(elf, "'sums' has 36 bytes", arguments=["--callback", "sums=36"])
        self.refused(elf, "--callback nobody", "no trampoline",
                     arguments=["--callback", "sums=0", "--callback", "nobody=0"])
        for bad in ("sums", "sums=", "=4", "sums=x"):
            self.refused(elf, "--callback wants NAME=BYTES", arguments=["--callback", bad],
                         status=2)

    def test_nested_function(self):
        """GCC's trampolines for those hold what ip shall be; ours need ip."""
        source = ("void fw_call(int (*)(int));\nint kept;\nint module_entry(int x) {\n"
                  "    int inner(int y) {\n        return x + y + kept; }\n"
                  "    fw_call(inner); return 0; }")
        done = self.mkmod(self.built(source), "--xip", "--untyped", "-o", "m.bin")
        self.assertEqual(done.returncode, 1, done.stdout)
        self.assertRegex(done.stderr, r"m\.c:\d+.*inner")

    def test_unmarked_label(self):
        """Its address is in the GOT as the linker has it: even, and no trampoline's."""
        source = ("asm(\".text\\n nop\\n nop\\n .global unmarked\\nunmarked: bx lr\\n .align 2\");\n"
                  "int unmarked(int);\nint (*volatile kept)(int);\n"
                  "int module_entry(int x) {\n    kept = unmarked;\n    return kept(x); }")
        elf = self.built(source)
        for arguments in ((), ("--xip",)):
            done = self.mkmod(elf, *arguments, "-o", "m.bin")
            self.assertEqual(done.returncode, OK, done.stderr)
            self.assertRegex(done.stderr, r"m\.c:5.*GOT_BREL against 'unmarked'.* not marked as a "
                             r"function.*no trampoline sets r9 for it; add \.type unmarked")

    def test_inside_a_function(self):
        source = (".syntax unified\n.thumb\n.text\n.global module_entry\n"
                  ".type module_entry, %function\nmodule_entry: nop\n bx lr\n"
                  ".size module_entry, 4\n.word value(GOT)\n"
                  ".data\n.global value\nvalue: .word module_entry + 2\n")
        self.refused(self.link(self.object(source), script=MODULE_LD), ".data",
                     "'module_entry'", "address plus 2", "trampoline")


if __name__ == "__main__":
    main()
