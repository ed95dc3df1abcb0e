/* SPDX-License-Identifier: BSD-2-Clause */
/** The probe's place on a mock USB, which umockdev shows to clients. */
#ifndef USB_H
#define USB_H

#include <stdbool.h>
#include <stdint.h>

#include "probe.h"

struct usb;

enum { USB_PROBES_MAX = 4 };

/** Of the first probe. */
struct usb_counts {
    uint64_t urbs;
    uint64_t ioctls;
};

/** Once in a process: from now on clients of `count` probes are served, by a thread of
 * umockdev's.
 *  @return NULL, with the reason in *ret_problem */
struct usb *usb_plug(struct probe *const *probes, unsigned count,
                     const char **ret_problem);
/** No client is served any more, and nobody uses the probes; the mock's temporary files
 *  go. */
void usb_unplug(struct usb *usb, struct usb_counts *ret_counts);
/** The folder that a client's UMOCKDEV_DIR must name; the usb's own. */
const char *usb_folder(const struct usb *usb);

#endif
