/* SPDX-License-Identifier: BSD-2-Clause */
/* The block of parameters that host or firmware fills before the entry runs. It is stored
 * in the image even if all of it is zero, so that the host has something to fill. */
#include <elf.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "module.h"

#define DEFAULT_SYMBOL "module_params"
/* Zeros that are stored in front of a block in .bss for its sake; beyond that its author
 * shall move it. */
#define ZEROS_MAX 1024u

static const struct symbol *block_symbol(struct module *m)
{
    const char *name = m->options.params_symbol;
    struct symbols marked = records_of(m, PARAMS_SECTION);
    const struct symbol *s = NULL;
    if (name != NULL) {
        s = elffile_symbol(&m->elf, name);
        if (s == NULL) {
            problem_error(m, 0, 0,
                          "there is no symbol '%s' to be the parameter block; check "
                          "--params-symbol, and that --gc-sections did not drop it",
                          name);
        }
    } else if (marked.count != 0) {
        s = &m->elf.symbols[marked.list[0]];
        if (marked.count > 1) {
            problem_error(m, 0, 0,
                          "'%s' and '%s' are both marked with MODULE_PARAMS; a module "
                          "has one parameter block",
                          s->name, m->elf.symbols[marked.list[1]].name);
        }
    } else {
        s = elffile_symbol(&m->elf, DEFAULT_SYMBOL);
        s = s != NULL && s->type == STT_OBJECT ? s : NULL;
    }
    free(marked.list);
    return s;
}

static bool acceptable(struct module *m, const struct symbol *s)
{
    const char *reason = NULL;
    if (s->home == HOME_IMPORT) {
        reason = "is not defined in the module";
    } else if (s->home == HOME_TEXT && s->type == STT_OBJECT) {
        reason = "is const, so the compiler may have used its values already, and it "
                 "cannot be filled where text runs in place; drop 'const'";
    } else if (s->home != HOME_DATA || s->type != STT_OBJECT) {
        reason = "is no data object of the module";
    } else if (s->bind == STB_LOCAL && !s->hidden) {
        reason = "is static, so the compiler may have used its values already; drop "
                 "'static'";
    } else if (s->size == 0) {
        reason = "has no size; in assembler, add .size";
    } else if (s->value - m->segment[1].start > m->segment[1].mem ||
               s->size > m->segment[1].mem - (s->value - m->segment[1].start)) {
        reason = "reaches past the end of data; the ELF is corrupt";
    }
    if (reason != NULL) {
        problem_error(m, 0, 0, "the parameter block '%s' %s", s->name, reason);
    }
    return reason == NULL;
}

void params_plan(struct module *m)
{
    struct segment *data = &m->segment[1];
    const struct symbol *s = block_symbol(m);
    if (s == NULL || !acceptable(m, s)) {
        return;
    }
    uint32_t from = s->value - data->start;
    if (from > data->stored && from - data->stored > ZEROS_MAX) {
        problem_error(m, 0, 0,
                      "the parameter block '%s' lies in .bss, %u bytes behind what is "
                      "stored; give it __attribute__((section(\".data\")))",
                      s->name, (unsigned)(from - data->stored));
        return;
    }
    if (from + s->size > data->stored) {
        data->stored = from + s->size;
    }
    m->params.address = s->value;
    m->params.size = s->size;
    m->params_name = s->name;
}

/* Any byte of it that a fix-up changes, so that what was filled in would be changed. */
static bool untouched(struct module *m)
{
    for (uint32_t i = 0; i < m->params.size; i++) {
        if (segments_touched(m, m->params.address + i, 1)) {
            problem_error(m, 0, 0,
                          "the parameter block '%s' holds an address at byte %u, which "
                          "the loader would add to whatever is filled in; keep "
                          "pointers out of it",
                          m->params_name, (unsigned)i);
            return false;
        }
    }
    return true;
}

void params_fill(struct module *m)
{
    const char *path = m->options.params;
    if (m->params.size == 0) {
        if (path != NULL) {
            problem_error(m, 0, 0,
                          "has no parameter block for --params: define an object "
                          "'" DEFAULT_SYMBOL "', or name it with MODULE_PARAMS or "
                          "--params-symbol");
        }
        return;
    }
    if (!untouched(m) || path == NULL) {
        return;
    }
    size_t size = 0;
    uint8_t *bytes = cli_read_file(path, &size);
    if (size > m->params.size) {
        problem_error(m, 0, 0,
                      "the parameters in %s are %zu bytes; the block '%s' has %u", path,
                      size, m->params_name, (unsigned)m->params.size);
    } else if (size != 0) {
        memcpy(segments_bytes(m, m->params.address, m->params.size), bytes, size);
    }
    free(bytes);
}
