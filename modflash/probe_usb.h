/* SPDX-License-Identifier: BSD-2-Clause */
/** Which ST-LINKs are plugged in, and may they be used? */
#ifndef MODFLASH_PROBE_USB_H
#define MODFLASH_PROBE_USB_H

#include "probe.h"

/** Characters of a serial number as libstlink has them, without the end. */
#define PROBE_SERIAL_LENGTH 24

/**
 * Choose the one ST-LINK with this serial number, or the only one (`wanted` NULL).
 * @return 0, or -1 and a sentence in `error`: none; several, with their serial numbers;
 *         no permission, with the udev rule; in use
 */
int probe_usb_choose(const char *wanted, char ret_serial[PROBE_SERIAL_LENGTH + 1],
                     char error[PROBE_ERROR]);

#endif
