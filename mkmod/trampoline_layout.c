/* SPDX-License-Identifier: BSD-2-Clause */
#include "trampoline_layout.h"

#include "modfmt.h"

#define PAIR_SIZE (TRAMPOLINE_HEAD_SIZE + TRAMPOLINE_WORD_SIZE)
/* Heads of a run at most: with their words and the tails within a branch's reach. */
#define RUN_MAX 240u
/* A head's branch, behind its MOV. */
#define BRANCH 2u

/* ---- runs ------------------------------------------------------------------------- */

static uint32_t most_of(const struct trampoline_layout *l)
{
    uint32_t most = RUN_MAX;
    for (unsigned kind = 0; kind < TRAMPOLINE_KINDS; kind++) {
        uint32_t reach =
            l->tail[kind] != NULL ? l->tail[kind]->distance / TRAMPOLINE_HEAD_SIZE : most;
        most = reach < most ? reach : most;
    }
    return most;
}

/* Bytes of tails and base. */
static uint32_t shared_of(const struct trampoline_layout *l)
{
    uint32_t size = 0;
    for (unsigned kind = 0; kind < TRAMPOLINE_KINDS; kind++) {
        size += l->tail[kind] != NULL ? l->tail[kind]->size : 0;
    }
    return modfmt_up4(size) + TRAMPOLINE_LITERAL_SIZE;
}

/* Heads of the run that is not full. */
static uint32_t rest_of(const struct trampoline_layout *l)
{
    return l->count % l->run;
}

/* Bytes between the heads of that run and its words, which are as far from their heads as
 * all others. */
static uint32_t gap_of(const struct trampoline_layout *l)
{
    uint32_t rest = rest_of(l);
    return rest == 0 ? 0 : (l->run - rest) * TRAMPOLINE_HEAD_SIZE;
}

/* Bytes that nothing is in: the gap, less the tails if they fit into it. */
static uint32_t left_over(const struct trampoline_layout *l)
{
    uint32_t gap = gap_of(l);
    uint32_t shared = shared_of(l);
    return gap >= shared ? gap - shared : gap;
}

/* Long runs are loaded faster, and each byte costs RAM. So: what leaves least over, of
 * runs at least half as long as a load reaches; the longest of these. Where all leave
 * more than there is room for, the longest that does not: a run of 1 leaves nothing over.
 */
static uint32_t run_of(const struct trampoline_layout *l, uint32_t room)
{
    struct trampoline_layout tried = *l;
    uint32_t most = most_of(l);
    uint32_t best = 0;
    uint32_t least = room - shared_of(l);
    if (l->count <= most) {
        return l->count;
    }
    for (tried.run = most; tried.run > 0; tried.run--) {
        if (best != 0 && tried.run < most / 2) {
            break;
        }
        uint32_t left = left_over(&tried);
        if (left < least || (left == least && best == 0)) {
            best = tried.run;
            least = left;
        }
    }
    return best;
}

/* ---- places ----------------------------------------------------------------------- */

uint32_t trampoline_distance(const struct trampoline_layout *l)
{
    return l->run * TRAMPOLINE_HEAD_SIZE;
}

static uint32_t head_at(const struct trampoline_layout *l, uint32_t number)
{
    uint32_t start = number < l->before ? 0 : l->right;
    uint32_t n = number < l->before ? number : number - l->before;
    return start + n / l->run * l->run * PAIR_SIZE + n % l->run * TRAMPOLINE_HEAD_SIZE;
}

/* With so many full runs left of the tails. */
static void place(struct trampoline_layout *l, uint32_t full)
{
    uint32_t rest = rest_of(l);
    uint32_t heads = full * l->run * PAIR_SIZE + rest * TRAMPOLINE_HEAD_SIZE;
    uint32_t words = heads + gap_of(l) + rest * TRAMPOLINE_WORD_SIZE;
    bool inside = gap_of(l) >= shared_of(l);
    l->before = full * l->run + rest;
    l->literal = inside ? heads : words;
    for (unsigned kind = 0; kind < TRAMPOLINE_KINDS; kind++) {
        l->at[kind] = l->literal;
        l->literal += l->tail[kind] != NULL ? l->tail[kind]->size : 0;
    }
    l->literal = modfmt_up4(l->literal);
    l->right = inside ? words : l->literal + TRAMPOLINE_LITERAL_SIZE;
    l->end = l->right + (l->count - l->before) * PAIR_SIZE;
}

static unsigned kind_of(const struct trampoline_layout *l, uint32_t number)
{
    return number < l->deep ? TRAMPOLINE_DEEP : TRAMPOLINE_SHALLOW;
}

static bool reaches_tail(const struct trampoline_layout *l, uint32_t number)
{
    return trampoline_reaches(head_at(l, number), l->at[kind_of(l, number)]);
}

void trampoline_lay_out(struct trampoline_layout *l,
                        const struct trampoline_tail *const tails[TRAMPOLINE_KINDS],
                        uint32_t count, uint32_t deep, uint32_t room)
{
    *l = (struct trampoline_layout){
        .count = count,
        .deep = deep,
        .tail = {deep != 0 ? tails[TRAMPOLINE_DEEP] : NULL,
                 deep != count ? tails[TRAMPOLINE_SHALLOW] : NULL},
    };
    l->run = run_of(l, room);
    /* As many on either side; but a single run is left of the tails. */
    uint32_t rest = rest_of(l);
    uint32_t full = ((count - 1) / 2 - rest + l->run / 2) / l->run;
    place(l, full == 0 && rest == 0 ? 1 : full);
    full = l->before / l->run;
    /* The kind that is on one side only has to begin within reach. */
    while (deep != count && deep > l->before && !reaches_tail(l, deep)) {
        place(l, ++full);
    }
    while (deep != 0 && deep < l->before && !reaches_tail(l, deep - 1)) {
        place(l, --full);
    }
}

/* ---- branches --------------------------------------------------------------------- */

/* Of the heads of a kind on one side, from the tails outwards. `step` is 1 or -1. */
static bool lead_away(const struct trampoline_layout *l, struct trampoline_head *heads,
                      uint32_t first, uint32_t count, uint32_t step)
{
    uint32_t near = first;
    for (uint32_t i = first; count > 0; count--, i += step) {
        struct trampoline_head *h = &heads[i];
        *h = (struct trampoline_head){head_at(l, i), l->at[kind_of(l, i)], 0};
        if (trampoline_reaches(h->at, h->to)) {
            continue;
        }
        while (near != i && !trampoline_reaches(h->at, heads[near].at + BRANCH)) {
            near += step;
        }
        if (near == i) {
            return false;
        }
        h->to = heads[near].at + BRANCH;
        h->hops = heads[near].hops + 1;
    }
    return true;
}

bool trampoline_lead(const struct trampoline_layout *l, struct trampoline_head *heads)
{
    uint32_t left = l->deep < l->before ? l->deep : l->before;
    uint32_t right = l->deep > l->before ? l->deep : l->before;
    return lead_away(l, heads, left - 1, left, UINT32_MAX) &&
           lead_away(l, heads, l->before - 1, l->before - left, UINT32_MAX) &&
           lead_away(l, heads, l->before, right - l->before, 1) &&
           lead_away(l, heads, right, l->count - right, 1);
}
