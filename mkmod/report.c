/* SPDX-License-Identifier: BSD-2-Clause */
/* What --verbose prints: where things went, and what each part costs. */
#include <stdio.h>
#include <string.h>

#include "cli.h"
#include "module.h"

/* The map goes where data goes, unless the image itself does. */
static FILE *output_of(const struct module *m)
{
    const char *path = m->options.output;
    bool image = strcmp(path, "-") == 0 || strcmp(path, "/dev/stdout") == 0;
    return image ? stderr : stdout;
}

static void print_sections(const struct module *m, FILE *out)
{
    (void)fprintf(out, "sections (link address, bytes, offset in its segment):\n");
    for (uint32_t i = 0; i < m->order_count; i++) {
        const struct section *s = &m->elf.sections[m->order[i]];
        (void)fprintf(out, "  %-20s 0x%08x %8u  %s+0x%x%s\n", s->name,
                      (unsigned)s->address, (unsigned)s->size,
                      s->segment == HOME_TEXT ? "text" : "data",
                      (unsigned)(s->address - m->segment[s->segment].link),
                      s->bytes == NULL ? " (zeros)" : "");
    }
    (void)fprintf(
        out, "text: %u bytes (%u stored), aligned to %u, prefix %u (%u veneers)\n",
        (unsigned)m->segment[0].mem, (unsigned)m->segment[0].stored,
        1u << m->segment[0].align, (unsigned)m->prefix, (unsigned)m->veneer_count);
    if (m->segment[1].present) {
        (void)fprintf(out, "data: %u bytes (%u stored), aligned to %u\n",
                      (unsigned)m->segment[1].mem, (unsigned)m->segment[1].stored,
                      1u << m->segment[1].align);
    }
}

static void print_fixups(const struct module *m, FILE *out)
{
    static const char *const targets[] = {
        [MODFMT_TARGET_TEXT] = "text",
        [MODFMT_TARGET_DATA] = "data",
        [MODFMT_TARGET_ABSOLUTE] = "absolute",
        [MODFMT_TARGET_IMPORT] = "imports",
    };
    (void)fprintf(out, "relocation records in loaded sections:\n");
    for (uint32_t type = 0; type < 256; type++) {
        if (m->types[type] != 0) {
            (void)fprintf(out, "  %-26s %8u\n", relocation_name(type),
                          (unsigned)m->types[type]);
        }
    }
    (void)fprintf(out, "fix-ups (in, of, value from):\n");
    for (unsigned b = 0; b < BUCKETS; b++) {
        if (m->buckets[b] != 0) {
            (void)fprintf(out, "  %s, %s%s, %s: %u\n",
                          (b & BUCKET_IN_DATA) != 0 ? "data" : "text",
                          (b & BUCKET_KIND) == BUCKET_MOV    ? "movw/movt"
                          : (b & BUCKET_KIND) == BUCKET_WORD ? "words"
                                                             : "unaligned words",
                          (b & BUCKET_RELATIVE) != 0 ? " PC-relative" : "",
                          targets[b & BUCKET_TARGET], (unsigned)m->buckets[b]);
        }
    }
}

static void print_symbols(const struct module *m, FILE *out)
{
    for (uint32_t i = 0; i < m->import_count; i++) {
        const struct import *import = &m->imports[i];
        (void)fprintf(out, "import %s (hash 0x%08x, type 0x%08x)%s%s", import->name,
                      (unsigned)import->hash, (unsigned)import->type,
                      import->unverified ? ", unverified" : "",
                      import->weak ? ", weak" : "");
        if (import->branched) {
            (void)fprintf(out, ", veneer at text+0x%x", (unsigned)import->veneer);
        }
        if (import->prototype != NULL && import->prototype[0] != '\0') {
            (void)fputs(": ", out);
            cli_put_text(out, import->prototype, strlen(import->prototype));
        }
        (void)fprintf(out, "\n");
    }
}

static void print_shared(const struct module *m, FILE *out)
{
    for (uint32_t i = 0; i < m->export_count; i++) {
        const struct export *export = &m->exports[i];
        uint8_t home = HOME_TEXT;
        uint32_t place = exports_place(m, export, &home);
        (void)fprintf(out, "export %s (hash 0x%08x, type 0x%08x): %s+0x%x\n",
                      export->name, (unsigned)export->hash, (unsigned)export->type,
                      home == HOME_TEXT ? "text" : "data",
                      (unsigned)(place & (export->function ? ~1u : ~0u)));
    }
    for (size_t i = 0; i < m->options.needs.count; i++) {
        const struct need *need = &m->options.needs.list[i];
        (void)fprintf(out, "needs %s from %u.%u.%u up to but not %u.%u.%u\n", need->name,
                      need->lowest[0], need->lowest[1], need->lowest[2],
                      need->too_high[0], need->too_high[1], need->too_high[2]);
    }
    if (m->params.size != 0) {
        (void)fprintf(out, "parameter block %s: %u bytes at data+0x%x\n", m->params_name,
                      (unsigned)m->params.size,
                      (unsigned)(m->params.address - m->segment[1].link));
    }
}

static void print_flags(const struct module *m, uint32_t flags, FILE *out)
{
    (void)fprintf(out, "may be loaded:%s%s%s\n",
                  (flags & MODFMT_FLAG_BLOCK) != 0 ? " as one block" : "",
                  (flags & MODFMT_FLAG_APART) != 0 ? ", text and data apart" : "",
                  (flags & MODFMT_FLAG_IN_PLACE) != 0 ? ", text in place" : "");
    uint32_t shown = m->reason_count < REASONS_MAX ? m->reason_count : REASONS_MAX;
    for (uint32_t i = 0; i < shown; i++) {
        (void)fprintf(out, "  not apart: %s\n", m->reasons[i]);
    }
    if (m->reason_count > shown) {
        (void)fprintf(out, "  not apart: and %u more reasons\n",
                      (unsigned)(m->reason_count - shown));
    }
    if (m->has_static_base) {
        (void)fprintf(out, "r9 must hold the address of %s+0x%x (linked at 0x%08x)\n",
                      m->static_home == HOME_TEXT ? "text" : "data",
                      (unsigned)(m->static_base - m->segment[m->static_home].link),
                      (unsigned)m->static_base);
    }
}

void report_map(const struct module *m, const struct image_sizes *sizes)
{
    FILE *out = output_of(m);
    print_sections(m, out);
    print_fixups(m, out);
    print_symbols(m, out);
    print_shared(m, out);
    trampolines_report(m, out);
    print_flags(m, sizes->flags, out);
    stack_report(m, out);
    (void)fprintf(out,
                  "bytes: header %u, text %u, data %u, relocations %u (%zu fix-ups), "
                  "imports %u, exports %u, tags %u (of them names %u), image %u\n",
                  MODFMT_HEADER_SIZE, (unsigned)m->segment[0].stored,
                  (unsigned)m->segment[1].stored, (unsigned)sizes->relocs, m->fixup_count,
                  (unsigned)(9 * m->import_count), (unsigned)(13 * m->export_count),
                  (unsigned)sizes->tags, (unsigned)sizes->names, (unsigned)sizes->total);
}
