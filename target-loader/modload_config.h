/* SPDX-License-Identifier: BSD-2-Clause */
/**
 * What the loader is built with. Each is 1 unless given as 0 (-DMODLOAD_WITH_CRC=0); plain
 * constants that the compiler folds, so that no function is woven through with #if.
 */
#ifndef MODLOAD_CONFIG_H
#define MODLOAD_CONFIG_H

/** All checks. 0: images are trusted (their maker and their way here are known to be
 *  good), and only copied and relocated. */
#ifndef MODLOAD_WITH_CHECKS
#define MODLOAD_WITH_CHECKS 1
#endif
/** MODLOAD_OPT_CRC. */
#ifndef MODLOAD_WITH_CRC
#define MODLOAD_WITH_CRC 1
#endif
/** Images that use MOVW/MOVT fix-ups (clang, -mslow-flash-data). */
#ifndef MODLOAD_WITH_MOV
#define MODLOAD_WITH_MOV 1
#endif
/** Images with imports. */
#ifndef MODLOAD_WITH_IMPORTS
#define MODLOAD_WITH_IMPORTS 1
#endif
/** Images that are not memory-mapped, read in chunks through port->read. */
#ifndef MODLOAD_WITH_READ
#define MODLOAD_WITH_READ 1
#endif
/** MODLOAD_OPT_APART. */
#ifndef MODLOAD_WITH_APART
#define MODLOAD_WITH_APART 1
#endif
/** Init and fini arrays, static base: what the tags say. */
#ifndef MODLOAD_WITH_TAGS
#define MODLOAD_WITH_TAGS 1
#endif

#endif
