/* SPDX-License-Identifier: BSD-2-Clause */
/* The firmware's memory functions under their usual names. */
#include "firmware.h"

int module_entry(void *param);
void *malloc(size_t size);
void *calloc(size_t count, size_t size);
void *realloc(void *memory, size_t size);
void free(void *memory);
int memcmp(const void *a, const void *b, size_t size);

int module_entry(void *param)
{
    uint32_t before = fw_free_bytes();
    unsigned char *bytes = malloc(10);
    unsigned char *zeros = calloc(30, 3);
    volatile size_t large = 0x10000;

    (void)param;
    if (!bytes || !zeros || (uintptr_t)bytes % 8 != 0)
        return 1;
    for (unsigned i = 0; i < 90; i++) {
        if (zeros[i] != 0)
            return 2;
    }
    for (unsigned i = 0; i < 10; i++)
        bytes[i] = (unsigned char)i;
    bytes = realloc(bytes, 500);
    if (!bytes || memcmp(bytes, "\0\1\2\3\4\5\6\7\10\11", 10) != 0)
        return 3;
    if (malloc(1000000) || calloc(large, large + 1))
        return 4;
    free(bytes);
    free(zeros);
    free(NULL);
    return fw_free_bytes() == before ? 0 : 5;
}
