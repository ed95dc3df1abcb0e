/* SPDX-License-Identifier: BSD-2-Clause */
/**
 * A chip's flash, wherever it is: behind an ST-LINK, behind a GDB server, or in a file.
 * What the verbs of modflash need of it, and no more.
 *
 * Every call returns 0 or a negative number. The first failure is kept as a sentence in
 * target_error(); nothing here prints. All calls end in bounded time, a pulled plug
 * within two seconds. After a failure the target can only be closed.
 */
#ifndef MODFLASH_TARGET_H
#define MODFLASH_TARGET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TARGET_SECTORS_MAX 64

/** What is known of a chip; read from the chip itself as far as it can be. */
struct target_chip {
    const char *name;    /**< "stm32f405" */
    uint32_t device_id;  /**< DBGMCU_IDCODE's 12 bits */
    uint32_t flash_base; /**< 0x08000000 */
    uint32_t flash_size; /**< bytes, from the chip's own register */
    uint32_t unit; /**< bytes that are programmed at once: 1 to 32, a power of two */
    uint32_t sector_count;
    uint32_t sector_size[TARGET_SECTORS_MAX]; /**< bytes, from flash_base on */
    uint32_t region_base;                     /**< the default module region, or */
    uint32_t region_size;                     /**< 0: this chip has no default */
    uint32_t ram_base;                        /**< main SRAM */
    uint32_t ram_size;
    char uid[64 +
             1]; /**< the unique id in hex; of a file, "file-" and a hash of its path */
    /** What it can run, as modfmt's needs bits: see modload.h and specs/modfmt.md. */
    uint32_t provides;
};

/** How long things took the target: for the plan, the report and the benchmark. */
struct target_counts {
    uint32_t erased_sectors;
    uint32_t programmed_bytes;
    uint32_t read_bytes;
};

struct target;

struct target_ops {
    int (*read)(struct target *target, uint32_t address, void *bytes, uint32_t length);
    /** Before the first program or erase: halt the core, unlock the flash. */
    int (*begin)(struct target *target);
    /** address and length are multiples of the unit; the place is erased. Checks the
     *  controller's status; does not read back. */
    int (*program)(struct target *target, uint32_t address, const void *bytes,
                   uint32_t length);
    /** Erase sector `index` of chip.sector_size. */
    int (*erase)(struct target *target, uint32_t index);
    /** Lock the flash; then reset and run the chip if `reset`, else let the core go on
     *  where it was (it runs, even if it was found halted). Also called when a call
     * before has failed: does what it can. */
    int (*end)(struct target *target, bool reset);
    void (*close)(struct target *target);
};

/** Every kind of target begins with this. */
struct target {
    const struct target_ops *ops;
    const char *spec; /**< as the user wrote it: heads messages */
    struct target_chip chip;
    struct target_counts counts;
    char error[512]; /**< the first failure, a sentence without a full stop; or "" */
    bool begun;
    /** While set, a read need not find out whether the chip is still there, which costs an
     *  ST-LINK as much as the read: one that does follows, or the value is not used. */
    bool glance;
};

struct target_options {
    const char *spec;      /**< "stlink[:SERIAL]", "gdb:HOST:PORT", "file:PATH" */
    const char *chip_name; /**< for file:, and NULL else; NULL: stm32f405 */
    bool writable; /**< false: only read() will be called; the core is not halted */
    /** end() will be called with reset false: keep what programming needs of RAM and
     *  registers. If it was not asked for and RAM was used, end() resets all the same. */
    bool resume;
};

/**
 * Open and identify. On failure prints one message by cli_error() (several probes: their
 * serial numbers; no permission: the udev rule; unknown chip: its id) and gives
 * CLI_TARGET, or CLI_USAGE for a spec that makes no sense, CLI_IO for a file.
 */
int target_open(const struct target_options *options, struct target **ret_target);
/** end() if it has begun, then close. @return 0, or CLI_TARGET after printing why the
 *  chip could not be left locked and running. */
int target_close(struct target *target, bool reset);

/** Keep the first failure. @return -1 */
int target_fail(struct target *target, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/** Names of the chips that are known, for --help and messages; NULL ends. */
const char *const *target_chip_names(void);
/** True once SIGINT, SIGTERM or SIGHUP came: loops of all targets look at it and fail
 *  with "interrupted", so that end() still runs. */
bool target_interrupted(void);

#endif
