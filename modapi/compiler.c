/* SPDX-License-Identifier: BSD-2-Clause */
/* Running compilers: names and types come from them, not from a parser of ours. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include "build.h"

#define FILES_MAX     32u
#define ARGUMENTS_MAX 4096u

extern char **environ;

/* What is to go when the program ends, however it ends. */
static char *made[FILES_MAX];
static size_t made_count;
static char *made_directory;

static void remove_all(void)
{
    for (size_t i = 0; i < made_count; i++) {
        (void)unlink(made[i]);
    }
    if (made_directory != NULL) {
        (void)rmdir(made_directory);
    }
}

void compiler_begin(struct build *b)
{
    const char *parent = getenv("TMPDIR");
    if (parent == NULL || parent[0] == '\0') {
        parent = "/tmp";
    }
    b->directory = cli_format("%s/modapi-XXXXXX", parent);
    if (mkdtemp(b->directory) == NULL) {
        cli_die(CLI_IO, parent, "no directory can be made here: %s", strerror(errno));
    }
    made_directory = b->directory;
    if (atexit(remove_all) != 0) {
        cli_die(CLI_IO, NULL, "out of memory");
    }
}

const char *compiler_path(struct build *b, const char *name)
{
    char *path = cli_format("%s/%s", b->directory, name);
    for (size_t i = 0; i < made_count; i++) {
        if (strcmp(made[i], path) == 0) {
            free(path);
            return made[i];
        }
    }
    if (made_count == FILES_MAX) {
        cli_die(CLI_IO, NULL, "too many temporary files");
    }
    made[made_count++] = path;
    return path;
}

/* ---- the source ----------------------------------------------------------------------
 */

/* What headers can say to modapi; for a compiler both are nothing. */
static const char marks[] =
    "#ifdef __cplusplus\n"
    "#define MODAPI_IF(condition) static_assert(true, \"modapi-if \" #condition);\n"
    "#define MODAPI_EXCLUDE static_assert(true, \"modapi-exclude\");\n"
    "#else\n"
    "#define MODAPI_IF(condition) _Static_assert(1, \"modapi-if \" #condition);\n"
    "#define MODAPI_EXCLUDE _Static_assert(1, \"modapi-exclude\");\n"
    "#endif\n";

/* Is that one of the headers that are named on the command line? */
static bool is_named(const struct build *b, const char *name)
{
    size_t length = strlen(name);
    for (size_t i = 0; i < b->header_count; i++) {
        const char *path = b->headers[i].path;
        size_t whole = strlen(path);
        if (whole > length && path[whole - length - 1] == '/' &&
            strcmp(path + whole - length, name) == 0) {
            return true;
        }
    }
    return false;
}

/* Headers that rows name, each once. Where one is missing, the row will be told. */
static char *row_includes(const struct build *b)
{
    char *text = cli_format("%s", "");
    for (size_t i = 0; i < b->row_count; i++) {
        const char *name = b->rows[i].header;
        bool seen = name[0] == '\0' || is_named(b, name);
        for (size_t k = 0; k < i && !seen; k++) {
            seen = strcmp(b->rows[k].header, name) == 0;
        }
        if (!seen) {
            char *longer = cli_format("%s#if __has_include(<%s>)\n#include <%s>\n#endif\n",
                                      text, name, name);
            free(text);
            text = longer;
        }
    }
    return text;
}

const char *compiler_source(struct build *b, const char *name, const char *body)
{
    const char *path = compiler_path(b, name);
    char *text = cli_format("%s", marks);
    for (size_t i = 0; i < b->header_count; i++) {
        char *longer = cli_format("%s#include \"%s\"\n", text, b->headers[i].path);
        free(text);
        text = longer;
    }
    char *more = row_includes(b);
    char *whole = cli_format("%s%s%s", text, more, body);
    if (cli_write_file(path, whole, strlen(whole)) != 0) {
        exit(CLI_IO);
    }
    free(whole);
    free(more);
    free(text);
    return path;
}

/* ---- running
 * ---------------------------------------------------------------------------- */

static int spawn(const char *const *arguments, const char *out, const char *err)
{
    posix_spawn_file_actions_t actions;
    pid_t pid;
    int status;
    const int mode = O_WRONLY | O_CREAT | O_TRUNC;
    if (posix_spawn_file_actions_init(&actions) != 0 ||
        (out != NULL && posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, out,
                                                         mode, 0600) != 0) ||
        (err != NULL && posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, err,
                                                         mode, 0600) != 0)) {
        cli_die(CLI_IO, NULL, "out of memory");
    }
    int rc = posix_spawnp(&pid, arguments[0], &actions, NULL,
                          (char **)(uintptr_t)arguments, environ);
    (void)posix_spawn_file_actions_destroy(&actions);
    if (rc != 0) {
        cli_die(CLI_IO, NULL, "%s cannot be run: %s; install it, or name another one%s",
                arguments[0], strerror(rc),
                strstr(arguments[0], "clang") != NULL ? " with --clang" : " with --cc");
    }
    while (waitpid(pid, &status, 0) < 0) {
        if (errno != EINTR) {
            cli_die(CLI_IO, NULL, "%s got lost: %s", arguments[0], strerror(errno));
        }
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

void compiler_run(struct build *b, const char *doing, const char *const more[])
{
    const char **arguments = cli_alloc(b->flag_count + ARGUMENTS_MAX, sizeof *arguments);
    size_t count = 0;
    arguments[count++] = b->compiler;
    for (size_t i = 0; i < b->flag_count; i++) {
        arguments[count++] = b->flags[i];
    }
    for (size_t i = 0; more[i] != NULL && i < ARGUMENTS_MAX - 2; i++) {
        arguments[count++] = more[i];
    }
    int status = spawn(arguments, NULL, NULL);
    free(arguments);
    if (status != 0) {
        cli_die(CLI_REFUSED, NULL,
                "%s does not %s: see its messages above; are flags missing behind --?",
                b->compiler, doing);
    }
}

/* Of the compiler's flags those that decide what the preprocessed source means. */
static bool for_clang(const char *flag)
{
    static const char *const begins[] = {"-std=",
                                         "-mcpu=",
                                         "-march=",
                                         "-mthumb",
                                         "-mfpu=",
                                         "-mfloat-abi=",
                                         "-funsigned-char",
                                         "-fsigned-char",
                                         "-fno-short-enums",
                                         "-fno-short-wchar",
                                         "-fshort-wchar",
                                         "-ansi"};
    for (size_t i = 0; i < sizeof begins / sizeof begins[0]; i++) {
        if (strncmp(flag, begins[i], strlen(begins[i])) == 0) {
            return true;
        }
    }
    return false;
}

static void print_file(const char *path)
{
    size_t size;
    uint8_t *bytes = cli_read_file(path, &size);
    (void)fwrite(bytes, 1, size, stderr);
    free(bytes);
}

/* Errors in what a named header has make the list wrong. Elsewhere (an intrinsic that
 * only GCC has, in a body of its own headers) they do no harm. */
static bool errors_in_headers(const struct build *b, const char *path)
{
    size_t size;
    char *bytes = (char *)cli_read_file(path, &size);
    char *text = cli_alloc(size + 1, 1);
    bool found = false;
    memcpy(text, bytes, size);
    for (size_t i = 0; i < b->header_count; i++) {
        size_t length = strlen(b->headers[i].path);
        for (const char *at = text; (at = strstr(at, b->headers[i].path)) != NULL; at++) {
            const char *colon = at + length;
            size_t line = strcspn(colon, "\n");
            const char *error = strstr(colon, ": error:");
            found |= *colon == ':' && error != NULL && error < colon + line;
        }
    }
    free(text);
    free(bytes);
    return found;
}

void compiler_list(struct build *b, const char *source, const char *output)
{
    const char *err = compiler_path(b, "clang.err");
    const char **arguments = cli_alloc(b->flag_count + 32, sizeof *arguments);
    size_t count = 0;
    arguments[count++] = b->clang;
    arguments[count++] = "--target=arm-none-eabi";
    arguments[count++] =
        "-fshort-enums"; /* as GCC has it; -fno-short-enums comes later */
    for (size_t i = 0; i < b->flag_count; i++) {
        if (for_clang(b->flags[i])) {
            arguments[count++] = b->flags[i];
        }
    }
    arguments[count++] = "-x";
    arguments[count++] = b->cxx ? "c++-cpp-output" : "cpp-output";
    arguments[count++] = "-fsyntax-only";
    arguments[count++] = "-w";
    arguments[count++] = "-Qunused-arguments";
    arguments[count++] = "-ferror-limit=0";
    arguments[count++] = "-Xclang";
    arguments[count++] = "-ast-dump=json";
    arguments[count++] = source;
    int status = spawn(arguments, output, err);
    free(arguments);
    if (status >= 128 || (status != 0 && errors_in_headers(b, err))) {
        print_file(err);
        cli_die(CLI_REFUSED, NULL,
                "%s does not take the headers, which %s takes: see its messages above",
                b->clang, b->compiler);
    }
}
