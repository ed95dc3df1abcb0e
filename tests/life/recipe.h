/* SPDX-License-Identifier: BSD-2-Clause */
/**
 * What a test's module is made of, and the image of it, by modfmt_write().
 *
 * Text is 64 bytes: functions that are never run, known by their places. Data has the
 * arrays of constructors and destructors, then a word for each import, where its address
 * appears, then 16 bytes, and those that no byte is stored of.
 */
#ifndef LIFE_RECIPE_H
#define LIFE_RECIPE_H

#include "modfmt.h"

#define RECIPE_TEXT    64u
#define RECIPE_FREE    16u /**< bytes of data behind the words, stored */
#define RECIPE_BSS     8u
#define RECIPE_SOME    6u
#define RECIPE_ENTRY   1u
#define RECIPE_INIT(i) (8u + 2u * (i) + 1u) /**< at most 8 */
#define RECIPE_FINI(i) (32u + 2u * (i) + 1u)

struct recipe_need {
    const char *name;
    uint16_t lowest[3];
    uint16_t too_high[3]; /**< all 0: any that is not too low */
};

/** An import or an export. */
struct recipe_symbol {
    const char *name;
    uint32_t type;
    uint32_t weak;
    uint32_t value;
    uint32_t flags;
};

struct recipe {
    const char *name; /**< NULL: no name tag */
    uint16_t version[3];
    struct recipe_need need[RECIPE_SOME]; /**< up to the first without a name */
    struct recipe_symbol import[RECIPE_SOME];
    struct recipe_symbol export[RECIPE_SOME];
    unsigned init, fini; /**< so many constructors and destructors */
    uint32_t params;     /**< a place, as in the tag */
    uint32_t params_size;
    bool no_entry;
    uint32_t needs; /**< of the core, besides v6m */
    uint32_t odd;   /**< bytes more of text */
    uint32_t flags; /**< besides those of all placements */
};

/** For tests' use: MODULE("A", NEEDS(ANY("B")), .init = 1), version 1.2.3. */
#define MODULE(text, ...)                                                                \
    (&(const struct recipe){.name = text, .version = {1, 2, 3}, __VA_ARGS__})
#define NEEDS(...)   .need = {__VA_ARGS__}
#define EXPORTS(...) .export = {__VA_ARGS__}
#define IMPORTS(...) .import = {__VA_ARGS__}
#define ANY(text)    ((struct recipe_need){.name = text})

/** An image, in memory of exactly its size. */
struct recipe_image {
    uint8_t *bytes;
    uint32_t size;
};

/** Make the image; it passes modfmt_check() unless the recipe is meant to be bad. */
struct recipe_image recipe_image(const struct recipe *recipe);
/** Where in data the word of import `index` is (as the recipe has them). */
uint32_t recipe_import_place(const struct recipe *recipe, unsigned index);
uint32_t recipe_hash(const char *name);
/** After a change of its bytes: make the header's check and the CRC right again. */
void recipe_mend(struct recipe_image *image);
/** Where its tags begin. */
uint32_t recipe_tags(const struct recipe_image *image);

#endif
