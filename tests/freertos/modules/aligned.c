/* SPDX-License-Identifier: BSD-2-Clause */
/* Data that wants to lie at a multiple of 256. */
int module_entry(void *param);

__attribute__((aligned(256))) unsigned char table[256] = {1, 2, 3};
unsigned zeros[64];

int module_entry(void *param)
{
    (void)param;
    for (unsigned i = 0; i < 64; i++)
        if (zeros[i] != 0)
            return 1;
    return ((unsigned)table & 255) != 0 || table[2] != 3;
}
