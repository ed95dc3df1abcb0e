/* SPDX-License-Identifier: BSD-2-Clause */
/** What this firmware offers to modules: all that this header declares. modapi makes the
 *  export table of it, and the description that mkmod checks modules against. */
#ifndef INTERFACE_H
#define INTERFACE_H

/** Print a text. */
void console_print(const char *text);
/** Print a number. */
void console_number(unsigned number);

#endif
