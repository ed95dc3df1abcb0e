/* SPDX-License-Identifier: BSD-2-Clause */
/**
 * libmodfmt: the module format of specs/modfmt.md, version 1.
 *
 * Freestanding C11; needs nothing but memcpy and memset. No function allocates,
 * recurses, prints or keeps state. Errors are 0 or a negative number of
 * MODFMT_ERRORS (modfmt_layout.h); a `ret_` parameter is written only on success.
 *
 * What a target needs (header check, CRC, relocation) takes raw bytes; what hosts
 * want besides (views, iterators, the full check, writing) is in files of its own,
 * so that a linker leaves it out of firmware.
 */
#ifndef MODFMT_H
#define MODFMT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "modfmt_layout.h"

#define MODFMT_ENUM_(name, number, text) name = (number),
enum modfmt_error { MODFMT_OK = 0, MODFMT_ERRORS(MODFMT_ENUM_) };
#undef MODFMT_ENUM_

/**
 * Where and what an error was: numbers only, so that firmware pays 16 bytes and no
 * text. Host tools make sentences of it. `offset` counts from the image's start
 * (for MODFMT_E_RELOC_*, the offset of the byte being decoded); `got` is what was
 * found, `want` the value or limit that was expected; both 0 where they say nothing.
 */
struct modfmt_diag {
    int32_t code;
    uint32_t offset;
    uint32_t got;
    uint32_t want;
};

/** Fill `diag`, which is never NULL, here and in all of libmodfmt. @return code */
int modfmt_fail(struct modfmt_diag *diag, int code, uint32_t offset, uint32_t got, uint32_t want);

/* ---- bytes --------------------------------------------------------------- */

/** Little-endian loads and stores at any alignment. Image bytes are never overlaid with
 *  a struct. Compilers make one instruction of each where the core allows unaligned access,
 *  and byte accesses (or a call of memcpy) where it does not. */
#define MODFMT_BIG_ENDIAN_HOST_ (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__)
static inline uint32_t modfmt_get16(const uint8_t *p)
{
    uint16_t v;

    __builtin_memcpy(&v, p, sizeof(v));
    return MODFMT_BIG_ENDIAN_HOST_ ? __builtin_bswap16(v) : v;
}
static inline uint32_t modfmt_get32(const uint8_t *p)
{
    uint32_t v;

    __builtin_memcpy(&v, p, sizeof(v));
    return MODFMT_BIG_ENDIAN_HOST_ ? __builtin_bswap32(v) : v;
}
static inline void modfmt_put16(uint8_t *p, uint32_t value)
{
    uint16_t v = MODFMT_BIG_ENDIAN_HOST_ ? __builtin_bswap16((uint16_t)value) : (uint16_t)value;

    __builtin_memcpy(p, &v, sizeof(v));
}
static inline void modfmt_put32(uint8_t *p, uint32_t value)
{
    uint32_t v = MODFMT_BIG_ENDIAN_HOST_ ? __builtin_bswap32(value) : value;

    __builtin_memcpy(p, &v, sizeof(v));
}

/** Round up to a multiple of 4. The argument is at most MODFMT_SIZE_MAX. */
static inline uint32_t modfmt_up4(uint32_t n)
{
    return (n + 3u) & ~3u;
}

/** The one range gate: do `length` bytes at `offset` lie within `size`? Never overflows. */
static inline bool modfmt_range(uint32_t offset, uint32_t length, uint32_t size)
{
    return offset <= size && length <= size - offset;
}

/* ---- header (specs/modfmt.md, 2 and 7) ----------------------------------- */

/** The areas of an image: offset of each one's first byte. */
struct modfmt_areas {
    uint32_t text;
    uint32_t data;
    uint32_t relocs;
    uint32_t imports;
    uint32_t import_flags;
    uint32_t exports;
    uint32_t export_flags;
    uint32_t tags;
};

/**
 * The open checks 1 to 15: constant time, reads 64 bytes at `header` only.
 *
 * @param header     the image's first bytes
 * @param available  how many bytes of the image can be read (bounds total_size)
 * @param diag       written on failure
 * @return where the tags begin, that is, where all other areas end; or MODFMT_E_TRUNCATED,
 *         _MAGIC, _HEADER_CHECK, _VERSION, _HEADER_SIZE, _TOTAL_SIZE, _FLAGS, _MACHINE,
 *         _SEGMENT, _LAYOUT, _ALIGN, _ENTRY. If it is not negative, every size and sum of
 *         sizes in the header is below 2^31 and every area lies inside the image.
 */
int modfmt_header_plan(const uint8_t *header, uint32_t available, struct modfmt_diag *diag);
/** The same for those who want to know no more, such as a scanner of flash: 0 or an error. */
static inline int modfmt_header_check(const uint8_t *header, uint32_t available,
                                      struct modfmt_diag *diag)
{
    int rc = modfmt_header_plan(header, available, diag);

    return rc < 0 ? rc : 0;
}

/** Compute the areas from a header's sizes. May exceed total_size (or wrap) if the
 *  header was not checked. */
void modfmt_areas(const uint8_t *header, struct modfmt_areas *ret_areas);

/* ---- CRC (specs/modfmt.md, 2) -------------------------------------------- */

/**
 * CRC-32 as zlib's crc32(): start with 0, feed pieces in order.
 *
 * This is a hook at link time: libmodfmt's archive has a version with a table of 64
 * bytes (modfmt_crc.c); a program that defines the function itself gets its own.
 * The host tools use zlib (modfmt_crc_zlib.c), firmware may take the 1 KB table
 * (modfmt_crc_table.c) or the chip's CRC unit (target-loader/port/stm32).
 */
uint32_t modfmt_crc32(uint32_t crc, const void *bytes, uint32_t size);

/** The CRC that belongs into the crc field of the image at `bytes` (`size` >= 64). */
uint32_t modfmt_image_crc(const uint8_t *bytes, uint32_t size);

/** FNV-1a hash of a symbol's name (specs/modfmt.md, 4). */
uint32_t modfmt_hash(const char *name, uint32_t length);

/** The error's one-line text, or "unknown error". In modfmt_strerror.c alone. */
const char *modfmt_strerror(int code);
/** The error's name, such as "MODFMT_E_CRC", or "?". */
const char *modfmt_strerror_name(int code);

/* ---- relocation (specs/modfmt.md, 3) ------------------------------------- */

/** Memory of one segment. Where we write and what address that is on the target are
 *  two things: the same code relocates on a 64-bit host, bit for bit. */
struct modfmt_segment {
    uint8_t *bytes;
    uint32_t address;
    uint32_t size; /**< memory size: text_mem or data_mem */
};

/**
 * State of applying an image's relocation lists. The table is read through a window
 * [next, end) of bytes; when it is used up, refill() supplies more.
 */
struct modfmt_relocator {
    const uint8_t *next;
    const uint8_t *end;
    /** Bytes of the table beyond `end`. */
    uint32_t remaining;
    const struct modfmt_segment *segment; /**< two: text, data */
    /**
     * Set next and end to the next bytes, at least one, and take them off remaining;
     * called only while remaining is not 0. NULL where the whole table is in the window.
     * @return 0 or a negative error of 16 bits, which modfmt_relocate hands on. Then bind
     * may still be called, with an index that means nothing; what it returns is dropped.
     */
    int (*refill)(struct modfmt_relocator *r);
    /**
     * Bind `count` words (at least one, at any alignment) to as many imports in a row: add
     * to each its import's address, minus base. The first one's number is index; the
     * callback sets index behind the last one. Numbers that the image does not have are
     * MODFMT_E_RELOC_IMPORT, and a hostile table asks for them even where there are no
     * imports: NULL only with MODFMT_WITH_IMPORTS=0.
     * @return 0 or a negative error, which modfmt_relocate hands on
     */
    int (*bind)(struct modfmt_relocator *r, uint8_t *words, uint32_t count);
    uint32_t base;
    uint16_t index;
    int16_t failed; /**< modfmt_relocate's own */
};

/**
 * Apply all relocation lists. Every write is checked to lie within its segment, so
 * that no table, however hostile, writes elsewhere; on an error the segments' contents
 * are undefined and shall be thrown away.
 *
 * Time: linear; about 5 instructions a word plus 28 a group on a Cortex-M4.
 * @return 0, MODFMT_E_RELOC_LIST (reserved target or kind), _RELOC_END, _RELOC_PLACE,
 *         or an error of the callbacks
 */
int modfmt_relocate(struct modfmt_relocator *r);

/* ---- reading on hosts ---------------------------------------------------- */

/** An image in memory with its header decoded. */
struct modfmt_image {
    const uint8_t *bytes;
    uint32_t size; /**< total_size */
    uint32_t minor;
    uint32_t flags;
    uint32_t machine;
    uint32_t needs;
    uint32_t entry;
    uint32_t stack_size;
    uint32_t text_stored;
    uint32_t text_mem;
    uint32_t data_stored;
    uint32_t data_mem;
    uint32_t reloc_size;
    uint32_t import_count;
    uint32_t export_count;
    uint32_t text_align; /**< log2 */
    uint32_t data_align; /**< log2; data lies at text_mem modulo that */
    uint32_t critical_count;
    uint32_t crc;
    uint32_t header_check;
    struct modfmt_areas at;
};

/** Open checks, then decode. Constant time. Errors: those of modfmt_header_check(). */
int modfmt_open(const void *bytes, uint32_t available, struct modfmt_image *ret_image,
                struct modfmt_diag *diag);

/**
 * The full check (17 to 23) of an opened image. Time: linear in the image's size, but for
 * the order of lists nothing is remembered. Stack: under 400 bytes.
 * @return 0 or any MODFMT_E_*
 */
int modfmt_check(const struct modfmt_image *image, struct modfmt_diag *diag);

/** Files only: bytes behind the image are erased flash (0xFF). `available` is the file's size.
 *  @return 0 or MODFMT_E_TRAILING */
int modfmt_check_trailing(const struct modfmt_image *image, uint32_t available,
                          struct modfmt_diag *diag);

/** Where a fix-up is and what it adds. */
struct modfmt_fixup {
    uint32_t place;        /**< offset in the segment: the word, the MOVW, or a lone MOVT */
    uint16_t import_index; /**< for target MODFMT_TARGET_IMPORT, else 0 */
    uint8_t segment;       /**< of the place: 0 text, 1 data */
    uint8_t target;        /**< MODFMT_TARGET_*, but for _IMPORTS: how lists are written */
    uint8_t relative;      /**< 1: minus the address of the place's segment */
    uint8_t kind;          /**< MODFMT_KIND_WORD (any alignment) or MODFMT_KIND_MOV */
    uint8_t distance;      /**< mov: half-words from MOVW to MOVT, 2 to MODFMT_MOV_DISTANCE_MAX;
                                or MODFMT_MOV_MOVW_ALONE, MODFMT_MOV_MOVT_ALONE */
    uint16_t low;          /**< mov, alone: the low half of a MOVT's value; 0 for a MOVW */
};
#define MODFMT_MOV_MOVW_ALONE 0u
#define MODFMT_MOV_MOVT_ALONE 1u

/** Walks every fix-up in the order of the table. Opaque but for its size. */
struct modfmt_fixups {
    const struct modfmt_image *image;
    uint32_t next;    /**< offset of the next byte in the image */
    uint32_t key;     /**< descriptor and import index of the list, for the order */
    uint32_t cursor;  /**< offset in the segment */
    uint32_t left;    /**< bytes from there to its end */
    uint32_t index;   /**< import index of this group */
    uint16_t run;     /**< fix-ups still to come from this group */
    uint8_t state;
    uint8_t desc;
    uint8_t checking; /**< 1: also the checks that only modfmt_check() makes */
};

void modfmt_fixups_begin(const struct modfmt_image *image, struct modfmt_fixups *ret_iter);
/** @return 1 and a fix-up, 0 at the end, or a negative error. */
int modfmt_fixups_next(struct modfmt_fixups *iter, struct modfmt_fixup *ret_fixup,
                       struct modfmt_diag *diag);

struct modfmt_import {
    uint32_t hash;
    uint32_t type;      /**< 31 bits */
    uint32_t weak;      /**< 1: may stay unbound */
    uint32_t flags;     /**< MODFMT_IMPORT_OBJECT, _UNVERIFIED */
    const char *name;   /**< ends with a zero byte; NULL if names were stripped */
};
struct modfmt_export {
    uint32_t hash;
    uint32_t type;
    uint32_t value;
    uint32_t flags;     /**< MODFMT_EXPORT_* */
    const char *name;
};
struct modfmt_tag {
    uint32_t type;
    uint32_t length;
    uint32_t offset;      /**< of the value in the image */
    const uint8_t *value;
};

/** Import or export `index` of an image that passed modfmt_check(). Finding the name
 *  takes time linear in the table of names; walk names yourself for many. */
void modfmt_import_at(const struct modfmt_image *image, uint32_t index,
                      struct modfmt_import *ret_import);
void modfmt_export_at(const struct modfmt_image *image, uint32_t index,
                      struct modfmt_export *ret_export);

/**
 * The next tag at or after `*offset` (start with image->at.tags), which is moved on.
 * @return 1 and a tag, 0 at the end, MODFMT_E_TAG_END if one reaches outside
 */
int modfmt_tag_next(const struct modfmt_image *image, uint32_t *offset,
                    struct modfmt_tag *ret_tag);
/** The first tag of that type. @return 1 and the tag, or 0. */
int modfmt_tag_find(const struct modfmt_image *image, uint32_t type, struct modfmt_tag *ret_tag);

/* ---- writing on hosts ---------------------------------------------------- */

/** The order that modfmt_encode_fixups() wants; in the table, rows of imports come behind
 *  imports that have lists of their own. For qsort() and the like. */
int modfmt_fixup_compare(const void *a, const void *b);

/**
 * Encode sorted fix-ups into relocation lists.
 * @param fixups  sorted by modfmt_fixup_compare(), no place twice in a list
 * @param buffer  may be NULL if capacity is 0: only the size is wanted
 * @return 0, or MODFMT_E_NO_SPACE; *ret_size is the size needed in both cases
 */
int modfmt_encode_fixups(const struct modfmt_fixup *fixups, size_t count, uint8_t *buffer,
                         uint32_t capacity, uint32_t *ret_size);

/** A tag to be written. `value` of a tag whose length is 0 may be NULL. */
struct modfmt_tag_source {
    uint32_t type;
    uint32_t length;
    const void *value;
};

/** Everything an image is made of. Imports and exports are sorted by hash; names go
 *  into tags, which the caller gives in the order of specs/modfmt.md, 6: critical ones first, and
 *  each of both sorts in ascending order of their numbers. */
struct modfmt_source {
    uint32_t flags;
    uint32_t machine;
    uint32_t needs;
    uint32_t entry;
    uint32_t stack_size;
    const uint8_t *text;
    uint32_t text_stored;
    uint32_t text_mem;
    const uint8_t *data;
    uint32_t data_stored;
    uint32_t data_mem;
    uint32_t text_align;
    uint32_t data_align;
    const uint8_t *relocs; /**< from modfmt_encode_fixups() */
    uint32_t reloc_size;
    const struct modfmt_import *imports;
    uint32_t import_count;
    const struct modfmt_export *exports;
    uint32_t export_count;
    const struct modfmt_tag_source *tags;
    uint32_t tag_count;
};

/** Bytes that modfmt_write() will need; 0 if more than MODFMT_SIZE_MAX. */
uint32_t modfmt_write_size(const struct modfmt_source *source);
/**
 * Write the image, checks included. The same source gives the same bytes.
 * @return 0 or MODFMT_E_NO_SPACE
 */
int modfmt_write(const struct modfmt_source *source, uint8_t *buffer, uint32_t capacity,
                 uint32_t *ret_size);

#endif
