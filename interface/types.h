/* SPDX-License-Identifier: BSD-2-Clause */
/**
 * Types as a graph: what specs/interface.md calls types. Private to this folder.
 *
 * A type is named by its index. What is no struct, union or enum is made of types with
 * lower indices, and is there once for each shape; structs are filled when all of them
 * are known.
 */
#ifndef INTERFACE_TYPES_H
#define INTERFACE_TYPES_H

#include "interface.h"

#define TYPE_NONE      0xffffffffu
#define TYPE_DEPTH_MAX 64u /**< pointers to arrays of functions … in one another */
#define ARRAY_OPEN     UINT64_MAX

enum type_kind {
    TYPE_VOID,
    TYPE_SIGNED,
    TYPE_UNSIGNED,
    TYPE_BOOL,
    TYPE_FLOAT,
    TYPE_COMPLEX,
    TYPE_OTHER, /**< a base type of another DWARF encoding, which is in `length` */
    TYPE_POINTER,
    TYPE_MEMBER_POINTER, /**< C++'s */
    TYPE_CONST,
    TYPE_VOLATILE,
    TYPE_ARRAY,
    TYPE_VECTOR,
    TYPE_FUNCTION,
    TYPE_STRUCT,
    TYPE_UNION,
    TYPE_ENUM,
};

/** A member, a parameter (its type only), or an enum's constant (name and value). */
struct type_member {
    char *name; /**< "": none */
    uint32_t type;
    uint32_t bits;  /**< of a bit-field; else 0 */
    uint64_t place; /**< in bits from the start */
    int64_t value;
};

struct type {
    enum type_kind kind;
    uint32_t size;   /**< bytes; 0 for functions, arrays, opaque structs */
    uint32_t target; /**< pointed to, element, result, qualified, an enum's integer */
    uint64_t length; /**< of an array or vector in elements, or ARRAY_OPEN */
    bool opaque;     /**< a struct or union without members that are known */
    bool alias;      /**< its name is a typedef's: "point", and not "struct point" */
    bool variadic;
    bool unprototyped;
    bool kept;  /**< an enum that is public though no symbol needs it */
    char *name; /**< of a struct, union, enum: "" only before types_name() */
    struct type_member *members;
    size_t count;
    size_t capacity;  /**< of members */
    uint32_t forward; /**< another type that stands for this one, or TYPE_NONE */
    uint64_t color;   /**< types_color(): equal for types that nothing tells apart */
};

struct interface_types {
    struct type *list;
    size_t count;
    size_t capacity;
    uint32_t *table; /**< hash table of shapes */
    size_t table_size;
    bool colored;
};

/* ---- types.c: making them -------------------------------------------------------- */

struct interface_types *types_new(void);
void types_free(struct interface_types *types);
/** The type of that shape (no struct, union, enum); takes over shape->members. */
uint32_t types_shape(struct interface_types *types, struct type *shape);
/** A base type or void. */
uint32_t types_base(struct interface_types *types, enum type_kind kind, uint32_t size);
/** Something that has one other type: a pointer, a qualified type. */
uint32_t types_derived(struct interface_types *types, enum type_kind kind,
                       uint32_t target);
/** A new struct, union or enum; the name is copied. */
uint32_t types_record(struct interface_types *types, enum type_kind kind,
                      const char *name);
/** Append a member; the name is copied. */
struct type_member *types_add(struct type *type, const char *name, uint32_t member);
/** The type behind an index, forwards followed. */
struct type *types_at(const struct interface_types *types, uint32_t index);
/** The same without const and volatile. */
struct type *types_plain(const struct interface_types *types, uint32_t index);
bool types_is_record(const struct type *type);

/* ---- merge.c: what is the same in several source files -------------------------- */

/** Have opaque structs stand for the complete ones of their name, and be there once what
 *  nothing tells apart. */
void types_merge(struct interface_types *types);
/** The structs, unions and enums that symbols need, and the kept enums if they are asked
 *  for: indices, to be freed. What has no name gets one. */
uint32_t *types_reach(struct interface_types *types,
                      const struct interface_symbol *const *symbols, size_t count,
                      bool with_kept, size_t *ret_count);
/** Name what has no name, and set apart what has the same. */
void types_name(struct interface *interface);
/** Set every struct's color. */
void types_color(struct interface_types *types);

/* ---- tag.c ------------------------------------------------------------------------ */

/** The canonical text of a type (specs/interface.md, 2); to be freed. NULL: longer than
 *  any sensible one. */
char *types_canonical(struct interface_types *types, uint32_t index);
/** The tag of a type; 0 if it has no canonical text. */
uint32_t types_tag(struct interface_types *types, uint32_t index);

/* ---- spell.c ---------------------------------------------------------------------- */

/** Growing text. */
struct text {
    char *bytes;
    size_t size;
    size_t capacity;
};
void text_add(struct text *text, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/** A type as a description file spells it. */
void types_spell(const struct interface_types *types, uint32_t index, struct text *text);
/** A type for people: "struct point *". To be freed. */
char *types_words(const struct interface_types *types, uint32_t index);
/** "struct", "union", "enum". */
const char *types_keyword(const struct type *type);
/** The same with a blank behind it, in front of a name in C: "" of what has a typedef's.
 */
const char *types_prefix(const struct type *type);

/* ---- parse.c ---------------------------------------------------------------------- */

/** Where a text comes from. The last two have more, and wrong ones are not told. */
enum parse_origin {
    PARSE_FILE = 0,
    PARSE_DWARF = 1, /**< the child of interface_of_elf() */
    PARSE_PROBE = 2, /**< that of interface_of_probe(): all enums are public */
};
int interface_parse_text(const char *path, const char *text, size_t size,
                         enum parse_origin origin, struct interface **ret_interface);

/* ---- join.c ----------------------------------------------------------------------- */

/** Add what `from` has to `to`, but for symbols that `to` has already. `from` is good for
 *  interface_free() only. @return CLI_OK, or CLI_REFUSED: two providers, which is told */
int interface_join(struct interface *to, struct interface *from);

/* ---- write.c ---------------------------------------------------------------------- */

/** The text that the child of interface_of_elf() hands to its parent. */
char *interface_text_dwarf(const struct interface *interface, size_t *ret_size);

#endif
