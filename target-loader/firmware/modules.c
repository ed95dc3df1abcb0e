/* SPDX-License-Identifier: BSD-2-Clause */
#include "modules.h"

#include <stdbool.h>
#include <string.h>

#include "console.h"
#include "emulation.h"
#include "exports.h"
#include "firmware.h"
#include "heap.h"
#include "modload_life.h"
#include "port.h"
#include "region.h"

/* Given by the linker script. */
extern uint8_t _module_ram_begin[], _module_ram_end[];
extern uint8_t _module_data_begin[], _module_data_end[];

/** What memory is filled with before a module gets it, so that whoever counts on zeros
 * that nobody promised finds out here. */
#define FILL 0xa5

/** So many modules can be loaded at a time. */
#define LOADED_MAX 16

/** Memory for data apart, if the board has any; heap_arena is for all else. */
static struct modload_arena data_arena;

static struct modload_module storage[LOADED_MAX];
static bool busy[LOADED_MAX];

/** Whom reports are about: an image, and the module that its code belongs to. */
static struct {
    const uint8_t *image;          /**< NULL: none */
    struct modload_module *module; /**< NULL: none is running */
    bool trusted;                  /**< its CRC was right: the tags mean something */
    uint32_t leaked;               /**< bytes that were taken back on unloading */
} current;

/** Where segments of that kind come from. */
static struct modload_arena *arena_for(enum modload_purpose purpose)
{
    return purpose == MODLOAD_DATA && data_arena.begin ? &data_arena : &heap_arena;
}

static int place(const struct modload_port *port, enum modload_purpose purpose,
                 uint32_t align, struct modfmt_segment *segment)
{
    const struct modload_port from = {.ctx = arena_for(purpose)};
    int rc = modload_cortex_m_place(&from, purpose, align, segment);

    (void)port;
    if (rc == 0)
        memset(segment->bytes, FILL, segment->size);
    return rc;
}

static void release(const struct modload_port *port, enum modload_purpose purpose,
                    const struct modfmt_segment *segment)
{
    const struct modload_port to = {.ctx = arena_for(purpose)};

    (void)port;
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
    current.module = module;
    heap_run_destructors(module);
    current.module = before;
}

static void dismiss(struct modload_registry *registry, struct modload_module *module)
{
    (void)registry;
    current.leaked += heap_reclaim(module);
    busy[module->index] = false;
}

/** Storage for one more module, or NULL. dismiss() has it back. */
static struct modload_module *take_storage(void)
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

static struct modload_source source_of(const struct candidate *c)
{
    bool chunks = (emulation_options() & EMULATION_READ) != 0;
    struct modload_source source = {chunks ? NULL : c->image, c->available,
                                    (void *)(uintptr_t)c->image};

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
    *ret_source = source_of(c);
    *ret_module = take_storage();
    return *ret_module ? 0 : -1;
}

static struct modload_table tables[1];

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
    port->options = MODLOAD_OPT_CRC;
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

/* ---- reports -------------------------------------------------------------------- */

static const uint8_t *image_of(const struct modload_source *source)
{
    return source->mapped ? source->mapped : source->handle;
}

static void print_version(const uint8_t *version)
{
    fw_printf("%u.%u.%u", (unsigned)modfmt_get16(version),
              (unsigned)modfmt_get16(version + 2), (unsigned)modfmt_get16(version + 4));
}

/** "module NAME VERSION" of an image whose tags mean something. */
static void print_module(const uint8_t *image)
{
    uint32_t size;
    const uint8_t *value = region_tag(image, MODFMT_TAG_NAME, &size);

    if (!value) {
        fw_printf("module at 0x%08x", (uintptr_t)image);
        return;
    }
    fw_print("module ");
    console_bytes((const char *)value, size);
    value = region_tag(image, MODFMT_TAG_VERSION, &size);
    fw_print(" ");
    print_version(value && size == 6 ? value : (const uint8_t[6]){0});
}

void modules_print_current(void)
{
    if (!current.image)
        fw_print("firmware");
    else if (!current.trusted)
        fw_printf("module at 0x%08x", (uintptr_t)current.image);
    else
        print_module(current.image);
}

void modules_print_address(uint32_t address)
{
    const struct modload_module *m = modload_at(&modules_registry, address);
    const struct modfmt_segment *segment;
    const uint8_t *name;
    uint32_t size;

    if (m) {
        segment = m->image.segment;
        if (address - segment->address >= segment->size)
            segment++;
        name = region_tag(image_of(&m->source), MODFMT_TAG_NAME, &size);
        if (name)
            console_bytes((const char *)name, size);
        fw_printf(segment != m->image.segment ? " data+0x%x (" : "+0x%x (",
                  (unsigned)(address - segment->address));
        fw_printf("0x%08x)", (unsigned)address);
        return;
    }
    fw_printf("0x%08x", (unsigned)address);
}

/** The name of the image's import with that hash, or NULL. */
static const char *import_name(uint32_t hash)
{
    struct modfmt_image image;
    struct modfmt_import import;

    if (modfmt_open(current.image, MODFMT_SIZE_MAX, &image, NULL))
        return NULL;
    for (uint32_t i = 0; i < image.import_count; i++) {
        modfmt_import_at(&image, i, &import);
        if (import.hash == hash)
            return import.name;
    }
    return NULL;
}

/** What the dependency tag at that offset of the current image asks for, and what there
 * is. The registry has looked at the tag. */
static void print_need(uint32_t offset)
{
    const uint8_t *tag = current.image + offset;
    const uint8_t *value = tag + MODFMT_TAG_VALUE_OFFSET;
    uint32_t length = (modfmt_get32(tag) >> 8) - 12;
    const struct candidate *c =
        region_find(modfmt_hash((const char *)value + 12, length));
    const uint8_t *version;
    uint32_t size;

    fw_print("it needs ");
    console_bytes((const char *)value + 12, length);
    fw_print(" from ");
    print_version(value);
    fw_print(" and below ");
    print_version(value + 6);
    version = c ? region_tag(c->image, MODFMT_TAG_VERSION, &size) : NULL;
    if (!c) {
        fw_print("; there is none\n");
        return;
    }
    fw_print("; there is ");
    print_version(version ? version : (const uint8_t[6]){0});
    fw_print("\n");
}

/** "refused: …", with all that the loader told. */
static void print_refusal(const struct modfmt_diag *diag)
{
    const char *name;

    fw_printf(": refused: %s: ", modfmt_strerror_name(diag->code));
    if (diag->code == MODLOAD_E_IMPORT || diag->code == MODLOAD_E_TYPE) {
        name = import_name(diag->got);
        fw_print(diag->code == MODLOAD_E_TYPE ? "the firmware has another type for "
                                              : "the firmware does not offer ");
        if (name)
            console_bytes(name, (unsigned)strlen(name));
        else
            fw_print("what has no name here");
        fw_printf(" (hash 0x%08x)\n", (unsigned)diag->got);
        return;
    }
    if ((diag->code == MODLOAD_E_DEPENDENCY || diag->code == MODLOAD_E_CYCLE) &&
        current.image[diag->offset] == MODFMT_TAG_DEPENDENCY) {
        print_need(diag->offset);
        return;
    }
    fw_printf("%s (offset 0x%x, got 0x%x, want 0x%x)\n", modfmt_strerror(diag->code),
              (unsigned)diag->offset, (unsigned)diag->got, (unsigned)diag->want);
}

/** That a module has ended, and what it has left behind. */
static void print_end(int value, bool entry)
{
    console_fresh_line();
    modules_print_current();
    if (entry)
        fw_printf(": returned %d", value);
    else
        fw_print(": has no entry");
    if (current.leaked != 0)
        fw_printf("; %u bytes that it had not freed were taken back",
                  (unsigned)current.leaked);
    fw_print("\n");
}

/* ---- running one after the other -------------------------------------------------- */

/** Load a candidate, and what it needs. A refusal is told.
 *  @return the module, or NULL */
static struct modload_module *load(const struct candidate *c)
{
    struct modload_source source = source_of(c);
    struct modfmt_diag diag = {0, 0, 0, 0};
    struct modload_module *module = take_storage();

    current.leaked = 0;
    current.image = c->image;
    if (!module) {
        modules_print_current();
        fw_print(": more modules than the firmware has room for\n");
        return NULL;
    }
    if (modload_load(&modules_registry, &source, module, &diag) == 0) {
        current.trusted = true;
        return module;
    }
    current.image = image_of(&modules_registry.failed);
    /* The loader's own errors come after the CRC was found right. */
    current.trusted = diag.code <= -100 && diag.code != MODLOAD_E_READ;
    modules_print_current();
    print_refusal(&diag);
    return NULL;
}

/** Load a candidate, run it from its constructors to its destructors, unload it.
 *  @return was all well? */
static bool load_and_run(const struct candidate *c)
{
    struct modload_module *module = load(c);
    bool good = false;

    if (module) {
        int value = 0;
        bool entry = module->image.entry & 1;

        (void)modload_start(&modules_registry, module, NULL);
        value = module->result;
        (void)modload_unload(&modules_registry, module);
        print_end(value, entry);
        good = value == 0;
    }
    current.trusted = false;
    current.image = NULL;
    return good;
}

/* ---- all of them at once --------------------------------------------------------- */

/** Load and start a candidate, if it has not been loaded for another one. */
static bool load_and_start(const struct candidate *c)
{
    struct modload_module *module = modules_registry.modules;

    while (module && image_of(&module->source) != c->image)
        module = module->next;
    current.image = c->image;
    current.trusted = true;
    if (!module) {
        module = load(c);
        if (!module)
            return false;
        (void)modload_start(&modules_registry, module, NULL);
    }
    /* From here on it is there for its own sake. */
    module->automatic = 0;
    console_fresh_line();
    modules_print_current();
    fw_printf(": started, returned %d\n", (int)module->result);
    return module->result == 0;
}

/** Unload all, the oldest first as long as that is allowed, so that it shows when not. */
static void unload_all(void)
{
    while (modules_registry.modules) {
        struct modload_module *m, *again = NULL;
        int rc = MODLOAD_E_IN_USE;

        /* The oldest that was not refused in this round. */
        while (rc == MODLOAD_E_IN_USE) {
            for (m = modules_registry.modules; m->next != again; m = m->next)
                ;
            again = m;
            current.image = image_of(&m->source);
            rc = modload_unload(&modules_registry, m);
            console_fresh_line();
            modules_print_current();
            if (rc == 0)
                fw_print(": unloaded\n");
            else
                fw_printf(": not unloaded: %s: %s\n", modfmt_strerror_name(rc),
                          modfmt_strerror(rc));
        }
    }
}

static struct modules_result run_kept(void)
{
    struct modules_result result = {0, 0};

    for (unsigned i = 0; i < region_count(); i++) {
        bool good = load_and_start(region_at(i));

        result.good += good;
        result.bad += !good;
    }
    current.trusted = true;
    unload_all();
    current.trusted = false;
    current.image = NULL;
    return result;
}

struct modules_result modules_run(void)
{
    struct modules_result result = {0, 0};

    region_begin();
    if ((emulation_options() & EMULATION_KEEP) != 0)
        return run_kept();
    for (unsigned i = 0; i < region_count(); i++) {
        bool good = load_and_run(region_at(i));

        result.good += good;
        result.bad += !good;
    }
    return result;
}
