/* SPDX-License-Identifier: BSD-2-Clause */
/** Messages on stderr: the board's own errors, and nothing else. */
#ifndef MESSAGE_H
#define MESSAGE_H

/** One line: "virtual-board: FILE: error: TEXT"; `file` may be NULL. */
void message_error(const char *file, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
