/* SPDX-License-Identifier: BSD-2-Clause */
/* DWARF's types as C writes them, with the names that the source gave them. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "dies.h"

struct names {
    const char *const *list;
    size_t count;
};

/* Declarators grow from the name outwards; takes `inner`. */
static char *declare(Dwarf_Die *type, char *inner, const struct names *names,
                     unsigned depth);

static char *declare_target(Dwarf_Die *die, char *inner, unsigned depth)
{
    Dwarf_Attribute attribute;
    Dwarf_Die target;
    if (dwarf_attr_integrate(die, DW_AT_type, &attribute) == NULL ||
        dwarf_formref_die(&attribute, &target) == NULL) {
        return declare(NULL, inner, NULL, depth);
    }
    return declare(&target, inner, NULL, depth);
}

static char *take(char *old, char *text)
{
    free(old);
    return text;
}

/* "struct point" and "p" become "struct point p". */
static char *named(const char *keyword, const char *name, char *inner)
{
    const char *space = inner[0] == '\0' || inner[0] == '[' ? "" : " ";
    char *clean = dietypes_clean(name);
    char *text = cli_format("%s%s%s%s", keyword, clean, space, inner);
    free(clean);
    return take(inner, text);
}

static int target_tag(Dwarf_Die *die, Dwarf_Die *ret_target)
{
    Dwarf_Attribute attribute;
    if (dwarf_attr_integrate(die, DW_AT_type, &attribute) == NULL ||
        dwarf_formref_die(&attribute, ret_target) == NULL) {
        return 0;
    }
    return dwarf_tag(ret_target);
}

static char *pointer(Dwarf_Die *die, const char *star, char *inner, unsigned depth)
{
    Dwarf_Die target;
    int tag = target_tag(die, &target);
    /* GCC has attributes of functions as qualifiers. */
    while (tag == DW_TAG_const_type || tag == DW_TAG_volatile_type) {
        Dwarf_Die behind;
        int next = target_tag(&target, &behind);
        if (next != DW_TAG_subroutine_type) {
            break;
        }
        target = behind;
        tag = next;
    }
    bool wrap = tag == DW_TAG_array_type || tag == DW_TAG_subroutine_type;
    char *text = cli_format(wrap ? "(%s%s)" : "%s%s", star, inner);
    free(inner);
    return tag == 0 ? declare(NULL, text, NULL, depth)
                    : declare(&target, text, NULL, depth);
}

/* Of a pointer, qualifiers stand behind the star; of all else in front. */
static char *qualified(Dwarf_Die *die, const char *word, char *inner, unsigned depth)
{
    Dwarf_Die target;
    int tag = target_tag(die, &target);
    if (tag == DW_TAG_pointer_type) {
        return declare(
            &target,
            take(inner, cli_format(" %s%s%s", word, inner[0] != '\0' ? " " : "", inner)),
            NULL, depth);
    }
    char *text = declare_target(die, inner, depth);
    return take(text, cli_format("%s %s", word, text));
}

static char *array(Dwarf_Die *die, char *inner, unsigned depth)
{
    Dwarf_Die child;
    for (int rc = dwarf_child(die, &child); rc == 0;
         rc = dwarf_siblingof(&child, &child)) {
        Dwarf_Attribute attribute;
        Dwarf_Word value = 0;
        if (dwarf_tag(&child) != DW_TAG_subrange_type) {
            continue;
        }
        bool counted = dwarf_attr(&child, DW_AT_count, &attribute) != NULL &&
                       dwarf_formudata(&attribute, &value) == 0;
        if (!counted && dwarf_attr(&child, DW_AT_upper_bound, &attribute) != NULL &&
            dwarf_formudata(&attribute, &value) == 0) {
            counted = true;
            value++;
        }
        inner = take(inner, counted ? cli_format("%s[%" PRIu64 "]", inner, value)
                                    : cli_format("%s[]", inner));
    }
    return declare_target(die, inner, depth);
}

static char *append(char *list, const char *item)
{
    return take(list, cli_format("%s%s%s", list, list[0] != '\0' ? ", " : "", item));
}

static char *function(Dwarf_Die *die, char *inner, const struct names *names,
                      unsigned depth)
{
    char *list = cli_format("%s", "");
    size_t count = 0;
    Dwarf_Attribute attribute;
    Dwarf_Die child;
    for (int rc = dwarf_child(die, &child); rc == 0;
         rc = dwarf_siblingof(&child, &child)) {
        if (dwarf_tag(&child) == DW_TAG_unspecified_parameters) {
            list = append(list, "...");
        }
        if (dwarf_tag(&child) != DW_TAG_formal_parameter) {
            continue;
        }
        const char *name = dwarf_diename(&child);
        if (names != NULL && count < names->count) {
            name = names->list[count];
        }
        char *clean = dietypes_clean(name != NULL ? name : "");
        char *parameter = declare_target(&child, clean, depth);
        list = append(list, parameter);
        free(parameter);
        count++;
    }
    bool empty = list[0] == '\0' &&
                 dwarf_attr_integrate(die, DW_AT_prototyped, &attribute) != NULL;
    inner = take(inner, cli_format("%s(%s)", inner,
                                   strcmp(list, "...") == 0 ? ""
                                   : empty                  ? "void"
                                                            : list));
    free(list);
    return declare_target(die, inner, depth);
}

static char *tagged(Dwarf_Die *die, const char *keyword, char *inner)
{
    const char *name = dwarf_diename(die);
    return named(keyword, name != NULL && name[0] != '\0' ? name : "(nameless)", inner);
}

static char *declare_plain(Dwarf_Die *type, char *inner)
{
    switch (dwarf_tag(type)) {
    case DW_TAG_structure_type:
    case DW_TAG_class_type:
        return tagged(type, "struct ", inner);
    case DW_TAG_union_type:
        return tagged(type, "union ", inner);
    case DW_TAG_enumeration_type:
        return tagged(type, "enum ", inner);
    default:
        return tagged(type, "", inner);
    }
}

static char *declare(Dwarf_Die *type, char *inner, const struct names *names,
                     unsigned depth)
{
    if (type == NULL) {
        return named("", "void", inner);
    }
    if (depth == 0) {
        return named("", "...", inner);
    }
    switch (dwarf_tag(type)) {
    case DW_TAG_pointer_type:
        return pointer(type, "*", inner, depth - 1);
    case DW_TAG_reference_type:
        return pointer(type, "&", inner, depth - 1);
    case DW_TAG_rvalue_reference_type:
        return pointer(type, "&&", inner, depth - 1);
    case DW_TAG_const_type:
        return qualified(type, "const", inner, depth - 1);
    case DW_TAG_volatile_type:
        return qualified(type, "volatile", inner, depth - 1);
    case DW_TAG_restrict_type:
    case DW_TAG_atomic_type:
        return declare_target(type, inner, depth - 1);
    case DW_TAG_array_type:
        return array(type, inner, depth - 1);
    case DW_TAG_subroutine_type:
    case DW_TAG_subprogram:
        return function(type, inner, names, depth - 1);
    default:
        return declare_plain(type, inner);
    }
}

char *prototype_of(Dwarf_Die *type, const char *name, const char *const *parameters,
                   size_t count)
{
    struct names names = {parameters, count};
    char *text = declare(type, cli_format("%s", name), parameters != NULL ? &names : NULL,
                         TYPE_DEPTH_MAX);
    char *clean = cli_format("%s", text);
    size_t length = 0;
    for (const char *c = text; *c != '\0'; c++) {
        /* "char * const p": the star stands with what it belongs to. */
        if (*c == ' ' && length != 0 && clean[length - 1] == '*') {
            continue;
        }
        clean[length++] = (unsigned char)*c < 0x20 || *c == 0x7f ? '?' : *c;
    }
    clean[length] = '\0';
    free(text);
    return clean;
}
