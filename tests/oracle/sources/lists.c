/* SPDX-License-Identifier: BSD-2-Clause */
/* Structures that point at themselves and each other, across all segments. */
#include "check.h"

struct node {
    struct node *next, **link;
    const struct node *twin;
    union {
        void *p;
        int n;
    } value;
};
extern struct node head;
extern const struct node twin;
static struct node tail = {&head, &head.next, &twin, {&tail}};
static struct node middle = {&tail, &tail.next, &twin + 1, {.n = 5}};
struct node head = {&middle, &middle.next, 0, {&head.value}};
const struct node twin = {&head, 0, &twin, {(void *)&twin.value}};
static struct node empty[3];
struct node *ring[] = {&head, &middle, &tail, empty, empty + 1, empty + 2, empty + 3};

int module_entry(void *param)
{
    struct node *n = &head;

    (void)param;
    HIDE(n);
    CHECK(1, n->next->next->next == n && n->next->value.n == 5);
    CHECK(2, *n->link == n->next->next && n->value.p == &n->value);
    CHECK(3, n->next->next->twin->twin == &twin && twin.next == n);
    CHECK(4, ring[6] - ring[3] == 3 && ring[4]->next == 0 && ring[2]->next == ring[0]);
    return 0;
}
