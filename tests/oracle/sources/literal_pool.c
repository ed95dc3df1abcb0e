/* SPDX-License-Identifier: BSD-2-Clause */
/* Literals: words in text that hold the addresses of strings, statics and globals, with
   and without addends; on v6-M everything goes through them. */
#include "check.h"

int counter = 7;
static int hidden[6] = {1, 2, 3, 4, 5, 6};
struct point {
    short x, y;
    int z[3];
} points[3] = {{1, 2, {3, 4, 5}}, {6, 7, {8, 9, 10}}, {11, 12, {13, 14, 15}}};
static unsigned char big[5000];

NOINLINE static const char *text(int which)
{
    return which == 0 ? "zero" : which == 1 ? "one" : "many";
}

NOINLINE static int *far_inside(void)
{
    return &points[2].z[1];
}

int module_entry(void *param)
{
    int *h = hidden;
    unsigned char *b = &big[4321];

    (void)param;
    HIDE(h);
    HIDE(b);
    CHECK(1, counter == 7);
    CHECK(2, h[5] == 6 && h[0] == 1);
    CHECK(3, same_text(text(0), "zero") && same_text(text(5), "many"));
    CHECK(4, *far_inside() == 14);
    counter++;
    *b = 9;
    CHECK(5, big[4321] == 9 && b - big == 4321);
    CHECK(6, counter == 8);
    return 0;
}
