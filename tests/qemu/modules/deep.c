/* SPDX-License-Identifier: BSD-2-Clause */
/* Uses up the stack. */
int module_entry(void *param);

__attribute__((noinline)) static int dig(volatile int *level)
{
    volatile int hole[100] = {0};

    hole[0] = *level + 1;
    if (hole[0] < 0)
        return 0;
    return dig(hole) + hole[0];
}

int module_entry(void *param)
{
    volatile int level = 0;

    (void)param;
    return dig(&level);
}
