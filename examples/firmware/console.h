/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CONSOLE_H
#define CONSOLE_H

/** The end of the emulation: 0 if all is well. */
_Noreturn void console_end(int status);

#endif
