/* SPDX-License-Identifier: BSD-2-Clause */
/**
 * Forms of an interface that modules are compiled against, with each symbol's tag in its
 * name for linkers ("fw_add$3f2a91c0"), so that an image tells what it was built for
 * though there is no debug information.
 */
#ifndef INTERFACE_FORMS_H
#define INTERFACE_FORMS_H

#include "interface.h"

/**
 * A header for C and C++: the names, then the headers that declare them, then (for C)
 * every prototype once more and the layout of every struct, so that a header that is not
 * the one that the tags are of does not compile.
 *
 * @param includes  as they stand behind #include: "\"firmware.h\"", "<string.h>"
 * @return text to be freed
 */
char *interface_labels(const struct interface *interface, const char *guard,
                       const char *const *includes, size_t count);

/** Rust: an extern block, and the types that it needs. @return text to be freed */
char *interface_rust(const struct interface *interface);

#endif
