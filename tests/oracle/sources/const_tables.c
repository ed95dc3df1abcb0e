/* SPDX-License-Identifier: BSD-2-Clause */
/* Tables of pointers with addends of every sort: inside, negative, one past the end (which
   is the next object's, or the next section's, first byte), bytes, members of members. */
#include "check.h"

static int numbers[8] = {0, 10, 20, 30, 40, 50, 60, 70};
static const int fixed[4] = {100, 101, 102, 103};
static int zeroed[16];
struct inner {
    char c;
    const int *p;
};
struct outer {
    struct inner in[2];
    const char *name;
    const struct outer *self;
};

const int *const inside[] = {&numbers[5], &numbers[7], &fixed[3], &zeroed[15], &numbers[0]};
const int *const past[] = {&numbers[8], &fixed[4], &zeroed[16]};
const char *const before[] = {(const char *)numbers - 4, (const char *)fixed - 60,
                              (const char *)zeroed - 0x10000};
const char *const beyond[] = {(const char *)numbers + 0x7fff, (const char *)fixed + 0x12345};
const struct outer chain[2] = {
    {{{1, &numbers[1]}, {2, &fixed[2]}}, "first", &chain[1]},
    {{{3, &zeroed[3]}, {4, 0}}, "second" + 3, &chain[0]},
};
static const void *const mixed[] = {mixed, &mixed[3], inside, past, chain + 1, 0, "x"};
const int *writable[] = {&numbers[2], &fixed[1], 0, &zeroed[8]};

int module_entry(void *param)
{
    const int *const *in = inside;
    const struct outer *c = chain;

    (void)param;
    HIDE(in);
    HIDE(c);
    CHECK(1, *in[0] == 50 && *in[1] == 70 && *in[2] == 103 && in[3] == zeroed + 15);
    CHECK(2, past[0] - in[4] == 8 && past[0][-1] == 70 && past[1][-1] == 103);
    CHECK(3, before[0] + 4 == (const char *)in[4]);
    CHECK(4, before[2] + 0x10000 == (const char *)zeroed && beyond[1] - 0x12345 == (const char *)fixed);
    CHECK(5, *c->in[0].p == 10 && *c->in[1].p == 102 && same_text(c->name, "first"));
    CHECK(6, c->self == &chain[1] && same_text(c->self->name, "ond") && c->self->self == c);
    CHECK(7, mixed[0] == mixed && mixed[1] == mixed + 3 && mixed[5] == 0);
    CHECK(8, *writable[0] == 20 && *writable[1] == 101 && writable[2] == 0);
    return 0;
}
