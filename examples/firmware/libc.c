/* SPDX-License-Identifier: BSD-2-Clause */
/* What newlib wants of a system, where the C library is offered to modules as well. Its
 * other functions are those of -specs=nosys.specs, which always fail. */
#include <stddef.h>
#include <string.h>

#include "interface.h"

int _write(int file, const void *bytes, size_t size);
void *_sbrk(ptrdiff_t size);

int _write(int file, const void *bytes, size_t size)
{
    char piece[65];

    (void)file;
    for (size_t at = 0, length; at < size; at += length) {
        length = size - at < sizeof(piece) - 1 ? size - at : sizeof(piece) - 1;
        memcpy(piece, (const char *)bytes + at, length);
        piece[length] = '\0';
        console_print(piece);
    }
    return (int)size;
}

void *_sbrk(ptrdiff_t size)
{
    static _Alignas(8) char heap[8192];
    static ptrdiff_t used;
    char *memory = heap + used;

    if (size > (ptrdiff_t)sizeof(heap) - used || size < -used)
        return (void *)-1;
    used += size;
    return memory;
}
