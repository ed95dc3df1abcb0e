/* SPDX-License-Identifier: BSD-2-Clause */
/* Pointers far from each other: every length that a skip can have in the tables. */
/* oracle: */
#include "check.h"

static int value = 3;
#define GAP(name, bytes)                                                                      \
    struct {                                                                                  \
        char gap[bytes];                                                                      \
        int *p;                                                                               \
    } name
static const struct {
    GAP(a, 4);
    GAP(b, 8);
    GAP(c, 31 * 4);
    GAP(d, 32 * 4);
    GAP(e, 33 * 4);
    GAP(f, 1023 * 4);
    GAP(g, 1024 * 4);
    GAP(h, 1025 * 4);
} constant = {{{1}, &value}, {{1}, &value}, {{1}, &value}, {{1}, &value},
              {{1}, &value}, {{1}, &value}, {{1}, &value}, {{1}, &value}};
static struct {
    GAP(a, 31 * 4);
    GAP(b, 32 * 4);
    GAP(c, 1055 * 4);
    GAP(d, 1056 * 4);
} writable = {{{1}, &value}, {{1}, &value}, {{1}, &value}, {{1}, &value}};

int module_entry(void *param)
{
    (void)param;
    CHECK(1, *constant.a.p == 3 && *constant.b.p == 3 && *constant.c.p == 3);
    CHECK(2, *constant.d.p == 3 && *constant.e.p == 3 && *constant.f.p == 3);
    CHECK(3, *constant.g.p == 3 && *constant.h.p == 3);
    CHECK(4, *writable.a.p == 3 && *writable.b.p == 3 && *writable.c.p == 3);
    CHECK(5, *writable.d.p == 3);
    return 0;
}
