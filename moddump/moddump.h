/* SPDX-License-Identifier: BSD-2-Clause */
/** moddump's parts: one model of a module, and printers over it. */
#ifndef MODDUMP_H
#define MODDUMP_H

#include "cli.h"
#include "modfmt_link.h"

/** Bytes of an image that are text; nothing says that a zero byte follows. */
struct piece_of_text {
    const char *bytes;
    size_t length;
};

/** A module that passed every check, with its tables decoded. */
struct module {
    const char *path;
    uint8_t *bytes;
    size_t size;       /**< of the file */
    uint32_t trailing; /**< bytes 0xFF behind the image */
    struct modfmt_image image;
    struct modfmt_fixup *fixups;
    size_t fixup_count;
    struct modfmt_import *imports;
    struct piece_of_text *prototypes; /**< of each import; empty: not known */
    struct modfmt_export *exports;
    struct modfmt_tag *tags;
    size_t tag_count;
    uint32_t tag_end; /**< offset of the first byte behind the last tag */
    uint32_t prefix;  /**< bytes of text in front of the ELF's first one */
    bool compressed;  /**< the stored bytes are not what memory will hold */
    bool linked;      /**< the stored bytes are fixed for one place: */
    struct modfmt_linked link;
    const uint8_t *bound; /**< a word an import: its address; NULL if there are none */
};

/** The parts that options choose; what is 0 is the overview. */
enum part {
    PART_HEADERS = 1,
    PART_SEGMENTS = 2,
    PART_RELOCS = 4,
    PART_IMPORTS = 8,
    PART_EXPORTS = 16,
    PART_TAGS = 32,
    PART_HEX = 64,
    PART_CODE = 128,
};

/* ---- model.c --------------------------------------------------------------- */

/** Check the bytes and decode them. @return 0, or a MODFMT_E_* with its diag */
int module_open(const char *path, uint8_t *bytes, size_t size, struct module *ret_module,
                struct modfmt_diag *diag);
void module_close(struct module *module);
/** The first tag of that type, or NULL. */
const struct modfmt_tag *module_tag(const struct module *module, uint32_t type);
/** What is stored at a fix-up's place: the word, or what MOVW and MOVT together hold. Of a
 *  linked image, what was stored there before. */
uint32_t module_stored(const struct module *module, const struct modfmt_fixup *fixup);
/** A byte of a segment as it is before relocation; 0 in what is not stored. */
uint8_t module_byte(const struct module *module, unsigned segment, uint32_t offset);

/** An area of the image. */
struct area {
    const char *name;
    uint32_t offset;
    uint32_t size;
};
#define AREA_COUNT 9
/** All areas, in order; sizes without the padding behind them. */
void module_areas(const struct modfmt_image *image, struct area ret_areas[AREA_COUNT]);

/* ---- linked.c -------------------------------------------------------------- */

/** Note what the tags linked and bound say, if they are there. */
void linked_read(struct module *module);
/** What linking has added at a fix-up's place; 0 where the image is not linked. */
uint32_t linked_value(const struct module *module, const struct modfmt_fixup *fixup);
/** Print "firmware BUILD_ID, interface 1.2". */
void put_firmware(FILE *out, const struct modfmt_linked *link);
/** Write what the image was before it was linked. @return an exit status */
int unlink_module(const struct module *module, const char *output);

/* ---- veneer.c -------------------------------------------------------------- */

/** The import that the veneer leads to which holds an offset in text, if it is one of code
 *  that counts on r9. */
bool veneer_import(const struct module *module, uint32_t offset, uint32_t *ret_index);

/* ---- words.c --------------------------------------------------------------- */

/** A name of a bit or number of the format; NULL-named ends a list. */
struct word {
    uint32_t value;
    const char *name;
};
extern const struct word flag_words[];
extern const struct word need_words[];
extern const struct word import_words[];
extern const struct word export_words[];

/** "ARMv7E-M, FPv4-SP, softfp". */
void needs_text(uint32_t needs, char *ret_text, size_t size);
/** The names of the bits that are set, with ", " between them. */
void bits_text(const struct word *words, uint32_t bits, char *ret_text, size_t size);
/** Bytes of RAM that an image takes if it is placed as one of the flags says. */
uint32_t ram_of(const struct modfmt_image *image, uint32_t flag);
/** The name of a fix-up's target, one of MODFMT_TARGET_*. */
const char *target_name(uint32_t target);
/** The name of a tag's type, "vendor", or "unknown". */
const char *tag_name(uint32_t type);
const char *segment_name(unsigned segment);
/** "word", "mov pair", "movw" or "movt". */
const char *fixup_kind(const struct modfmt_fixup *fixup);
/** Print "text+0x10" of a place word of a tag. */
void put_place(FILE *out, uint32_t place);
/** Print an import's name, or its hash where names were stripped. */
void put_import(FILE *out, const struct module *module, uint32_t index);
/** Print what a fix-up adds: "text", "import 3 (printf) - text". */
void put_target(FILE *out, const struct module *module, const struct modfmt_fixup *fixup);

/* ---- printers -------------------------------------------------------------- */

/** overview.c: what the module is, on one page. */
void print_overview(const struct module *module);
/** listing.c: a part in full. */
void print_headers(const struct module *module);
void print_segments(const struct module *module);
void print_relocs(const struct module *module);
void print_imports(const struct module *module);
void print_exports(const struct module *module);
void print_hex(const struct module *module);
/** tags.c */
void print_tags(const struct module *module);
/** The value of one tag, on one line, for people. */
void print_tag_value(const struct modfmt_tag *tag);
void json_tags(struct cli_json *json, const struct module *module);
/** json.c: all of it. */
void print_json(const struct module *module);
/** disassemble.c: text, with symbols and fix-ups. @return an exit status */
int print_code(const struct module *module);

/* ---- addr2line.c ------------------------------------------------------------- */

struct addr2line_request {
    const char *elf;
    uint32_t *offsets; /**< in text, the prefix included */
    size_t count;
    size_t capacity;
};

/** Take an offset. @return NULL, or what is wrong with it */
const char *addr2line_add(struct addr2line_request *request, const char *text);
/** Print function, file and line for each offset. @return an exit status */
int print_source(const struct module *module, const struct addr2line_request *request);

/* ---- refusal.c ------------------------------------------------------------- */

/** Say in one line on stderr why the file was refused. */
void print_refusal(const char *path, const uint8_t *bytes, size_t size,
                   const struct modfmt_diag *diag);
/** The same for an image that is good, but that the loader refused. */
void print_load_refusal(const struct module *module, const struct modfmt_diag *diag);

/* ---- load.c ---------------------------------------------------------------- */

/** An import given on the command line. */
struct binding {
    const char *text; /**< NAME=ADDR */
    uint32_t hash;
    uint32_t address;
};

struct load_request {
    const char *output;
    const char *data_output;
    const char *prefix_output;
    uint32_t address; /**< of the ELF's first byte */
    bool apart;
    uint32_t data_address;
    struct binding *bindings;
    size_t binding_count;
    size_t binding_capacity;
};

/** Take "NAME=ADDR" or "0xHASH=ADDR". @return NULL, or what is wrong with it */
const char *load_bind(struct load_request *request, const char *text);
/** Load on the host and write what memory would hold. @return an exit status */
int load_module(const struct module *module, const struct load_request *request);

#endif
