/* SPDX-License-Identifier: BSD-2-Clause */
/* A header that puts tags into symbols' names. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "forms.h"
#include "types.h"

#define WORD "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_"

/* Does the prototype declare the symbol under the linker's name for it? Others have a
 * label already, or a mangled name. */
static bool declares(const struct interface_symbol *s)
{
    size_t length = strlen(s->name);
    const char *at = s->prototype;
    while ((at = strstr(at, s->name)) != NULL) {
        bool begins = at == s->prototype || strchr(WORD, at[-1]) == NULL;
        if (begins && (at[length] == '\0' || strchr(WORD, at[length]) == NULL)) {
            return true;
        }
        at++;
    }
    return false;
}

static bool labelled(const struct interface_symbol *s)
{
    return s->tag != 0 && declares(s) && !interface_abi_fixed(s->name);
}

static bool identifier(const char *name)
{
    return name[0] != '\0' && name[strspn(name, WORD)] == '\0';
}

static void write_names(const struct interface *in, struct text *text)
{
    for (size_t i = 0; i < in->count; i++) {
        const struct interface_symbol *s = &in->symbols[i];
        if (labelled(s)) {
            text_add(text, "#pragma redefine_extname %s %s$%08x\n", s->name, s->name,
                     (unsigned)s->tag);
        }
    }
}

static void write_prototypes(const struct interface *in, struct text *text)
{
    for (size_t i = 0; i < in->count; i++) {
        const struct interface_symbol *s = &in->symbols[i];
        if (labelled(s) && strstr(s->prototype, "(nameless)") == NULL) {
            text_add(text, "extern %s;\n", s->prototype);
        }
    }
}

static void write_layout(const struct type *t, struct text *text)
{
    const char *prefix = types_prefix(t);
    text_add(text,
             "_Static_assert(sizeof(%s%s) == %u, \"%s%s changed: make this again\");\n",
             prefix, t->name, (unsigned)t->size, prefix, t->name);
    for (size_t i = 0; i < t->count; i++) {
        const struct type_member *m = &t->members[i];
        if (m->bits == 0 && identifier(m->name)) {
            text_add(text,
                     "_Static_assert(__builtin_offsetof(%s%s, %s) == %" PRIu64
                     ", \"%s%s changed: make this again\");\n",
                     prefix, t->name, m->name, m->place / 8, prefix, t->name);
        }
    }
}

static void write_layouts(const struct interface *in, struct text *text)
{
    for (size_t i = 0; i < in->types->count; i++) {
        const struct type *t = &in->types->list[i];
        /* Names of the implementation are no business of headers. */
        if (types_is_record(t) && !t->opaque && t->size != 0 && identifier(t->name) &&
            strncmp(t->name, "__", 2) != 0) {
            write_layout(t, text);
        }
    }
}

char *interface_labels(const struct interface *interface, const char *guard,
                       const char *const *includes, size_t count)
{
    struct text text = {0};
    text_add(
        &text,
        "/* Made by modapi build: include this instead of the headers below, and before "
        "them.\n"
        " * Then each symbol's type is part of its name, and mkmod can check a module "
        "that was\n"
        " * compiled without debug information. */\n"
        "#ifndef %s\n#define %s\n\n",
        guard, guard);
    write_names(interface, &text);
    text_add(&text, "\n");
    for (size_t i = 0; i < count; i++) {
        text_add(&text, "#include %s\n", includes[i]);
    }
    text_add(
        &text,
        "\n/* What the names stand for; said once more, which is nothing to warn of. */\n"
        "#pragma GCC system_header\n#ifndef __cplusplus\n");
    write_prototypes(interface, &text);
    write_layouts(interface, &text);
    text_add(&text, "#endif\n\n#endif\n");
    return text.bytes;
}
