/* SPDX-License-Identifier: BSD-2-Clause */
/** Options before, between and after operands; --help and --version; near misses. */
#include "cli.h"
#include "text.h"

#include <stdlib.h>
#include <string.h>

enum { ID_HELP = -2, ID_VERSION = -3 };

static const struct cli_option own_options[] = {
    {ID_HELP, 'h', "help", NULL, "print this text and exit"},
    {ID_VERSION, 'V', "version", NULL, "print the tool's version and exit"},
    {0, 0, NULL, NULL, NULL},
};

void cli_begin(struct cli_args *args, const struct cli_tool *tool, int argc, char **argv)
{
    *args = (struct cli_args){.tool = tool, .argc = argc, .argv = argv, .at = 1};
    cli_set_name_(tool->name);
    cli_hold_descriptors_();
}

static const struct cli_option *find_name(const struct cli_option *list, const char *name,
                                          size_t length)
{
    for (; list->id != 0; list++) {
        if (list->name != NULL && strlen(list->name) == length &&
            memcmp(list->name, name, length) == 0) {
            return list;
        }
    }
    return NULL;
}

static const struct cli_option *find_letter(const struct cli_option *list, char letter)
{
    for (; list->id != 0; list++) {
        if (list->letter == letter) {
            return list;
        }
    }
    return NULL;
}

/* The tool's own options come first, so that one may take the name of a common one. */
static const struct cli_option *look_up(const struct cli_args *args, const char *name,
                                        size_t length)
{
    const struct cli_option *found = find_name(args->tool->options, name, length);
    return found != NULL ? found : find_name(own_options, name, length);
}

/* Edits (insert, delete, replace) that make one name of the other. `length` is below 32.
 */
static unsigned edit_distance(const char *name, size_t length, const char *other)
{
    unsigned row[33];
    size_t width = strlen(other);
    if (width > 32) {
        return 99;
    }
    for (size_t j = 0; j <= width; j++) {
        row[j] = (unsigned)j;
    }
    for (size_t i = 1; i <= length; i++) {
        unsigned corner = row[0];
        row[0] = (unsigned)i;
        for (size_t j = 1; j <= width; j++) {
            unsigned best = corner + (name[i - 1] != other[j - 1]);
            corner = row[j];
            best = row[j] + 1 < best ? row[j] + 1 : best;
            row[j] = row[j - 1] + 1 < best ? row[j - 1] + 1 : best;
        }
    }
    return row[width];
}

static const char *nearest(const struct cli_args *args, const char *name, size_t length)
{
    const struct cli_option *lists[] = {args->tool->options, own_options};
    const char *found = NULL;
    unsigned least = length < 4 ? 2 : 3;
    if (length > 31) {
        return NULL;
    }
    for (size_t i = 0; i < 2; i++) {
        for (const struct cli_option *o = lists[i]; o->id != 0; o++) {
            if (o->name == NULL) {
                continue;
            }
            /* A started name is the commonest near miss. */
            bool begun = length >= 2 && strncmp(o->name, name, length) == 0;
            unsigned distance = begun ? 1 : edit_distance(name, length, o->name);
            if (distance < least) {
                least = distance;
                found = o->name;
            }
        }
    }
    return found;
}

static void print_option(const struct cli_option *o)
{
    char left[64];
    bool both = o->letter != 0 && o->name != NULL;
    char letter[] = {'-', o->letter, 0};
    int length = snprintf(left, sizeof left, "  %s%s%s%s%s%s",
                          o->letter != 0 ? letter : "    ", both ? ", " : "",
                          o->name != NULL ? "--" : "", o->name != NULL ? o->name : "",
                          o->arg != NULL ? " " : "", o->arg != NULL ? o->arg : "");
    if (length < 28) {
        printf("%-28s%s\n", left, o->help);
    } else {
        printf("%s\n%28s%s\n", left, "", o->help);
    }
}

_Noreturn static void print_help(const struct cli_tool *tool)
{
    printf("Usage: %s\n\n%s\n\nOptions:\n", tool->usage, tool->purpose);
    for (const struct cli_option *o = tool->options; o->id != 0; o++) {
        print_option(o);
    }
    for (const struct cli_option *o = own_options; o->id != 0; o++) {
        struct cli_option shown = *o;
        bool taken = find_name(tool->options, o->name, strlen(o->name)) != NULL;
        if (taken && !tool->version_takes_arg) {
            shown.name = NULL;
        }
        if (taken && tool->version_takes_arg) {
            shown.help = "alone: print the tool's version and exit";
        }
        print_option(&shown);
    }
    if (tool->details != NULL) {
        printf("\n%s\n", tool->details);
    }
    exit(cli_close_stdout());
}

/* Common options end the run here; the tool's own are handed out. */
static int take(const struct cli_args *args, const struct cli_option *option)
{
    if (option->id == ID_HELP) {
        print_help(args->tool);
    }
    if (option->id == ID_VERSION) {
        printf("%s %s\n", args->tool->name, MODFMT_TOOL_VERSION);
        exit(cli_close_stdout());
    }
    return option->id;
}

static int next_long(struct cli_args *args, const char *name, const char **ret_value)
{
    size_t length = strcspn(name, "=");
    const char *value = name[length] == '=' ? name + length + 1 : NULL;
    const struct cli_option *option = look_up(args, name, length);

    if (option == NULL) {
        const char *near_name = nearest(args, name, length);
        int shown = (int)(length < 200 ? length : 200);
        if (near_name != NULL) {
            cli_die(CLI_USAGE, NULL, "unknown option \"--%.*s\"; did you mean --%s?",
                    shown, name, near_name);
        }
        cli_die(CLI_USAGE, NULL, "unknown option \"--%.*s\"; \"%s --help\" lists all",
                shown, name, args->tool->name);
    }
    if (option->arg == NULL && value != NULL) {
        cli_die(CLI_USAGE, NULL, "option --%s takes no value, but \"%s\" was given",
                option->name, value);
    }
    if (option->arg != NULL && value == NULL) {
        if (args->tool->version_takes_arg && args->argc == 2 &&
            strcmp(option->name, "version") == 0) {
            return take(args, &own_options[1]);
        }
        if (args->at >= args->argc) {
            cli_die(CLI_USAGE, NULL, "option --%s needs a value: --%s %s", option->name,
                    option->name, option->arg);
        }
        value = args->argv[args->at++];
    }
    *ret_value = value;
    return take(args, option);
}

static int next_letter(struct cli_args *args, const char **ret_value)
{
    char letter = *args->letters++;
    const struct cli_option *option = find_letter(args->tool->options, letter);
    const char *value = NULL;

    if (option == NULL) {
        option = find_letter(own_options, letter);
    }
    if (option == NULL) {
        cli_die(CLI_USAGE, NULL, "unknown option \"-%c\"; \"%s --help\" lists all",
                letter, args->tool->name);
    }
    if (option->arg != NULL) {
        if (*args->letters != 0) {
            value = args->letters;
        } else if (args->at < args->argc) {
            value = args->argv[args->at++];
        } else {
            cli_die(CLI_USAGE, NULL, "option -%c needs a value: -%c %s", letter, letter,
                    option->arg);
        }
        args->letters = NULL;
    }
    *ret_value = value;
    return take(args, option);
}

int cli_next(struct cli_args *args, const char **ret_value)
{
    *ret_value = NULL;
    if (args->letters != NULL && *args->letters != 0) {
        return next_letter(args, ret_value);
    }
    args->letters = NULL;
    while (args->at < args->argc) {
        const char *word = args->argv[args->at++];
        if (args->operands_only || word[0] != '-' || word[1] == 0) {
            *ret_value = word;
            return CLI_OPERAND;
        }
        if (strcmp(word, "--") == 0) {
            args->operands_only = true;
        } else if (word[1] == '-') {
            return next_long(args, word + 2, ret_value);
        } else {
            args->letters = word + 1;
            return next_letter(args, ret_value);
        }
    }
    return CLI_END;
}

bool cli_parse_u32(const char *text, uint32_t *ret_value)
{
    bool hex = text[0] == '0' && (text[1] == 'x' || text[1] == 'X');
    const char *digits = hex ? text + 2 : text;
    uint64_t value = 0;

    if (*digits == 0) {
        return false;
    }
    for (; *digits != 0; digits++) {
        char c = *digits;
        unsigned digit = c >= '0' && c <= '9'          ? (unsigned)(c - '0')
                         : hex && c >= 'a' && c <= 'f' ? (unsigned)(c - 'a') + 10
                         : hex && c >= 'A' && c <= 'F' ? (unsigned)(c - 'A') + 10
                                                       : 99;
        if (digit == 99) {
            return false;
        }
        value = value * (hex ? 16 : 10) + digit;
        if (value > UINT32_MAX) {
            return false;
        }
    }
    *ret_value = (uint32_t)value;
    return true;
}
