/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef EXAMPLE_H
#define EXAMPLE_H

#include <stdint.h>

/** Load and start a module whose image is in flash. @return 0, or an error */
int run_plug(const uint8_t *image, uint32_t size);
/** End its task, give back all that it has. @return 0, or an error */
int end_plug(void);

#endif
