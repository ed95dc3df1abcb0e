/* SPDX-License-Identifier: BSD-2-Clause */
/** What the command-line tools share: options, diagnostics, files, JSON. Host only. */
#ifndef CLI_H
#define CLI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/** Exit status of every tool. */
enum cli_status {
    CLI_OK = 0,
    CLI_REFUSED = 1, /**< the input is not acceptable (an empty or cut file too) */
    CLI_USAGE = 2,
    CLI_IO = 3,     /**< I/O or memory */
    CLI_TARGET = 4, /**< probe or target */
};

/* ---- options (options.c) ------------------------------------------------- */

/** One option. Options may stand before, between or after operands; "--" ends them. */
struct cli_option {
    int id;           /**< returned by cli_next(); > 0 */
    char letter;      /**< '-x', or 0 */
    const char *name; /**< "--name", without the dashes; or NULL */
    const char *arg;  /**< name of its argument in the help, or NULL if it takes none */
    const char *help; /**< one line */
};

struct cli_tool {
    const char *name;    /**< "mkmod": heads every message */
    const char *usage;   /**< "mkmod [options] module.elf -o module.bin" */
    const char *purpose; /**< one or two lines for --help */
    const char *details; /**< text after the options in --help, or NULL */
    const struct cli_option
        *options; /**< ends with id 0; -h/--help and -V come by themselves */
    /** 1: a lone --version prints the tool's version although "version" is also an
     *  option with an argument (mkmod's). */
    bool version_takes_arg;
};

struct cli_args {
    const struct cli_tool *tool;
    int argc;
    char **argv;
    int at;              /**< next argv element */
    const char *letters; /**< rest of a cluster such as -vx */
    bool operands_only;
};

enum { CLI_END = 0, CLI_OPERAND = -1 };

/** Start parsing. Also sets the name for messages. Handles no option yet. */
void cli_begin(struct cli_args *args, const struct cli_tool *tool, int argc, char **argv);
/**
 * The next option's id, CLI_OPERAND, or CLI_END. *ret_value is the option's argument or
 * the operand. --help and --version print to stdout and exit 0; a wrong option gets one
 * line on stderr, with the nearest option's name where there is one, and exit CLI_USAGE.
 */
int cli_next(struct cli_args *args, const char **ret_value);
/** A usage error: one line that says it, the usage and --help; exit CLI_USAGE. */
_Noreturn void cli_usage(const struct cli_tool *tool, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/** Parse a whole unsigned number, decimal or 0x; no sign, no trailing text. */
bool cli_parse_u32(const char *text, uint32_t *ret_value);

/* ---- diagnostics (diagnostics.c) ------------------------------------------ */

/** One line on stderr: "mkmod: FILE: error: TEXT". `file` may be NULL. Control
 *  characters in what is printed are escaped, so hostile names cannot drive a terminal.
 */
void cli_error(const char *file, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void cli_warning(const char *file, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/** A continuation of the last message: "mkmod: FILE: note: TEXT". */
void cli_note(const char *file, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/** cli_error() and exit. */
_Noreturn void cli_die(enum cli_status status, const char *file, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/** How many errors were printed so far. */
unsigned cli_error_count(void);
/** Print text of unknown origin on one line: control characters, invalid UTF-8 and
 *  bidirectional controls come out as \xNN or \u{NNNN}. */
void cli_put_text(FILE *out, const char *bytes, size_t length);

/* ---- memory and files (files.c) ------------------------------------------- */

/** Zeroed memory; exit CLI_IO when there is none. count * size is checked. */
void *cli_alloc(size_t count, size_t size);
/** Grow an array to at least `want` elements, doubling; as realloc. */
void *cli_grow(void *array, size_t *capacity, size_t want, size_t size);
char *cli_format(const char *format, ...) __attribute__((format(printf, 1, 2)));

/** Read a whole regular file (or pipe). On failure prints one clear line (no such file, a
 *  directory, permission …) and exits CLI_IO. An empty file gives size 0. */
uint8_t *cli_read_file(const char *path, size_t *ret_size);

/**
 * Write a file so that it is wholly there or not at all: a temporary beside it, fsync,
 * rename. What exists and is no regular file (/dev/stdout, /dev/null, a pipe) is written
 * directly; "-" is stdout. The mode is 0666 less the umask. @return 0, or CLI_IO after
 * printing why.
 */
int cli_write_file(const char *path, const void *bytes, size_t size);
/** Flush and close stdout; CLI_IO, with a message, if any of it could not be written. */
int cli_close_stdout(void);

/* ---- work in a child (child.c) ---------------------------------------------- */

/** Of cli_child(): the work did not come to its end. */
#define CLI_CHILD_LOST 127

/**
 * Have `work` write to `out` in a child process with limits on time and memory, for
 * libraries that crash on bad input. stdout must not be used; stderr is closed. What shall
 * survive a crash is to be flushed.
 *
 * @param seconds     of CPU; six times as many by the clock
 * @param ret_result  what work returned, 0 to 126; CLI_CHILD_LOST: it crashed, took too
 *                    long or could not be started
 * @return what it wrote, to be freed; may be NULL if that is nothing
 */
uint8_t *cli_child(int (*work)(void *context, FILE *out), void *context, unsigned seconds,
                   size_t *ret_size, int *ret_result);

/* ---- JSON (json.c) --------------------------------------------------------- */

/** A pretty-printing JSON writer: two spaces, keys in the order given. */
struct cli_json {
    FILE *out;
    unsigned depth;
    bool first;         /**< nothing yet in the innermost container */
    bool inlined;       /**< inside an object or array that is kept on one line */
    unsigned row_depth; /**< depth outside of that object or array */
};

void cli_json_begin(struct cli_json *json, FILE *out);
/** End the text with a newline. */
void cli_json_end(struct cli_json *json);
/** `key` is NULL inside arrays (and for the outermost value). */
void cli_json_object(struct cli_json *json, const char *key);
void cli_json_array(struct cli_json *json, const char *key);
/** The same on one line, for the rows of a table. */
void cli_json_row(struct cli_json *json, const char *key);
void cli_json_close_object(struct cli_json *json);
void cli_json_close_array(struct cli_json *json);
/** Any bytes: invalid UTF-8 becomes U+FFFD. A NULL string gives null. */
void cli_json_string(struct cli_json *json, const char *key, const char *bytes,
                     size_t length);
void cli_json_text(struct cli_json *json, const char *key, const char *string);
void cli_json_number(struct cli_json *json, const char *key, uint64_t value);
void cli_json_signed(struct cli_json *json, const char *key, int64_t value);
void cli_json_bool(struct cli_json *json, const char *key, bool value);
/** "0x%08x" as a string. */
void cli_json_hex32(struct cli_json *json, const char *key, uint32_t value);

#endif
