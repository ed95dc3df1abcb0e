/* SPDX-License-Identifier: BSD-2-Clause */
/** The whole board: the parts, connected. */
#ifndef BOARD_H
#define BOARD_H

#include "bus.h"
#include "core.h"
#include "faults.h"
#include "flash.h"
#include "image.h"
#include "options.h"
#include "probe.h"
#include "trace.h"
#include "usb.h"

struct board {
    struct image image;
    struct faults faults;
    struct trace trace;
    struct flash flash;
    struct bus bus;
    struct core core;
    struct probe probe;
};

/** Power on. @return 0, or an exit status after a message */
int board_open(struct board *board, const struct options *options);
void board_close(struct board *board);
/** Write counts and the chip's state, a line each, in the order of virtual-board(1).
 *  @return 0, or EXIT_IO after a message */
int board_write_stats(const struct board *board, const struct usb_counts *usb,
                      const char *path);

#endif
