/* SPDX-License-Identifier: BSD-2-Clause */
/* What the procedure call standard asks of a type, by its DIE. Where a doubt is left the
 * answer is the one that needs more stack, or `unsure`. */
#include "argumentparts.h"

#include <stdlib.h>
#include <string.h>

#define DEPTH_MAX 24u

static void shape_of(Dwarf_Die *die, struct argument_shape *s, unsigned depth);

static bool number(Dwarf_Die *die, unsigned name, Dwarf_Word *ret_value)
{
    Dwarf_Attribute attribute;
    return dwarf_attr_integrate(die, name, &attribute) != NULL &&
           dwarf_formudata(&attribute, ret_value) == 0;
}

static bool flag(Dwarf_Die *die, unsigned name)
{
    Dwarf_Attribute attribute;
    bool value = false;
    return dwarf_attr_integrate(die, name, &attribute) != NULL &&
           dwarf_formflag(&attribute, &value) == 0 && value;
}

static bool type_of(Dwarf_Die *die, Dwarf_Die *ret_type)
{
    Dwarf_Attribute attribute;
    return dwarf_attr_integrate(die, DW_AT_type, &attribute) != NULL &&
           dwarf_formref_die(&attribute, ret_type) != NULL;
}

static uint32_t clamp(Dwarf_Word value)
{
    return value < ARGUMENT_STACK_MAX ? (uint32_t)value : ARGUMENT_STACK_MAX;
}

static uint32_t byte_size(Dwarf_Die *die, bool *ret_known)
{
    Dwarf_Word size = 0;
    *ret_known = number(die, DW_AT_byte_size, &size);
    return clamp(size);
}

/* An alignment that the source asks for, in bytes. */
static void asked_align(Dwarf_Die *die, uint32_t *align)
{
    Dwarf_Word value;
    if (number(die, DW_AT_alignment, &value) && value != 0 && value <= 0x10000) {
        *align = (uint32_t)value;
    }
}

static void scalar(struct argument_shape *s, uint32_t size)
{
    s->size = size;
    s->align = size <= 1 ? 1 : size == 2 ? 2 : size <= 4 ? 4 : 8;
    s->doubleword = size > 4;
    s->element = ARGUMENT_OTHER;
}

/* ---- numbers ----------------------------------------------------------------------- */

static void base(Dwarf_Die *die, struct argument_shape *s)
{
    Dwarf_Word encoding = 0;
    bool known;
    uint32_t size = byte_size(die, &known);
    (void)number(die, DW_AT_encoding, &encoding);
    scalar(s, size);
    s->unsure = !known || size > 8;
    if (encoding == DW_ATE_complex_float || (encoding == DW_ATE_lo_user && size > 1)) {
        /* Two numbers, as in a struct; GCC's complex integers have a code of its own. */
        scalar(s, size / 2);
        s->size = size;
        s->composite = true;
        s->unsure = encoding != DW_ATE_complex_float || size > 16;
    }
    if (encoding == DW_ATE_float || encoding == DW_ATE_complex_float) {
        s->count = encoding == DW_ATE_float ? 1 : 2;
        s->element = s->size / s->count;
        s->unsure |= s->element != 4 && s->element != 8; /* half precision */
    }
}

/* ---- arrays, vectors --------------------------------------------------------------- */

/* False: the number of elements is not known. */
static bool elements(Dwarf_Die *die, uint64_t *ret_count)
{
    Dwarf_Die child;
    uint64_t count = 1;
    for (int rc = dwarf_child(die, &child); rc == 0;
         rc = dwarf_siblingof(&child, &child)) {
        Dwarf_Word value;
        if (dwarf_tag(&child) != DW_TAG_subrange_type) {
            continue;
        }
        if (number(&child, DW_AT_upper_bound, &value)) {
            value++; /* all bits of an array without elements */
        } else if (!number(&child, DW_AT_count, &value)) {
            return false;
        }
        count *= value < ARGUMENT_STACK_MAX ? value : 0;
        count = clamp(count);
    }
    *ret_count = count;
    return count != 0;
}

static void array(Dwarf_Die *die, struct argument_shape *s, unsigned depth)
{
    uint64_t count = 0;
    Dwarf_Die of;
    if (!type_of(die, &of)) {
        s->unsure = true;
        return;
    }
    shape_of(&of, s, depth);
    bool known = elements(die, &count);
    s->composite = true;
    s->doubleword = s->align > 4;
    s->unsure |= !known; /* compilers differ about floats in arrays without elements */
    s->count = clamp(s->count * count);
    s->size = clamp((uint64_t)s->size * count);
    if (flag(die, DW_AT_GNU_vector)) {
        /* Compilers differ by what the core has. */
        scalar(s, s->size);
        s->unsure = true;
    }
}

/* ---- structs, unions, classes ------------------------------------------------------ */

static void join_elements(struct argument_shape *s, const struct argument_shape *m,
                          bool is_union)
{
    if (m->element == 0) {
        return;
    }
    if (s->element == 0) {
        s->element = m->element;
    }
    if (s->element != m->element) {
        s->element = ARGUMENT_OTHER;
    } else if (is_union) {
        s->count = m->count > s->count ? m->count : s->count;
    } else {
        s->count = clamp((uint64_t)s->count + m->count);
    }
}

static void member(Dwarf_Die *die, struct argument_shape *s, bool is_union, uint32_t *end,
                   unsigned depth)
{
    struct argument_shape m = {0};
    Dwarf_Word place = 0;
    Dwarf_Word bits;
    Dwarf_Die type;
    if (flag(die, DW_AT_external) || flag(die, DW_AT_declaration)) {
        return; /* static */
    }
    bool field = number(die, DW_AT_bit_size, &bits);
    bool base_class = dwarf_tag(die) == DW_TAG_inheritance;
    if (!type_of(die, &type)) {
        s->unsure = true;
        return;
    }
    shape_of(&type, &m, depth);
    s->unsure |= m.unsure;
    s->by_reference |= m.by_reference || flag(die, DW_AT_virtuality);
    asked_align(die, &m.align);
    if (!field && number(die, DW_AT_data_member_location, &place) && m.align != 0 &&
        place % m.align != 0) {
        m.align = 1; /* packed */
    }
    s->align = m.align > s->align ? m.align : s->align;
    if (field || (m.element == 0 && m.size != 0 && !base_class)) {
        m.element = ARGUMENT_OTHER; /* an empty class takes room unless it is a base */
    }
    join_elements(s, &m, is_union);
    uint32_t last = clamp(place + m.size);
    *end = last > *end ? last : *end;
}

/* Does this constructor take another object of its class, to copy or to move? */
static bool copies(Dwarf_Die *die, Dwarf_Die *owner)
{
    Dwarf_Die child;
    Dwarf_Die type;
    Dwarf_Die of;
    unsigned count = 0;
    for (int rc = dwarf_child(die, &child); rc == 0;
         rc = dwarf_siblingof(&child, &child)) {
        if (dwarf_tag(&child) != DW_TAG_formal_parameter || count++ != 1) {
            continue; /* `this` comes first */
        }
        int tag = type_of(&child, &type) ? dwarf_tag(&type) : 0;
        if ((tag != DW_TAG_reference_type && tag != DW_TAG_rvalue_reference_type) ||
            !type_of(&type, &of)) {
            return false;
        }
        while ((dwarf_tag(&of) == DW_TAG_const_type ||
                dwarf_tag(&of) == DW_TAG_volatile_type) &&
               type_of(&of, &type)) {
            of = type;
        }
        return of.addr == owner->addr;
    }
    return false;
}

/* A destructor, or what copies: if the source has it, the class is not trivial. */
static void method(Dwarf_Die *die, Dwarf_Die *owner, struct argument_shape *s)
{
    const char *name = dwarf_diename(die);
    const char *class = dwarf_diename(owner);
    Dwarf_Word value = 0;
    if (flag(die, DW_AT_virtuality) || number(die, DW_AT_virtuality, &value)) {
        s->by_reference |= value != DW_VIRTUALITY_none;
    }
    if (name == NULL || flag(die, DW_AT_artificial)) {
        return;
    }
    size_t length = class != NULL ? strcspn(class, "<") : 0;
    bool constructor = class != NULL && strncmp(name, class, length) == 0 &&
                       (name[length] == '\0' || name[length] == '<');
    if (name[0] != '~' && !(constructor && copies(die, owner))) {
        return;
    }
    if (flag(die, DW_AT_deleted)) {
        s->unsure = true; /* by value if another way to copy is left */
    } else if (!number(die, DW_AT_defaulted, &value) || value != DW_DEFAULTED_in_class) {
        s->by_reference = true;
    }
}

static void members(Dwarf_Die *die, struct argument_shape *s, uint32_t *end,
                    unsigned depth)
{
    bool is_union = dwarf_tag(die) == DW_TAG_union_type;
    Dwarf_Die child;
    for (int rc = dwarf_child(die, &child); rc == 0;
         rc = dwarf_siblingof(&child, &child)) {
        switch (dwarf_tag(&child)) {
        case DW_TAG_member:
        case DW_TAG_inheritance:
            member(&child, s, is_union, end, depth);
            break;
        case DW_TAG_subprogram:
            method(&child, die, s);
            break;
        default:
            break;
        }
    }
}

static void record(Dwarf_Die *die, struct argument_shape *s, unsigned depth)
{
    Dwarf_Attribute attribute;
    Dwarf_Word convention = 0;
    Dwarf_Word asked;
    uint32_t end = 0;
    bool known;
    s->composite = true;
    s->align = 1;
    s->size = byte_size(die, &known);
    if (!known || flag(die, DW_AT_declaration) ||
        dwarf_attr(die, DW_AT_signature, &attribute) != NULL) {
        /* GCC has so little of polymorphic classes whose vtable is elsewhere. */
        s->by_reference = true;
        s->unsure = true;
    }
    members(die, s, &end, depth);
    if (number(die, DW_AT_calling_convention, &convention)) {
        s->by_reference = convention == DW_CC_pass_by_reference;
    }
    s->doubleword = s->align > 4;
    if (s->element != 0 && s->element != ARGUMENT_OTHER &&
        s->size != s->element * s->count) {
        s->element = ARGUMENT_OTHER; /* padding */
    }
    /* What the struct itself is aligned to counts for members, but not for arguments. Not
     * all of GCC's DWARF has it. */
    if (s->align < 8 && s->size % 8 == 0 &&
        s->size > ((end + s->align - 1) & ~(s->align - 1))) {
        s->align = 8;
        /* Or an unnamed bit-field of eight bytes, which DWARF does not have, makes it so:
         * that one counts for arguments. */
        s->unsure |= !number(die, DW_AT_alignment, &asked);
    }
    asked_align(die, &s->align);
}

/* ---- all of them ------------------------------------------------------------------- */

static void member_pointer(Dwarf_Die *die, struct argument_shape *s)
{
    Dwarf_Die of;
    scalar(s, 4);
    if (type_of(die, &of) && dwarf_tag(&of) == DW_TAG_subroutine_type) {
        s->size = 8; /* the function, and what to add to `this` */
        s->composite = true;
    }
}

static void derived(Dwarf_Die *die, struct argument_shape *s, unsigned depth)
{
    Dwarf_Die of;
    if (type_of(die, &of)) {
        shape_of(&of, s, depth);
        asked_align(die, &s->align);
    } else {
        scalar(s, 4);
        s->unsure = true; /* void */
    }
}

static void shape_of(Dwarf_Die *die, struct argument_shape *s, unsigned depth)
{
    bool known;
    memset(s, 0, sizeof *s);
    s->unsure = depth == 0;
    if (depth == 0) {
        return;
    }
    switch (dwarf_tag(die)) {
    case DW_TAG_base_type:
        base(die, s);
        break;
    case DW_TAG_enumeration_type:
        scalar(s, byte_size(die, &known));
        s->unsure = !known;
        break;
    case DW_TAG_pointer_type:
    case DW_TAG_reference_type:
    case DW_TAG_rvalue_reference_type:
    case DW_TAG_unspecified_type: /* of nullptr */
        scalar(s, 4);
        break;
    case DW_TAG_ptr_to_member_type:
        member_pointer(die, s);
        break;
    case DW_TAG_typedef:
    case DW_TAG_const_type:
    case DW_TAG_volatile_type:
    case DW_TAG_restrict_type:
    case DW_TAG_atomic_type:
        derived(die, s, depth - 1);
        break;
    case DW_TAG_array_type:
        array(die, s, depth - 1);
        break;
    case DW_TAG_structure_type:
    case DW_TAG_class_type:
    case DW_TAG_union_type:
        record(die, s, depth - 1);
        break;
    default:
        scalar(s, 4);
        s->unsure = true;
        break;
    }
}

bool argument_shape(Dwarf_Die *die, struct argument_shape *ret_shape)
{
    Dwarf_Die type;
    if (!type_of(die, &type)) {
        return false;
    }
    shape_of(&type, ret_shape, DEPTH_MAX);
    return true;
}
