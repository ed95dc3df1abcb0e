/* SPDX-License-Identifier: BSD-2-Clause */
/**
 * The least that a loader needs of a module store (specs/store.md): find one image by its
 * name. A fifth of what modfmt_store_open() takes, no RAM for a list, nothing that
 * changes a store. Of that function's answers it leaves out:
 * - the bare image: what another tool wrote to the region's start is not seen;
 * - lists: each call reads the directory, and where the last change was cut and nobody
 * has settled it, two calls may find two states of it.
 */
#ifndef MODLOAD_SCAN_H
#define MODLOAD_SCAN_H

#include "modfmt_store.h"
#include "modload.h"

/**
 * Find the live image of that name.
 *
 * @param flash       its base is where the core sees the region, its read() comes back
 * where flash cannot be read; program and erase are not used. The geometry is right:
 * modfmt_store_open() checks it, this does not
 * @param hash        modfmt_hash() of the name
 * @param ret_source  the image, mapped, its own bytes and no more; code can run there
 * @return 0, MODFMT_E_STORE_NOT_FOUND or MODFMT_E_STORE_DAMAGED
 *
 * Time: slot 0 of each sector, a few times; each directory that is not older than the
 * newest confirmed one, once or twice; the one that counts once more. Stack: under 290
 * bytes.
 */
int modload_scan(struct modfmt_flash *flash, uint32_t hash,
                 struct modload_source *ret_source);

#endif
