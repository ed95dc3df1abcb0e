/* SPDX-License-Identifier: BSD-2-Clause */
/** Opening and closing targets; the first failure; signals. */
#include "target.h"
#include "target_kinds.h"
#include "probe.h"
#include "cli.h"

#include <signal.h>
#include <stdarg.h>
#include <string.h>

/* ---- signals -------------------------------------------------------------- */

static const int signals[] = {SIGINT, SIGTERM, SIGHUP};
#define SIGNAL_COUNT (sizeof signals / sizeof signals[0])

static volatile sig_atomic_t caught;
static struct sigaction former[SIGNAL_COUNT];

static void on_signal(int number)
{
    caught = number;
}

/* Without SA_RESTART, so that waits end at once. What is ignored (nohup) stays so. */
static void catch_signals(void)
{
    struct sigaction action = {.sa_handler = on_signal};
    sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < SIGNAL_COUNT; i++) {
        sigaction(signals[i], NULL, &former[i]);
        if (former[i].sa_handler != SIG_IGN) {
            sigaction(signals[i], &action, NULL);
        }
    }
}

static void release_signals(void)
{
    for (size_t i = 0; i < SIGNAL_COUNT; i++) {
        sigaction(signals[i], &former[i], NULL);
    }
}

bool target_interrupted(void)
{
    return caught != 0;
}

/* ---- open and close ------------------------------------------------------- */

/* What follows `kind` and a colon; "" if there is only the kind; NULL: another kind. */
static const char *after(const char *spec, const char *kind)
{
    size_t length = strlen(kind);
    if (strncmp(spec, kind, length) != 0) {
        return NULL;
    }
    return spec[length] == ':' ? spec + length + 1 : spec[length] == 0 ? "" : NULL;
}

static int open_kind(const struct target_options *options, struct target **ret_target)
{
    const char *rest = after(options->spec, "file");
    if (rest != NULL && rest[0] != 0) {
        return target_file_open(options, rest, ret_target);
    }
    rest = after(options->spec, "stlink");
    if (rest != NULL) {
        return target_stlink_open(options, rest[0] != 0 ? rest : NULL, ret_target);
    }
    rest = after(options->spec, "gdb");
    if (rest != NULL && rest[0] != 0) {
        return target_gdb_open(options, rest, ret_target);
    }
    cli_error(NULL,
              "'%s' is no probe: use stlink, stlink:SERIAL, gdb:HOST:PORT or file:PATH",
              options->spec);
    return CLI_USAGE;
}

int target_open(const struct target_options *options, struct target **ret_target)
{
    catch_signals();
    int status = probe_set_patience();
    if (status == CLI_OK) {
        status = open_kind(options, ret_target);
    }
    if (status != 0) {
        release_signals();
    }
    return status;
}

int target_close(struct target *target, bool reset)
{
    bool failed_before = target->error[0] != 0;
    int status = 0;

    if (target->begun && target->ops->end(target, reset) != 0) {
        status = CLI_TARGET;
        /* The caller has shown the first failure; this one follows from it. */
        if (!failed_before) {
            cli_error(target->spec, "%s", target->error);
        }
    }
    target->ops->close(target);
    release_signals();
    return status;
}

int target_fail(struct target *target, const char *format, ...)
{
    if (target->error[0] == 0) {
        va_list list;
        va_start(list, format);
        vsnprintf(target->error, sizeof target->error, format, list);
        va_end(list);
    }
    return -1;
}
