/* SPDX-License-Identifier: BSD-2-Clause */
#include "region.h"

#include "board.h"
#include "firmware.h"
#include "modload_store.h"

/* Given by the linker script. */
extern const uint8_t _modules_begin[], _modules_end[];

static struct candidate candidates[REGION_MAX];
static unsigned count;

const uint8_t *region_tag(const uint8_t *at, uint32_t type, uint32_t *ret_size)
{
    struct modfmt_image image;
    struct modfmt_tag found;
    struct modfmt_diag diag;

    if (modfmt_open(at, MODFMT_SIZE_MAX, &image, &diag) ||
        modfmt_tag_find(&image, type, &found) != 1)
        return NULL;
    *ret_size = found.length;
    return found.value;
}

/** Note an image. @return is there room for more? */
static bool add(const uint8_t *at, uint32_t available, bool good)
{
    struct candidate *c = &candidates[count];
    const uint8_t *name;
    uint32_t size;

    if (count == REGION_MAX) {
        fw_printf("module region: more than %u images; the rest is left alone\n",
                  REGION_MAX);
        return false;
    }
    count++;
    c->image = at;
    c->available = available;
    name = good ? region_tag(at, MODFMT_TAG_NAME, &size) : NULL;
    c->name = name ? modfmt_hash((const char *)name, size) : 0;
    return true;
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
static void scan(void)
{
    const uint8_t *at = _modules_begin;

    while ((uint32_t)(_modules_end - at) >= MODFMT_HEADER_SIZE) {
        uint32_t available = (uint32_t)(_modules_end - at);
        struct modfmt_diag diag = {0, 0, 0, 0};
        uint32_t step = MODFMT_IMAGE_ALIGN;

        /* Between images there may be anything: erased flash, or what is left of an
         * image that was overwritten. */
        diag.code = modfmt_header_check(at, available, &diag);
        if (diag.code != MODFMT_E_MAGIC) {
            if (!add(at, available, diag.code == 0))
                return;
            if (diag.code == 0 || size_is_right(at, available, diag.code))
                step = modfmt_get32(at + MODFMT_OFF_TOTAL_SIZE);
        }
        at += step;
    }
}

static void take_stored(const struct modfmt_store *store)
{
    for (uint32_t i = 0; i < store->count; i++) {
        struct modload_source source = modload_store_source(store, &store->image[i]);
        struct modfmt_diag diag = {0, 0, 0, 0};

        diag.code = modfmt_header_check(source.mapped, source.available, &diag);
        (void)add(source.mapped, source.available, diag.code == 0);
    }
    if (store->lost != 0)
        fw_printf("module store: %u of its modules are gone: "
                  "something else was written over them\n",
                  (unsigned)store->lost);
}

void region_begin(void)
{
    static struct modfmt_store_image images[REGION_MAX];
    static struct modfmt_store store;
    struct modfmt_diag diag = {0, 0, 0, 0};
    struct modfmt_flash *flash = board_flash((uint32_t)(uintptr_t)_modules_begin,
                                             (uint32_t)(uintptr_t)_modules_end);

    diag.code = modfmt_store_open(&store, flash, images, REGION_MAX, &diag);
    if (diag.code != 0)
        fw_printf("module store: %s (got 0x%x, want 0x%x)\n", modfmt_strerror(diag.code),
                  (unsigned)diag.got, (unsigned)diag.want);
    else if (store.head == MODFMT_STORE_NONE && store.generation == 0)
        scan();
    else
        take_stored(&store);
}

unsigned region_count(void)
{
    return count;
}

const struct candidate *region_at(unsigned index)
{
    return &candidates[index];
}

const struct candidate *region_find(uint32_t name)
{
    for (unsigned i = 0; name != 0 && i < count; i++)
        if (candidates[i].name == name)
            return &candidates[i];
    return NULL;
}
