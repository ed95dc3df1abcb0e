/* SPDX-License-Identifier: BSD-2-Clause */
#include "modload_store.h"

/** Where the core sees a byte of the region. */
static const uint8_t *mapped(const struct modfmt_flash *flash, uint32_t offset)
{
    return (const uint8_t *)(uintptr_t)(flash->base + offset);
}

int modload_store_read(struct modfmt_flash *flash, uint32_t offset, void *bytes,
                       uint32_t size)
{
    __builtin_memcpy(bytes, mapped(flash, offset), size);
    return 0;
}

struct modload_source modload_store_source(const struct modfmt_store *store,
                                           const struct modfmt_store_image *image)
{
    struct modload_source source = {.mapped = mapped(store->flash, image->offset),
                                    .available = image->size,
                                    .address = store->flash->base + image->offset};

    return source;
}

int modload_store_load(const struct modload_port *port, struct modfmt_store *store,
                       const char *name, struct modload_image *module,
                       struct modfmt_diag *diag)
{
    const struct modfmt_store_image *image;
    struct modload_source source;
    uint32_t length = 0, hash;

    while (name[length] != '\0')
        length++;
    hash = modfmt_hash(name, length);
    image = modfmt_store_find(store, hash);
    if (!image)
        return modfmt_fail(diag, MODFMT_E_STORE_NOT_FOUND, 0, hash, 0);
    source = modload_store_source(store, image);
    return modload_image_load(port, &source, module, diag);
}
