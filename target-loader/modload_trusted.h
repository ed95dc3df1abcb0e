/* SPDX-License-Identifier: BSD-2-Clause */
/**
 * The smallest loader: copy, clear, relocate, and nothing is checked. For boot code whose
 * images are trusted before it sees them: linked into the same flash, or signed.
 *
 * It believes all of the image, and a wrong one makes it read and write anywhere. Who calls
 * it answers for this:
 * - the image passes modfmt_check() (`moddump --check`), of major version 1, and nobody has
 *   changed it since; it lies at a multiple of 4 and can be read in place;
 * - it is for this core (`needs`), and allows to be loaded as one block (flag `block`);
 * - it has fix-ups of words against its own text and data only: all descriptors of its lists
 *   have kind word or word_any, target text or data, and are not relative; so it has
 *   no imports and no MOVW/MOVT. What GCC makes without -mslow-flash-data is such;
 * - it has no critical tags (init and fini arrays, static base);
 * - `memory` has text_mem + data_mem bytes, at a multiple of both alignments.
 * For images that are not trusted there is modload_image_load().
 */
#ifndef MODLOAD_TRUSTED_H
#define MODLOAD_TRUSTED_H

#include <stdint.h>

/**
 * Load a trusted image as one block. The caller still makes the code visible to instruction
 * fetch (caches, DSB, ISB).
 *
 * @param image    the image, mapped
 * @param memory   where its text begins, data behind it
 * @param address  what `memory` is on the target
 * @return the entry's address, with the Thumb bit; an even number: the image has none
 *
 * Time: as modload_image_load(), without checks and CRC. Stack: under 64 bytes.
 */
uint32_t modload_trusted(const uint8_t *image, uint8_t *memory, uint32_t address);

#endif
