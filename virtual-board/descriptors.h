/* SPDX-License-Identifier: BSD-2-Clause */
/** What the probe tells about itself on the USB. */
#ifndef DESCRIPTORS_H
#define DESCRIPTORS_H

#include <stddef.h>
#include <stdint.h>

/** The name of probe `index`'s file; to be freed by g_free(). */
char *descriptors_node(unsigned index);
/** Probe `index`, in umockdev's form; to be freed by g_free(). */
char *descriptors_device(unsigned index);
/** The answer to a control request. @return its length, at most `room` */
size_t descriptors_answer(unsigned index, const uint8_t setup[8], uint8_t *bytes,
                          size_t room);

#endif
