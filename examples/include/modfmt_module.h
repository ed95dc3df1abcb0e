/* SPDX-License-Identifier: BSD-2-Clause */
/**
 * For authors of modules: what a source says to mkmod. C and C++, GCC and clang.
 *
 *     int add(int a, int b)
 *     {
 *         return a + b;
 *     }
 *     MODULE_EXPORT(add);
 *
 * The macros stand behind the definition, outside of functions. What they name has to be
 * visible to other files: not static, and in C++ extern "C". They cost nothing in the
 * module: each writes one word into a section that is not loaded, but kept, with what it
 * names, when unused sections are dropped (--gc-sections).
 */
#ifndef MODFMT_MODULE_H
#define MODFMT_MODULE_H

/** Let other modules, and the firmware, use a function or object of this module: as
 *  `mkmod --export`. */
#define MODULE_EXPORT(symbol) MODFMT_RECORD_(".modfmt.exports", symbol)

/**
 * The object that is the module's parameter block, which `mkmod --params`, `modflash params`
 * or the firmware fills before the module is started. A struct of numbers and arrays; no
 * pointers, since the loader would change them, and not const, since the compiler would
 * take its values for granted. An object named module_params is the block without this.
 */
#define MODULE_PARAMS(symbol) MODFMT_RECORD_(".modfmt.params", symbol)

/* The declaration tells a wrong name at once; externally_visible keeps GCC, also at link time
 * (-flto), from dropping or renaming the symbol; clang looks into the assembler by itself.
 * "R" has the linker keep the section. */
#ifdef __clang__
#define MODFMT_KEPT_
#else
#define MODFMT_KEPT_ __attribute__((externally_visible))
#endif
#define MODFMT_RECORD_(section, symbol)                                                  \
    _Pragma("GCC diagnostic push")                                                       \
    _Pragma("GCC diagnostic ignored \"-Wredundant-decls\"")                              \
    extern __typeof__(symbol) symbol MODFMT_KEPT_;                                       \
    _Pragma("GCC diagnostic pop")                                                        \
    __asm__(".pushsection " section ",\"R\",%progbits\n\t.word " #symbol                 \
            "\n\t.popsection");                                                          \
    struct modfmt_record_ends_here_

#endif
