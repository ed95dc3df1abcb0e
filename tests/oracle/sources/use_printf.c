/* SPDX-License-Identifier: BSD-2-Clause */
/* newlib's printf family and qsort, called back into the module. */
/* oracle: libs=c_nano,m,gcc,nosys group=libc run_not=gcc-sb (libc uses r9 for its own ends, and calls _sbrk) */
#include <stdarg.h>
#include "check.h"

int snprintf(char *s, size_t n, const char *format, ...);
int sscanf(const char *s, const char *format, ...);
void qsort(void *base, size_t n, size_t size, int (*compare)(const void *, const void *));
void *bsearch(const void *, const void *, size_t, size_t, int (*)(const void *, const void *));
char *strtok(char *s, const char *d);
long strtol(const char *s, char **end, int base);

void *_sbrk(ptrdiff_t increment);
void *_sbrk(ptrdiff_t increment)
{
    static char heap[4096] __attribute__((aligned(8)));
    static char *next = heap;
    char *before = next;

    if (next + increment > heap + sizeof(heap))
        return (void *)-1;
    next += increment;
    return before;
}
static int by_value(const void *a, const void *b)
{
    return *(const int *)a - *(const int *)b;
}
static int by_text(const void *a, const void *b)
{
    const char *x = *(const char *const *)a, *y = *(const char *const *)b;

    while (*x && *x == *y) {
        x++;
        y++;
    }
    return *x - *y;
}
int (*const orders[])(const void *, const void *) = {by_value, by_text};
static int numbers[] = {5, 3, 9, -4, 0, 8, 100, 2};
static const char *words[] = {"pear", "apple", "fig", "date"};

int module_entry(void *param)
{
    char line[80], list[] = "a,b;c";
    int key = 9, n = 0, m = 0;

    (void)param;
    qsort(numbers, 8, sizeof(int), orders[0]);
    CHECK(1, numbers[0] == -4 && numbers[7] == 100 && numbers[6] == 9);
    qsort(words, 4, sizeof(char *), orders[1]);
    CHECK(2, same_text(words[0], "apple") && same_text(words[3], "pear"));
    snprintf(line, sizeof(line), "%s|%5d|%-4x|%c|%lu", words[1], -42, 0xabu, 'z', 123456ul);
    CHECK(3, same_text(line, "date|  -42|ab  |z|123456"));
    CHECK(4, bsearch(&key, numbers, 8, sizeof(int), by_value) == &numbers[6]);
    CHECK(5, sscanf("12 0x1f", "%d %i", &n, &m) == 2 && n == 12 && m == 31);
    CHECK(6, same_text(strtok(list, ",;"), "a") && same_text(strtok(0, ",;"), "b"));
    CHECK(7, strtol("-777x", 0, 10) == -777);
    return 0;
}
