/* SPDX-License-Identifier: BSD-2-Clause */
/** What the probe tells about itself on the USB. */
#ifndef DESCRIPTORS_H
#define DESCRIPTORS_H

#include <stddef.h>
#include <stdint.h>

#define DESCRIPTORS_NODE "/dev/bus/usb/001/002"

/** The device, in umockdev's form; to be freed by g_free(). */
char *descriptors_device(void);
/** The answer to a control request. @return its length, at most `room` */
size_t descriptors_answer(const uint8_t setup[8], uint8_t *bytes, size_t room);

#endif
