/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Runs on the chip: the store's verbs on its own flash. The host puts a call into RAM,
 * sets the program counter, and waits for the BKPT.
 */
#include <string.h>

#include "arena.h"
#include "call.h"
#include "flash_f4.h"
#include "modload_store.h"
#include "port.h"

extern uint32_t _stack_top[], _stack_limit[];
extern uint8_t _data_begin[], _data_end[], _bss_begin[], _bss_end[];
extern const uint8_t _data_load[];

__attribute__((section(".call"))) static struct chip_call call;

#ifndef CHIP_SECTION
#define CHIP_SECTION
#endif

/** Not in flash, where that stalls: see flash_f4.h. */
CHIP_SECTION static void kick_the_watchdog(void)
{
    call.watchdog++;
}

/* ---- as the README has it ----------------------------------------------------- */

static int read_received(struct modfmt_store_source *source, uint32_t offset, void *bytes,
                         uint32_t size)
{
    memcpy(bytes, (const uint8_t *)source->ctx + offset, size);
    return 0;
}

/** Install or update the module that was received into RAM. */
static int update(uint8_t *image, uint32_t size, struct modfmt_diag *diag)
{
    static struct modfmt_store_image images[16];
    static struct modload_flash_f4 f4;
    static struct modfmt_store store;
    static uint8_t buffer[512];
    struct modfmt_store_source source = {.read = read_received, .ctx = image};
    int rc = modfmt_header_check(image, size, diag);

    if (rc != 0)
        return rc;
    size = modfmt_get32(image + MODFMT_OFF_TOTAL_SIZE);
    if (modfmt_image_crc(image, size) != modfmt_get32(image + MODFMT_OFF_CRC))
        return MODFMT_E_CRC;
    modload_flash_f4_begin(&f4, 0x08060000, 0x08080000, kick_the_watchdog);
    rc = modfmt_store_open(&store, &f4.flash, images, 16, diag);
    if (rc == 0)
        rc = modfmt_store_install(&store, &source, 1, buffer, sizeof(buffer), diag);
    return rc;
}

/* ---- any verb ------------------------------------------------------------------ */

static int install(struct modfmt_store *store, uint8_t *buffer, struct modfmt_diag *diag)
{
    static struct modfmt_store_source source[CHIP_COUNT_MAX];

    for (uint32_t i = 0; i < call.count; i++)
        source[i] = (struct modfmt_store_source){.read = read_received,
                                                 .ctx = (void *)call.address[i],
                                                 .flags = call.flags[i]};
    return modfmt_store_install(store, source, call.count, buffer, call.buffer_size,
                                diag);
}

/** Load the module of that name and call it. */
static int run(struct modfmt_store *store, struct modfmt_diag *diag)
{
    static uint8_t memory[8192] __attribute__((aligned(8)));
    static struct modload_arena arena;
    struct modload_port port = {.ctx = &arena,
                                .features = modload_cortex_m_features(),
                                .options = MODLOAD_OPT_CRC,
                                .read = modload_read_mapped,
                                .place = modload_cortex_m_place,
                                .release = modload_cortex_m_release,
                                .sync = modload_cortex_m_sync};
    struct modload_image module;
    int rc;

    modload_arena_begin(&arena, memory, sizeof(memory));
    rc = modload_store_load(&port, store, (const char *)call.address[0], &module, diag);
    if (rc != 0)
        return rc;
    call.value = modload_cortex_m_call(module.entry, NULL, 0);
    modload_image_unload(&port, &module);
    return 0;
}

static int verb(struct modfmt_store *store, struct modfmt_diag *diag)
{
    static uint8_t buffer[4096];

    switch (call.verb) {
    case CHIP_INSTALL:
        return install(store, buffer, diag);
    case CHIP_REMOVE:
        return modfmt_store_remove(store, call.hash, call.count, buffer, call.buffer_size,
                                   diag);
    case CHIP_COMPACT:
        return modfmt_store_compact(store, buffer, call.buffer_size, diag);
    case CHIP_SETTLE:
        return modfmt_store_settle(store, diag);
    case CHIP_RETIRE:
        return modfmt_store_retire(store, diag);
    case CHIP_RUN:
        return run(store, diag);
    default:
        return 0;
    }
}

static void report(const struct modfmt_store *store)
{
    call.live = store->count;
    call.lost = store->lost;
    call.head = store->head;
    call.generation = store->generation;
    call.next_slot = store->next_slot;
    call.pending = store->pending;
    call.erased_sectors = store->erased_sectors;
    call.programmed_bytes = store->programmed_bytes;
}

static void carry_out(void)
{
    static struct modfmt_store store;
    static struct modload_flash_f4 f4;
    struct modfmt_diag diag = {0, 0, 0, 0};

    call.watchdog = 0;
    if (call.verb == CHIP_UPDATE) {
        call.rc = update((uint8_t *)call.address[0], call.count, &diag);
        return;
    }
    modload_flash_f4_begin(&f4, call.begin, call.end, kick_the_watchdog);
    call.open_rc =
        modfmt_store_open(&store, &f4.flash, call.image, CHIP_IMAGE_MAX, &diag);
    call.rc = call.open_rc;
    if (call.rc == 0)
        call.rc = verb(&store, &diag);
    report(&store);
}

static void begin(void)
{
    memcpy(_data_begin, _data_load, (size_t)(_data_end - _data_begin));
    memset(_bss_begin, 0, (size_t)(_bss_end - _bss_begin));
}

__attribute__((naked)) static void stop(void)
{
    __asm volatile("bkpt 0");
}

__attribute__((section(".vectors"),
               used)) static const void *const vectors[CHIP_VECTORS] = {
    [CHIP_VECTOR_STACK] = _stack_top,
    [CHIP_VECTOR_BEGIN] = (const void *)begin,
    [CHIP_VECTOR_CALL] = (const void *)carry_out,
    [CHIP_VECTOR_PLACE] = &call,
    [CHIP_VECTOR_LIMIT] = _stack_limit,
    [CHIP_VECTOR_RETURN] = (const void *)stop,
};
