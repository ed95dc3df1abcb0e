/* SPDX-License-Identifier: BSD-2-Clause */
/**
 * What a firmware tells about itself (specs/firmware.md): its descriptor, its table of
 * exports, and, in an ELF file, the description of its interface.
 */
#ifndef INTERFACE_FIRMWARE_H
#define INTERFACE_FIRMWARE_H

#include "interface.h"
#include "modfmt_layout.h"

/** Bytes of all fields of a descriptor that are known here. */
#define FIRMWARE_DESCRIPTOR_SIZE 56u
/** A table of more entries than this is none: 12 bytes each, they would not fit into a
 *  microcontroller's flash. */
#define FIRMWARE_EXPORTS_MAX 65536u

/** A descriptor's fields; 0: not told. */
struct firmware_descriptor {
    uint32_t version;
    uint32_t region_begin;
    uint32_t region_end;
    uint32_t features;
    uint32_t exports;
    uint32_t export_count;
    uint32_t build_id;
    uint32_t build_id_size;
    uint32_t arena_begin; /**< RAM for images that are linked for fixed addresses */
    uint32_t arena_end;
    uint32_t api_version; /**< major x 65536 + minor */
};

/**
 * Decode a descriptor.
 * @param bytes  what lies at `address`
 * @param size   of the bytes; at least MODFMT_HOST_SIZE_MIN. Fields beyond them are 0
 * @return false: it is none. Of another version than MODFMT_HOST_VERSION only that field
 *         is set
 */
bool firmware_descriptor(const uint8_t *bytes, uint32_t size, uint32_t address,
                         struct firmware_descriptor *ret_descriptor);

/** A firmware as a file has it. */
struct firmware {
    bool described; /**< it has a descriptor of a version that is known */
    struct firmware_descriptor descriptor;
    const uint8_t *table;  /**< its exports as they are in flash, in `bytes`; or NULL */
    /** Its build id: where the descriptor says, else the ELF's GNU note. */
    uint8_t build_id[MODFMT_LINKED_BUILD_ID_MAX];
    uint32_t build_id_size; /**< 0: it has none */
    struct interface *api; /**< or NULL: it carries no description */
    bool built;            /**< an ELF file: the conditions of its api hold */
    uint8_t *bytes;
};

/**
 * Look at a firmware's ELF file, or at a description. What an ELF file does not tell is
 * left out in silence; anything wrong with a description is told.
 * @return CLI_OK; CLI_REFUSED: an ELF file but not for ARM, or neither (told, too). Exits
 * CLI_IO if it cannot be read at all.
 */
int firmware_read(const char *path, struct firmware *ret_firmware);
void firmware_free(struct firmware *firmware);

#endif
