/* SPDX-License-Identifier: BSD-2-Clause */
/**
 * What the loader is built with: the switches of modfmt_config.h (MOVW/MOVT, imports,
 * tables in pieces) and these. Each is 1 unless given as 0 (-DMODLOAD_WITH_CRC=0);
 * plain constants that the compiler folds, so that no function is woven through with #if.
 */
#ifndef MODLOAD_CONFIG_H
#define MODLOAD_CONFIG_H

#include "modfmt_config.h"

/** MODLOAD_OPT_CRC. */
#ifndef MODLOAD_WITH_CRC
#define MODLOAD_WITH_CRC 1
#endif
/** Images that are not memory-mapped, read in chunks through port->read. Needs
 *  MODFMT_WITH_REFILL. */
#ifndef MODLOAD_WITH_READ
#define MODLOAD_WITH_READ MODFMT_WITH_REFILL
#endif
/** MODLOAD_OPT_APART. Images with fix-ups between segments want MODFMT_WITH_RELATIVE. */
#ifndef MODLOAD_WITH_APART
#define MODLOAD_WITH_APART 1
#endif
/** MODLOAD_OPT_IN_PLACE. Without, images that could run in place are copied. */
#ifndef MODLOAD_WITH_IN_PLACE
#define MODLOAD_WITH_IN_PLACE 1
#endif
/** Linked images. Without, they are refused (MODLOAD_E_PLACEMENT). */
#ifndef MODLOAD_WITH_LINKED
#define MODLOAD_WITH_LINKED 1
#endif
/** Init and fini arrays, static base. Without, an image that has them is refused. */
#ifndef MODLOAD_WITH_ARRAYS
#define MODLOAD_WITH_ARRAYS 1
#endif
/** Modules that need other modules; needs imports and MODLOAD_WITH_ARRAYS. Without, an
 *  image that does is refused. */
#ifndef MODLOAD_WITH_DEPENDENCIES
#define MODLOAD_WITH_DEPENDENCIES (MODFMT_WITH_IMPORTS && MODLOAD_WITH_ARRAYS)
#endif
/** So many others can a module need. */
#ifndef MODLOAD_NEEDS_MAX
#define MODLOAD_NEEDS_MAX 4
#endif

#endif
