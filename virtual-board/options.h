/* SPDX-License-Identifier: BSD-2-Clause */
/** The command line. */
#ifndef OPTIONS_H
#define OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "faults.h"

enum { EXIT_USAGE = 2, EXIT_IO = 3 };

struct options {
    const char *flash;
    const char *trace; /**< NULL: none; "-": stderr */
    const char *stats; /**< likewise */
    uint64_t cut_after;
    uint64_t cut_after_command;
    enum cut_kind cut_kind;
    uint64_t seed;
    uint32_t protect; /**< a bit for each sector */
    unsigned spare_probes;
    bool serve;
    char **client; /**< its arguments, ended by NULL; NULL with serve */
};

/** --help and --version print and exit; what makes no sense gets a message and exit
 *  EXIT_USAGE. */
void options_read(struct options *options, int argc, char **argv);

#endif
