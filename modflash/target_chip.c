/* SPDX-License-Identifier: BSD-2-Clause */
/** A chip behind a probe. For now no probe is built in: only file: works. */
#include "target_kinds.h"
#include "cli.h"

static int refuse(const struct target_options *options)
{
    cli_error(options->spec, "this build of modflash has no probes yet: use file:PATH");
    return CLI_TARGET;
}

int target_stlink_open(const struct target_options *options, const char *serial,
                       struct target **ret_target)
{
    (void)serial;
    (void)ret_target;
    return refuse(options);
}

int target_gdb_open(const struct target_options *options, const char *address,
                    struct target **ret_target)
{
    (void)address;
    (void)ret_target;
    return refuse(options);
}
