/* SPDX-License-Identifier: BSD-2-Clause */
/** What a verb works on: the chip, its module region, and the store in it. */
#ifndef MODFLASH_SESSION_H
#define MODFLASH_SESSION_H

#include <stdbool.h>
#include <stdint.h>

#include "cli.h"
#include "device.h"
#include "modfmt_store.h"
#include "region.h"
#include "target.h"

/** What the command line asked for. */
struct request {
    const char *probe;
    const char *chip;
    const char *region;   /**< "BASE:SIZE", or NULL */
    const char *firmware; /**< an ELF file, or NULL */
    const char *arena;    /**< "BASE:SIZE", checked; or NULL */
    const char *output;
    const char *set;   /**< a file: parameters to be written, or NULL */
    const char *get;   /**< a file: where parameters go, or NULL */
    const char **apis; /**< descriptions of interfaces */
    unsigned api_count;
    char **operands;
    unsigned operand_count;
    bool json;
    bool dry_run;
    bool no_reset;
    bool allow_downgrade;
    bool force;
    bool pin;
    bool journal;
    bool discard_journal;
    bool no_check;
    bool xip_link;
    bool no_xip_link;
    bool quiet;
};

#define SESSION_IMAGES_MAX 512

struct session {
    const struct request *request;
    struct target *target;
    struct region region;
    struct firmware_descriptor descriptor; /**< of the board's firmware; version 0: it
                                                 was not asked, or has none */
    struct device device;
    struct modfmt_store store;
    struct modfmt_store_image image[SESSION_IMAGES_MAX];
    char *journal; /**< path of this region's journal, whether there is one or not */
    bool pending;  /**< there is one */
    bool paper;    /**< there is no chip: bundle's */
    bool kept;     /**< it has all that is in the region: a failure costs nothing */
};

/** What a verb is going to do. */
enum session_use {
    SESSION_READ,
    SESSION_WRITE,   /**< refused while a journal is pending */
    SESSION_RECOVER, /**< not refused then; nor is a region that makes no sense */
};

/** Open the target, find the region, open the store. On failure prints and exits. */
struct session *session_open(const struct request *request, enum session_use use);
/** The same without the store: for verbs on raw flash. */
struct session *session_open_region(const struct request *request, enum session_use use);
/** Say so if the region is the chip's default, which may be a wrong guess. */
void session_say_region(const struct session *session);
/** Halt the chip and unlock its flash: from here on the store's calls change it. */
void session_begin(struct session *session);
/** Close everything; the chip is left locked and running. @return an exit status */
int session_close(struct session *session);
/** Print what went wrong, close the target, exit with what fits the error. */
_Noreturn void session_fail(struct session *session, int code,
                            const struct modfmt_diag *diag, const char *doing);
/** Close the target and exit with that status, after the caller's own message. */
_Noreturn void session_exit(struct session *session, int status);
/** Close the target and exit with CLI_REFUSED, after the caller's own message. */
_Noreturn void session_refuse(struct session *session);

/** An address in the region. */
uint32_t session_address(const struct session *session, uint32_t offset);

#endif
