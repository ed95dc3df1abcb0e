/* SPDX-License-Identifier: BSD-2-Clause */
/** The console: board_put() with line ends as terminals want them. firmware.h's printing
 *  functions are in console.c as well. */
#ifndef CONSOLE_H
#define CONSOLE_H

/** End the line, if anything was printed on it: a module's text without a line end shall
 *  not swallow the firmware's own line. */
void console_fresh_line(void);
/** Print at most `size` characters; what is not printable becomes '?'. */
void console_bytes(const char *bytes, unsigned size);

#endif
