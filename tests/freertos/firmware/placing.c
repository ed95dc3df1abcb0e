/* SPDX-License-Identifier: BSD-2-Clause */
/* Memory for images as the port cuts it out of what the heap gives, for any alignment and
 * any offset of data. The heap is one of the test's, which sees every byte beside it. */
#include "test.h"

#include <stdalign.h>
#include <string.h>

#define ALIGN_MAX 1024u
#define FILL      0x5a
#define MODULE    0xa7

/** Where the heap's one piece may begin: by turns at all remainders of 32. */
static alignas(ALIGN_MAX) uint8_t memory[3 * ALIGN_MAX];
static size_t begin, asked;
static void *returned;

static void *fake_alloc(size_t size)
{
    if (size > sizeof(memory) - begin)
        return NULL;
    asked = size;
    return memory + begin;
}

static void fake_release(void *piece)
{
    returned = piece;
}

/** Is nothing in [from, to) but what was there before? */
static bool untouched(size_t from, size_t to)
{
    while (from < to && memory[from] == FILL)
        from++;
    return from == to;
}

static void place_one(uint32_t align, uint32_t offset, uint32_t size)
{
    const struct modload_port *port = &rtos.registry.port;
    struct modfmt_segment s = {NULL, 0, size};
    uint8_t *end = memory + begin;

    memset(memory, FILL, sizeof(memory));
    returned = NULL;
    CHECK(port->place(port, MODLOAD_DATA, align, offset, &s) == 0);
    end += asked;
    CHECK(s.address == (uint32_t)s.bytes && (s.address - offset) % align == 0);
    CHECK(s.bytes >= memory + begin + sizeof(void *) && s.bytes + size <= end);
    /* No more than it takes: what is in front of it, and what aligning may need. */
    CHECK(asked <= size + 8 + align - 1);
    memset(s.bytes, MODULE, size);
    port->release(port, MODLOAD_DATA, &s);
    CHECK(returned == memory + begin);
    CHECK(untouched(0, begin) && untouched(begin + asked, sizeof(memory)));
    for (uint32_t k = 0; k < size; k++)
        CHECK(s.bytes[k] == MODULE);
}

void placing_any(void)
{
    static const uint32_t offsets[] = {0,  1,  2,    4,          7,         12,
                                       20, 33, 1020, 0x0ffffff4, 0xffffffff};
    static const uint32_t sizes[] = {1, 8, 37};
    const struct modload_port *port = &rtos.registry.port;
    struct modfmt_segment s = {NULL, 0, sizeof(memory)};
    void *(*alloc)(size_t size) = rtos.alloc;
    void (*release)(void *piece) = rtos.release;

    rtos.alloc = fake_alloc;
    rtos.release = fake_release;
    for (uint32_t align = 1; align <= ALIGN_MAX; align *= 2)
        for (unsigned i = 0; i < sizeof(offsets) / sizeof(offsets[0]); i++)
            for (unsigned k = 0; k < sizeof(sizes) / sizeof(sizes[0]); k++) {
                begin = 8 + 8 * ((i + k) % 4);
                place_one(align, offsets[i], sizes[k]);
            }
    for (unsigned i = 0; i < 4; i++) {
        CHECK(port->place(port, MODLOAD_DATA, 32768, offsets[i], &s) == MODLOAD_E_MEMORY);
        s.size = (const uint32_t[]){0x7fffffff, 0xfffffff0, 0xffffffff, 1}[i];
    }
    rtos.alloc = alloc;
    rtos.release = release;
}
