/* SPDX-License-Identifier: BSD-2-Clause */
/** The module in the making: what every step of mkmod reads and adds to. */
#ifndef MKMOD_MODULE_H
#define MKMOD_MODULE_H

#include <stdio.h>

#include "elffile.h"
#include "interface.h"
#include "modfmt.h"
#include "problems.h"

/** Another module that this one needs. */
struct need {
    const char *name;
    uint16_t lowest[3];
    uint16_t too_high[3];
};

struct needs {
    struct need *list;
    size_t count;
    size_t capacity;
};

/** The arguments of an option that may be given again. */
struct arguments {
    const char **list;
    size_t count;
    size_t capacity;
};

/** --callback: what a function gets on the stack by whoever calls it. */
struct callback_option {
    const char *name;
    uint32_t bytes;
    bool used;
};

struct callback_options {
    struct callback_option *list;
    size_t count;
    size_t capacity;
};

struct options {
    const char *input;
    const char *output;
    const char *name;
    const char *description;
    const char *entry;
    const char *params; /**< file that fills the parameter block */
    const char *params_symbol;
    const char *write_api;
    struct arguments exports;
    struct arguments apis;
    struct needs needs;
    uint16_t version[3];
    bool has_version;
    bool untyped; /**< imports whose type nobody knows are fine */
    bool xip;     /**< text shall run where the image lies */
    struct callback_options callbacks;
    bool strip_names;
    bool verbose;
    uint32_t stack_size;
    struct stack_options *stack; /**< NULL: no option about it was given */
};

/** A segment of the image. */
struct segment {
    uint32_t first;  /**< link address of its first section */
    uint32_t start;  /**< the same, but data's is rounded down to words if it can be */
    uint32_t end;    /**< link address behind its last section */
    uint32_t link;   /**< link address of offset 0: start, less the prefix */
    uint32_t mem;    /**< bytes in memory */
    uint32_t stored; /**< bytes in the image */
    uint32_t align;  /**< log2 */
    bool present;
    bool has_nobits;
    uint8_t *bytes;   /**< `stored` of them */
    uint8_t *touched; /**< one bit a byte: changed by a fix-up or a rewritten branch */
};

/** A relocation record. Types are R_ARM_* of <elf.h>, where some have older names than the
 *  ABI's: R_ARM_GOT32 is GOT_BREL, R_ARM_GOTOFF GOTOFF32, R_ARM_GOTPC BASE_PREL, and
 *  R_ARM_THM_PC22 THM_CALL. */
struct record {
    uint32_t address; /**< place: link address */
    uint32_t symbol;
    uint32_t section; /**< of the place */
    uint8_t type;
};

#define NO_SLOT 0xffffffffu /* no multiple of 4: 0 may be the address of a slot */

/** One use of a GOT slot. */
struct got_use {
    uint32_t address; /**< of the word that refers to the slot */
    uint32_t section;
    uint32_t symbol;
    uint32_t value; /**< of that word */
    uint32_t slot;  /**< address; NO_SLOT while not known, or if it has none */
    uint8_t type;   /**< relocation type */
};

#define NO_PARTNER 0xffffffffu

/** A MOVW or MOVT that wants fixing. */
struct mov_half {
    uint32_t address;
    uint32_t section;
    uint32_t symbol;
    uint32_t full;    /**< MOVW: the whole value that it is the low half of */
    uint32_t partner; /**< MOVT: index of its MOVW, or NO_PARTNER */
    uint16_t imm;
    uint8_t rd;
    bool top;
    bool relative;
    bool paired; /**< MOVW: a pair has it; MOVT: nothing */
    uint8_t type;
    uint8_t rule; /**< enum undefined_rule, for relative ones of undefined symbols */
};

/** An address baked into a veneer that the linker made. */
struct veneer_word {
    uint32_t branch;  /**< link address of the branch to the veneer */
    uint32_t section; /**< of the branch */
    uint32_t symbol;
    uint32_t place; /**< of the address in the veneer */
    uint32_t target;
    uint8_t length; /**< bytes of the place: a word, or MOVW and MOVT */
    uint8_t type;
};

struct import {
    char *name;      /**< the symbol's, less a label's tag */
    uint32_t symbol; /**< the first one of that name */
    uint32_t hash;
    uint32_t veneer;  /**< offset in text; only if branched to */
    uint32_t slot;    /**< --xip: GOT slot that its veneer uses, from r9; or NO_SLOT */
    uint32_t word;    /**< --xip: else, number of its word in data's prefix */
    uint32_t section; /**< of a record that refers to it: a branch, if there is one */
    uint32_t address; /**< of that record */
    uint32_t label;   /**< tag from an asm label (`name$3f2a91c0`); 0: none */
    uint32_t type;    /**< tag; 0: not known */
    const char *prototype; /**< what it was declared as; NULL or "": not known */
    bool object;           /**< data, as far as is known */
    bool unverified;       /**< the type is the description's word alone */
    bool branched;
    bool far;  /**< --xip: one LDR does not reach its word from r9 */
    bool weak; /**< every reference is */
};

/** A function whose address may leave the module: pointers to it lead to a trampoline in
 *  data, which sets r9 (specs/trampolines.md). */
struct callback {
    uint32_t address; /**< link address of the function, bit 0 set */
    uint32_t symbol;  /**< one that is there; a global one if there is any */
    uint32_t section; /**< of what refers to it first; 0: an export */
    uint32_t place;   /**< address of that */
    uint32_t offset;  /**< of the trampoline in data */
    uint32_t branch;  /**< offset of what its head branches to */
    uint32_t hops;    /**< branches of other heads on the way to its tail */
    uint32_t bytes;   /**< of arguments on the stack, or enum arguments_stack */
    uint8_t home;     /**< of the function */
    bool deep;        /**< its tail copies arguments on the stack */
    bool told;        /**< by --callback */
};

struct export
{
    const char *name;
    uint32_t symbol;
    uint32_t hash;
    uint32_t type; /**< tag; 0: not known */
    bool function;
};

struct array_place {
    uint32_t address;
    uint32_t size;
};

#define REASONS_MAX 16u

/* What fix-ups have in common, in seven bits: target, place, relative, kind. */
#define BUCKET_TARGET    0x07u
#define BUCKET_IN_DATA   0x08u
#define BUCKET_RELATIVE  0x10u
#define BUCKET_UNALIGNED 0x00u
#define BUCKET_MOV       0x20u
#define BUCKET_WORD      0x40u
#define BUCKET_KIND      0x60u
#define BUCKETS          128u

/** Functions and objects, by address. */
struct holders {
    uint32_t *list; /**< symbols */
    size_t count;
    size_t capacity;
    bool listed;
};

struct module {
    struct options options;
    struct elffile elf;
    struct problems problems;

    uint32_t needs;
    struct segment segment[2];
    uint32_t *order; /**< loaded sections that are not empty, by address */
    uint32_t order_count;
    uint32_t prefix; /**< bytes of text before the ELF's first */
    uint32_t data_prefix;      /**< the same of data: trampolines, words of imports */
    uint32_t words;            /**< imports with a word in data's prefix */
    uint32_t trampoline_bytes; /**< of all, tails included */
    bool far;        /**< text and data were linked far apart */
    bool data_moves; /**< in a block, for what is in front of it */
    uint32_t entry;

    bool not_apart;
    char *reasons[REASONS_MAX]; /**< why not apart */
    uint32_t reason_count;

    struct import *imports;
    uint32_t import_count;
    uint32_t veneer_count;
    uint32_t veneer_bytes; /**< of all */
    bool by_lld;           /**< .comment says that LLD linked it */

    struct modfmt_fixup *fixups;
    size_t fixup_count;
    size_t fixup_capacity;
    uint32_t buckets[BUCKETS]; /**< fix-ups by what they have in common */
    uint32_t types[256];       /**< records by relocation type */

    struct got_use *got;
    size_t got_count;
    size_t got_capacity;
    bool got_based;   /**< some BASE_PREL loads the GOT's address itself */
    bool got_offsets; /**< GOT_BREL or GOTOFF: some register holds the GOT's address */
    bool sb_based;    /**< BREL or SBREL: r9 holds the base of the data */
    bool sb_decided;  /**< some such value fits the start of data and nothing else */
    bool by_got;      /**< some function expects the GOT's address in r9 */
    bool by_r9; /**< code finds its data by r9; known before has_static_base */
    uint32_t planned_base; /**< what static_base will be, as far as sections tell */
    struct callback *callbacks; /**< by address */
    struct trampoline_layout *layout; /**< of their trampolines */
    uint32_t callback_count;
    size_t callback_capacity;
    struct holders holders;
    bool has_static_base;
    uint32_t static_base; /**< link address that r9 stands for */
    uint8_t static_home;
    bool has_origin; /**< the GOT was found */
    uint32_t origin; /**< link address from which GOT_BREL and BASE_PREL count */
    uint8_t origin_home;

    struct mov_half *movs;
    size_t mov_count;
    size_t mov_capacity;

    struct veneer_word *veneer_words; /**< of veneers that the linker made */
    size_t veneer_word_count;
    size_t veneer_word_capacity;

    struct export *exports;
    uint32_t export_count;

    struct array_place init;
    struct array_place fini;
    struct array_place params;
    const char *params_name;
    struct interface *seen;  /**< what the module's DWARF says of symbols */
    const char *seen_why;    /**< why it says nothing, or NULL */
    struct interface **apis; /**< as many as options.apis has */
    bool has_api_version;
    uint16_t api_version[3];
    const uint8_t *build_id;
    uint32_t build_id_size;
};

/* segments.c */
/** Sort the loaded sections, find text and data. False: problems make going on useless.
 */
bool segments_plan(struct module *m);
/** Say for each symbol what it moves with. */
void segments_home_symbols(struct module *m);
/** Make room in front of data for trampolines and words of imports. */
void segments_front(struct module *m);
/** Choose the prefix of text, allocate the segments and copy the contents. */
void segments_fill(struct module *m);
/** Which segment an address is in by its value: 0, 1 or NO_SEGMENT. */
unsigned segments_at(const struct module *m, uint32_t address);
/** `length` bytes of contents at a link address, or NULL. */
uint8_t *segments_bytes(const struct module *m, uint32_t address, uint32_t length);
/** Whether the value lies where the linker put the module. */
bool segments_linked_range(const struct module *m, uint32_t address);
/** Were these bytes changed by a fix-up? */
bool segments_touched(const struct module *m, uint32_t address, uint32_t length);
/** Note that text and data cannot be placed apart; the reason is for --verbose. With --xip
 *  that is a problem at the place (section 0: none). */
void segments_not_apart(struct module *m, uint32_t section, uint32_t address,
                        const char *format, ...) __attribute__((format(printf, 4, 5)));
/** Flags for the header. */
uint32_t segments_flags(const struct module *m);

/* attributes.c */
/** Read .ARM.attributes into m->needs. */
void attributes_read(struct module *m);

/* evidence.c */
/** Look for signs that the ELF was linked without --emit-relocs. */
void evidence_check(struct module *m);

/* imports.c */
/** Find the undefined symbols that are used, and sort them. */
void imports_collect(struct module *m);

/** Bytes other than 0x00 to 0x20 and 0x7F, and at least one (specs/modfmt.md, 6). */
bool symbol_good_name(const char *name);

/* segments.c: a section of this name holds no code of the module, but stubs that a linker
 * can resolve symbols to: each of them is an import. */
#define STUBS_SECTION ".modapi.stubs"

/* records.c */
#define EXPORTS_SECTION ".modfmt.exports"
#define PARAMS_SECTION  ".modfmt.params"
/** Indices of symbols; `list` is the caller's to free. */
struct symbols {
    uint32_t *list;
    size_t count;
};
/** The symbols that the records of a section (examples/include/modfmt_module.h) name,
 * each once. */
struct symbols records_of(struct module *m, const char *section);

/* prescan.c */
/** Find out from the records, before anything is laid out, whether code counts on r9,
 *  which functions need trampolines, and which words the veneers of --xip need. */
void prescan(struct module *m);

/* trampolines.c */
/** Note that a function's address is taken at a place, or that it is exported (section 0).
 */
void trampolines_want(struct module *m, uint32_t symbol, uint32_t section,
                      uint32_t address);
/** Choose tails, say where each trampoline will be. */
void trampolines_plan(struct module *m);
/** Write them and their fix-ups, once the static base is known. */
void trampolines_write(struct module *m);
/** The trampoline of the function at an address (bit 0 set), or NULL. */
const struct callback *trampolines_of(const struct module *m, uint32_t address);
/** Is the symbol a function, and the place no array of constructors or destructors? These
 *  the loader calls directly, with r9 set. */
bool trampolines_concern(const struct module *m, const struct record *r);
/** Does a reference from this place to this symbol lead to a trampoline? Then it is in
 *  data, and *ret_delta is what to add to an address of the function. */
bool trampolines_lead(const struct module *m, const struct record *r,
                      uint32_t *ret_delta);
/** Refuse a pointer that leads to a trampoline but holds the function's address plus
 *  something. */
void trampolines_exact(struct module *m, const struct record *r, uint32_t value);
/** Most bytes of stack that a trampoline takes beside the function's. */
uint32_t trampolines_stack(const struct module *m);
/** What --verbose says of them. */
void trampolines_report(const struct module *m, FILE *out);
/** Take in NAME=BYTES. @return what is wrong with it, or NULL */
const char *callback_option(struct callback_options *o, const char *value);

/* holders.c */
/** The function or object that an address lies in, or NULL. Logarithmic. */
struct symbol *holder_of(struct module *m, uint32_t address);

/* literal.c */
#define NO_REGISTER 16u
/** The instruction at `address`, both halves if it has two; false where there is none. */
bool code_fetch(const struct module *m, uint32_t address, uint32_t *ret_insn);
/** The register that an instruction at `address` loads the word at `place` into, which is
 *  beside the code; or NO_REGISTER. */
uint32_t literal_loaded(uint32_t insn, uint32_t address, uint32_t place);
/** The first instruction of the function that starts at `start` that does so; `place` if
 *  there is none. */
uint32_t literal_user(const struct module *m, uint32_t start, uint32_t place);

/* picregister.c */
/** Refuse code that goes by another register than r9, or that spoils r9 for others. */
void picregister_check(struct module *m);

/* xip.c */
/** What makes GCC's code find its data by r9 alone, for messages. */
#define R9_FLAGS                                                                         \
    "-fpic -msingle-pic-base -mpic-register=r9 -mno-pic-data-is-text-relative"
/** --xip: would this record need a fix-up in text, or lead across? Then say so.
 *  @return true if it was refused */
bool xip_refuses(struct module *m, const struct record *r);
/** --xip: what is left to refuse once all is known. */
void xip_check(struct module *m);

/* exports.c */
/** Find what --export and MODULE_EXPORT name, check it, sort it by hash. */
void exports_collect(struct module *m);
/** Where an export leads: an offset, bit 0 set for a function. */
uint32_t exports_place(const struct module *m, const struct export *export,
                       uint8_t *ret_home);
/** The export table. To be freed. */
struct modfmt_export *exports_table(const struct module *m);

/* params.c */
/** Find the parameter block and see to it that the image stores it. */
void params_plan(struct module *m);
/** Fill it from --params, once all fix-ups are known. */
void params_fill(struct module *m);

/* types.c */
/** Find the types of imports and exports; hold those of imports against --api. */
void types_resolve(struct module *m);
/** The description of the exports; to be freed. @return a cli_status */
int types_describe(struct module *m, char **ret_text, size_t *ret_size);

/* needs.c */
#define NEED_NAME_OFFSET 12u
/** Take in NAME[:LOWEST[:TOOHIGH]]. @return what is wrong with it, or NULL */
const char *needs_parse(struct needs *needs, const char *text);
/** The module needs one that is compatible with that version, unless --needs says more.
 */
void needs_add(struct module *m, const char *name, const uint16_t *version);
void needs_check(struct module *m);
/** Write the value of a dependency tag. @return its length */
uint32_t needs_value(const struct need *need, uint8_t *value);

/* tags.c */
struct tags {
    struct modfmt_tag_source *list;
    size_t capacity;
    uint32_t count;
    uint32_t names; /**< bytes of names and prototypes */
};
void tags_make(const struct module *m, struct tags *tags);
/** Bytes in the image. */
uint32_t tags_size(const struct tags *tags);
void tags_free(struct tags *tags);

/* veneers.c */
/** Say where each veneer will be: sets `veneer` of the imports that are branched to. */
void veneers_plan(struct module *m);
/** Write the veneers in front of text and their fix-ups, once the static base is known. */
void veneers_write(struct module *m);
/** Make the BL or B.W at `address` branch to the symbol's veneer. */
void veneers_branch(struct module *m, uint32_t section, uint32_t address, uint32_t type,
                    const struct symbol *symbol);

/* relocations.c */
#define RECORD_SIZE 8u
/** The record at an offset of a section of them; its symbol may not exist. False: there is
 *  no more. */
bool relocation_at(const struct section *relocs, uint32_t offset,
                   struct record *ret_record);
/** Where a walk over all records of loaded sections is; zeros start it. */
struct relocation_walk {
    uint32_t section;
    uint32_t offset;
};
/** The next record whose symbol exists, section by section. False: there is no more. */
bool relocation_next(const struct module *m, struct relocation_walk *walk,
                     struct record *ret_record);
/** Walk the relocation records and make fix-ups of them. */
void relocations_read(struct module *m);
const char *relocation_name(uint32_t type);
/** For imports.c: does a record of this type refer to its symbol, and by a branch? */
bool relocation_refers(uint32_t type);
bool relocation_branches(uint32_t type);
/** For prescan.c: does it give the address of its symbol, or its distance from something?
 */
bool relocation_takes_address(uint32_t type);
/** Does it count from the start of data, held in r9? */
bool relocation_from_base(uint32_t type);
/** Add a problem that a record is the cause of. */
void relocation_problem(struct module *m, const struct record *r, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/** Warn if the value is a pointer to a label in code that is not marked as a function: it
 *  lacks the Thumb bit. */
void relocation_warn_label(struct module *m, const struct record *r, uint32_t value);
/** The symbol's name, or its section's for section symbols. */
const char *symbol_label(const struct module *m, uint32_t symbol);

/* fixups.c */
/** Add a fix-up for the word (or instruction) at a link address; `bytes` counts 4 or, for
 *  a pair, only the place. Refuses what overlaps an earlier one. */
void fixups_word(struct module *m, uint32_t section, uint32_t address, unsigned target,
                 bool relative, uint32_t import);
void fixups_add(struct module *m, const struct modfmt_fixup *fixup);
/** Mark bytes as changed. False (and a problem) if some of them already were. */
bool fixups_touch(struct module *m, uint32_t section, uint32_t address, uint32_t length);
/** Sort all fix-ups into the order of the image's lists. Linear. */
void fixups_sort(struct module *m);

/* undefined.c */
enum undefined_rule {
    UNDEFINED_ZERO,  /**< the linker took the symbol as address 0 (GNU ld) */
    UNDEFINED_PLACE, /**< it took the place's own address (LLD) */
    UNDEFINED_UNKNOWN,
};
/** How the linker resolved a PC-relative value against an undefined symbol.
 *  @param zero   the addend if by UNDEFINED_ZERO
 *  @param place  the addend if by UNDEFINED_PLACE */
enum undefined_rule undefined_rule(const struct module *m, uint32_t address,
                                   uint32_t zero, uint32_t place);

/* movpair.c */
void movpair_add(struct module *m, const struct record *r, bool top, bool relative);
void movpair_resolve(struct module *m);

/* got.c */
/** Link address that r9 stands for, by sections alone; 0 if they do not tell. */
uint32_t got_planned(const struct module *m);
void got_add(struct module *m, const struct record *r, uint32_t value);
/** A use of the slot at an address, once they are resolved; NULL if there is none. */
const struct got_use *got_use_of(const struct module *m, uint32_t slot);
/** Attribute all slots, make their fix-ups, choose the static base. */
void got_resolve(struct module *m);

/* staticbase.c */
/** Take in one value counted from the static base (BREL, SBREL): a word, or half of one
 *  in a MOVW or MOVT. */
void staticbase_add(struct module *m, const struct record *r, uint32_t field, bool mov);
/** Decide what r9 must hold, from those values and from what got_resolve() found. */
void staticbase_resolve(struct module *m);

/* stackoptions.c */
enum stack_option { STACK_SIZE, STACK_ALLOW, STACK_IMPORTS, STACK_INDIRECT, STACK_USAGE };
/** Take in an option about stack. @return what is wrong with it, or NULL */
const char *stack_option(struct options *o, enum stack_option which, const char *value);
/** What is wrong with all of them together, or NULL. */
const char *stack_options_wrong(const struct options *o);

/* stackgraph.c */
/** --stack-size auto: find options.stack_size, once all fix-ups are known. */
void stack_find(struct module *m);
/** How it was found, for --verbose. */
void stack_report(const struct module *m, FILE *out);

/* branch.c */
/** Decode the branch at `bytes`. */
enum branch_kind { BRANCH_NONE, BRANCH_BL, BRANCH_BLX, BRANCH_B, BRANCH_NOP };
enum branch_kind branch_decode(const uint8_t *bytes, uint32_t available, uint32_t address,
                               uint32_t *ret_target);
/** Judge a branch to a defined or absolute symbol. */
void branch_check(struct module *m, const struct record *r);
/** After all fix-ups: are the addresses in the linker's own veneers safe? */
void branch_check_veneers(struct module *m);

/* places.c */
/** Constructors and destructors. */
void places_arrays(struct module *m);
/** Entry, build id; see to it that the arrays are some. */
void places_find(struct module *m);

/* image.c */
/** Build, check and write the image. @return a cli_status */
int image_write(struct module *m);

/* report.c */
struct image_sizes {
    uint32_t total;
    uint32_t relocs;
    uint32_t tags;
    uint32_t names;
    uint32_t flags;
};
void report_map(const struct module *m, const struct image_sizes *sizes);

#endif
