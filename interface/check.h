/* SPDX-License-Identifier: BSD-2-Clause */
/**
 * Would this firmware link these modules? What modapi check and modflash share: the
 * loader's decisions (target-loader/modload_exports.c, modload_life.c), made on a host
 * before anything is flashed, and all that is wrong at once instead of the first thing.
 *
 *     struct check *check = check_new();
 *     check_offer(check, "fw.elf", api, table, count);
 *     a = check_module(check, "a.bin", &image_of_a);
 *     b = check_module(check, "b.bin", &image_of_b);      // a may need b
 *     check_run(check);
 *     good = check_print(check_report_of(check, a));
 *
 * Nothing is copied: interfaces, tables, images and names stay the caller's and must
 * outlive the check.
 */
#ifndef INTERFACE_CHECK_H
#define INTERFACE_CHECK_H

#include "interface.h"
#include "modfmt.h"

enum check_kind {
    CHECK_FEATURES,    /**< the firmware lacks what the code needs (MODLOAD_E_NEEDS) */
    CHECK_UNSUPPORTED, /**< a critical tag that no loader knows (MODLOAD_E_UNSUPPORTED) */
    CHECK_MISSING,     /**< nobody offers the import (MODLOAD_E_IMPORT) */
    CHECK_CHANGED,     /**< it has another type (MODLOAD_E_TYPE) */
    CHECK_NEED_MISSING, /**< a needed module is not there (MODLOAD_E_DEPENDENCY) */
    CHECK_NEED_VERSION, /**< or in another version (MODLOAD_E_DEPENDENCY) */
    CHECK_NEED_BAD,     /**< or would be refused itself */
    CHECK_CYCLE,        /**< it needs itself, by way of others (MODLOAD_E_CYCLE) */
    /* These do not keep a module from being loaded. */
    CHECK_UNBOUND,    /**< a weak import that stays unbound */
    CHECK_UNVERIFIED, /**< imports whose types nobody has checked */
    CHECK_CONDITION,  /**< there only in a firmware that is built so */
};

struct check_problem {
    enum check_kind kind;
    bool warning;           /**< the module is loaded all the same */
    uint32_t hash;          /**< of the name of the symbol or module; 0: none */
    const char *name;       /**< NULL: not known (stripped) */
    const char *then, *now; /**< an import's prototypes; "" where not known */
    char *reason;           /**< why the types differ, or NULL */
    char *text;             /**< the whole sentence, behind "FILE: error: " */
};

/** What is wrong with one module. */
struct check_report {
    const char *from; /**< heads messages */
    struct check_problem *problems;
    size_t count;
    size_t capacity;
    bool good; /**< it would be loaded: warnings at most */
};

struct check;

struct check *check_new(void);
/** NULL is fine. */
void check_free(struct check *check);

/**
 * Something that a firmware offers to all modules; searched in the order of the calls.
 * @param from   for messages: "fw.elf", "the firmware on the board"
 * @param api    names, types and prototypes, or NULL
 * @param built  `api` was found in a firmware as it was built: what it has is there, its
 *               conditions hold
 * @param table  its table of exports as it is in flash (12 bytes an entry), or NULL. Of
 *               what is in there it tells the type tag; what `api` has besides is taken
 * to be in another table
 * @param count  entries of the table
 * @return false, and nothing added: the table is not in ascending order of hashes
 */
bool check_offer(struct check *check, const char *from, const struct interface *api,
                 bool built, const uint8_t *table, uint32_t count);
/** A module's description, as `mkmod --write-api` writes it: for those that need it. */
void check_offer_module(struct check *check, const struct interface *api);
/** What core and firmware have: modfmt's needs bits. Without this they are not looked
 *  at. */
void check_features(struct check *check, uint32_t features);
/** An interface that modules may have been built against: it gives reasons, no offers. */
void check_was(struct check *check, const struct interface *api);
/**
 * A module that is to be looked at, and that others may need. Of two with the same name
 * the first is there.
 * @param image  passed modfmt_check()
 * @return its number, for check_report_of()
 */
size_t check_module(struct check *check, const char *from,
                    const struct modfmt_image *image);

/** A module that another one needs: a dependency tag. */
struct check_need {
    const uint8_t *range; /**< lowest version, first one too high: 6 bytes each */
    uint32_t hash;        /**< of the name */
    char name[MODFMT_NAME_MAX + 1];
};

/**
 * The next module that an image needs. Only header and tags of the image are looked at.
 * @param offset  in the image; 0 at first
 * @return false: there is none any more
 */
bool check_next_need(const struct modfmt_image *image, uint32_t *offset,
                     struct check_need *ret_need);

/** Imports are not looked at: nobody knows what the firmware offers. */
void check_blind(struct check *check);

/** Find everything. Once, after all of the above. */
void check_run(struct check *check);
const struct check_report *check_report_of(const struct check *check, size_t module);

/* ---- check_text.c ------------------------------------------------------------------ */

/** Print a report's errors, and its warnings unless `quiet`; of very many, how many more
 *  there are. @return report->good */
bool check_print(const struct check_report *report, bool quiet);
/** "changed", "missing": for JSON. */
const char *check_kind_name(enum check_kind kind);
/** "an FPU, DSP instructions": what the bits of modfmt's needs ask for. To be freed. */
char *check_feature_names(uint32_t needs);
/** "1.0.0 or later, below 2.0.0": the range of a dependency tag's value. To be freed. */
char *check_range_text(const uint8_t *range);

#endif
