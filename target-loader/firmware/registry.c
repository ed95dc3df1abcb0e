/* SPDX-License-Identifier: BSD-2-Clause */
/* The registry of modules, and what it wants of its surroundings. */
#include <string.h>

#include "clock.h"
#include "current.h"
#include "descriptor.h"
#include "emulation.h"
#include "exports.h"
#include "heap.h"
#include "port.h"

/* Given by the linker script. */
extern uint8_t _module_ram_begin[], _module_ram_end[];
extern uint8_t _module_data_begin[], _module_data_end[];

struct current current = {.instance = ""};

/** What memory is filled with before a module gets it, so that whoever counts on zeros
 * that nobody promised finds out here. */
#define FILL 0xa5

/** So many modules can be loaded at a time. The micro:bit has 16K of RAM in all. */
#ifdef BOARD_MICROBIT
#define LOADED_MAX 4
#else
#define LOADED_MAX 16
#endif

/** Memory for data apart, if the board has any; heap_arena is for all else. */
static struct modload_arena data_arena;

static struct modload_module storage[LOADED_MAX];
static bool busy[LOADED_MAX];

/** Where segments of that kind come from. */
static struct modload_arena *arena_for(enum modload_purpose purpose)
{
    /* No code there: see the boards' scripts. */
    return purpose == MODLOAD_DATA && data_arena.begin ? &data_arena : &heap_arena;
}

/** Memory of a linked image, where it says: in the arena of the descriptor, or nowhere.
 */
static int place_fixed(uint32_t align, uint32_t offset, struct modfmt_segment *segment)
{
    segment->bytes = (uint8_t *)(uintptr_t)segment->address;
    return modload_fixed_check(&modules_registry, align, offset, segment,
                               firmware_descriptor.arena_begin,
                               firmware_descriptor.arena_end);
}

static int place(const struct modload_port *port, enum modload_purpose purpose,
                 uint32_t align, uint32_t offset, struct modfmt_segment *segment)
{
    const struct modload_port from = {.ctx = arena_for(purpose)};
    bool execute = purpose != MODLOAD_DATA && purpose != MODLOAD_FIXED;
    int rc;

    (void)port;
    if (execute && (emulation_options() & EMULATION_NO_EXECUTE) != 0)
        return MODLOAD_E_EXECUTE;
    rc = purpose >= MODLOAD_FIXED
             ? place_fixed(align, offset, segment)
             : modload_cortex_m_place(&from, purpose, align, offset, segment);
    if (rc == 0)
        memset(segment->bytes, FILL, segment->size);
    return rc;
}

static void release(const struct modload_port *port, enum modload_purpose purpose,
                    const struct modfmt_segment *segment)
{
    const struct modload_port to = {.ctx = arena_for(purpose)};

    (void)port;
    if (purpose < MODLOAD_FIXED) /* of those the registry's list is the account */
        modload_cortex_m_release(&to, purpose, segment);
}

/** Stands in for a file or a serial flash (EMULATION_READ). */
static int read_chunk(const struct modload_port *port,
                      const struct modload_source *source, uint32_t offset, void *buffer,
                      uint32_t size)
{
    (void)port;
    if (!modfmt_range(offset, size, source->available))
        return -1;
    memcpy(buffer, (const uint8_t *)source->handle + offset, size);
    return 0;
}

/** A function of a module, with its r9; what it allocates is its own. */
static int call(struct modload_registry *registry, struct modload_module *module,
                uint32_t function, void *param)
{
    struct modload_module *before = current.module;
    int value;

    (void)registry;
    current.module = module;
    value = modload_cortex_m_call(function, param,
                                  module->image.span[MODLOAD_STATIC_BASE].address);
    current.module = before;
    return value;
}

static void leave(struct modload_registry *registry, struct modload_module *module)
{
    struct modload_module *before = current.module;

    (void)registry;
    clock_forget(module);
    current.module = module;
    heap_run_destructors(module);
    current.module = before;
}

static void dismiss(struct modload_registry *registry, struct modload_module *module)
{
    (void)registry;
    clock_forget(module);
    current.leaked += heap_reclaim(module);
    busy[module->index] = false;
}

/** Storage for one more module, or NULL. dismiss() has it back. */
struct modload_module *registry_take_storage(void)
{
    for (unsigned i = 0; i < LOADED_MAX; i++) {
        if (busy[i])
            continue;
        busy[i] = true;
        storage[i].index = (uint8_t)i;
        return &storage[i];
    }
    return NULL;
}

struct modload_source registry_source(const struct candidate *c)
{
    bool chunks = (emulation_options() & EMULATION_READ) != 0;
    struct modload_source source = {chunks ? NULL : c->image, c->available,
                                    (void *)(uintptr_t)c->image,
                                    chunks ? 0 : (uint32_t)(uintptr_t)c->image};

    return source;
}

/** A module needs one of that name. */
static int supply(struct modload_registry *registry, uint32_t name,
                  struct modload_source *ret_source, struct modload_module **ret_module)
{
    const struct candidate *c = region_find(name);

    (void)registry;
    if (!c)
        return -1;
    *ret_source = registry_source(c);
    *ret_module = registry_take_storage();
    return *ret_module ? 0 : -1;
}

static struct modload_table tables[1];
static struct modload_identity identity;

struct modload_registry modules_registry = {
    .port =
        {
            .read = modload_read_mapped,
            .place = place,
            .release = release,
            .sync = modload_cortex_m_sync,
        },
    .tables = tables,
    .table_count = 1,
    .call = call,
    .leave = leave,
    .supply = supply,
    .dismiss = dismiss,
};

void modules_begin(void)
{
    struct modload_port *port = &modules_registry.port;

    modload_arena_begin(&heap_arena, _module_ram_begin,
                        (uint32_t)(_module_ram_end - _module_ram_begin));
    if (&_module_data_begin[0] != &_module_data_end[0])
        modload_arena_begin(&data_arena, _module_data_begin,
                            (uint32_t)(_module_data_end - _module_data_begin));
    tables[0].entries = firmware_exports;
    tables[0].count = (uint32_t)(uintptr_t)firmware_export_count;
    port->features = modload_cortex_m_features();
    identity.build_id = (const uint8_t *)firmware_descriptor.build_id;
    identity.build_id_size = firmware_descriptor.build_id_size;
    identity.api = firmware_descriptor.api_version;
    port->identity = &identity;
    port->options = MODLOAD_OPT_CRC;
    if ((emulation_options() & EMULATION_COPY) == 0)
        port->options |= MODLOAD_OPT_IN_PLACE;
    if ((emulation_options() & EMULATION_APART) != 0)
        port->options |= MODLOAD_OPT_APART;
    if ((emulation_options() & EMULATION_READ) != 0)
        port->read = read_chunk;
    modload_begin(&modules_registry);
}

uint32_t modules_data_free(void)
{
    return data_arena.begin ? modload_arena_free_bytes(&data_arena) : 0;
}

struct modload_module *modules_running(void)
{
    return current.module;
}

struct modload_module *modules_owner(const void *code)
{
    uint32_t at = (uint32_t)(uintptr_t)code;
    struct modload_module *m = current.module;

    for (unsigned i = 0; m && i < 2; i++)
        if (at - m->image.segment[i].address < m->image.segment[i].size)
            return m;
    m = modload_at(&modules_registry, at);
    return m ? m : current.module;
}
