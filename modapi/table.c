/* SPDX-License-Identifier: BSD-2-Clause */
/* The export table as C, and the description in a section that is not loaded. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "build.h"

static void begin_if(FILE *out, const char *condition)
{
    if (condition != NULL) {
        (void)fprintf(out, "#if %s\n", condition);
    }
}

static void end_if(FILE *out, const char *condition)
{
    if (condition != NULL) {
        (void)fputs("#endif\n", out);
    }
}

/* ---- the table -----------------------------------------------------------------------
 */

/* A name of the linker's under a name of ours: no declaration of a built-in function has
 * to be contradicted, and the linker sets the Thumb bit by what the symbol is. */
static void write_names(FILE *out, const struct build *b)
{
    for (size_t i = 0; i < b->export_count; i++) {
        const struct export *e = &b->exports[i];
        bool data = e->declared != NULL && e->declared->kind == INTERFACE_OBJECT;
        (void)fprintf(out,
                      data ? "extern const uint8_t modapi_%zu[] __asm__(\"%s\");\n"
                           : "extern void modapi_%zu(void) __asm__(\"%s\");\n",
                      i, e->symbol);
    }
}

static const char *prototype(const struct build *b, const struct export *e)
{
    const struct interface_symbol *s = interface_find(b->interface, e->link);
    return s != NULL && s->prototype[0] != '\0' ? s->prototype : e->link;
}

static void write_comment(FILE *out, const char *text)
{
    (void)fputs(" /* ", out);
    for (; *text != '\0'; text++) {
        (void)fputc(*text == '/' ? ' ' : *text, out);
    }
    (void)fputs(" */\n", out);
}

static void write_entries(FILE *out, const struct build *b)
{
    bool any = false;
    (void)fprintf(out,
                  "\nextern const struct modload_export %s_exports[];\n"
                  "const struct modload_export %s_exports[] = {\n",
                  b->name, b->name);
    for (size_t i = 0; i < b->export_count; i++) {
        const struct export *e = &b->exports[i];
        begin_if(out, e->condition);
        (void)fprintf(out, "    {0x%08xu, 0x%08xu, (uint32_t)(uintptr_t)modapi_%zu},",
                      (unsigned)e->hash, (unsigned)e->tag, i);
        write_comment(out, prototype(b, e));
        end_if(out, e->condition);
        any |= e->condition == NULL;
    }
    if (!any) {
        (void)fputs("    {0, 0, 0}, /* not counted: C has no empty arrays */\n", out);
    }
    (void)fputs("};\n", out);
}

/* Symbols whose addresses are the number of entries and the interface's version:
 * constants for other files. */
static void write_count(FILE *out, const struct build *b)
{
    size_t always = 0;
    for (size_t i = 0; i < b->export_count; i++) {
        always += b->exports[i].condition == NULL;
    }
    (void)fprintf(out,
                  "\n__asm__(\"\\t.global %s_export_count\\n\"\n"
                  "        \"\\t.set %s_export_count, %zu\"\n",
                  b->name, b->name, always);
    for (size_t i = 0; i < b->export_count; i++) {
        if (b->exports[i].condition != NULL) {
            begin_if(out, b->exports[i].condition);
            (void)fputs("        \" + 1\"\n", out);
            end_if(out, b->exports[i].condition);
        }
    }
    (void)fprintf(out,
                  "        \"\\n\\t.global %s_api_version\\n\"\n"
                  "        \"\\t.set %s_api_version, 0x%x\\n\");\n",
                  b->name, b->name, (unsigned)(b->version[0] * 65536u + b->version[1]));
}

/* ---- the description
 * -------------------------------------------------------------------- */

/* One character of a string in assembler, which is itself in a string in C. */
static void write_character(FILE *out, char c, char before)
{
    if (c == '"') {
        (void)fputs("\\\\\\\"", out);
    } else if (c == '\\') {
        (void)fputs("\\\\\\\\", out);
    } else if ((unsigned char)c < 0x20 || (unsigned char)c >= 0x7f ||
               (c == '?' && before == '?')) {
        (void)fprintf(out, "\\\\%03o", (unsigned)(unsigned char)c);
    } else {
        (void)fputc(c, out);
    }
}

static void write_line(FILE *out, const char *line, size_t length)
{
    char before = '\0';
    (void)fputs("        \"\\t.ascii \\\"", out);
    for (size_t i = 0; i < length; i++) {
        write_character(out, line[i], before);
        before = line[i];
    }
    (void)fputs("\\\\n\\\"\\n\"\n", out);
}

/* The condition of the symbol that a block of the description is about; NULL: none. */
static const char *block_condition(const struct build *b, const char *block)
{
    size_t skip = strncmp(block, "function ", 9) == 0 ? 9
                  : strncmp(block, "data ", 5) == 0   ? 5
                                                      : 0;
    size_t length = strcspn(block + skip, " \n");
    for (size_t i = 0; skip != 0 && i < b->export_count; i++) {
        const struct export *e = &b->exports[i];
        if (strlen(e->link) == length && memcmp(e->link, block + skip, length) == 0) {
            return e->condition;
        }
    }
    return NULL;
}

/* Blocks are apart by empty lines. An assembler keeps the order of statements. */
static const char *write_block(FILE *out, const struct build *b, const char *block)
{
    const char *condition = block_condition(b, block);
    begin_if(out, condition);
    (void)fputs(
        "__asm__(\"\\t.pushsection " INTERFACE_SECTION ",\\\"\\\",%progbits\\n\"\n", out);
    while (*block != '\0') {
        size_t length = strcspn(block, "\n");
        write_line(out, block, length);
        block += length + (block[length] == '\n');
        if (length == 0) {
            break;
        }
    }
    (void)fputs("        \"\\t.popsection\\n\");\n", out);
    end_if(out, condition);
    return block;
}

char *table_text(const struct build *b, const char *description)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    if (out == NULL) {
        cli_die(CLI_IO, NULL, "out of memory");
    }
    (void)fprintf(
        out,
        "/* Made by modapi build: what %s offers to modules. Do not edit. Its names\n"
        " * have types that are not theirs: in a build with -flto, compile this "
        "file with\n"
        " * -fno-lto. */\n"
        "#include \"modload_tables.h\"\n",
        b->provider);
    for (size_t i = 0; i < b->include_count; i++) {
        const char *quote = b->includes[i][0] == '<' ? "" : "\"";
        (void)fprintf(out, "#include %s%s%s\n", quote, b->includes[i], quote);
    }
    (void)fputc('\n', out);
    write_names(out, b);
    write_entries(out, b);
    write_count(out, b);
    (void)fputs(
        "\n/* The description, for tools that read this program's ELF: none of it is "
        "loaded. */\n",
        out);
    while (*description != '\0') {
        description = write_block(out, b, description);
    }
    if (fclose(out) != 0) {
        cli_die(CLI_IO, NULL, "out of memory");
    }
    return text;
}
