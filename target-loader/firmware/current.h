/* SPDX-License-Identifier: BSD-2-Clause */
/** What registry.c, report.c and modules.c know of each other. */
#ifndef CURRENT_H
#define CURRENT_H

#include "modules.h"
#include "region.h"

/** Whom reports are about: an image, and the module that its code belongs to. */
struct current {
    const uint8_t *image;          /**< NULL: none */
    const char *instance;          /**< what its name has behind it: "" or ".2" */
    struct modload_module *module; /**< NULL: none is running */
    bool trusted;                  /**< its CRC was right: the tags mean something */
    uint32_t leaked;               /**< bytes that were taken back on unloading */
};
extern struct current current;

/** Storage for one more module, or NULL. The registry's dismiss() has it back. */
struct modload_module *registry_take_storage(void);
/** A candidate as modload_load() wants it: mapped, or in pieces (EMULATION_READ). */
struct modload_source registry_source(const struct candidate *c);

/** The bytes of an image, however it is read. */
const uint8_t *report_image(const struct modload_source *source);
/** ": refused: …", with all that the loader told of the current image. */
void report_refusal(const struct modfmt_diag *diag);
/** What its name has behind it: module->owner, which needed modules do not have. */
const char *report_instance(const struct modload_module *module);
/** " (in place, 24 bytes of RAM)", or nothing if it was copied. */
void report_placement(const struct modload_image *image);
/** That the current module has ended, and what it has left behind; `was` is what it was
 *  before it was unloaded. */
void report_end(int value, const struct modload_image *was);

#endif
