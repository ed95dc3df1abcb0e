/* SPDX-License-Identifier: BSD-2-Clause */
/* DWARF's types, stripped of what is a matter of names (specs/interface.md, 2). */
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "dies.h"

#define BASE_SIZE_MAX 64u

static uint32_t convert(struct dwarf_reader *r, Dwarf_Die *die, unsigned depth);

/* ---- DIE to type ------------------------------------------------------------------- */

static size_t slot(const struct dwarf_reader *r, const void *die)
{
    size_t at = (size_t)((uintptr_t)die * 0x9e3779b97f4a7c15u >> 20);
    for (at &= r->known_size - 1; r->known[at].die != NULL && r->known[at].die != die;) {
        at = (at + 1) & (r->known_size - 1);
    }
    return at;
}

static void know(struct dwarf_reader *r, const void *die, uint32_t type)
{
    if (r->known_count + 1 > r->known_size / 2) {
        struct dwarf_entry *old = r->known;
        size_t size = r->known_size;
        r->known_size = size == 0 ? 1024 : 2 * size;
        r->known = cli_alloc(r->known_size, sizeof *r->known);
        for (size_t i = 0; i < size; i++) {
            if (old[i].die != NULL) {
                r->known[slot(r, old[i].die)] = old[i];
            }
        }
        free(old);
    }
    size_t at = slot(r, die);
    r->known_count += r->known[at].die == NULL;
    r->known[at].die = die;
    r->known[at].type = type;
}

static bool known(const struct dwarf_reader *r, const void *die, uint32_t *ret_type)
{
    if (r->known_size == 0) {
        return false;
    }
    size_t at = slot(r, die);
    *ret_type = r->known[at].type;
    return r->known[at].die != NULL;
}

/* ---- attributes -------------------------------------------------------------------- */

static bool number(Dwarf_Die *die, unsigned name, Dwarf_Word *ret_value)
{
    Dwarf_Attribute attribute;
    return dwarf_attr_integrate(die, name, &attribute) != NULL &&
           dwarf_formudata(&attribute, ret_value) == 0;
}

static uint32_t byte_size(Dwarf_Die *die)
{
    Dwarf_Word size = 0;
    return number(die, DW_AT_byte_size, &size) && size <= UINT32_MAX ? (uint32_t)size : 0;
}

static bool target_die(Dwarf_Die *die, Dwarf_Die *ret_target)
{
    Dwarf_Attribute attribute;
    return dwarf_attr_integrate(die, DW_AT_type, &attribute) != NULL &&
           dwarf_formref_die(&attribute, ret_target) != NULL;
}

static uint32_t type_of(struct dwarf_reader *r, Dwarf_Die *die, unsigned depth)
{
    Dwarf_Attribute attribute;
    Dwarf_Die target;
    if (!target_die(die, &target)) {
        r->lost |= dwarf_attr_integrate(die, DW_AT_type, &attribute) != NULL;
        return types_base(r->interface->types, TYPE_VOID, 0);
    }
    return convert(r, &target, depth);
}

char *dietypes_clean(const char *name)
{
    char *clean = cli_format("%s", name);
    for (char *c = clean; *c != '\0'; c++) {
        if (*c == '{') {
            *c = '[';
        } else if (*c == '}') {
            *c = ']';
        } else if (*c == '"' || (unsigned char)*c < 0x20 || *c == 0x7f) {
            *c = '?';
        }
    }
    return clean;
}

/* ---- names of structs
 * ------------------------------------------------------------------ */

/* C++: the name with the namespaces and classes that it is in. */
static char *scoped(Dwarf_Die *die, const char *name)
{
    Dwarf_Die *scopes = NULL;
    int count = dwarf_getscopes_die(die, &scopes);
    char *full = cli_format("%s", name);
    for (int i = 1; i < count; i++) {
        int tag = dwarf_tag(&scopes[i]);
        const char *outer = dwarf_diename(&scopes[i]);
        if (outer == NULL || (tag != DW_TAG_namespace && tag != DW_TAG_structure_type &&
                              tag != DW_TAG_class_type && tag != DW_TAG_union_type)) {
            continue;
        }
        char *longer = cli_format("%s::%s", outer, full);
        free(full);
        full = longer;
    }
    free(scopes);
    return full;
}

static char *record_name(const struct dwarf_reader *r, Dwarf_Die *die)
{
    const char *name = dwarf_diename(die);
    char *full = r->cxx && name != NULL && name[0] != '\0'
                     ? scoped(die, name)
                     : cli_format("%s", name != NULL ? name : "");
    char *clean = dietypes_clean(full);
    free(full);
    return clean;
}

/* ---- base types, enums ------------------------------------------------------------- */

static uint32_t base(struct dwarf_reader *r, Dwarf_Die *die)
{
    Dwarf_Word encoding = 0;
    uint32_t size = byte_size(die);
    struct type other = {.kind = TYPE_OTHER, .size = size, .target = TYPE_NONE};
    (void)number(die, DW_AT_encoding, &encoding);
    other.length = encoding;
    if (size == 0 || size > BASE_SIZE_MAX) {
        other.size = 0;
        return types_shape(r->interface->types, &other);
    }
    switch (encoding) {
    case DW_ATE_boolean:
        return types_base(r->interface->types, TYPE_BOOL, size);
    case DW_ATE_complex_float:
        return types_base(r->interface->types, TYPE_COMPLEX, size);
    case DW_ATE_float:
        return types_base(r->interface->types, TYPE_FLOAT, size);
    case DW_ATE_signed:
    case DW_ATE_signed_char:
        return types_base(r->interface->types, TYPE_SIGNED, size);
    case DW_ATE_unsigned:
    case DW_ATE_unsigned_char:
    case DW_ATE_UTF:
        return types_base(r->interface->types, TYPE_UNSIGNED, size);
    default:
        return types_shape(r->interface->types, &other);
    }
}

static int64_t constant(Dwarf_Die *die)
{
    Dwarf_Attribute attribute;
    Dwarf_Sword has_sign = 0;
    Dwarf_Word plain = 0;
    if (dwarf_attr(die, DW_AT_const_value, &attribute) == NULL) {
        return 0;
    }
    unsigned form = dwarf_whatform(&attribute);
    if (form == DW_FORM_sdata || form == DW_FORM_implicit_const) {
        (void)dwarf_formsdata(&attribute, &has_sign);
        return has_sign;
    }
    (void)dwarf_formudata(&attribute, &plain);
    return (int64_t)plain;
}

static bool flag(Dwarf_Die *die, unsigned name)
{
    Dwarf_Attribute attribute;
    bool value = false;
    return dwarf_attr_integrate(die, name, &attribute) != NULL &&
           dwarf_formflag(&attribute, &value) == 0 && value;
}

/* Signed by its integer type, its encoding, or its constants: what the compiler gives. */
static bool enum_signed(struct dwarf_reader *r, Dwarf_Die *die, const struct type *t,
                        unsigned depth)
{
    Dwarf_Word encoding;
    Dwarf_Die target;
    if (target_die(die, &target)) {
        uint32_t integer = convert(r, &target, depth);
        return types_plain(r->interface->types, integer)->kind == TYPE_SIGNED;
    }
    if (number(die, DW_AT_encoding, &encoding)) {
        return encoding == DW_ATE_signed || encoding == DW_ATE_signed_char;
    }
    for (size_t i = 0; i < t->count; i++) {
        if (t->members[i].value < 0) {
            return true;
        }
    }
    return false;
}

static uint32_t enumeration(struct dwarf_reader *r, Dwarf_Die *die, unsigned depth)
{
    struct interface_types *types = r->interface->types;
    char *name = record_name(r, die);
    uint32_t index = types_record(types, TYPE_ENUM, name);
    uint32_t size = byte_size(die);
    Dwarf_Die child;
    know(r, die->addr, index);
    for (int rc = dwarf_child(die, &child); rc == 0;
         rc = dwarf_siblingof(&child, &child)) {
        const char *shown = dwarf_diename(&child);
        if (dwarf_tag(&child) == DW_TAG_enumerator && shown != NULL) {
            char *plain = dietypes_clean(shown);
            char *full = flag(die, DW_AT_enum_class) ? cli_format("%s::%s", name, plain)
                                                     : cli_format("%s", plain);
            types_add(&types->list[index], full, TYPE_NONE)->value = constant(&child);
            free(full);
            free(plain);
        }
    }
    size = size == 0 || size > 8 ? 4 : size;
    bool has_sign = enum_signed(r, die, &types->list[index], depth);
    uint32_t integer = types_base(types, has_sign ? TYPE_SIGNED : TYPE_UNSIGNED, size);
    types->list[index].target = integer;
    types->list[index].size = size;
    free(name);
    return index;
}

/* ---- arrays, functions --------------------------------------------------------------
 */

static uint64_t dimension(Dwarf_Die *die)
{
    Dwarf_Word value;
    if (number(die, DW_AT_count, &value)) {
        return value >= UINT32_MAX ? ARRAY_OPEN : value;
    }
    if (number(die, DW_AT_upper_bound, &value)) {
        return value >= UINT32_MAX ? 0 : value + 1;
    }
    return ARRAY_OPEN;
}

static uint32_t array(struct dwarf_reader *r, Dwarf_Die *die, unsigned depth)
{
    uint64_t lengths[TYPE_DEPTH_MAX];
    unsigned count = 0;
    Dwarf_Die child;
    uint32_t type = type_of(r, die, depth);
    enum type_kind kind = flag(die, DW_AT_GNU_vector) ? TYPE_VECTOR : TYPE_ARRAY;
    for (int rc = dwarf_child(die, &child); rc == 0 && count < depth;
         rc = dwarf_siblingof(&child, &child)) {
        if (dwarf_tag(&child) == DW_TAG_subrange_type) {
            lengths[count++] = dimension(&child);
        }
    }
    if (count == 0) {
        lengths[count++] = ARRAY_OPEN;
    }
    while (count != 0) {
        struct type shape = {.kind = kind, .target = type, .length = lengths[--count]};
        type = types_shape(r->interface->types, &shape);
    }
    return type;
}

static uint32_t function(struct dwarf_reader *r, Dwarf_Die *die, unsigned depth)
{
    struct type shape = {.kind = TYPE_FUNCTION};
    Dwarf_Die child;
    for (int rc = dwarf_child(die, &child); rc == 0;
         rc = dwarf_siblingof(&child, &child)) {
        if (dwarf_tag(&child) == DW_TAG_formal_parameter) {
            (void)types_add(&shape, "", type_of(r, &child, depth));
        } else if (dwarf_tag(&child) == DW_TAG_unspecified_parameters) {
            shape.variadic = true;
        }
    }
    if (r->c && !flag(die, DW_AT_prototyped)) {
        shape.unprototyped = true;
        shape.variadic = false;
    }
    shape.target = type_of(r, die, depth);
    return types_shape(r->interface->types, &shape);
}

/* ---- structs
 * --------------------------------------------------------------------------- */

static uint32_t record(struct dwarf_reader *r, Dwarf_Die *die, enum type_kind kind)
{
    char *name = record_name(r, die);
    uint32_t index = types_record(r->interface->types, kind, name);
    struct type *t = &r->interface->types->list[index];
    free(name);
    know(r, die->addr, index);
    t->size = byte_size(die);
    t->opaque = flag(die, DW_AT_declaration);
    if (!t->opaque) {
        size_t count = r->unfilled_count++;
        r->unfilled = cli_grow(r->unfilled, &r->unfilled_capacity[0], count + 1,
                               sizeof *r->unfilled);
        r->unfilled_type = cli_grow(r->unfilled_type, &r->unfilled_capacity[1], count + 1,
                                    sizeof *r->unfilled_type);
        r->unfilled[count] = *die;
        r->unfilled_type[count] = index;
    }
    return index;
}

/* A place in bits. DWARF 2 and 3 count a bit-field's from the other end. */
static uint64_t place(Dwarf_Die *die, Dwarf_Word bits)
{
    Dwarf_Word value;
    Dwarf_Word byte = 0;
    Dwarf_Word unit;
    if (number(die, DW_AT_data_bit_offset, &value)) {
        return value;
    }
    if (number(die, DW_AT_data_member_location, &value)) {
        byte = value;
    } else {
        Dwarf_Attribute attribute;
        Dwarf_Op *ops;
        size_t count;
        if (dwarf_attr(die, DW_AT_data_member_location, &attribute) != NULL &&
            dwarf_getlocation(&attribute, &ops, &count) == 0 && count == 1 &&
            ops[0].atom == DW_OP_plus_uconst) {
            byte = ops[0].number;
        }
    }
    if (bits != 0 && number(die, DW_AT_bit_offset, &value)) {
        unit = byte_size(die);
        Dwarf_Die type;
        if (unit == 0 && target_die(die, &type)) {
            Dwarf_Word size = 0;
            unit = dwarf_aggregate_size(&type, &size) == 0 ? size : 0;
        }
        return byte * 8 + unit * 8 - value - bits;
    }
    return byte * 8;
}

/* A table of virtual functions is one however a compiler describes it. */
static bool is_vptr(const char *name)
{
    return strncmp(name, "_vptr", 5) == 0 && (name[5] == '.' || name[5] == '$');
}

static void member(struct dwarf_reader *r, Dwarf_Die *die, uint32_t owner)
{
    struct interface_types *types = r->interface->types;
    const char *name = dwarf_diename(die);
    Dwarf_Word bits = 0;
    uint32_t type;
    if (flag(die, DW_AT_external) || flag(die, DW_AT_declaration)) {
        return; /* static */
    }
    (void)number(die, DW_AT_bit_size, &bits);
    name = name == NULL ? "" : name;
    if (is_vptr(name)) {
        name = "_vptr";
        type = types_derived(types, TYPE_POINTER, types_base(types, TYPE_VOID, 0));
    } else {
        type = type_of(r, die, TYPE_DEPTH_MAX / 2);
    }
    char *clean = dietypes_clean(name);
    for (char *c = clean; *c != '\0'; c++) {
        *c = *c == ' ' ? '_' : *c;
    }
    uint64_t where = place(die, bits);
    struct type_member *m = types_add(&types->list[owner], clean, type);
    m->bits = bits <= 1024 ? (uint32_t)bits : 0;
    m->place = where / 8 <= UINT32_MAX ? where : 0;
    free(clean);
}

void dietypes_fill(struct dwarf_reader *r)
{
    while (r->unfilled_count != 0) {
        size_t last = --r->unfilled_count;
        Dwarf_Die die = r->unfilled[last];
        uint32_t type = r->unfilled_type[last];
        Dwarf_Die child;
        for (int rc = dwarf_child(&die, &child); rc == 0;
             rc = dwarf_siblingof(&child, &child)) {
            int tag = dwarf_tag(&child);
            if (tag == DW_TAG_member || tag == DW_TAG_inheritance) {
                member(r, &child, type);
            }
        }
    }
}

/* ---- all of them ---------------------------------------------------------------------
 */

static uint32_t qualified(struct dwarf_reader *r, Dwarf_Die *die, enum type_kind kind,
                          unsigned depth)
{
    uint32_t target = type_of(r, die, depth);
    /* GCC marks functions that do not return, or are pure, so. */
    if (types_plain(r->interface->types, target)->kind == TYPE_FUNCTION) {
        return target;
    }
    return types_derived(r->interface->types, kind, target);
}

/* A struct or enum without a name is called what its typedef is called. */
static uint32_t alias(struct dwarf_reader *r, Dwarf_Die *die, unsigned depth)
{
    uint32_t index = type_of(r, die, depth);
    struct type *t = &r->interface->types->list[index];
    const char *name = dwarf_diename(die);
    if ((types_is_record(t) || t->kind == TYPE_ENUM) && t->name[0] == '\0' &&
        name != NULL) {
        free(t->name);
        t->name = record_name(r, die);
        t->alias = t->name[0] != '\0';
    }
    return index;
}

static uint32_t unspecified(struct dwarf_reader *r, Dwarf_Die *die)
{
    const char *name = dwarf_diename(die);
    uint32_t nothing = types_base(r->interface->types, TYPE_VOID, 0);
    return name != NULL && strstr(name, "nullptr") != NULL
               ? types_derived(r->interface->types, TYPE_POINTER, nothing)
               : nothing;
}

static uint32_t convert_new(struct dwarf_reader *r, Dwarf_Die *die, unsigned depth)
{
    switch (dwarf_tag(die)) {
    case DW_TAG_pointer_type:
    case DW_TAG_reference_type:
    case DW_TAG_rvalue_reference_type:
        return types_derived(r->interface->types, TYPE_POINTER, type_of(r, die, depth));
    case DW_TAG_ptr_to_member_type:
        return types_derived(r->interface->types, TYPE_MEMBER_POINTER,
                             type_of(r, die, depth));
    case DW_TAG_const_type:
        return qualified(r, die, TYPE_CONST, depth);
    case DW_TAG_volatile_type:
        return qualified(r, die, TYPE_VOLATILE, depth);
    case DW_TAG_restrict_type:
    case DW_TAG_atomic_type:
    case DW_TAG_subrange_type:
        return type_of(r, die, depth);
    case DW_TAG_typedef:
        return alias(r, die, depth);
    case DW_TAG_array_type:
        return array(r, die, depth);
    case DW_TAG_subroutine_type:
    case DW_TAG_subprogram:
        return function(r, die, depth);
    case DW_TAG_structure_type:
    case DW_TAG_class_type:
        return record(r, die, TYPE_STRUCT);
    case DW_TAG_union_type:
        return record(r, die, TYPE_UNION);
    case DW_TAG_enumeration_type:
        return enumeration(r, die, depth);
    case DW_TAG_unspecified_type:
        return unspecified(r, die);
    default:
        return base(r, die);
    }
}

/* GCC's -fdebug-types-section puts structs into units of their own. */
static bool elsewhere(struct dwarf_reader *r, Dwarf_Die *die, Dwarf_Die *ret_full)
{
    Dwarf_Attribute attribute;
    if (dwarf_attr(die, DW_AT_signature, &attribute) == NULL) {
        return false;
    }
    bool found = dwarf_formref_die(&attribute, ret_full) != NULL;
    r->lost |= !found;
    return found;
}

static uint32_t convert(struct dwarf_reader *r, Dwarf_Die *die, unsigned depth)
{
    uint32_t type;
    Dwarf_Die full;
    if (known(r, die->addr, &type)) {
        return type;
    }
    if (depth == 0) {
        struct type endless = {.kind = TYPE_OTHER, .target = TYPE_NONE};
        return types_shape(r->interface->types, &endless);
    }
    type = elsewhere(r, die, &full) ? convert(r, &full, depth - 1)
                                    : convert_new(r, die, depth - 1);
    know(r, die->addr, type);
    return type;
}

/* Half of what a description may have, as arrays and functions take two levels there. */
uint32_t dietypes_of(struct dwarf_reader *r, Dwarf_Die *die)
{
    return type_of(r, die, TYPE_DEPTH_MAX / 2);
}

uint32_t dietypes_convert(struct dwarf_reader *r, Dwarf_Die *die)
{
    return convert(r, die, TYPE_DEPTH_MAX / 2);
}
