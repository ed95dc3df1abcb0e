/* SPDX-License-Identifier: BSD-2-Clause */
/**
 * modapi build, step by step: what the headers declare (declared.c, as clang lists it)
 * and what the table of names asks for (rows.c) become exports (choose.c), whose types a
 * compiled probe tells (types.c); table.c, labels.c and rust.c write what was asked for.
 */
#ifndef MODAPI_BUILD_H
#define MODAPI_BUILD_H

#include "cli.h"
#include "probe.h"

/** A header that was named. */
struct header {
    const char *given; /**< as on the command line */
    char *path;        /**< absolute, without links */
};

/** A function or data that the source declares. */
struct declared {
    char *shown; /**< name in the source, with its namespaces */
    char *link;  /**< name for linkers */
    enum interface_kind kind;
    char **parameters;
    size_t parameter_count;
    const struct header *header; /**< that declares it; NULL: some other file */
    char *place;                 /**< "firmware.h:12", for messages */
    bool internal;               /**< static or inline: modules have their own */
    bool thread_local_;
    bool excluded;   /**< MODAPI_EXCLUDE */
    char *condition; /**< MODAPI_IF, or NULL */
};

/** A line of a CSV file. */
struct row {
    const char *path;
    unsigned line;
    char *name;
    char *symbol; /**< whose address it stands for, if that has another name; or NULL */
    char *header; /**< "" for none */
    char *condition;  /**< "" for none */
    char *result;     /**< return type; NULL: not told */
    char *parameters; /**< "int, ...", "void" */
    bool used;
};

/** What goes into the table. */
struct export
{
    const char *link;
    const char *symbol; /**< whose address it is: mostly the same */
    const char *shown;
    const struct declared *declared; /**< NULL: fixed by the ABI, without a type */
    char *condition;                 /**< or NULL */
    uint32_t hash;
    uint32_t tag;
};

struct build {
    struct header *headers;
    size_t header_count;
    const char *csv[16];
    size_t csv_count;
    const char *includes[16]; /**< for the table: "config.h", or "<config.h>" */
    size_t include_count;
    const char *output; /**< paths, or NULL */
    const char *api;
    const char *labels;
    const char *rust;
    const char *name; /**< of the table */
    const char *provider;
    const char *compiler;
    const char *clang;
    uint16_t version[3];
    bool verbose;
    char **flags;
    size_t flag_count;
    bool cxx;

    char *directory; /**< for what only the compilers read */
    struct declared *declared;
    size_t declared_count;
    size_t declared_capacity;
    char **macros; /**< function-like ones of the named headers, and their places */
    char **macro_places;
    size_t macro_count;
    size_t macro_capacity[2];
    struct row *rows;
    size_t row_count;
    size_t row_capacity;
    struct export *exports;
    size_t export_count;
    size_t export_capacity;
    struct interface *interface; /**< of the exports that have types */
};

/* rows.c */
/** Read the CSV files into b->rows; tells what is wrong with them. */
void rows_read(struct build *b);
const struct row *rows_find(const struct build *b, const char *name);

/* compiler.c */
/** Make b->directory, and see that it goes when the program ends. */
void compiler_begin(struct build *b);
/** A file in b->directory; the string lives as long as the program. */
const char *compiler_path(struct build *b, const char *name);
/** A source that includes all headers, with `body` behind them: b->directory/NAME. */
const char *compiler_source(struct build *b, const char *name, const char *body);
/** Run the compiler with the flags, then `more` (ends with NULL). Its messages go to
 *  standard error. Exits CLI_REFUSED, with `doing` in the message, if it fails. */
void compiler_run(struct build *b, const char *doing, const char *const more[]);
/** Run clang to list what the preprocessed source has: JSON into `output`. */
void compiler_list(struct build *b, const char *source, const char *output);

/* declared.c */
/** Fill b->declared. */
void declared_read(struct build *b);
/** The header of that path, or NULL. */
const struct header *declared_header(const struct build *b, const char *path);

/* macros.c */
/** Fill b->macros. */
void macros_read(struct build *b);

/* choose.c */
/** Fill b->exports, sorted by hash; tells what cannot be exported. */
void choose_exports(struct build *b);

/* types.c */
/** Set the tags and b->interface; tells what no type can be had of. */
void types_read(struct build *b);

/* include.c */
/** The header of --labels, with the headers as modules would include them. To be freed.
 */
char *include_labels(const struct build *b, const struct interface *interface);

/* table.c */
/** The C file: the table, and the description for the section .modapi. To be freed. */
char *table_text(const struct build *b, const char *description);

#endif
