/* SPDX-License-Identifier: BSD-2-Clause */
/**
 * For modapi: the interface that a compiled probe tells of. A probe is a C file that has,
 * for each symbol, a pointer to it,
 *
 *     __typeof__(fw_add) *modapi_probe_0 = fw_add;
 *
 * so that the compiler's own DWARF says what fw_add is.
 */
#ifndef INTERFACE_PROBE_H
#define INTERFACE_PROBE_H

#include "interface.h"

#define INTERFACE_PROBE_PREFIX "modapi_probe_"

/** What the pointer INTERFACE_PROBE_PREFIX and its number points to. */
struct interface_probe {
    const char *name;              /**< as linkers have it */
    bool untyped;                  /**< there is no pointer, but the symbol counts */
    const char *shown;             /**< as its header declares it */
    const char *condition;         /**< or NULL */
    const char *const *parameters; /**< their names, "" for those that have none */
    size_t parameter_count;
};

struct interface_probes {
    const struct interface_probe *list;
    size_t count;
    /** Paths of headers whose enums are public, used by a symbol or not. */
    const char *const *headers;
    size_t header_count;
};

/** Like interface_of_elf(); of the symbols only those that have a probe. */
struct interface *interface_of_probe(const char *path, const uint8_t *bytes, size_t size,
                                     const struct interface_probes *probes,
                                     const char **ret_why);

/** An enum that some symbol's type has in it. */
struct interface_enum {
    const char *name;
    uint32_t size; /**< bytes */
};
/** All of them, sorted by name; to be freed. */
struct interface_enum *interface_enums(const struct interface *interface,
                                       size_t *ret_count);
/** Is a function declared as f(), without parameters? */
bool interface_unprototyped(const struct interface *interface,
                            const struct interface_symbol *symbol);

#endif
