/* SPDX-License-Identifier: BSD-2-Clause */
/* Tables of labels: addresses inside a function (section symbol and addend, no function
   symbol), in const data and, as differences, needing nothing. */
#include "check.h"

NOINLINE static int interpret(const unsigned char *code)
{
    static const void *const jump[] = {&&stop, &&add, &&twice, &&negate, &&add};
    static const int offset[] = {&&add - &&stop, &&twice - &&stop, &&negate - &&stop};
    static void *writable[] = {&&twice, &&negate, &&stop};
    int x = 0;

#define NEXT goto *jump[*code++]
    NEXT;
add:
    x += *code++;
    NEXT;
twice:
    x *= 2;
    NEXT;
negate:
    x = -x;
    if (*code == 9) {
        code++;
        goto *writable[*code++];
    }
    if (*code == 8) {
        code++;
        goto *(&&stop + offset[*code++]);
    }
    NEXT;
stop:
    return x;
}

int module_entry(void *param)
{
    static const unsigned char program[] = {1, 5, 2, 4, 7, 3, 9, 0, 1, 2, 0};

    (void)param;
    CHECK(1, interpret(program) == -32);
    CHECK(2, interpret((const unsigned char *)"\1\5\0") == 5);
    CHECK(3, interpret((const unsigned char *)"\1\5\2\3\0") == -10);
    CHECK(4, interpret((const unsigned char *)"\1\5\3\11\0\0") == -10);
    CHECK(5, interpret((const unsigned char *)"\1\5\3\10\0\4\0") == -1);
    return 0;
}
