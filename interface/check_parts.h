/* SPDX-License-Identifier: BSD-2-Clause */
/** What check.c and check_text.c share. Private to this folder. */
#ifndef INTERFACE_CHECK_PARTS_H
#define INTERFACE_CHECK_PARTS_H

#include "check.h"

#define CHECK_PRINTED_MAX 50u /**< of errors, and of warnings; more are counted only */

/** What a firmware offers, or what a module's description says that it does. */
struct offer {
    const char *from;
    const struct interface *api;
    const struct interface_symbol **by_hash; /**< the api's symbols */
    bool built;
    const uint8_t *table;
    uint32_t count;
};

/** A module that another one needs. */
struct need {
    struct check_need tag;
    struct entry *found; /**< NULL: nobody has that name */
};

/** A module: one to be checked (image), or the description of one (offer.api). */
struct entry {
    struct offer offer;
    const struct modfmt_image *image;
    char name[MODFMT_NAME_MAX + 1]; /**< "": none */
    uint32_t hash;                  /**< 0: none */
    uint16_t version[3];
    struct need *needs;
    size_t need_count;
    size_t need_capacity;
    const char **names;      /**< of imports; NULL where not known */
    const char **prototypes; /**< of imports; "" where not known */
    struct check_report report;
    unsigned errors;
    bool met; /**< of a walk along needs */
};

struct check {
    struct offer *offers;
    size_t offer_count;
    size_t offer_capacity;
    struct entry **entries;
    size_t entry_count;
    size_t entry_capacity;
    const struct interface **was;
    size_t was_count;
    size_t was_capacity;
    uint32_t features;
    bool has_features;
    bool blind;
};

/** Where an import was found, or what is there in its place. */
struct answer {
    const char *from;                      /**< who has it; NULL: nobody */
    const struct interface *api;           /**< that describes it, or NULL */
    const struct interface_symbol *symbol; /**< as it does, or NULL */
    uint32_t tag;
    bool matched;          /**< of the right type */
    const char *condition; /**< it is there only if this is so, or NULL */
};

/** Add a problem; its text is still to come. */
struct check_problem *check_add(struct entry *entry, enum check_kind kind, bool warning);
/** The names of all symbols that may be offered to the module, nearest first. */
size_t check_nearest(const struct check *check, const struct entry *entry,
                     const char *name, const char **ret_names, size_t max);

/* ---- check_text.c: the sentences ------------------------------------------------ */

void check_say_features(struct entry *entry, uint32_t missing);
void check_say_tag(struct entry *entry, uint32_t type);
void check_say_import(const struct check *check, struct entry *entry, uint32_t index,
                      const struct modfmt_import *import, const struct answer *answer);
void check_say_unverified(struct entry *entry);
void check_say_need(struct entry *entry, const struct need *need, enum check_kind kind);

#endif
