/* SPDX-License-Identifier: BSD-2-Clause */
/* Calls into modules by code that knows nothing of r9. Each is made of four modules: one
 * that runs in place, the same once more, one of which DWARF tells nothing, so that all
 * its trampolines expect arguments on the stack, and one by clang. */
#include "cases.h"

#include <stdlib.h>
#include <string.h>

#define REPEAT 4096u

typedef int fw_four __attribute__((vector_size(16)));

/* The registered function, with its type again. */
#define FUNCTION(of, which, type)                                                        \
    ((type)(uintptr_t)address_of((enum instance)(of), which))

typedef int ten_function(int, int, int, int, int, int, int, int, int, int);
typedef int plain_function(void);
typedef int one_function(int);

static int sum_of_weights(int to)
{
    return to * (to + 1) / 2;
}

/* ---- arguments and results -------------------------------------------------------- */

static void many(void)
{
    for (int i = FIRST; i <= RWPI; i++) {
        int value;

        CROSS(value = FUNCTION(i, FW_TEN, ten_function *)(1, 2, 3, 4, 5, 6, 7, 8, 9, 10));
        EXPECT(value == MARK(i) + 385);
    }
}

static void variadic(void)
{
    for (int i = FIRST; i <= RWPI; i++) {
        int (*formatted)(const char *, ...) =
            FUNCTION(i, FW_FORMATTED, int (*)(const char *, ...));
        int value;

        CROSS(value = formatted("iiiiiiiii", 1, 2, 3, 4, 5, 6, 7, 8, 9));
        EXPECT(value == MARK(i) + 285);
        CROSS(value = formatted("ilidi", 1, 2ll, 3, 4.0, 5));
        EXPECT(value == MARK(i) + 55);
        CROSS(value = formatted(""));
        EXPECT(value == MARK(i));
    }
}

static void hidden(void)
{
    for (int i = FIRST; i <= RWPI; i++) {
        struct fw_record r;
        int value;

        CROSS(r = FUNCTION(i, FW_RECORD,
                           struct fw_record(*)(int, int, int, int, int))(1, 2, 3, 4, 5));
        for (int j = 0; j < 5; j++)
            EXPECT(r.words[j] == MARK(i) + j + 1);
        CROSS(value = FUNCTION(i, FW_TAKEN, int (*)(int, struct fw_record, int))(
                  1, (struct fw_record){{1, 1, 1, 1, 1}}, 1));
        EXPECT(value == MARK(i) + sum_of_weights(7));
    }
}

static void floating(void)
{
    for (int i = FIRST; i <= RWPI; i++) {
        double value;
        struct fw_numbers n;

        CROSS(value = FUNCTION(i, FW_DOUBLES, fw_doubles *)(
#if FW_DOUBLES_MAX == 10
                  1, 1, 1, 1,
#endif
                  1, 1, 1, 1, 1, 1));
        EXPECT(value == MARK(i) + sum_of_weights(FW_DOUBLES_MAX));
        CROSS(value = FUNCTION(i, FW_MIXED,
                               double (*)(int, float, double, int, float, long long))(
                  1, 1, 1, 1, 1, 1));
        EXPECT(value == MARK(i) + sum_of_weights(6));
        CROSS(n = FUNCTION(i, FW_NUMBERS, struct fw_numbers(*)(double))(0.5));
        for (int j = 0; j < 4; j++)
            EXPECT(n.n[j] == MARK(i) + j + 0.5);
    }
}

static void results(void)
{
    for (int i = FIRST; i <= RWPI; i++) {
        long long value;
        fw_four four;

        CROSS(value = FUNCTION(i, FW_WIDE, long long (*)(int, long long, long long))(
                  3, 0x100000001ll, 0x200000000ll));
        EXPECT(value == 0x500000003ll + MARK(i));
#ifdef __ARM_PCS_VFP
        if (i == RWPI) /* compilers do not agree where that is returned */
            continue;
#endif
        CROSS(four = FUNCTION(i, FW_FOUR, fw_four(*)(int))(5));
        for (int j = 0; j < 4; j++)
            EXPECT(four[j] == MARK(i) + 5 + j);
    }
}

/* What the procedure call standard has a function keep, down to the last register. */
static void registers(void)
{
    for (int i = FIRST; i <= RWPI; i++) {
        for (unsigned which = 0; which < 3; which++) {
            const unsigned calls[] = {FW_TEN, FW_TICKS, FW_SAME};
            struct crossing c;

            memset(&c, 0x5a, sizeof c);
            for (unsigned j = 0; j < 8; j++)
                c.kept[j] = 0xc0de0000u + j;
            border_call(address_of((enum instance)i, calls[which]), &c);
            for (unsigned j = 0; j < 8; j++) {
                EXPECT(c.kept[j] == 0xc0de0000u + j);
                EXPECT(c.stack[j] == 0x5a5a5a5au);
            }
            EXPECT(c.sp[0] == c.sp[1]);
            EXPECT(which != 0 || c.out[0] == 0x5a5a5a5au * 55u + (uint32_t)MARK(i));
        }
    }
}

/* ---- who calls -------------------------------------------------------------------- */

static void sorting(void)
{
    for (int i = FIRST; i <= RWPI; i++) {
        int list[] = {5, -3, 9, 0, 7, -3, 12, 1, 8, 2, 6, -9, 4};
        const int count = sizeof list / sizeof list[0];
        int compared, by_hand[] = {3, 1, 2};

        /* The module asks for it; … */
        CROSS(compared = FUNCTION(i, FW_SORT, int (*)(int *, int))(list, count));
        for (int j = 1; j < count; j++)
            EXPECT(list[j - 1] <= list[j]);
        EXPECT(compared >= MARK(i) + count - 1);
        /* … or the firmware. */
        CROSS(qsort(by_hand, 3, sizeof(int),
                    FUNCTION(i, FW_COMPARE, int (*)(const void *, const void *))));
        EXPECT(by_hand[0] == 1 && by_hand[1] == 2 && by_hand[2] == 3);
    }
}

static void other_module(void)
{
    uint32_t by_name, by_pointer;
    const int theirs = 300 + 3 * MARK(FIRST);
    int value;

    EXPECT(modload_symbol(&registry, &modules[CALLER], "by_name", 0, &by_name) == 0);
    EXPECT(modload_symbol(&registry, &modules[CALLER], "by_pointer", 0, &by_pointer) ==
           0);
    CROSS(value = ((one_function *)(uintptr_t)by_name)(1));
    EXPECT(value == MARK(CALLER) + MARK(FIRST) + 55 + 1);
    CROSS(value = ((one_function *)(uintptr_t)by_pointer)(3));
    EXPECT(value == 4 * MARK(CALLER) + 3 * theirs);
}

static void recursion(void)
{
    for (int i = FIRST; i <= RWPI; i++) {
        int value;

        CROSS(value = FUNCTION(i, FW_RECURSE, one_function *)(6));
        EXPECT(value == 7 * MARK(i) + 2100);
    }
}

static void virtuals(void)
{
    typedef int area(void *, int);
    typedef int six(void *, int, int, int, int, int, int);
    void *object = (void *)(uintptr_t)address_of(SHAPES, FW_OBJECT);
    void *second = (void *)(uintptr_t)address_of(SHAPES, FW_OBJECT_2);
    void *local = (void *)(uintptr_t)address_of(SHAPES, FW_OBJECT_3);
    int value;

    /* A vtable is what an object starts with; functions are in their order. */
    CROSS(value = (**(area ***)object)(object, 2));
    EXPECT(value == 2 * 49 + 3);
    CROSS(value = (**(six ***)second)(second, 1, 1, 1, 1, 1, 1));
    /* Named's own, or Square's, by its weights. */
    EXPECT(value == 70 + 6 || value == 70 + 3 + 21);
    CROSS(value = (**(area ***)local)(local, 3));
    EXPECT(value == 15);
    CROSS(value = ((int (**)(void *, int, int, int, int, int)) *
                   (void **)local)[1](local, 1, 2, 3, 4, 5));
    EXPECT(value == 20);
}

/* ---- pointers --------------------------------------------------------------------- */

static void equality(void)
{
    uint32_t exported;

    for (int i = FIRST; i <= RWPI; i++) {
        for (int j = FIRST; j <= RWPI; j++) {
            int value;

            CROSS(value = FUNCTION(i, FW_SAME, int (*)(fw_function *))(
                      fw_registered((unsigned)j, FW_COMPARE)));
            EXPECT(value == (i == j));
        }
    }
    EXPECT(modload_symbol(&registry, &modules[FIRST], "ten", 0, &exported) == 0);
    EXPECT(exported == address_of(FIRST, FW_TEN));
}

static void instances(void)
{
    int before[RWPI + 1];

    for (int i = FIRST; i <= RWPI; i++)
        CROSS(before[i] = FUNCTION(i, FW_TICKS, plain_function *)());
    for (int i = 0; i < 5; i++)
        CROSS(FUNCTION(SECOND, FW_TICK, fw_function *)());
    for (int i = FIRST; i <= RWPI; i++) {
        int now;

        CROSS(now = FUNCTION(i, FW_TICKS, plain_function *)());
        EXPECT(now == before[i] + (i == SECOND ? 5 : 0));
    }
    EXPECT(behind(address_of(FIRST, FW_TICK)) == behind(address_of(SECOND, FW_TICK)));
}

/* ---- interrupts ------------------------------------------------------------------- */

/* A trampoline's tail, an instruction a bit. */
struct seen {
    uint32_t start;
    uint32_t size;
    uint32_t halves; /* where instructions begin */
    uint32_t hit;
};

static struct seen seen[2];
static volatile uint32_t interrupts;
static uint32_t seed = 1;

void tick_in_c(const uint32_t *frame);

static bool is_wide(uint32_t half)
{
    return half >> 11 >= 0x1du;
}

/* Up to the instruction that pops pc. */
static void watch(struct seen *s, uint32_t trampoline)
{
    const uint16_t *half;

    memset(s, 0, sizeof *s);
    s->start = tail_of(trampoline);
    half = (const uint16_t *)(uintptr_t)s->start;
    for (;; half += is_wide(*half) ? 2 : 1) {
        s->halves |= 1u << (half - (const uint16_t *)(uintptr_t)s->start);
        EXPECT(half - (const uint16_t *)(uintptr_t)s->start < 32);
        if (*half == 0xe8bd || (*half & 0xff00u) == 0xbd00u)
            break;
    }
}

/* Calls a callback of another instance than the one that it interrupts, and comes again
 * after a while that is a little different each time. */
void tick_in_c(const uint32_t *frame)
{
    uint32_t pc = frame[6];

    interrupts++;
    for (unsigned i = 0; i < 2; i++)
        if (pc - seen[i].start < 64)
            seen[i].hit |= seen[i].halves & 1u << (pc - seen[i].start) / 2;
    CROSS(FUNCTION(SECOND, FW_TICK, fw_function *)());
    seed = seed * 1103515245u + 12345u;
    board_tick_begin(3 + (seed >> 16) % 61, 1);
    /* The timer counts many instructions at a time. */
    border_idle(1 + (seed >> 24) % 32);
    if ((seed & 1u << 23) != 0)
        __asm__ volatile("nop");
}

__asm__(".syntax unified\n.thumb\n"
        ".global tick_entry\n.type tick_entry, %function\n.thumb_func\n"
        "tick_entry:\n"
        "mov r0, sp\n"
        "push {r4, lr}\n"
        "bl tick_in_c\n"
        "pop {r4, pc}\n");
void tick_entry(void);

/* By way of a handler in C, at every single instruction of both tails. */
static void interrupted(void)
{
    int before, after;
    uint32_t rounds = 0;

    watch(&seen[0], address_of(FIRST, FW_TICKS));
    watch(&seen[1], address_of(FIRST, FW_TEN));
    EXPECT(seen[0].start != seen[1].start);
    interrupts = 0;
    CROSS(before = FUNCTION(SECOND, FW_TICKS, plain_function *)());
    board_tick_handler((uint32_t)(uintptr_t)tick_entry);
    board_tick_begin(10, 1);
    while ((seen[0].hit != seen[0].halves || seen[1].hit != seen[1].halves) &&
           rounds++ < 1000000) {
        int value;

        CROSS(value =
                  FUNCTION(FIRST, FW_TEN, ten_function *)(1, 2, 3, 4, 5, 6, 7, 8, 9, 10));
        EXPECT(value == MARK(FIRST) + 385);
        CROSS((void)FUNCTION(FIRST, FW_TICKS, plain_function *)());
    }
    board_tick_end();
    CROSS(after = FUNCTION(SECOND, FW_TICKS, plain_function *)());
    EXPECT(seen[0].hit == seen[0].halves && seen[1].hit == seen[1].halves);
    EXPECT((uint32_t)(after - before) == interrupts);
}

/* Straight from the vector table: EXC_RETURN goes through the trampoline. */
static void direct(void)
{
    for (int i = SECOND; i <= RWPI; i++) {
        int before, now = 0;
        uint32_t rounds = 0;

        CROSS(before = FUNCTION(i, FW_TICKS, plain_function *)());
        board_tick_handler(address_of((enum instance)i, FW_TICK));
        board_tick_begin(29, 1);
        for (now = before; now - before < 1000 && rounds < 1000000; rounds++) {
            int value;

            CROSS(value = FUNCTION(FIRST, FW_TEN, ten_function *)(1, 2, 3, 4, 5, 6, 7, 8,
                                                                  9, 10));
            EXPECT(value == MARK(FIRST) + 385);
            CROSS(now = FUNCTION(i, FW_TICKS, plain_function *)());
        }
        board_tick_end();
        EXPECT(now - before >= 1000);
    }
}

/* ---- figures ---------------------------------------------------------------------- */

static uint32_t ticks_of(uint32_t function, uint32_t count, uint32_t base)
{
    uint32_t start;

    board_tick_begin(0xffffffu, 0);
    start = board_tick_now();
    if (base != 0)
        border_repeat(function, count, base);
    else
        border_idle(count);
    start -= board_tick_now();
    board_tick_end();
    return start & 0xffffffu;
}

static void figure(const char *what, uint32_t value)
{
    board_say(what);
    board_number(value);
    board_say("\n");
}

/* Through a trampoline or not, by instructions that are as long as 2 × REPEAT of them in
 * a loop. The stack is what the function sees. */
static void figures(void)
{
    static const unsigned which[] = {FW_STACK, FW_STACK_TEN};
    uint32_t idle = ticks_of(0, 16 * REPEAT, 0);

    for (unsigned i = 0; i < 2; i++) {
        uint32_t trampoline = address_of(FIRST, which[i]);
        uint32_t through = ticks_of(trampoline, 16 * REPEAT, base_of(FIRST));
        uint32_t straight = ticks_of(behind(trampoline), 16 * REPEAT, base_of(FIRST));
        struct crossing c = {{0}, {0}, {0}, {0}, {0}};

        figure(i == 0 ? "tail0 instructions " : "tail8 instructions ",
               ((through - straight) * 2 + idle / 2) / idle);
        border_call(behind(trampoline), &c);
        c.in[0] = c.out[0];
        border_call(trampoline, &c);
        figure(i == 0 ? "tail0 stack " : "tail8 stack ", c.in[0] - c.out[0]);
    }
}

const struct test_case test_cases[] = {
    {"many", many},
    {"variadic", variadic},
    {"hidden", hidden},
    {"floating", floating},
    {"results", results},
    {"registers", registers},
    {"sorting", sorting},
    {"other_module", other_module},
    {"recursion", recursion},
    {"virtuals", virtuals},
    {"equality", equality},
    {"instances", instances},
    {"interrupted", interrupted},
    {"direct", direct},
    {"figures", figures},
    {0, 0},
};
