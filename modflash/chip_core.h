/* SPDX-License-Identifier: BSD-2-Clause */
/**
 * A chip while it is worked on: halting its core, words of its memory, a stub that runs
 * in its RAM, and putting all that back. Knows no flash controller.
 */
#ifndef MODFLASH_CHIP_CORE_H
#define MODFLASH_CHIP_CORE_H

#include "chip.h"
#include "probe.h"

struct chip_access {
    struct target *target; /* gets the failures */
    struct probe *probe;
    struct chip_model model;
    bool resume;   /* the core shall go on where it was: keep what is overwritten */
    bool ram_used; /* a stub has run */
    bool staying;  /* and still does, waiting for more */
    bool saved;    /* `registers` are those that the core had */
    uint32_t registers[PROBE_REGISTERS];
    uint32_t mpu_ctrl;
    uint8_t *ram;        /* what was in PROBE_BLOCK bytes from ram_base on, but */
    uint32_t ram_from;   /* only from here */
    uint32_t ram_to;     /* to here */
    uint32_t family[16]; /* the flash driver's own notes */
};

/**
 * A piece of code that runs in RAM. Before it lie three words, which see to it that it
 * can be kept running: see f4_stub.S for stay, result and go. Before those are its
 * arguments, and before them its data.
 */
struct chip_stub {
    const uint8_t *code;
    uint32_t size; /**< a multiple of 4 */
};

/** These keep the probe's failure as the target's. */
int chip_read_word(struct chip_access *access, uint32_t address, uint32_t *ret_value);
int chip_write_word(struct chip_access *access, uint32_t address, uint32_t value);
int chip_read(struct chip_access *access, uint32_t address, void *bytes, uint32_t length);
/** @return -1, having made the probe's failure the target's */
int chip_probe_failed(struct chip_access *access);

/** Halt, and see to it that nothing keeps RAM from being executed. */
int chip_core_halt(struct chip_access *access);
/** Bytes that data and arguments of a run may have, a multiple of 4. */
uint32_t chip_stub_room(const struct chip_access *access, const struct chip_stub *stub);
/**
 * Run a stub with `size` bytes of data and arguments.
 *
 * @param expected_us how long it takes as a rule: nobody looks earlier
 * @param limit_ms    then it is taken for hung; the core is halted again
 */
int chip_stub_run(struct chip_access *access, const struct chip_stub *stub,
                  const void *block, uint32_t size, uint32_t expected_us,
                  uint32_t limit_ms, uint32_t *ret_result);
/** Reset and run; or, if that is wanted and can be done, put everything back and let the
 *  core go on. It runs afterwards in any case, even if it was found halted. */
int chip_core_release(struct chip_access *access, bool reset);

#endif
