/* SPDX-License-Identifier: BSD-2-Clause */
/**
 * A live chip: memory, and the core's run control. Two kinds, an ST-LINK and a GDB
 * server.
 *
 * Every operation returns 0, or -1 with the first failure kept as a sentence in `error`.
 * Each ends within two seconds, or MODFLASH_PATIENCE times that. Once a probe is lost,
 * all of them fail at once.
 */
#ifndef MODFLASH_PROBE_H
#define MODFLASH_PROBE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** Registers by number: r0 to r15, and these. */
enum { PROBE_PC = 15, PROBE_XPSR = 16, PROBE_PRIMASK = 17, PROBE_REGISTERS = 18 };
/** Longest read or write at once: what ST's own tools let an ST-LINK do in one command.
 */
#define PROBE_BLOCK      0x8000u
#define PROBE_ERROR      1024u
#define PROBE_LAST_WORDS 4u
/** The longest wait for any answer, where the user does not want more patience. */
#define PROBE_ANSWER_MS 1800

struct probe;

/** A word to be written to the chip. */
struct probe_word {
    uint32_t address;
    uint32_t value;
};

struct probe_ops {
    /** Addresses and lengths are multiples of 4; at most PROBE_BLOCK bytes. */
    int (*read)(struct probe *probe, uint32_t address, void *bytes, uint32_t length);
    int (*write)(struct probe *probe, uint32_t address, const void *bytes,
                 uint32_t length);
    /** One access of 32 bits. */
    int (*read_word)(struct probe *probe, uint32_t address, uint32_t *ret_value);
    int (*write_word)(struct probe *probe, uint32_t address, uint32_t value);
    int (*halt)(struct probe *probe);
    int (*run)(struct probe *probe);
    int (*is_halted)(struct probe *probe, bool *ret_halted);
    /** All of them, of a halted core. A PRIMASK that cannot be had reads as 0. */
    int (*read_registers)(struct probe *probe, uint32_t values[PROBE_REGISTERS]);
    int (*write_register)(struct probe *probe, unsigned index, uint32_t value);
    /** Reset the chip and let it run. */
    int (*reset)(struct probe *probe);
    /** Millivolts of the chip's supply; 0: not known. */
    int (*supply)(struct probe *probe, uint32_t *ret_millivolts);
    /** What is to be written if modflash dies without closing; none: count 0. A probe
     *  that cannot do that ignores it. */
    int (*last_words)(struct probe *probe, const struct probe_word *words,
                      uint32_t count);
    /** Leave the core as it is, running or halted by the last call; frees the probe. */
    void (*close)(struct probe *probe);
};

struct probe {
    const struct probe_ops *ops;
    bool live; /**< memory can be had while the core runs */
    /** read() cannot tell whether the chip is still there; all others can. */
    bool blind;
    bool lost; /**< nothing answers any more */
    char error[PROBE_ERROR];
};

/** Opens a probe by what the user wrote of it, or NULL; on failure gives NULL and a
 *  sentence in `error`, more lines of which are notes. */
typedef struct probe *probe_opener(const char *name, char error[PROBE_ERROR]);

/** An ST-LINK, in this process: may hang, and print. */
struct probe *probe_stlink_open(const char *serial, char error[PROBE_ERROR]);
/** Any probe, in a process of its own: never hangs, never prints. See probe_keeper.c. */
struct probe *probe_keeper_open(probe_opener *opener, const char *name,
                                char error[PROBE_ERROR]);
/** A GDB server; `address` is "HOST:PORT". */
struct probe *probe_gdb_open(const char *address, char error[PROBE_ERROR]);

/** Keep the first failure. @return -1 */
int probe_fail(struct probe *probe, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/** The same, and the probe is lost; adds what to do then. */
int probe_lose(struct probe *probe, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/** Take what the user's environment says of patience: MODFLASH_PATIENCE, a whole number
 *  from 1 to 1000, by which the length of each time-out is multiplied; 1 if it is unset.
 *  @return 0, or CLI_USAGE and one line of error */
int probe_set_patience(void);
/** A time-out's length with that patience. */
int64_t probe_patiently(int64_t ms);
/** Milliseconds of a clock that only goes forward. */
int64_t probe_clock_ms(void);
/** When, by that clock, a time-out of this length ends that begins now: patience counts.
 *  Look once more after it, for this process may have had to wait for its turn. */
int64_t probe_deadline(int64_t ms);
void probe_sleep_ms(int64_t ms);

#endif
