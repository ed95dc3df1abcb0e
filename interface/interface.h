/* SPDX-License-Identifier: BSD-2-Clause */
/**
 * Interfaces as data: what a firmware or a module offers to modules, by name and type.
 * Host only. What a type tag covers and how a description file looks: specs/interface.md.
 *
 * An interface comes from a description file (NAME.api), from the section .modapi of a
 * firmware's ELF, or from the DWARF of any ELF. All three give the same struct, so that
 * "what the module was compiled against" and "what the firmware has" can be held against
 * each other:
 *
 *     struct interface *api, *seen;
 *     if (interface_read("firmware.api", &api) != CLI_OK)
 *         return CLI_REFUSED;
 *     seen = interface_of_elf(path, bytes, size, &why);
 *     then = interface_find(seen, "fw_draw");
 *     now = interface_find(api, "fw_draw");
 *     if (!interface_same(seen, then, api, now, &reason))
 *         cli_error(path, "fw_draw: %s", reason);
 */
#ifndef INTERFACE_H
#define INTERFACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** The ELF section (not loaded) that holds the text of a description. */
#define INTERFACE_SECTION ".modapi"
/** The provider's name in the description of a firmware; of a module: the module's. */
#define INTERFACE_FIRMWARE "firmware"

enum interface_kind {
    INTERFACE_FUNCTION = 0,
    INTERFACE_OBJECT = 1, /**< data */
};

/** One symbol. All strings live as long as the interface. */
struct interface_symbol {
    const char *name; /**< as linkers have it: C++ names are mangled */
    enum interface_kind kind;
    uint32_t hash; /**< modfmt_hash() of the name */
    uint32_t tag;  /**< type tag, 31 bits; 0: not known */
    /** For people: "int fw_add(int a, int b)", without a semicolon; "" if the type is not
     *  known. */
    const char *prototype;
    const char *condition; /**< C preprocessor's, "defined(CONFIG_NET)": it is there only
                                in a firmware built so; NULL: always */
    const char *where; /**< of interface_of_elf(): "draw.h:12", where it is declared, or
                            NULL; else NULL */
    bool defined;      /**< of interface_of_elf(): the ELF has the thing itself, it does
                            not just use it; else true */
    uint32_t type;     /**< private */
};

struct interface_types; /* private: types.h */

struct interface {
    const char *path;     /**< what it was read from, for messages */
    const char *provider; /**< INTERFACE_FIRMWARE, a module's name; "" of an ELF */
    uint16_t version[3];  /**< of the interface; 0.0.0 of an ELF */
    /** Sorted by name, bytewise. Of an ELF, a name may be there more than once, if its
     *  source files do not agree about its type: each one has to be looked at. */
    struct interface_symbol *symbols;
    size_t count;
    struct interface_types *types;
};

/* ---- getting one --------------------------------------------------------------- */

/**
 * Read a description file, or the description that an ELF carries in its section .modapi.
 * Anything wrong with it is told, as "FILE:LINE: error: …".
 * @return CLI_OK; CLI_REFUSED: neither of the two, or not a good one. Exits CLI_IO if it
 * cannot be read at all.
 */
int interface_read(const char *path, struct interface **ret_interface);

/** The same of bytes that are in memory; `path` is for messages. */
int interface_parse(const char *path, const uint8_t *bytes, size_t size,
                    struct interface **ret_interface);

/**
 * What the DWARF of an ELF file (linked or not) says of functions and data with external
 * linkage: defined, and declared where it says so (GCC does of everything that is used).
 *
 * libdw is not made for hostile files: it runs in a child with limits on time and memory.
 * @return an interface, in the worst case without symbols; then *ret_why is a sentence's
 * end that tells why, as "has no debug information (compile with -g)". Else *ret_why is
 * NULL.
 */
struct interface *interface_of_elf(const char *path, const uint8_t *bytes, size_t size,
                                   const char **ret_why);

/** NULL is fine. */
void interface_free(struct interface *interface);

/* ---- asking it ----------------------------------------------------------------- */

/** The first symbol of that name, or NULL. */
const struct interface_symbol *interface_find(const struct interface *interface,
                                              const char *name);
/** The next one of the same name (of an ELF there may be), or NULL. */
const struct interface_symbol *interface_next(const struct interface *interface,
                                              const struct interface_symbol *symbol);
/** The first symbol whose name has that hash, or NULL. Linear. */
const struct interface_symbol *interface_find_hash(const struct interface *interface,
                                                   uint32_t hash);

/**
 * Names in any of `count` interfaces that are spelled nearly like `name`, the nearest
 * first: for "did you mean". @return how many, at most `max`
 */
size_t interface_nearest(const struct interface *const *interfaces, size_t count,
                         const char *name, const char **ret_names, size_t max);

/**
 * Are the types of two symbols the same? More than comparing tags: a struct that is
 * opaque on one side and complete, under the same name, on the other is the same here. A
 * type that is not known (tag 0) is the same as any.
 *
 * @param then  what a module was compiled against, a symbol of the interface of_then
 * @param now   what there is now
 * @param ret_reason  may be NULL; if they differ, set to why, in words that read on from
 * a name: "parameter 2: struct point: size 8 became 12: member z was added". To be freed
 *   with free().
 */
bool interface_same(const struct interface *of_then, const struct interface_symbol *then,
                    const struct interface *of_now, const struct interface_symbol *now,
                    char **ret_reason);

/** The value of an enum's constant. */
struct interface_constant {
    const char *name; /**< of a scoped enum: "color::RED" */
    const char *of;   /**< the enum's name */
    int64_t value;
};
/** All constants of all enums, sorted by name; to be freed with free(). */
struct interface_constant *interface_constants(const struct interface *interface,
                                               size_t *ret_count);

/** What const says of a symbol, which no tag covers. */
struct interface_const {
    bool dropped; /**< something was const, and is no longer */
    bool added; /**< something that a module may write to has become const: data, or what
                     a result points to */
    bool relaxed; /**< a parameter promises more: it points to const now */
};
/** Compare two symbols of the same type. */
struct interface_const interface_compare_const(const struct interface *of_then,
                                               const struct interface_symbol *then,
                                               const struct interface *of_now,
                                               const struct interface_symbol *now);

/* ---- writing it ---------------------------------------------------------------- */

/** Some symbols of an interface under a provider's name, for interface_text(). */
struct interface_subset {
    const char *provider;
    uint16_t version[3];
    const struct interface_symbol *const *symbols; /**< in any order */
    size_t count;
};

/**
 * The text of a description: the whole interface, or, if `subset` is not NULL, those
 * symbols of it and the structs and enums that they need. Same input, same bytes.
 * To be freed with free(); *ret_size does not count a zero byte that follows.
 */
char *interface_text(const struct interface *interface,
                     const struct interface_subset *subset, size_t *ret_size);

/** The canonical text of a symbol's type, whose hash its tag is (specs/interface.md, 2).
 *  NULL if the type is not known. To be freed with free(). */
char *interface_canonical(const struct interface *interface,
                          const struct interface_symbol *symbol);

/* ---- names --------------------------------------------------------------------- */

/**
 * Is this a symbol whose type the ABI fixes, because compilers call it of their own
 * accord (memcpy, __aeabi_*, operator new, libgcc's helpers)? Such a one may be imported
 * and exported without a type.
 */
bool interface_abi_fixed(const char *name);

/**
 * Split an asm label "fw_add$3f2a91c0" (name, '$', the tag in 8 lower-case hexadecimal
 * digits). @return the length of the name, and *ret_tag; 0 if it is no such label
 */
size_t interface_label(const char *symbol, uint32_t *ret_tag);

/** "1.2.3", each number at most 65535. */
bool interface_parse_version(const char *text, uint16_t ret_version[3]);

#endif
