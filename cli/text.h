/* SPDX-License-Identifier: BSD-2-Clause */
/** What the parts of cli tell each other; not for the tools. */
#ifndef CLI_TEXT_H
#define CLI_TEXT_H

#include <stddef.h>
#include <stdint.h>

/**
 * Decode the UTF-8 character at `bytes`, of which `length` (not 0) can be read.
 * @return its length in bytes and the character, or 0 if it is not valid (overlong forms
 *         and surrogates included)
 */
size_t cli_utf8_(const char *bytes, size_t length, uint32_t *ret_character);

/** The name that heads messages. */
void cli_set_name_(const char *name);

/** Keep descriptors 0 to 2 from being taken by a file that a tool opens. */
void cli_hold_descriptors_(void);

#endif
