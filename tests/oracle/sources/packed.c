/* SPDX-License-Identifier: BSD-2-Clause */
/* Pointers at every odd place: 1, 2 and 3 modulo 4, in const and in writable data, alone
   and in runs, next to aligned ones. */
#include "check.h"

static int target = 42;
static const int constant = 43;
NOINLINE static int function(void)
{
    return 44;
}
#define AT(n)                                                                                 \
    struct __attribute__((packed)) at##n {                                                    \
        char pad[n];                                                                          \
        int *p;                                                                               \
        const int *q;                                                                         \
        int (*f)(void);                                                                       \
        const char *s;                                                                        \
    }
AT(1);
AT(2);
AT(3);
struct __attribute__((packed)) odd {
    const int *p;
    char c;
};
static struct at1 writable1 = {{1}, &target, &constant, function, "one"};
static struct at2 writable2 = {{1}, &target, &constant, function, "two"};
static struct at3 writable3 = {{1}, &target, &constant, function, "three"};
static const struct at1 const1 = {{1}, &target, &constant, function, "one"};
static const struct at2 const2[2] = {{{1}, &target, &constant, function, "two"},
                                     {{2}, &target + 1, &constant - 1, 0, "2"}};
static const struct at3 const3 = {{1}, &target, &constant, function, "three"};
static struct odd run[9] = {{&constant, 0}, {&constant, 1}, {&target, 2}, {0, 3},
                            {&constant, 4}, {&target, 5},   {&target, 6}, {&constant, 7},
                            {0, 8}};

#define SOUND(x) (*(x).p == 42 && *(x).q == 43 && (x).f() == 44)

int module_entry(void *param)
{
    const struct at2 *c2 = const2;

    (void)param;
    HIDE(c2);
    CHECK(1, SOUND(writable1) && same_text(writable1.s, "one"));
    CHECK(2, SOUND(writable2) && same_text(writable2.s, "two"));
    CHECK(3, SOUND(writable3) && same_text(writable3.s, "three"));
    CHECK(4, SOUND(const1) && same_text(const1.s, "one"));
    CHECK(5, SOUND(c2[0]) && c2[1].p == &target + 1 && c2[1].f == 0);
    CHECK(6, SOUND(const3) && same_text(const3.s, "three"));
    for (int i = 0; i < 9; i++) {
        CHECK(10 + i, run[i].c == i);
        CHECK(20 + i, !run[i].p || *run[i].p == 42 || *run[i].p == 43);
    }
    CHECK(30, *run[2].p == 42 && *run[7].p == 43 && run[8].p == 0);
    return 0;
}
