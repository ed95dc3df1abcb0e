/* SPDX-License-Identifier: BSD-2-Clause */
#include "modules.h"

#include <stdbool.h>
#include <string.h>

#include "board.h"
#include "console.h"
#include "emulation.h"
#include "exports.h"
#include "firmware.h"
#include "heap.h"
#include "modload_store.h"
#include "port.h"

/* Given by the linker script. */
extern const uint8_t _modules_begin[], _modules_end[];
extern uint8_t _module_ram_begin[], _module_ram_end[];

/** What memory is filled with before a module gets it, so that whoever counts on zeros
 * that nobody promised finds out here. */
#define FILL 0xa5

/** So many modules a store may have. */
#define IMAGES_MAX 64

/** The module at hand, for reports. */
static struct {
    const uint8_t *image; /**< NULL: none */
    bool trusted;         /**< its CRC was right: the tags mean something */
    bool loaded;
    struct modload_image module;
} current;

static int place(const struct modload_port *port, enum modload_purpose purpose,
                 uint32_t align, struct modfmt_segment *segment)
{
    int rc = modload_cortex_m_place(port, purpose, align, segment);

    if (rc == 0)
        memset(segment->bytes, FILL, segment->size);
    return rc;
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

static struct modload_port port = {
    .ctx = &heap_arena,
    .read = modload_read_mapped,
    .place = place,
    .release = modload_cortex_m_release,
    .find = exports_find,
    .sync = modload_cortex_m_sync,
};

void modules_begin(void)
{
    modload_arena_begin(&heap_arena, _module_ram_begin,
                        (uint32_t)(_module_ram_end - _module_ram_begin));
    port.features = modload_cortex_m_features();
    port.options = MODLOAD_OPT_CRC;
    if ((emulation_options() & EMULATION_APART) != 0)
        port.options |= MODLOAD_OPT_APART;
    if ((emulation_options() & EMULATION_READ) != 0)
        port.read = read_chunk;
}

/** The value of a tag of the module at hand, or NULL. */
static const uint8_t *tag(uint32_t type, uint32_t *ret_size)
{
    struct modfmt_image image;
    struct modfmt_tag found;

    if (!current.trusted || modfmt_open(current.image, MODFMT_SIZE_MAX, &image, NULL) ||
        modfmt_tag_find(&image, type, &found) != 1)
        return NULL;
    *ret_size = found.length;
    return found.value;
}

void modules_print_current(void)
{
    const uint8_t *value;
    uint32_t size;

    if (!current.image) {
        fw_print("firmware");
        return;
    }
    value = tag(MODFMT_TAG_NAME, &size);
    if (!value) {
        fw_printf("module at 0x%08x", (uintptr_t)current.image);
        return;
    }
    fw_print("module ");
    console_bytes((const char *)value, size);
    value = tag(MODFMT_TAG_VERSION, &size);
    if (value && size == 6)
        fw_printf(" %u.%u.%u", (unsigned)modfmt_get16(value),
                  (unsigned)modfmt_get16(value + 2), (unsigned)modfmt_get16(value + 4));
    else
        fw_print(" 0.0.0");
}

void modules_print_address(uint32_t address)
{
    const uint8_t *name;
    uint32_t size;

    for (unsigned i = 0; current.loaded && i < 2; i++) {
        const struct modfmt_segment *segment = &current.module.segment[i];

        if (address - segment->address >= segment->size)
            continue;
        name = tag(MODFMT_TAG_NAME, &size);
        if (name)
            console_bytes((const char *)name, size);
        fw_printf(i ? " data+0x%x (" : "+0x%x (", (unsigned)(address - segment->address));
        fw_printf("0x%08x)", (unsigned)address);
        return;
    }
    fw_printf("0x%08x", (unsigned)address);
}

/** The name of the module's import with that hash, or NULL. */
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

/** "refused: …", with all that the loader told. */
static void print_refusal(const struct modfmt_diag *diag)
{
    const char *name;

    fw_printf(": refused: %s: ", modfmt_strerror_name(diag->code));
    if (diag->code == MODLOAD_E_IMPORT) {
        name = import_name(diag->got);
        fw_print("the firmware does not offer ");
        if (name)
            console_bytes(name, (unsigned)strlen(name));
        else
            fw_print("what has no name here");
        fw_printf(" (hash 0x%08x)\n", (unsigned)diag->got);
        return;
    }
    fw_printf("%s (offset 0x%x, got 0x%x, want 0x%x)\n", modfmt_strerror(diag->code),
              (unsigned)diag->offset, (unsigned)diag->got, (unsigned)diag->want);
}

static uint32_t static_base(void)
{
    return current.module.span[MODLOAD_STATIC_BASE].address;
}

/** Call an array of functions of the module, up or down. */
static void call_array(enum modload_span_index which, bool down)
{
    uint32_t array = current.module.span[which].address;
    uint32_t count = current.module.span[which].size / 4u;

    for (uint32_t i = 0; i < count; i++) {
        uint32_t index = down ? count - 1u - i : i;
        uint32_t function =
            modfmt_get32((const uint8_t *)(uintptr_t)(array + 4u * index));

        if (function != 0 && function != 0xffffffffu)
            modload_cortex_m_call(function, NULL, static_base());
    }
}

/** Run a loaded module from its constructors to its destructors. @return was it 0? */
static bool run(void)
{
    struct modload_image *m = &current.module;
    unsigned leaked;
    int value = 0;

    call_array(MODLOAD_INIT, false);
    if (m->entry != 0)
        value = modload_cortex_m_call(m->entry, NULL, static_base());
    heap_run_destructors(static_base());
    call_array(MODLOAD_FINI, true);
    leaked = heap_reclaim();
    console_fresh_line();
    modules_print_current();
    if (m->entry != 0)
        fw_printf(": returned %d", value);
    else
        fw_print(": has no entry");
    if (leaked != 0)
        fw_printf("; %u bytes that it had not freed were taken back", leaked);
    fw_print("\n");
    return value == 0;
}

/** Load and run the image at `at`, whose header is good. @return was all well? */
static bool load_and_run(const uint8_t *at, uint32_t available)
{
    bool mapped = port.read == modload_read_mapped;
    struct modload_source source = {mapped ? at : NULL, available,
                                    mapped ? NULL : (void *)(uintptr_t)at};
    struct modfmt_diag diag = {0, 0, 0, 0};
    bool good = false;
    int rc;

    rc = modload_image_load(&port, &source, &current.module, &diag);
    /* The loader's own errors come after the CRC was found right. */
    current.trusted = rc == 0 || (rc <= -100 && rc != MODLOAD_E_READ);
    if (rc != 0) {
        diag.code = rc;
        modules_print_current();
        print_refusal(&diag);
    } else {
        current.loaded = true;
        good = run();
        current.loaded = false;
        modload_image_unload(&port, &current.module);
    }
    current.trusted = false;
    return good;
}

/** Could the sizes in a header that was refused with this be trusted all the same? The
 *  specification (2) promises so for every version of the format. */
static bool size_is_right(const uint8_t *at, uint32_t available, int code)
{
    uint32_t size = modfmt_get32(at + MODFMT_OFF_TOTAL_SIZE);

    return code < MODFMT_E_HEADER_CHECK && size >= MODFMT_HEADER_SIZE &&
           size <= available && size % MODFMT_IMAGE_ALIGN == 0;
}

/** A region that no tool of ours has written to: whatever images lie in it. */
static struct modules_result run_scanned(void)
{
    struct modules_result result = {0, 0};
    const uint8_t *at = _modules_begin;

    while ((uint32_t)(_modules_end - at) >= MODFMT_HEADER_SIZE) {
        uint32_t available = (uint32_t)(_modules_end - at);
        struct modfmt_diag diag = {0, 0, 0, 0};
        uint32_t step = MODFMT_IMAGE_ALIGN;

        /* Between images there may be anything: erased flash, or what is left of an
         * image that was overwritten. */
        diag.code = modfmt_header_check(at, available, &diag);
        if (diag.code != MODFMT_E_MAGIC) {
            bool good = false;

            current.image = at;
            if (diag.code == 0) {
                good = load_and_run(at, available);
            } else {
                modules_print_current();
                print_refusal(&diag);
            }
            current.image = NULL;
            result.good += good;
            result.bad += !good;
            if (diag.code == 0 || size_is_right(at, available, diag.code))
                step = modfmt_get32(at + MODFMT_OFF_TOTAL_SIZE);
        }
        at += step;
    }
    return result;
}

/** The live images of the store, the oldest change first. */
static struct modules_result run_stored(const struct modfmt_store *store)
{
    struct modules_result result = {0, 0};

    for (uint32_t i = 0; i < store->count; i++) {
        struct modload_source source = modload_store_source(store, &store->image[i]);
        bool good;

        current.image = source.mapped;
        good = load_and_run(source.mapped, source.available);
        current.image = NULL;
        result.good += good;
        result.bad += !good;
    }
    if (store->lost != 0)
        fw_printf("module store: %u of its modules are gone: "
                  "something else was written over them\n",
                  (unsigned)store->lost);
    return result;
}

struct modules_result modules_run(void)
{
    static struct modfmt_store_image images[IMAGES_MAX];
    static struct modfmt_store store;
    struct modules_result none = {0, 0};
    struct modfmt_diag diag = {0, 0, 0, 0};
    struct modfmt_flash *flash = board_flash((uint32_t)(uintptr_t)_modules_begin,
                                             (uint32_t)(uintptr_t)_modules_end);

    diag.code = modfmt_store_open(&store, flash, images, IMAGES_MAX, &diag);
    if (diag.code != 0) {
        fw_printf("module store: %s (got 0x%x, want 0x%x)\n", modfmt_strerror(diag.code),
                  (unsigned)diag.got, (unsigned)diag.want);
        return none;
    }
    if (store.head == MODFMT_STORE_NONE && store.generation == 0)
        return run_scanned();
    return run_stored(&store);
}
