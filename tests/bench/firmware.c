/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a load costs, in instructions. Runs on QEMU's netduinoplus2 with -icount shift=0,
 * where virtual time goes on by a nanosecond an instruction, and TIM2, on a clock of 1
 * GHz, counts nanoseconds. Loads each image of the module region in several ways and
 * prints `image figure value` lines; bench.py reads them.
 *
 * Linked with --wrap=modfmt_relocate, so that relocation can be told from the rest.
 */
#include <stddef.h>
#include <string.h>

#include "board.h"
#include "clock.h"
#include "descriptor.h"
#include "emulation.h"
#include "exports.h"
#include "faults.h"
#include "firmware.h"
#include "modload_life.h"
#include "port.h"

#define TIM2_CR1 (*(volatile uint32_t *)0x40000000u)
#define TIM2_EGR (*(volatile uint32_t *)0x40000014u)
#define TIM2_CNT (*(volatile uint32_t *)0x40000024u)
#define TIM2_ARR (*(volatile uint32_t *)0x4000002cu)

#define PAINT 0xc5c5c5c5u

extern const uint8_t _modules_begin[], _modules_end[];
extern uint8_t _module_ram_begin[];
extern uint32_t _stack_limit[];

/* The three CRCs of the table, under names of their own. */
uint32_t crc_nibbles(uint32_t crc, const void *bytes, uint32_t size);
uint32_t crc_bytes(uint32_t crc, const void *bytes, uint32_t size);
uint32_t crc_unit(uint32_t crc, const void *bytes, uint32_t size);

int __real_modfmt_relocate(struct modfmt_relocator *r);
int __wrap_modfmt_relocate(struct modfmt_relocator *r);
int bench_function(int value, const char *text);

/** For each of block or text, and data. */
#define MEMORY_SIZE (32u * 1024u)

static uint32_t relocation;

static uint32_t now(void)
{
    return TIM2_CNT;
}

/** Of the two readings themselves. */
static uint32_t overhead(void)
{
    uint32_t start = now();

    return now() - start;
}

int __wrap_modfmt_relocate(struct modfmt_relocator *r)
{
    uint32_t start = now();
    int rc = __real_modfmt_relocate(r);

    relocation = now() - start - overhead();
    return rc;
}

int bench_function(int value, const char *text)
{
    return value + (text != NULL);
}

/* A port that takes no time and no stack worth counting. */
static int place(const struct modload_port *port, enum modload_purpose purpose,
                 uint32_t align, uint32_t offset, struct modfmt_segment *segment)
{
    (void)port;
    if (purpose >= MODLOAD_FIXED) { /* modflash has seen to it that it is good */
        segment->bytes = (uint8_t *)(uintptr_t)segment->address;
        return 0;
    }
    segment->bytes =
        _module_ram_begin + (purpose >= MODLOAD_DATA ? MEMORY_SIZE + offset % align : 0);
    segment->address = (uint32_t)(uintptr_t)segment->bytes;
    return segment->size > MEMORY_SIZE ? MODLOAD_E_MEMORY : 0;
}

static void release(const struct modload_port *port, enum modload_purpose purpose,
                    const struct modfmt_segment *segment)
{
    (void)port;
    (void)purpose;
    (void)segment;
}

static int find_at_once(const struct modload_port *port, uint32_t hash, uint32_t type,
                        uint32_t *ret_address)
{
    (void)port;
    (void)hash;
    (void)type;
    *ret_address = (uint32_t)(uintptr_t)bench_function;
    return 0;
}

/** What a firmware's registry does for each import. */
static int find_in_table(const struct modload_port *port, uint32_t hash, uint32_t type,
                         uint32_t *ret_address)
{
    static struct modload_table table = {.entries = firmware_exports};

    table.count = (uint32_t)(uintptr_t)firmware_export_count;

    (void)port;
    return modload_table_find(&table, hash, type, ret_address);
}

static int read_chunk(const struct modload_port *port,
                      const struct modload_source *source, uint32_t offset, void *buffer,
                      uint32_t size)
{
    (void)port;
    memcpy(buffer, (const uint8_t *)source->handle + offset, size);
    return 0;
}

/** A way of loading, for images that have one of these flags. */
struct way {
    const char *name;
    uint32_t options;
    int (*find)(const struct modload_port *port, uint32_t hash, uint32_t type,
                uint32_t *ret_address);
    uint32_t chunked;
    uint32_t flags;
};

#define COPIED (MODFMT_FLAG_BLOCK | MODFMT_FLAG_APART)

static const struct way ways[] = {
    {"load", 0, find_at_once, 0, COPIED},
    {"load_crc", MODLOAD_OPT_CRC, find_at_once, 0, COPIED},
    {"load_search", 0, find_in_table, 0, COPIED},
    {"load_apart", MODLOAD_OPT_APART, find_at_once, 0, COPIED},
    {"load_read", 0, find_at_once, 1, COPIED},
    {"load_all", MODLOAD_OPT_CRC | MODLOAD_OPT_APART, find_in_table, 1, COPIED},
    {"load_in_place", MODLOAD_OPT_IN_PLACE, find_at_once, 0, MODFMT_FLAG_IN_PLACE},
    {"load_linked", 0, find_at_once, 0, MODFMT_FLAG_LINKED},
};

static uint32_t *stack_pointer(void)
{
    uint32_t *sp;

    __asm volatile("mov %0, sp" : "=r"(sp));
    return sp;
}

/** Fill the free part of the stack. Written so that it uses none itself. */
static void paint(uint32_t *sp)
{
    for (volatile uint32_t *at = _stack_limit; at != sp; at++)
        *at = PAINT;
}

static uint32_t painted_bytes_used(uint32_t *sp)
{
    uint32_t *at = _stack_limit;

    while (at != sp && *at == PAINT)
        at++;
    return (uint32_t)((uint8_t *)sp - (uint8_t *)at);
}

static void figure(unsigned image, const char *name, const char *what, uint32_t value)
{
    fw_printf("%u %s%s %u\n", image, name, what, (unsigned)value);
}

/** What copying and clearing a module's data takes alone. It is done once more. */
static uint32_t bare(const uint8_t *image, const struct modfmt_segment *data)
{
    uint32_t stored = modfmt_get32(image + MODFMT_OFF_DATA_STORED);
    const uint8_t *from = image + MODFMT_HEADER_SIZE +
                          modfmt_up4(modfmt_get32(image + MODFMT_OFF_TEXT_STORED));
    uint8_t *copy = _module_ram_begin + MEMORY_SIZE + MEMORY_SIZE / 2;
    uint32_t start = now();

    memcpy(copy, from, stored);
    memset(copy + stored, 0, data->size - stored);
    return now() - start - overhead();
}

static void measure(unsigned number, const uint8_t *image, uint32_t size,
                    const struct way *way)
{
    struct modload_source source = {way->chunked ? NULL : image, size,
                                    (void *)(uintptr_t)image,
                                    way->chunked ? 0 : (uint32_t)(uintptr_t)image};
    static struct modload_identity identity;
    struct modload_port port = {
        .features = modload_cortex_m_features(),
        .options = way->options,
        .read = way->chunked ? read_chunk : modload_read_mapped,
        .place = place,
        .release = release,
        .find = way->find,
        .sync = modload_cortex_m_sync,
        .identity = &identity,
    };
    struct modload_image module;
    struct modfmt_diag diag = {0, 0, 0, 0};
    uint32_t start, took;
    uint32_t *sp;
    int rc;

    identity.build_id = (const uint8_t *)firmware_descriptor.build_id;
    identity.build_id_size = firmware_descriptor.build_id_size;
    identity.api = firmware_descriptor.api_version;
    memset(_module_ram_begin, 0xa5, 2 * MEMORY_SIZE);
    sp = stack_pointer();
    paint(sp - 16);
    start = now();
    rc = modload_image_load(&port, &source, &module, &diag);
    took = now() - start - overhead();
    figure(number, way->name, "_rc", (uint32_t)-rc);
    if (rc != 0)
        return;
    figure(number, way->name, "_stack", painted_bytes_used(sp - 16) + 64);
    figure(number, way->name, "", took);
    figure(number, way->name, "_relocate", relocation);
    figure(number, way->name, "_placement", module.placement);
    figure(number, way->name, "_bare", bare(image, &module.segment[1]));
    figure(number, way->name, "_returned",
           (uint32_t)modload_cortex_m_call(module.entry, NULL,
                                           module.span[MODLOAD_STATIC_BASE].address));
}

static void measure_crc(const char *name,
                        uint32_t (*crc)(uint32_t, const void *, uint32_t))
{
    uint32_t small, large, start = now();

    crc(0, _modules_begin, 1024);
    small = now() - start;
    start = now();
    crc(0, _modules_begin, 1024 + 4096);
    large = now() - start;
    figure(0, name, "_per_4096", large - small);
}

void clock_tick(void)
{
}

void fault_handler(void)
{
    fw_puts("fault");
    emulation_end(1);
}

int main(void)
{
    const uint8_t *at = _modules_begin;
    struct modfmt_diag diag;
    unsigned number = 0;

    board_begin();
    TIM2_ARR = 0xffffffffu;
    TIM2_EGR = 1;
    TIM2_CR1 = 1;
    figure(0, "module_struct", "", sizeof(struct modload_image));
    figure(0, "life_struct", "", sizeof(struct modload_module));
    figure(0, "export_entry", "", sizeof(struct modload_export));
    measure_crc("crc_nibbles", crc_nibbles);
    measure_crc("crc_bytes", crc_bytes);
    measure_crc("crc_unit", crc_unit);
    while (modfmt_header_check(at, (uint32_t)(_modules_end - at), &diag) == 0) {
        uint32_t size = modfmt_get32(at + MODFMT_OFF_TOTAL_SIZE);

        for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++)
            if (at[MODFMT_OFF_FLAGS] & ways[i].flags)
                measure(number, at, size, &ways[i]);
        at += size;
        number++;
    }
    emulation_end(0);
}
