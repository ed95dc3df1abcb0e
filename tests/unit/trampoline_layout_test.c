/* SPDX-License-Identifier: BSD-2-Clause */
/* Every number of trampolines up to some hundreds and some larger ones, of one kind and
 * of both, on both architectures: no byte is used twice, no more than 64 are shared, and
 * each head gets to its tail. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "modfmt.h"
#include "trampoline_layout.h"

#define COUNT_MAX 5000u
/* A B.n reaches so far, from four bytes behind itself; it is two behind its head. */
#define BACK  2048
#define AHEAD 2046

static struct trampoline_head heads[COUNT_MAX];
static uint8_t used[COUNT_MAX * 8 + 64];

static void use(const struct trampoline_layout *l, uint32_t at, uint32_t size)
{
    assert_true(at <= l->end && size <= l->end - at);
    for (uint32_t i = at; i < at + size; i++) {
        assert_int_equal(used[i], 0);
        used[i] = 1;
    }
}

static void check_bytes(const struct trampoline_layout *l, uint32_t room)
{
    assert_true(l->end <= 8 * l->count + room);
    memset(used, 0, l->end);
    for (uint32_t i = 0; i < l->count; i++) {
        assert_int_equal(heads[i].at % 4, 0);
        use(l, heads[i].at, 4);
        use(l, heads[i].at + trampoline_distance(l), 4);
    }
    for (unsigned kind = 0; kind < TRAMPOLINE_KINDS; kind++) {
        if (l->tail[kind] != NULL) {
            assert_true(trampoline_distance(l) <= l->tail[kind]->distance);
            use(l, l->at[kind], l->tail[kind]->size);
        }
    }
    assert_int_equal(l->literal % 4, 0);
    use(l, l->literal, 4);
}

static uint32_t number_of(const struct trampoline_layout *l, uint32_t head)
{
    for (uint32_t i = 0; i < l->count; i++) {
        if (heads[i].at == head) {
            return i;
        }
    }
    fail_msg("no head is at %u", (unsigned)head);
    return 0;
}

/* One by one from where a head branches to; each is nearer to the tail. */
static void check_way(const struct trampoline_layout *l, uint32_t number)
{
    uint32_t tail = l->at[number < l->deep ? TRAMPOLINE_DEEP : TRAMPOLINE_SHALLOW];
    uint32_t hops = 0;
    uint32_t at = number;
    for (;;) {
        int32_t distance = (int32_t)(heads[at].to - (heads[at].at + 6));
        assert_true(distance >= -BACK && distance <= AHEAD);
        if (heads[at].to == tail) {
            break;
        }
        uint32_t next = number_of(l, heads[at].to - 2);
        assert_int_equal(next < l->deep, number < l->deep);
        assert_true(next < l->before ? next > at : next < at);
        hops++;
        at = next;
    }
    assert_int_equal(heads[number].hops, hops);
    uint32_t away =
        tail > heads[number].at ? tail - heads[number].at : heads[number].at - tail;
    /* The words of a run may lie where a branch might have led to. */
    assert_true(hops <= away / (2048 - 960));
}

static void check(uint32_t needs, uint32_t count, uint32_t deep, uint32_t room)
{
    const struct trampoline_tail *const tails[TRAMPOLINE_KINDS] = {
        [TRAMPOLINE_DEEP] = trampoline_tail(needs, 32),
        [TRAMPOLINE_SHALLOW] = trampoline_tail(needs, 0),
    };
    struct trampoline_layout l;
    trampoline_lay_out(&l, tails, count, deep, room);
    assert_int_equal(l.count, count);
    assert_true(trampoline_lead(&l, heads));
    check_bytes(&l, room);
    /* Each, or some, and those where something changes. */
    for (uint32_t i = 0; i < count; i++) {
        bool border = i + 1 == deep || i == deep || i + 1 == l.before || i == l.before;
        if (count <= 64 || i % 37 == 0 || i + 1 == count || border) {
            check_way(&l, i);
        }
        assert_true(count > 480 || heads[i].hops == 0);
    }
}

static void check_kinds(uint32_t needs, uint32_t count)
{
    const uint32_t deep[] = {0,         1,    count / 5, count / 2, count - count / 5,
                             count - 1, count};
    for (unsigned i = 0; i < sizeof deep / sizeof deep[0]; i++) {
        check(needs, count, deep[i], TRAMPOLINE_SHARED_MAX);
        check(needs, count, deep[i], TRAMPOLINE_SHARED_MAX - 3);
    }
}

static void up_to_hundreds(void **state)
{
    (void)state;
    for (uint32_t count = 1; count <= 600; count++) {
        check_kinds(0, count);
        check_kinds(MODFMT_NEED_V7M, count);
    }
}

static void thousands(void **state)
{
    static const uint32_t counts[] = {720,  721,  959,  961,  1009, 1153,     1200,
                                      1441, 1999, 2000, 3001, 4999, COUNT_MAX};
    (void)state;
    for (unsigned i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        check_kinds(0, counts[i]);
        check_kinds(MODFMT_NEED_V7M, counts[i]);
    }
}

/* Little is left over, and runs are long. */
static void run_lengths(void **state)
{
    static const struct {
        uint32_t needs, count, deep, run, shared;
    } rows[] = {
        /* One run, or two of the same length; no other tail than is needed. */
        {MODFMT_NEED_V7M, 240, 0, 240, 24},
        {MODFMT_NEED_V7M, 480, 240, 240, 56},
        {0, 32, 32, 32, 36},
        {0, 64, 0, 32, 24},
        /* 4 bytes left over: beside a tail between heads and words of the rest, … */
        {MODFMT_NEED_V7M, 241, 0, 124, 28},
        {0, 33, 0, 20, 28},
        {0, 65, 65, 25, 40},
        /* … or nothing, … */
        {0, 67, 30, 27, 56},
        {0, 73, 30, 29, 56},
        /* … or all that there is. */
        {0, 477, 238, 29, 64},
    };
    (void)state;
    for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct trampoline_tail *const tails[TRAMPOLINE_KINDS] = {
            [TRAMPOLINE_DEEP] = trampoline_tail(rows[i].needs, 32),
            [TRAMPOLINE_SHALLOW] = trampoline_tail(rows[i].needs, 0),
        };
        struct trampoline_layout l;
        trampoline_lay_out(&l, tails, rows[i].count, rows[i].deep, 64);
        assert_int_equal(l.run, rows[i].run);
        assert_int_equal(l.end - 8 * l.count, rows[i].shared);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(up_to_hundreds),
        cmocka_unit_test(thousands),
        cmocka_unit_test(run_lengths),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
