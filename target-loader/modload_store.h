/* SPDX-License-Identifier: BSD-2-Clause */
/**
 * Modules in a store (modfmt_store.h, specs/store.md) whose flash the core reads like
 * memory: find one by its name and load it. For a chip without ECC, whose region is the
 * one sector at 0x08060000, that is all of
 *
 *     static const uint32_t sector_size[] = {128 * 1024};
 *     static struct modfmt_flash flash = {
 *         .base = 0x08060000, .unit = 4, .sector_count = 1, .sector_size = sector_size,
 *         .read = modload_store_read};
 *     struct modfmt_store_image image[16];
 *     struct modfmt_store store;
 *
 *     rc = modfmt_store_open(&store, &flash, image, 16, &diag);
 *     if (rc == 0)
 *         rc = modload_store_load(&port, &store, "plug", &module, &diag);
 */
#ifndef MODLOAD_STORE_H
#define MODLOAD_STORE_H

#include "modfmt_store.h"
#include "modload.h"

/** For flash->read: copies from flash->base + offset, always good. Not for flash with
 *  ECC, where reading a torn unit faults: see port/cortex-m/read.h. */
int modload_store_read(struct modfmt_flash *flash, uint32_t offset, void *bytes,
                       uint32_t size);

/** A live image as modload_image_load() wants it: mapped, its own bytes and no more, and
 *  where code can run. (Where it cannot, set the source's address to 0.) An image that runs
 *  in place is to be stored as MODFMT_STORE_PINNED, or the store not to be compacted while
 *  the module is loaded. */
struct modload_source modload_store_source(const struct modfmt_store *store,
                                           const struct modfmt_store_image *image);

/**
 * Load the live module of that name (as in its tag; "" for one without a name).
 * @return 0, MODFMT_E_STORE_NOT_FOUND (diag: got, the name's hash), or what
 * modload_image_load() says
 */
int modload_store_load(const struct modload_port *port, struct modfmt_store *store,
                       const char *name, struct modload_image *module,
                       struct modfmt_diag *diag);

#endif
