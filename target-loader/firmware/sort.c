/* SPDX-License-Identifier: BSD-2-Clause */
/* Heap sort: in place, no recursion, and no order of the elements makes it slow. */
#include "firmware.h"

struct array {
    uint8_t *base;
    size_t size; /**< of an element */
    int (*compare)(const void *, const void *);
};

static void swap(const struct array *a, size_t i, size_t k)
{
    uint8_t *p = a->base + i * a->size, *q = a->base + k * a->size;

    for (size_t n = a->size; n != 0; n--) {
        uint8_t byte = *p;

        *p++ = *q;
        *q++ = byte;
    }
}

static int compare(const struct array *a, size_t i, size_t k)
{
    return a->compare(a->base + i * a->size, a->base + k * a->size);
}

/** Let the element sink to where none below it, of the first `count`, is larger. */
static void sink(const struct array *a, size_t at, size_t count)
{
    while (at < count / 2) {
        size_t child = 2 * at + 1;

        if (child + 1 < count && compare(a, child, child + 1) < 0)
            child++;
        if (compare(a, at, child) >= 0)
            return;
        swap(a, at, child);
        at = child;
    }
}

void fw_sort(void *base, size_t count, size_t size,
             int (*compare_elements)(const void *, const void *))
{
    const struct array a = {base, size, compare_elements};

    for (size_t i = count / 2; i != 0; i--)
        sink(&a, i - 1, count);
    for (size_t left = count; left > 1; left--) {
        swap(&a, 0, left - 1);
        sink(&a, 0, left - 1);
    }
}
