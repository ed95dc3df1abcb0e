/* SPDX-License-Identifier: BSD-2-Clause */
/**
 * The runtime loader's portable core: validate, place, copy, clear, relocate, bind,
 * sync, hand out the entry. No heap of its own, no writable globals, no recursion.
 *
 * Everything it wants of its surroundings is in struct modload_port. The same code runs
 * on hosts (moddump --load-at, the tests), because memory is named twice: where it can be
 * written, and which address it has on the target.
 */
#ifndef MODLOAD_H
#define MODLOAD_H

#include "modfmt.h"
#include "modload_config.h"

/** What a piece of memory is for. */
enum modload_purpose {
    MODLOAD_BLOCK = 0, /**< text and data together: writable and executable */
    MODLOAD_TEXT = 1,  /**< text alone: executable */
    MODLOAD_DATA = 2,  /**< data and bss alone */
};

/** Where an image is. */
struct modload_source {
    const uint8_t *mapped; /**< the whole image, where it can be read in place; else NULL */
    uint32_t available;    /**< bytes that can be read */
    void *handle;          /**< for port->read: a file, a flash chip */
};

#define MODLOAD_OPT_CRC 0x1u   /**< check the image's CRC before anything is placed */
#define MODLOAD_OPT_APART 0x2u /**< place text and data apart, not as one block */
/** The caller sees to the modules that the image needs (modload_life.h does); without it an
 *  image that needs others is refused. */
#define MODLOAD_OPT_DEPENDENCIES 0x4u

struct modload_image;

/** What the loader wants of its surroundings. Every function is needed, but find where the
 *  loader is built without imports. */
struct modload_port {
    void *ctx;         /**< the port's own */
    uint32_t features; /**< MODFMT_NEED_* bits that the core and the firmware offer */
    uint32_t options;  /**< MODLOAD_OPT_* */
    /** Read `size` bytes of the image from `offset` (both within source->available). Not
     *  used for images that are mapped, as all must be where the loader is built with
     *  MODLOAD_WITH_READ=0. @return 0, or anything else if it cannot be done */
    int (*read)(const struct modload_port *port, const struct modload_source *source,
                uint32_t offset, void *buffer, uint32_t size);
    /** Give memory for segment->size bytes (not 0) at a multiple of `align`: set
     *  segment->bytes, where the loader writes, and segment->address, what that is on the
     *  target. @return 0, or anything else if there is none. */
    int (*place)(const struct modload_port *port, enum modload_purpose purpose, uint32_t align,
                 struct modfmt_segment *segment);
    /** Take back what place() gave: bytes and address are as they were set. Called in
     *  reverse order when a load fails, and by modload_image_unload(). */
    void (*release)(const struct modload_port *port, enum modload_purpose purpose,
                    const struct modfmt_segment *segment);
    /** The address (with the Thumb bit) of what is exported under that hash and type (0:
     *  any). @return 0; MODLOAD_E_IMPORT: no such name; MODLOAD_E_TYPE: another type. For
     *  a weak import either means that it stays unbound. */
    int (*find)(const struct modload_port *port, uint32_t hash, uint32_t type,
                uint32_t *ret_address);
    /** Make the code just written to module->segment visible to instruction fetch (D-cache
     *  clean, I-cache invalidate, DSB, ISB). */
    void (*sync)(const struct modload_port *port, const struct modload_image *module);
};

/** A piece of the module's memory that a tag names; both 0 if none does. */
struct modload_span {
    uint32_t address;
    uint32_t size; /**< bytes */
};
enum modload_span_index {
    MODLOAD_INIT = 0,        /**< the addresses of constructors */
    MODLOAD_FINI = 1,        /**< the addresses of destructors */
    MODLOAD_STATIC_BASE = 2, /**< its address is r9's value while module code runs */
};

/** A loaded module: all the RAM that the loader needs for it, and in the caller's hands. */
struct modload_image {
    struct modfmt_segment segment[2]; /**< text, data (bss included) as they lie in memory */
    uint32_t apart;       /**< 1: they were placed apart; 0: as one block, text first */
    uint32_t entry;       /**< address, with the Thumb bit; an even number: none */
    uint32_t stack_size;  /**< bytes that the entry asks for; 0: not stated */
    struct modload_span span[3]; /**< by enum modload_span_index */
};

/**
 * Load an image.
 *
 * `module` is also where the loader keeps its notes. On failure all memory that place()
 * gave is released again and `module` holds none. diag (never NULL) then tells the code,
 * the offset in the image, and numbers: for MODLOAD_E_NEEDS got the image's needs, want the
 * port's features; for MODLOAD_E_IMPORT and _TYPE offset the index of the import, got its
 * hash, want its type; for MODLOAD_E_MEMORY got the size, want the alignment; for MODLOAD_E_READ got
 * the size.
 *
 * Time: one pass over what is copied, one over the fix-ups, one more if the CRC is asked
 * for. Stack: at most 256 bytes on a Cortex-M4, the port's functions not counted.
 * @return 0, a MODFMT_E_* of modfmt_header_check() or modfmt_relocate(), MODFMT_E_CRC,
 *         MODFMT_E_TAG_END, MODFMT_E_TAG_VALUE, or a MODLOAD_E_*; a critical tag that is
 *         unknown or not supported is MODLOAD_E_UNSUPPORTED, got its type
 */
int modload_image_load(const struct modload_port *port, const struct modload_source *source,
                 struct modload_image *module, struct modfmt_diag *diag);

/** A port->read for ports whose images are all mapped: copies from source->mapped. */
int modload_read_mapped(const struct modload_port *port, const struct modload_source *source,
                        uint32_t offset, void *buffer, uint32_t size);

/** Give a module's memory back. The caller has stopped its code and run its destructors.
 *  A second time, or after a load that failed, does nothing. */
void modload_image_unload(const struct modload_port *port, struct modload_image *module);

#endif
