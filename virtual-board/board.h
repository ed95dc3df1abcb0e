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
    struct faults calm; /**< the spare probes': nothing ever happens to them */
    struct probe spares[USB_PROBES_MAX - 1];
    unsigned spare_count;
};

/** Power on. @return 0, or an exit status after a message */
int board_open(struct board *board, const struct options *options);
/** Put the board's probes on the USB. @return NULL after a message */
struct usb *board_plug(struct board *board);
void board_close(struct board *board);
/** Write counts and the chip's state, a line each, in the order of virtual-board(1).
 *  @return 0, or EXIT_IO after a message */
int board_write_stats(const struct board *board, const struct usb_counts *usb,
                      const char *path);

#endif
