/* SPDX-License-Identifier: BSD-2-Clause */
/** The command line. */
#include "options.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "chip.h"
#include "message.h"

enum {
    OPTION_FLASH = 0x100,
    OPTION_CUT_AFTER,
    OPTION_CUT_AFTER_COMMAND,
    OPTION_CUT_KIND,
    OPTION_SEED,
    OPTION_WRITE_PROTECT,
    OPTION_SPARE_PROBES,
    OPTION_TRACE,
    OPTION_STATS,
    OPTION_SERVE,
};

static const struct option known[] = {
    {"flash", required_argument, NULL, OPTION_FLASH},
    {"cut-after", required_argument, NULL, OPTION_CUT_AFTER},
    {"cut-after-command", required_argument, NULL, OPTION_CUT_AFTER_COMMAND},
    {"cut-kind", required_argument, NULL, OPTION_CUT_KIND},
    {"seed", required_argument, NULL, OPTION_SEED},
    {"write-protect", required_argument, NULL, OPTION_WRITE_PROTECT},
    {"spare-probes", required_argument, NULL, OPTION_SPARE_PROBES},
    {"trace", required_argument, NULL, OPTION_TRACE},
    {"stats", required_argument, NULL, OPTION_STATS},
    {"serve", no_argument, NULL, OPTION_SERVE},
    {"help", no_argument, NULL, 'h'},
    {"version", no_argument, NULL, 'V'},
    {NULL, 0, NULL, 0},
};

static const char help[] =
    "Usage: virtual-board --flash FILE [options] -- CLIENT ARGS...\n"
    "       virtual-board --flash FILE [options] --serve\n"
    "\n"
    "Run a client of an ST-LINK/V2 probe, such as st-flash or openocd, with an "
    "STM32F405\n"
    "that exists only here. Its flash is FILE: 1 MiB, from 0x08000000 on.\n"
    "\n"
    "Options:\n"
    "      --flash FILE          the flash; made, and erased, if there is none\n"
    "      --cut-after N         cut the power at the N-th program or erase operation,\n"
    "                            and leave that half-done\n"
    "      --cut-after-command N cut it at the N-th command of the probe\n"
    "      --cut-kind KIND       what goes: power (default), usb, target or hang\n"
    "      --seed N              of the half-done operation's random bits (default 1)\n"
    "      --write-protect LIST  sectors that the option bytes protect, as 0,7,11\n"
    "      --spare-probes N      more probes, from 1 to 3, with nothing connected to "
    "them\n"
    "      --trace FILE          write what happens, line by line (\"-\": stderr)\n"
    "      --stats FILE          write counts at the end (\"-\": stderr)\n"
    "      --serve               start no client: print the environment that clients\n"
    "                            need, and stay until SIGTERM\n"
    "  -h, --help                print this text and exit\n"
    "  -V, --version             print the version and exit\n"
    "\n"
    "Exit status: the client's, or 128 and the signal that killed it; 2 usage, 3 a file\n"
    "or the mock USB, 126 or 127 if the client cannot be started.\n";

_Noreturn static void print_and_exit(const char *text)
{
    bool good = fputs(text, stdout) >= 0 && fflush(stdout) == 0;
    if (!good) {
        message_error(NULL, "cannot write to standard output: %s", strerror(errno));
    }
    exit(good ? 0 : EXIT_IO);
}

_Noreturn static void wrong_value(const char *option, const char *wanted,
                                  const char *value)
{
    message_error(NULL, "option --%s wants %s, not \"%s\"", option, wanted, value);
    exit(EXIT_USAGE);
}

static uint64_t read_number(const char *option, const char *text, uint64_t least)
{
    char *end = NULL;
    errno = 0;
    unsigned long long value = strtoull(text, &end, 0);
    if (*text < '0' || *text > '9' || *end != '\0' || errno != 0 || value < least) {
        wrong_value(option, least > 0 ? "a number from 1 on" : "a number", text);
    }
    return value;
}

static enum cut_kind read_kind(const char *text)
{
    static const char *const kinds[] = {"power", "usb", "target", "hang"};
    for (unsigned i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        if (strcmp(text, kinds[i]) == 0) {
            return (enum cut_kind)i; /* they are in the order of the enum */
        }
    }
    wrong_value("cut-kind", "power, usb, target or hang", text);
}

static uint32_t read_sectors(const char *text)
{
    uint32_t sectors = 0;
    const char *at = text;
    for (;;) {
        char *end = NULL;
        unsigned long sector = strtoul(at, &end, 10);
        bool good = *at >= '0' && *at <= '9' && sector < CHIP_SECTORS;
        if (!good || (*end != ',' && *end != '\0')) {
            wrong_value("write-protect", "sectors from 0 to 11, with commas", text);
        }
        sectors |= 1u << sector;
        if (*end == '\0') {
            return sectors;
        }
        at = end + 1;
    }
}

static unsigned read_spares(const char *text)
{
    if (text[0] < '1' || text[0] > '3' || text[1] != '\0') {
        wrong_value("spare-probes", "a number from 1 to 3", text);
    }
    return (unsigned)(text[0] - '0');
}

static void take_option(struct options *options, int id, const char *value)
{
    switch (id) {
    case OPTION_FLASH:
        options->flash = value;
        break;
    case OPTION_CUT_AFTER:
        options->cut_after = read_number("cut-after", value, 1);
        break;
    case OPTION_CUT_AFTER_COMMAND:
        options->cut_after_command = read_number("cut-after-command", value, 1);
        break;
    case OPTION_CUT_KIND:
        options->cut_kind = read_kind(value);
        break;
    case OPTION_SEED:
        options->seed = read_number("seed", value, 0);
        break;
    case OPTION_WRITE_PROTECT:
        options->protect = read_sectors(value);
        break;
    case OPTION_SPARE_PROBES:
        options->spare_probes = read_spares(value);
        break;
    case OPTION_TRACE:
        options->trace = value;
        break;
    case OPTION_STATS:
        options->stats = value;
        break;
    case OPTION_SERVE:
        options->serve = true;
        break;
    case 'h':
        print_and_exit(help);
    default:
        print_and_exit("virtual-board " MODFMT_TOOL_VERSION "\n");
    }
}

_Noreturn static void wrong_option(int id, const char *word)
{
    const char *text =
        id == ':' ? "option \"%s\" needs a value" : "unknown option \"%s\"";
    char problem[200];
    snprintf(problem, sizeof problem, text, word);
    message_error(NULL, "%s; \"virtual-board --help\" lists all", problem);
    exit(EXIT_USAGE);
}

_Noreturn static void wrong_usage(const char *problem)
{
    message_error(NULL, "%s; see \"virtual-board --help\"", problem);
    exit(EXIT_USAGE);
}

static void check_options(const struct options *options)
{
    if (options->flash == NULL) {
        wrong_usage("no flash was given: --flash FILE is the board's flash");
    }
    if (!options->serve && options->client == NULL) {
        wrong_usage("no client was given: put -- and its command behind the options");
    }
    if (options->serve && options->client != NULL) {
        wrong_usage("--serve starts no client, but one was given");
    }
}

void options_read(struct options *options, int argc, char **argv)
{
    *options = (struct options){.seed = 1};
    opterr = 0;
    for (;;) {
        int at = optind;
        int id = getopt_long(argc, argv, "+:hV", known, NULL); /* stop at the client */
        if (id == -1) {
            break;
        }
        if (id == ':' || id == '?') {
            wrong_option(id, argv[at]);
        }
        take_option(options, id, optarg);
    }
    if (optind < argc) {
        options->client = argv + optind;
    }
    check_options(options);
}
