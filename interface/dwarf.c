/* SPDX-License-Identifier: BSD-2-Clause */
/* Symbols with external linkage in an ELF's DWARF. */
#include "dies.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cli.h"
#include "modfmt.h"
#include "units.h"

static bool flag(Dwarf_Die *die, unsigned name)
{
    Dwarf_Attribute attribute;
    bool value = false;
    return dwarf_attr_integrate(die, name, &attribute) != NULL &&
           dwarf_formflag(&attribute, &value) == 0 && value;
}

static const char *string(Dwarf_Die *die, unsigned name)
{
    Dwarf_Attribute attribute;
    return dwarf_attr_integrate(die, name, &attribute) != NULL
               ? dwarf_formstring(&attribute)
               : NULL;
}

static bool good_name(const char *name)
{
    for (const char *c = name; *c != '\0'; c++) {
        if ((unsigned char)*c <= 0x20 || *c == 0x7f) {
            return false;
        }
    }
    return name[0] != '\0';
}

static char *where(Dwarf_Die *die)
{
    int line = 0;
    const char *file = dwarf_decl_file(die);
    if (file == NULL || dwarf_decl_line(die, &line) != 0) {
        return NULL;
    }
    const char *slash = strrchr(file, '/');
    char *clean = dietypes_clean(slash != NULL ? slash + 1 : file);
    char *text = cli_format("%s:%d", clean, line);
    free(clean);
    return text;
}

static struct interface_symbol *add(struct dwarf_reader *r, const char *name,
                                    uint32_t type, char *prototype)
{
    struct interface *in = r->interface;
    in->symbols =
        cli_grow(in->symbols, &r->symbol_capacity, in->count + 1, sizeof *in->symbols);
    struct interface_symbol *s = &in->symbols[in->count++];
    memset(s, 0, sizeof *s);
    s->name = cli_format("%s", name);
    s->kind = types_plain(in->types, type)->kind == TYPE_FUNCTION ? INTERFACE_FUNCTION
                                                                  : INTERFACE_OBJECT;
    s->type = type;
    s->prototype = prototype;
    s->defined = true;
    return s;
}

/* ---- all symbols ------------------------------------------------------------------- */

/* Calls that GCC made of others by itself have a name that begins so, and no type. */
static bool made_by_compiler(Dwarf_Die *die)
{
    const char *name = dwarf_diename(die);
    return name != NULL && strncmp(name, "__builtin_", 10) == 0;
}

/* With -g1 functions have no types, which must not look like f(), nor like void f(void).
 */
static bool untold(struct dwarf_reader *r, Dwarf_Die *die)
{
    Dwarf_Attribute attribute;
    Dwarf_Die child;
    if (!r->c || flag(die, DW_AT_prototyped) ||
        dwarf_attr_integrate(die, DW_AT_type, &attribute) != NULL) {
        return false;
    }
    for (int rc = dwarf_child(die, &child); rc == 0;
         rc = dwarf_siblingof(&child, &child)) {
        int tag = dwarf_tag(&child);
        if (tag == DW_TAG_formal_parameter || tag == DW_TAG_unspecified_parameters) {
            return false;
        }
    }
    return true;
}

static void take_symbol(struct dwarf_reader *r, Dwarf_Die *die, bool in_class)
{
    Dwarf_Attribute attribute;
    bool is_function = dwarf_tag(die) == DW_TAG_subprogram;
    const char *shown = dwarf_diename(die);
    const char *name = string(die, DW_AT_linkage_name);
    name = name != NULL ? name : string(die, DW_AT_MIPS_linkage_name);
    /* Of what a class has, a name without a linker's one is a constructor's or the like.
     */
    name = name != NULL || in_class ? name : shown;
    /* A copy of a function refers to the DIE that says all. */
    if (!flag(die, DW_AT_external) || name == NULL || shown == NULL || !good_name(name) ||
        made_by_compiler(die) || dwarf_attr(die, DW_AT_abstract_origin, &attribute)) {
        return;
    }
    if (is_function && untold(r, die)) {
        return;
    }
    uint32_t type = is_function ? dietypes_convert(r, die) : dietypes_of(r, die);
    Dwarf_Die target;
    char *prototype = NULL;
    if (is_function) {
        prototype = prototype_of(die, shown, NULL, 0);
    } else if (dwarf_attr_integrate(die, DW_AT_type, &attribute) != NULL &&
               dwarf_formref_die(&attribute, &target) != NULL) {
        prototype = prototype_of(&target, shown, NULL, 0);
    } else {
        return; /* data without a type: what an assembler says */
    }
    struct interface_symbol *s = add(r, name, type, prototype);
    s->where = where(die);
    s->defined = dwarf_attr(die, DW_AT_declaration, &attribute) == NULL;
}

/* Declarations may stand in namespaces, classes, functions and blocks. */
static void take_symbols(struct dwarf_reader *r, Dwarf_Die *parent, unsigned depth)
{
    Dwarf_Die child;
    int tag = dwarf_tag(parent);
    bool in_class = tag == DW_TAG_structure_type || tag == DW_TAG_class_type ||
                    tag == DW_TAG_union_type;
    for (int rc = dwarf_child(parent, &child); rc == 0 && depth != 0;
         rc = dwarf_siblingof(&child, &child)) {
        switch (dwarf_tag(&child)) {
        case DW_TAG_subprogram:
            take_symbol(r, &child, in_class);
            take_symbols(r, &child, depth - 1);
            break;
        case DW_TAG_variable:
            take_symbol(r, &child, in_class);
            break;
        case DW_TAG_namespace:
        case DW_TAG_lexical_block:
            take_symbols(r, &child, depth - 1);
            break;
        case DW_TAG_structure_type:
        case DW_TAG_class_type:
        case DW_TAG_union_type:
            if (r->cxx) {
                take_symbols(r, &child, depth - 1);
            }
            break;
        default:
            break;
        }
    }
}

/* ---- a probe -------------------------------------------------------------------------
 */

static bool target(Dwarf_Die *die, Dwarf_Die *ret_target)
{
    Dwarf_Attribute attribute;
    return dwarf_attr_integrate(die, DW_AT_type, &attribute) != NULL &&
           dwarf_formref_die(&attribute, ret_target) != NULL;
}

static void take_probe(struct dwarf_reader *r, Dwarf_Die *die)
{
    const size_t prefix = strlen(INTERFACE_PROBE_PREFIX);
    const char *name = dwarf_diename(die);
    Dwarf_Die pointer;
    Dwarf_Die type;
    char *end;
    if (name == NULL || strncmp(name, INTERFACE_PROBE_PREFIX, prefix) != 0) {
        return;
    }
    unsigned long index = strtoul(name + prefix, &end, 10);
    if (*end != '\0' || index >= r->probes->count || !target(die, &pointer) ||
        !target(&pointer, &type)) {
        return;
    }
    const struct interface_probe *probe = &r->probes->list[index];
    uint32_t found = dietypes_convert(r, &type);
    while (dwarf_tag(&type) == DW_TAG_volatile_type &&
           types_plain(r->interface->types, found)->kind == TYPE_FUNCTION &&
           target(&type, &pointer)) {
        type = pointer; /* GCC's way to say that it does not return */
    }
    struct interface_symbol *s =
        add(r, probe->name, found,
            prototype_of(&type, probe->shown, probe->parameters, probe->parameter_count));
    if (probe->condition != NULL) {
        s->condition = cli_format("%s", probe->condition);
    }
}

static bool in_public_header(struct dwarf_reader *r, Dwarf_Die *die)
{
    const char *file = dwarf_decl_file(die);
    struct stat here;
    if (file == NULL || stat(file, &here) != 0) {
        return false;
    }
    for (size_t i = 0; i < r->probes->header_count; i++) {
        struct stat header;
        if (stat(r->probes->headers[i], &header) == 0 && header.st_dev == here.st_dev &&
            header.st_ino == here.st_ino) {
            return true;
        }
    }
    return false;
}

/* Enums that are public by where they are; a typedef gives a nameless one its name. */
static void take_enum(struct dwarf_reader *r, Dwarf_Die *die)
{
    Dwarf_Die named;
    if (dwarf_tag(die) == DW_TAG_typedef &&
        (!target(die, &named) || dwarf_tag(&named) != DW_TAG_enumeration_type)) {
        return;
    }
    if (in_public_header(r, die)) {
        uint32_t type = dietypes_convert(r, die);
        r->interface->types->list[type].kept = true;
    }
}

static void take_probes(struct dwarf_reader *r, Dwarf_Die *parent, unsigned depth)
{
    Dwarf_Die child;
    for (int rc = dwarf_child(parent, &child); rc == 0 && depth != 0;
         rc = dwarf_siblingof(&child, &child)) {
        switch (dwarf_tag(&child)) {
        case DW_TAG_variable:
            take_probe(r, &child);
            break;
        case DW_TAG_enumeration_type:
        case DW_TAG_typedef:
            take_enum(r, &child);
            break;
        case DW_TAG_namespace:
            take_probes(r, &child, depth - 1);
            break;
        default:
            break;
        }
    }
}

/* What has no pointer, because no header declares it. */
static void take_untyped(struct dwarf_reader *r)
{
    for (size_t i = 0; r->probes != NULL && i < r->probes->count; i++) {
        const struct interface_probe *probe = &r->probes->list[i];
        if (!probe->untyped) {
            continue;
        }
        uint32_t nothing = types_base(r->interface->types, TYPE_VOID, 0);
        struct interface_symbol *s = add(r, probe->name, nothing, cli_format("%s", ""));
        s->kind = INTERFACE_FUNCTION;
        s->condition =
            probe->condition != NULL ? cli_format("%s", probe->condition) : NULL;
    }
}

/* ---- source files ---------------------------------------------------------------------
 */

static void read_unit(struct dwarf_reader *r, Dwarf_Die *unit)
{
    int language = dwarf_srclang(unit);
    r->c = language == DW_LANG_C || language == DW_LANG_C89 || language == DW_LANG_C99 ||
           language == DW_LANG_C11;
    r->cxx = !r->c;
    Dwarf_Attribute attribute;
    r->lost |= dwarf_attr(unit, DW_AT_dwo_name, &attribute) != NULL ||
               dwarf_attr(unit, DW_AT_GNU_dwo_name, &attribute) != NULL;
    if (language == DW_LANG_Mips_Assembler) {
        return; /* names without types */
    }
    if (r->probes != NULL) {
        take_probes(r, unit, DIE_DEPTH_MAX);
    } else {
        take_symbols(r, unit, DIE_DEPTH_MAX);
    }
    dietypes_fill(r);
}

/* ---- one of each
 * ----------------------------------------------------------------------- */

static const struct interface_types *sorting; /* qsort() has no context */

static int by_symbol(const void *a, const void *b)
{
    const struct interface_symbol *x = a;
    const struct interface_symbol *y = b;
    uint64_t cx = types_plain(sorting, x->type)->color;
    uint64_t cy = types_plain(sorting, y->type)->color;
    int order = strcmp(x->name, y->name);
    if (order == 0) {
        order = (cx > cy) - (cx < cy);
    }
    if (order == 0) {
        order = y->defined - x->defined;
    }
    if (order == 0) {
        order =
            strcmp(x->where != NULL ? x->where : "", y->where != NULL ? y->where : "");
    }
    return order != 0 ? order : strcmp(x->prototype, y->prototype);
}

/* Every source file that uses a function declares it: keep one of each type. */
static void drop_repeated(struct interface *in)
{
    size_t kept = 0;
    sorting = in->types;
    if (in->count != 0) {
        qsort(in->symbols, in->count, sizeof *in->symbols, by_symbol);
    }
    for (size_t i = 0; i < in->count; i++) {
        const struct interface_symbol *s = &in->symbols[i];
        const struct interface_symbol *last = &in->symbols[kept == 0 ? 0 : kept - 1];
        if (kept == 0 || strcmp(last->name, s->name) != 0 ||
            types_plain(in->types, last->type)->color !=
                types_plain(in->types, s->type)->color) {
            in->symbols[kept++] = *s;
        }
    }
    in->count = kept; /* the child ends soon: nothing is freed */
}

void dwarf_read(struct dwarf_reader *r, Dwarf *dwarf)
{
    struct units units = {dwarf, 0};
    Dwarf_Die unit;
    while (units_next(&units, &unit)) {
        read_unit(r, &unit);
    }
    take_untyped(r);
    types_merge(r->interface->types);
    types_color(r->interface->types);
    drop_repeated(r->interface);
    for (size_t i = 0; i < r->interface->count; i++) {
        struct interface_symbol *s = &r->interface->symbols[i];
        bool known = types_plain(r->interface->types, s->type)->kind != TYPE_VOID;
        s->type = known ? s->type : TYPE_NONE;
    }
    types_name(r->interface);
}
