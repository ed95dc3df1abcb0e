/* SPDX-License-Identifier: BSD-2-Clause */
/** A progress bar on a terminal. */
#ifndef MODFLASH_PROGRESS_H
#define MODFLASH_PROGRESS_H

#include "device.h"

/** Redraw the bar. For device.progress. */
void progress_show(const struct device *device, const char *doing, uint32_t done,
                   uint32_t total);
/** Clear the bar's line, if there is one: before anything else is printed. */
void progress_end(void);

#endif
