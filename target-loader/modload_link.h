/* SPDX-License-Identifier: BSD-2-Clause */
/**
 * Linking on the chip: a firmware takes an image from anywhere that can be read at random (an
 * SD card, a serial flash, RAM), links it to its place in the store and to RAM of the
 * firmware's arena, and writes it there. From then on it loads as any linked image does:
 * data is copied, bss cleared, and text runs where it lies (specs/modfmt.md, 2.6).
 *
 *     static struct modfmt_store_image spare[16]; // as many as the store itself has
 *     static uint8_t buffer[1024];
 *     static struct modload_linking linking = {
 *         .store = &store, .spare = spare, .tables = tables, .table_count = 1,
 *         .identity = &identity, .features = MODLOAD_CORTEX_M_FEATURES,
 *         .arena_begin = …, .arena_end = …, .buffer = buffer, .buffer_size = sizeof(buffer)};
 *
 *     rc = modload_link_again(&linking, &diag);        // at boot, after a new firmware
 *     rc = modload_link_install(&linking, &file, &diag); // when a module has come in
 *
 * The same images come out as from `modflash install --xip-link` and `modflash relink`, at
 * places that may differ.
 *
 * Whatever an image says, nothing is written but the store's flash (by its own rules: whole
 * transactions), this struct, and the buffer. Fix-ups, tags that matter and the CRC are
 * checked; what neither linking nor loading looks at (names, padding, order of symbols) is not.
 * Who is to be trusted with what is linked: specs/security.md.
 *
 * Cost: in flash, 6.0 KB of code for a Cortex-M4 besides the store's writing part; an image
 * grows by 32 to 100 bytes and 4 an import. In RAM, this struct (1 KB), `spare` (20 bytes an
 * image) and the buffer. Stack: 1.3 KB, 1.5 KB for images that are linked already, the store's
 * part included. In time, for each window (a third of the buffer) and each of four passes, one
 * walk over the relocation lists. Measured by QEMU, GCC 12.2 -Os, for 10 KB of text and 591
 * fix-ups, without the time that flash and source take: with a buffer of 1 KB, 5.1 million
 * instructions to install and 14 million to link anew, the source being read 1,445 times, 126 KB
 * in all; with 2.6 KB 2.5 million and 6.3 million, and 589 reads of 78 KB.
 */
#ifndef MODLOAD_LINK_H
#define MODLOAD_LINK_H

#include "modfmt_link.h"
#include "modfmt_store.h"
#include "modload.h"
#include "modload_tables.h"

/** Least size of the buffer: for the store, for linking, and for unlinking. */
#define MODLOAD_LINK_BUFFER_MIN (64u + 2u * MODFMT_LINK_BUFFER_MIN)

struct modload_linking {
    /* Set by the caller. */
    struct modfmt_store *store;       /**< open, and its flash can be programmed */
    struct modfmt_store_image *spare; /**< room for store->capacity images, to plan with */
    struct modload_table *tables;     /**< what the firmware offers, searched in order */
    uint32_t table_count;
    const struct modload_identity *identity; /**< the firmware's, with a build id */
    uint32_t features;                       /**< MODFMT_NEED_* that core and firmware offer */
    uint32_t arena_begin, arena_end;         /**< RAM for data of linked modules */
    void *buffer;
    uint32_t buffer_size; /**< bytes; at least MODLOAD_LINK_BUFFER_MIN */

    /* Set by modload_link_install(). */
    bool unchanged; /**< the very same was there already: nothing was written */

    /* Private. */
    struct modfmt_linker linker_, unlinker_;
    struct modfmt_store plan_;
    struct modfmt_store_source source_;
    uint32_t place_; /**< where the plan puts the image, or MODFMT_STORE_NONE */
    bool pack_;      /**< nobody keeps his RAM */
};

/**
 * Install an image, or update the one of its name, linked for this firmware.
 *
 * Where the image of that name is linked, the RAM that it has is taken again, if it is large
 * enough and no other image of this firmware has it; otherwise the first free piece of the arena.
 * So an image must not be loaded from the time its successor is installed until it has been
 * unloaded. Where it is full, RAM of images that are linked for another firmware counts as free:
 * they cannot be loaded, and get other RAM when they are linked anew.
 * An image that is linked already, for any place and firmware, is unlinked on the way.
 *
 * Imports are bound to `tables` alone. A weak one that only another module has stays unbound,
 * although the loader would bind it if the image were not linked: modflash refuses such a module,
 * but here nobody is asked. Who does not want that installs it unlinked (modfmt_store_install()).
 *
 * @param image  what to install; read several times over
 * @return 0; MODLOAD_E_LINKED: the firmware has no build id; MODLOAD_E_NEEDS; MODLOAD_E_MEMORY: the arena has no
 *         piece for it (diag: got the bytes it wants, want their alignment); MODLOAD_E_IMPORT,
 *         MODLOAD_E_TYPE (diag: offset the index of the import, got its hash, want its type:
 *         imports from other modules cannot be bound); MODFMT_E_NO_SPACE: the buffer; or what
 *         modfmt_link_begin(), modfmt_unlink_begin() and modfmt_store_install() return. On any
 *         error, and power failure, what was installed before stands.
 *
 * After MODFMT_E_STORE_READ, _PROGRAM, _ERASE or _VERIFY open the store again. READ is also
 * what comes of it if the image changes between two reads, or if the store finds another place
 * than it had planned.
 */
int modload_link_install(struct modload_linking *linking, struct modfmt_bytes *image,
                         struct modfmt_diag *diag);

/**
 * Link all linked images anew that were linked for another firmware, one after the other, each
 * a transaction of its own: what a power failure leaves undone the next call does. Images that
 * cannot be linked (an import is gone) stay as they are, and the loader refuses them. If there
 * is nothing to do, each image's header and first tag are read, and nothing is written.
 *
 * All of them keep their RAM. If one cannot (the arena is at another place, or smaller), none does:
 * they get the first free pieces, in the store's order. Where they fill the arena nearly, and want
 * large alignments, the last one may find no piece (MODLOAD_E_MEMORY) though another order has one:
 * it stays as it was, refused by the loader; `modflash relink` tries the largest first.
 *
 * @return 0; or the first error, of modload_link_install(); where it is none of the store's,
 *         the other images have been linked nevertheless
 */
int modload_link_again(struct modload_linking *linking, struct modfmt_diag *diag);

#endif
