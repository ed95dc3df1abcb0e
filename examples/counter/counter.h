/* SPDX-License-Identifier: BSD-2-Clause */
/** What the module `counter` offers to other modules. */
#ifndef COUNTER_H
#define COUNTER_H

#ifdef __cplusplus
extern "C" {
#endif

/** Count some more of one kind. @return how many there were of it up to now, those
 *  included */
unsigned counter_add(unsigned kind, unsigned more);

/** How many there were of all kinds together. */
extern unsigned counter_total;

#ifdef __cplusplus
}
#endif
#endif
