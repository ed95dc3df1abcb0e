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
    MODLOAD_BLOCK = 0,     /**< text and data together: writable and executable */
    MODLOAD_TEXT = 1,      /**< text alone: executable */
    MODLOAD_DATA = 2,      /**< data and bss alone */
    MODLOAD_DATA_CODE = 3, /**< the same, and executable: trampolines lie in it */
    /** Data of a linked image: exactly at segment->address, which is set already. It
     *  shall be aligned as place() is told and lie in the firmware's arena
     *  (specs/firmware.md), and no loaded module may have any of it
     *  (modload_fixed_check). The numbers are the image's: no sum of them may overflow.
     */
    MODLOAD_FIXED = 4,
    MODLOAD_FIXED_CODE = 5, /**< the same, and executable */
};

/** How a module lies in memory, and which memory place() gave for it. */
enum modload_placement {
    MODLOAD_AS_BLOCK = 0, /**< one piece, text first: MODLOAD_BLOCK */
    MODLOAD_APART = 1,    /**< two: MODLOAD_TEXT; MODLOAD_DATA or _DATA_CODE */
    MODLOAD_IN_PLACE = 2, /**< data alone, as above; text runs where the image lies */
    MODLOAD_LINKED = 3,   /**< the same; data is MODLOAD_FIXED or _FIXED_CODE */
};

/** Where an image is. */
struct modload_source {
    const uint8_t *mapped; /**< the whole image, where it can be read; else NULL */
    uint32_t available;    /**< bytes that can be read */
    void *handle;          /**< for port->read: a file, a flash chip */
    /** What `mapped` is on the target, if code can run there for as long as the module is
     *  loaded. 0 if not, and if `mapped` is NULL: then the image can only be copied. */
    uint32_t address;
};

/** Who the firmware is, for linked images: as in its descriptor (specs/firmware.md). */
struct modload_identity {
    const uint8_t *build_id;
    uint32_t build_id_size; /**< bytes, at most MODFMT_LINKED_BUILD_ID_MAX */
    uint32_t api;           /**< api_version: major × 65536 + minor; 0: not told */
};

#define MODLOAD_OPT_CRC   0x1u /**< check the image's CRC before anything is placed */
#define MODLOAD_OPT_APART 0x2u /**< place text and data apart, not as one block */
/** The caller sees to the modules that the image needs (modload_life.h does); without it
 * an image that needs others is refused. */
#define MODLOAD_OPT_DEPENDENCIES 0x4u
/** Text of images that allow it runs where it lies, if source->address is set and a
 * multiple of its alignment; other images are placed as the options above say. Linked
 * images run in place without being asked. */
#define MODLOAD_OPT_IN_PLACE 0x8u

struct modload_image;

/** What the loader wants of its surroundings. Every function is needed, but find where
 * the loader is built without imports. */
struct modload_port {
    void *ctx;         /**< the port's own */
    uint32_t features; /**< MODFMT_NEED_* bits that the core and the firmware offer */
    uint32_t options;  /**< MODLOAD_OPT_* */
    /** For linked images; NULL: they are refused. */
    const struct modload_identity *identity;
    /** Read `size` bytes of the image from `offset` (both within source->available). Not
     *  used for images that are mapped, as all must be where the loader is built with
     *  MODLOAD_WITH_READ=0. @return 0, or anything else if it cannot be done */
    int (*read)(const struct modload_port *port, const struct modload_source *source,
                uint32_t offset, void *buffer, uint32_t size);
    /** Give memory for segment->size bytes (not 0) whose address, less `offset`, is a
     *  multiple of `align`: the first such one from `at` on is
     *  at + ((offset - at) & (align - 1)). align is a power of two, 1 to 32768; offset is
     *  where data would be in a block (any number), and 0 for all else. Set
     *  segment->bytes, where the loader writes, and segment->address, what that is on the
     *  target (but for MODLOAD_FIXED). @return 0, or what the load shall fail with:
     *  MODLOAD_E_MEMORY if there is none, MODLOAD_E_EXECUTE if none can execute. */
    int (*place)(const struct modload_port *port, enum modload_purpose purpose,
                 uint32_t align, uint32_t offset, struct modfmt_segment *segment);
    /** Take back what place() gave: purpose, bytes and address are as they were. Called
     * in reverse order when a load fails, and by modload_image_unload(). */
    void (*release)(const struct modload_port *port, enum modload_purpose purpose,
                    const struct modfmt_segment *segment);
    /** The address (with the Thumb bit) of what is exported under that hash and type (0:
     *  any). @return 0; MODLOAD_E_IMPORT: no such name; MODLOAD_E_TYPE: another type. For
     *  a weak import either means that it stays unbound. */
    int (*find)(const struct modload_port *port, uint32_t hash, uint32_t type,
                uint32_t *ret_address);
    /** Make what was just written to module->segment visible to instruction fetch
     * (D-cache clean, I-cache invalidate, DSB, ISB): of data as well, where code lies in
     * it, but not of text that runs in place. */
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

/** A loaded module: all the RAM that the loader needs for it, and the caller's. */
struct modload_image {
    /** Text, data (bss included) as they lie in memory. Text that runs in place is in
     *  flash: segment[0].bytes is only read. */
    struct modfmt_segment segment[2];
    uint16_t placement;          /**< enum modload_placement */
    uint16_t data_purpose;       /**< enum modload_purpose of data; 0: in one block */
    uint32_t entry;              /**< address, with the Thumb bit; an even number: none */
    uint32_t stack_size;         /**< bytes that the entry asks for; 0: not stated */
    struct modload_span span[3]; /**< by enum modload_span_index */
};

/**
 * Load an image.
 *
 * `module` is also where the loader keeps its notes. On failure all memory that place()
 * gave is released again and `module` holds none. diag (never NULL) then tells the code,
 * the offset in the image, and numbers: for MODLOAD_E_NEEDS got the image's needs, want
 * the port's features; for MODLOAD_E_IMPORT and _TYPE offset the index of the import, got
 * its hash, want its type; for what place() returned, whatever it is, got the size, want
 * the alignment; for MODLOAD_E_READ got the size; for MODLOAD_E_LINKED offset that of the
 * tag linked, got what it has and want what is there: addresses of text, or else versions
 * of the interface (both equal: the build id is another). For MODLOAD_E_PLACEMENT they
 * say nothing; for MODFMT_E_RELOC_* they are 0.
 *
 * Text that runs in place is not written to, nor any other flash, whatever the image
 * says.
 *
 * Time: one pass over what is copied, one over the fix-ups, one more if the CRC is asked
 * for. A linked image has no fix-ups to apply. Stack: at most 256 bytes on a Cortex-M4,
 * the port's functions not counted.
 * @return 0, a MODFMT_E_* of modfmt_header_check() or modfmt_relocate(), MODFMT_E_CRC,
 *         MODFMT_E_TAG_END, MODFMT_E_TAG_VALUE, MODFMT_E_IN_PLACE, what place()
 *         returned, or a MODLOAD_E_*; a critical tag that is unknown or not
 *         supported is MODLOAD_E_UNSUPPORTED, got its type
 */
int modload_image_load(const struct modload_port *port,
                       const struct modload_source *source, struct modload_image *module,
                       struct modfmt_diag *diag);

/** A port->read for ports whose images are all mapped: copies from source->mapped. */
int modload_read_mapped(const struct modload_port *port,
                        const struct modload_source *source, uint32_t offset,
                        void *buffer, uint32_t size);

/** Give a module's memory back. The caller has stopped its code and run its destructors.
 *  A second time, or after a load that failed, does nothing. */
void modload_image_unload(const struct modload_port *port, struct modload_image *module);

#endif
