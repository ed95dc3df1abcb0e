/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The ports' allocator: alignment, exhaustion, and above all that after every release, in
 * whatever order, the arena is as it was.
 */
#include <stdarg.h>
#include <setjmp.h>
#include <stdalign.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "arena.h"

static alignas(64) uint8_t memory[8192];
static struct modload_arena arena;
static uint32_t all;

static int setup(void **state)
{
    (void)state;
    memset(memory, 0x5a, sizeof(memory));
    modload_arena_begin(&arena, memory, sizeof(memory));
    all = modload_arena_free_bytes(&arena);
    assert_true(all > sizeof(memory) - 64 && all < sizeof(memory));
    return 0;
}

static void aligned_and_disjoint(void **state)
{
    uint8_t *at[8];

    (void)state;
    for (unsigned i = 0; i < 8; i++) {
        at[i] = modload_arena_alloc(&arena, 33 + i, 1u << i, 1);
        assert_non_null(at[i]);
        assert_int_equal((uintptr_t)at[i] % (1u << i), 0);
        assert_int_equal((uintptr_t)at[i] % 8, 0);
        assert_int_equal(modload_arena_size_of(&arena, at[i]), 33 + i);
        memset(at[i], (int)i, 33 + i);
    }
    for (unsigned i = 0; i < 8; i++) {
        for (unsigned k = 0; k < 33 + i; k++)
            assert_int_equal(at[i][k], i);
    }
    for (unsigned i = 0; i < 8; i++)
        modload_arena_release(&arena, at[(i * 3) % 8]);
    assert_int_equal(modload_arena_free_bytes(&arena), all);
}

/** Data of modules is aligned less an offset, any. */
static void aligned_less_an_offset(void **state)
{
    static const uint32_t offsets[] = {0, 4, 20, 32, 1000, 1001, 0xfffffffc};
    uint8_t *at[7][9];

    (void)state;
    for (unsigned i = 0; i < 7; i++) {
        for (unsigned k = 0; k < 9; k++) {
            uint32_t align = 1u << k, size = 1 + 5 * i + k;

            at[i][k] = modload_arena_alloc_at(&arena, size, align, offsets[i], 1);
            assert_non_null(at[i][k]);
            assert_int_equal(((uint32_t)(uintptr_t)at[i][k] - offsets[i]) % align, 0);
            assert_int_equal(modload_arena_size_of(&arena, at[i][k]), size);
            memset(at[i][k], (int)(9 * i + k), size);
        }
    }
    for (unsigned i = 0; i < 7; i++) {
        for (unsigned k = 0; k < 9; k++) {
            for (unsigned n = 0; n < 1 + 5 * i + k; n++)
                assert_int_equal(at[i][k][n], 9 * i + k);
            modload_arena_release(&arena, at[i][k] + 4); /* not what was given */
            assert_int_not_equal(modload_arena_size_of(&arena, at[i][k]), 0);
            modload_arena_release(&arena, at[i][k]);
        }
    }
    assert_int_equal(modload_arena_free_bytes(&arena), all);
    assert_null(modload_arena_alloc_at(&arena, all, 8, 4, 1));
    assert_null(modload_arena_alloc_at(&arena, UINT32_MAX, 8, 7, 1));
}

/** What an offset costs is what is in front of the memory, and nothing where the
 * alignment has less of it. */
static void an_offset_costs_its_remainder(void **state)
{
    static const uint32_t cases[][4] = {
        /* size, align, offset, bytes of the block */
        {8, 4, 4, 8},   {8, 4, 20, 8},         {8, 1, 7, 8}, {8, 2, 5, 16}, {8, 8, 4, 16},
        {12, 8, 4, 16}, {4, 8, 0xfffffffc, 8}, {1, 8, 7, 8}, {2, 8, 7, 16}};

    (void)state;
    for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        uint8_t *low = modload_arena_alloc(&arena, 8, 8, 1), *piece, *high;

        piece = modload_arena_alloc_at(&arena, cases[i][0], cases[i][1], cases[i][2], 1);
        high = modload_arena_alloc(&arena, 8, 8, 1);
        assert_true(piece > low && high > piece);
        assert_int_equal(((uint32_t)(uintptr_t)piece - cases[i][2]) % cases[i][1], 0);
        assert_int_equal(high - low, 8 + 16 + cases[i][3] + 16);
        modload_arena_release(&arena, piece);
        modload_arena_release(&arena, low);
        modload_arena_release(&arena, high);
        assert_int_equal(modload_arena_free_bytes(&arena), all);
    }
}

/** Sizes and owners that no arena has. */
static void absurd_requests_are_refused(void **state)
{
    static const uint32_t sizes[] = {0x0fffffff, 0x7fffffff, 0xfffffff0,
                                     0xfffffff8, 0xfffffff9, 0xffffffff};

    (void)state;
    for (unsigned i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
        for (uint32_t align = 1; align <= 32768; align *= 2)
            for (uint32_t offset = 0; offset < 9; offset++)
                assert_null(modload_arena_alloc_at(&arena, sizes[i], align,
                                                   0x0fffffff - offset, 1));
    assert_null(modload_arena_alloc(&arena, 8, 8, 0x10000));
    assert_null(modload_arena_alloc(&arena, 8, 8, 0x10001));
    assert_int_equal(modload_arena_free_bytes(&arena), all);
}

#define PIECES 24u

/** Anything, in any order: disjoint, in the arena, and all of it comes back. */
static void any_order(void **state)
{
    static alignas(8) uint8_t large[0x20000];
    struct piece {
        uint8_t *at;
        uint32_t size;
    } piece[PIECES] = {{NULL, 0}};
    uint32_t random = 1, whole;

    (void)state;
    modload_arena_begin(&arena, large, sizeof(large));
    whole = modload_arena_free_bytes(&arena);
    for (unsigned step = 0; step < 20000 + PIECES; step++) {
        struct piece *p = &piece[step % PIECES];
        uint32_t align, offset;

        for (uint32_t k = 0; k < p->size; k++)
            assert_int_equal(p->at[k], step % PIECES);
        modload_arena_release(&arena, p->at);
        *p = (struct piece){NULL, 0};
        random = random * 1664525u + 1013904223u;
        if (step >= 20000 || random >> 30 == 0)
            continue;
        align = 1u << (random >> 8) % 16;
        offset = random >> 24 & 1 ? random : 0u - (random >> 20) % 64;
        p->at = modload_arena_alloc_at(&arena, (random >> 12) % 700, align, offset, 7);
        if (!p->at)
            continue;
        p->size = (random >> 12) % 700;
        assert_int_equal(((uint32_t)(uintptr_t)p->at - offset) % align, 0);
        assert_true(p->at >= large && p->at + p->size <= large + sizeof(large));
        memset(p->at, (int)(step % PIECES), p->size);
    }
    assert_int_equal(modload_arena_free_bytes(&arena), whole);
}

static void all_of_it_and_no_more(void **state)
{
    void *whole = modload_arena_alloc(&arena, all, 8, 1);

    (void)state;
    assert_non_null(whole);
    assert_null(modload_arena_alloc(&arena, 0, 8, 1));
    assert_int_equal(modload_arena_free_bytes(&arena), 0);
    modload_arena_release(&arena, whole);
    assert_null(modload_arena_alloc(&arena, all + 1, 8, 1));
    assert_null(modload_arena_alloc(&arena, UINT32_MAX, 8, 1));
    assert_null(modload_arena_alloc(&arena, UINT32_MAX - 8, 65536, 1));
    assert_int_equal(modload_arena_free_bytes(&arena), all);
}

static void owners(void **state)
{
    void *mine, *other;

    (void)state;
    mine = modload_arena_alloc(&arena, 100, 8, 1);
    other = modload_arena_alloc(&arena, 50, 8, 2);
    assert_non_null(modload_arena_alloc(&arena, 20, 8, 2));
    assert_non_null(mine);
    assert_int_equal(modload_arena_release_owner(&arena, 0), 0);
    assert_int_equal(modload_arena_release_owner(&arena, 2), 70);
    assert_int_equal(modload_arena_release_owner(&arena, 2), 0);
    assert_int_equal(modload_arena_size_of(&arena, other), 0);
    assert_int_equal(modload_arena_size_of(&arena, mine), 100);
    modload_arena_release(&arena, mine);
    assert_int_equal(modload_arena_free_bytes(&arena), all);
}

static void stray_release_does_nothing(void **state)
{
    uint8_t *mine = modload_arena_alloc(&arena, 100, 8, 1);
    uint32_t left = modload_arena_free_bytes(&arena);

    (void)state;
    modload_arena_release(&arena, NULL);
    modload_arena_release(&arena, mine + 8);
    modload_arena_release(&arena, memory);
    assert_int_equal(modload_arena_free_bytes(&arena), left);
    modload_arena_release(&arena, mine);
    modload_arena_release(&arena, mine);
    assert_int_equal(modload_arena_free_bytes(&arena), all);
}

/* A module that writes past its memory destroys the next header: walking must end. */
static void destroyed_header_ends_the_walk(void **state)
{
    uint8_t *mine = modload_arena_alloc(&arena, 96, 8, 1);

    (void)state;
    memset(mine, 0xff, 96 + 16);
    assert_null(modload_arena_alloc(&arena, 8, 8, 1));
    assert_int_equal(modload_arena_free_bytes(&arena), 0);
}

static void random_order(void **state)
{
    void *at[24] = {0};
    uint32_t x = 7;

    (void)state;
    for (unsigned step = 0; step < 20000; step++) {
        unsigned i;

        x = x * 1103515245u + 12345u;
        i = (x >> 16) % 24;
        if (at[i]) {
            modload_arena_release(&arena, at[i]);
            at[i] = NULL;
        } else {
            at[i] = modload_arena_alloc(&arena, (x >> 8) % 700, 1u << (x >> 4) % 9, 1);
        }
    }
    for (unsigned i = 0; i < 24; i++)
        modload_arena_release(&arena, at[i]);
    assert_int_equal(modload_arena_free_bytes(&arena), all);
    assert_non_null(modload_arena_alloc(&arena, all, 8, 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(aligned_and_disjoint, setup),
        cmocka_unit_test_setup(aligned_less_an_offset, setup),
        cmocka_unit_test_setup(an_offset_costs_its_remainder, setup),
        cmocka_unit_test_setup(absurd_requests_are_refused, setup),
        cmocka_unit_test_setup(any_order, setup),
        cmocka_unit_test_setup(all_of_it_and_no_more, setup),
        cmocka_unit_test_setup(owners, setup),
        cmocka_unit_test_setup(stray_release_does_nothing, setup),
        cmocka_unit_test_setup(destroyed_header_ends_the_walk, setup),
        cmocka_unit_test_setup(random_order, setup),
    };

    return cmocka_run_group_tests_name("arena", tests, NULL, NULL);
}
