/* SPDX-License-Identifier: BSD-2-Clause */
/**
 * Linking an image to one place and one firmware, and undoing it: specs/modfmt.md, 2.6.
 * Used by modflash and moddump, and by firmware that links what it receives.
 *
 * Images are read, never held: what comes out of linking can be read like what goes in, any
 * bytes, in any order, more than once. So no RAM is needed for the image, and a linker can
 * read what an unlinker gives (to link anew for another place or firmware):
 *
 *     struct modfmt_memory file = modfmt_memory_bytes(bytes, size);
 *     struct modfmt_linker l = {.image = &file.bytes, .build_id = id, .build_id_size = 20,
 *                               .api = 0x10000, .find = find, .buffer = b,
 *                               .buffer_size = sizeof(b)};
 *
 *     rc = modfmt_link_plan(&l, &diag);            // now l.bytes.size and l.header are known:
 *     l.text = place + MODFMT_HEADER_SIZE;         // choose a place in flash for so many bytes,
 *     l.data = ram;                                // and RAM for l.data_mem
 *     if (rc == 0)
 *         rc = modfmt_link_begin(&l, &diag);
 *     if (rc == 0)
 *         rc = l.bytes.read(&l.bytes, 0, out, l.bytes.size); // or piece by piece
 *
 * Freestanding; no allocation, no recursion, no writable globals. Whatever the image says,
 * nothing outside [0, image->size) is asked of it, nothing is written but the linker itself,
 * its buffer, and what `read` was told to fill. The image may even change between two reads:
 * the bytes that come out are wrong then, no more.
 */
#ifndef MODFMT_LINK_H
#define MODFMT_LINK_H

#include "modfmt.h"

/** Anything that an image can be read from. Put it first into a struct of your own. */
struct modfmt_bytes {
    /** Read `size` bytes from `offset`, both within self->size. Needs no order.
     *  @return 0, or a negative error, which is handed on */
    int (*read)(struct modfmt_bytes *self, uint32_t offset, void *to, uint32_t size);
    uint32_t size; /**< bytes that there are; there may be more than the image has */
};

/** An image in memory. */
struct modfmt_memory {
    struct modfmt_bytes bytes;
    const uint8_t *at;
};
struct modfmt_memory modfmt_memory_bytes(const void *at, uint32_t size);

/** What the tag linked says. */
struct modfmt_linked {
    uint32_t text;       /**< address of text: that of the image + MODFMT_HEADER_SIZE */
    uint32_t data;       /**< address of data; 0 if there is none */
    uint32_t data_end;   /**< address behind data and bss */
    uint32_t api;        /**< of the firmware: major * 65536 + minor; 0: not told */
    uint32_t flags;      /**< of the image before it was linked, as the next two */
    uint32_t total_size; /**< bytes */
    uint32_t crc;
    uint32_t build_id_size; /**< 0 to MODFMT_LINKED_BUILD_ID_MAX */
    uint8_t build_id[MODFMT_LINKED_BUILD_ID_MAX];
};

/**
 * Is the image linked, and for what? Looks at the header and the first tag alone: two reads.
 * @return 1 and what the tag says; 0: it is not linked; or an error of modfmt_header_check(),
 *         MODFMT_E_FLAGS (the tag is not there), MODFMT_E_TAG_VALUE, or what `read` returned
 */
int modfmt_linked_read(struct modfmt_bytes *image, struct modfmt_linked *ret_linked,
                       struct modfmt_diag *diag);

/** Least size of modfmt_linker.buffer. Larger is faster: each window, about two thirds of
 *  the buffer, costs one pass over the relocation lists, so hosts give as much as the image
 *  has, and a chip about 1 KB. */
#define MODFMT_LINK_BUFFER_MIN 128u

/** Links (modfmt_link_begin()) or unlinks (modfmt_unlink_begin()) one image. Set to zero what
 *  is not set to anything else. 320 bytes on a chip. */
struct modfmt_linker {
    /** What comes out: `size` is set by plan and begin, `read` may be called after them. It
     *  returns 0, what reading `image` returned, or the errors of modfmt_link_begin() if the
     *  image has changed in the meantime. */
    struct modfmt_bytes bytes;

    /* Set by the caller. */
    struct modfmt_bytes *image; /**< what is to be linked (unlinked) */
    void *buffer;               /**< scratch; must last as long as `bytes` is read */
    uint32_t buffer_size;       /**< at least MODFMT_LINK_BUFFER_MIN */
    void *ctx;                  /**< the caller's own */

    /* Set by the caller for linking; unlinking sets them to what they were. */
    uint32_t text;           /**< address of text. modfmt_link_begin() only, as */
    uint32_t data;           /**< address of data; taken as 0 if data_mem is 0 */
    uint32_t api;            /**< of the firmware: major * 65536 + minor; 0: not told */
    const uint8_t *build_id; /**< of the firmware; must last like `buffer` */
    uint32_t build_id_size;  /**< 0 to MODFMT_LINKED_BUILD_ID_MAX */
    /**
     * The address (with the Thumb bit) of import `index`, whose name has this hash and whose
     * type has this tag (0: any). Called for each import in each pass, so it should be quick
     * and shall always say the same.
     * @return 0; MODLOAD_E_IMPORT, MODLOAD_E_TYPE: it is not there, or with another type
     *         (a weak import then counts as address 0; otherwise, as with any other negative
     *         number, linking fails with it). Not used for unlinking; may be NULL if there
     *         are no imports.
     */
    int (*find)(struct modfmt_linker *self, uint32_t index, uint32_t hash, uint32_t type,
                uint32_t *ret_address);

    /* Known after plan or begin; read only. */
    uint8_t header[MODFMT_HEADER_SIZE]; /**< of what comes out; after plan, without its crc */
    uint32_t text_align;                /**< log2: what `text` shall be a multiple of */
    uint32_t data_align;                /**< log2: `data` shall be text_mem modulo that */
    uint32_t text_mem;                  /**< bytes */
    uint32_t data_mem;                  /**< bytes of data and bss: so much RAM is needed */
    uint32_t import_count;

    /* Private. */
    struct modfmt_areas at_;
    struct modfmt_diag diag_;
    uint32_t text_stored_, data_stored_, reloc_size_;
    uint32_t size_;   /**< of the image */
    uint32_t bound_;  /**< in the image: the tag bound, or where it is to go */
    uint32_t end_;    /**< in the image: where its tags end */
    uint32_t out_[4]; /**< in what comes out: where the pieces of its tags end */
    bool unlink_;
    bool checking_; /**< first pass: also look for fix-ups that overlap */
    uint8_t tag_[MODFMT_TAG_VALUE_OFFSET + MODFMT_LINKED_SIZE + MODFMT_LINKED_BUILD_ID_MAX];
};

/**
 * See whether an image can be linked, and how large it will be. Needs no addresses, and calls
 * find() never. Afterwards `bytes` can be read as far as a store does to plan (the header and
 * the tags are there, but for addresses and the CRC; text and data are as they were).
 *
 * Time: constant, and one read a tag.
 * @return 0; MODFMT_E_NO_SPACE (the buffer), an error of modfmt_header_check();
 *         MODFMT_E_IN_PLACE: the image cannot be linked (diag: at MODFMT_OFF_FLAGS it does not
 *         allow `apart`, at MODFMT_OFF_TEXT_ALIGN its alignment is too large, at
 *         MODFMT_OFF_TEXT_STORED text_stored is not text_mem; otherwise at the tag that
 *         forbids it: linked or compression);
 *         MODFMT_E_TAG_END, _TAG_CRITICAL, _TAG_COUNT, _TAG_VALUE (there is a tag bound, or
 *         build_id_size is too large: offset 0), _TOTAL_SIZE (of what would come out); or
 *         what reading the image returned
 */
int modfmt_link_plan(struct modfmt_linker *l, struct modfmt_diag *diag);

/**
 * Link: plan (again; it need not have been called), check the image's CRC and every fix-up,
 * bind every import, and make the CRC of what comes out.
 *
 * Time: one pass over the image; for each window of the buffer, one pass over the relocation
 * lists, with a find() for each import that has a fix-up. As much again for each pass that the
 * caller makes over `bytes`. Stack: 450 bytes on a Cortex-M4, the callbacks' not counted.
 * @return 0; what modfmt_link_plan() says; MODFMT_E_CRC (the image is damaged);
 *         MODFMT_E_ALIGN (`text` or `data`; diag: got the address, want the alignment);
 *         MODFMT_E_SEGMENT (text and data overlap, or reach beyond 2^32); MODFMT_E_PADDING;
 *         MODFMT_E_RELOC_LIST, _RELOC_END, _RELOC_CODE, _RELOC_IMPORT;
 *         MODFMT_E_RELOC_PLACE (diag: got where in its segment the fix-up ends, want the bytes
 *         that are stored there; if got is not above want, it overlaps another fix-up); or
 *         find()'s (diag as the loader's: offset the index of the import, got its hash, want
 *         its type)
 */
int modfmt_link_begin(struct modfmt_linker *l, struct modfmt_diag *diag);

/**
 * Unlink: read what the image was linked for, check its CRC, and that the CRC of what comes out
 * is the one that the tag linked carries. Sets text, data, api, build_id (which then points into
 * `l`), build_id_size.
 *
 * Time and stack: as modfmt_link_begin().
 * @return 0; MODFMT_E_NO_SPACE (the buffer); MODFMT_E_FLAGS: it is not a linked image, or
 *         has no tag linked; MODFMT_E_TAG_VALUE (of linked or bound); MODFMT_E_CRC (diag:
 *         offset MODFMT_OFF_CRC: the image is damaged; or that of the crc in the tag linked: what
 *         comes out is not what was linked); or the errors of modfmt_link_begin()
 */
int modfmt_unlink_begin(struct modfmt_linker *l, struct modfmt_diag *diag);

#endif
