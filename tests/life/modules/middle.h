/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MIDDLE_H
#define MIDDLE_H

/** The sum of the numbers of "lowest", each times `factor`. */
int middle_scaled(int factor);
/** lowest_add(), as this module's data has its address. */
extern int (*const middle_operation)(int a, int b);

#endif
