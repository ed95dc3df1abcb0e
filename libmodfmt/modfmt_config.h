/* SPDX-License-Identifier: BSD-2-Clause */
/**
 * What relocation is built with. Each is 1 unless given as 0 (-DMODFMT_WITH_MOV=0): plain
 * constants that the compiler folds, so that no function is woven through with #if.
 * Lists that want what is left out are refused (MODFMT_E_RELOC_LIST).
 */
#ifndef MODFMT_CONFIG_H
#define MODFMT_CONFIG_H

/** MOVW/MOVT fix-ups (clang, -mslow-flash-data). */
#ifndef MODFMT_WITH_MOV
#define MODFMT_WITH_MOV 1
#endif
/** Fix-ups with imports. */
#ifndef MODFMT_WITH_IMPORTS
#define MODFMT_WITH_IMPORTS 1
#endif
/** PC-relative fix-ups between segments, and absolute ones. */
#ifndef MODFMT_WITH_RELATIVE
#define MODFMT_WITH_RELATIVE 1
#endif
/** Tables that come in pieces (modfmt_relocator.refill). */
#ifndef MODFMT_WITH_REFILL
#define MODFMT_WITH_REFILL 1
#endif

#endif
