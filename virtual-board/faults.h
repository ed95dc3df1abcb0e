/* SPDX-License-Identifier: BSD-2-Clause */
/** When and how the power, or the plug, goes. */
#ifndef FAULTS_H
#define FAULTS_H

#include <stdbool.h>
#include <stdint.h>

enum cut_kind {
    CUT_POWER,  /**< chip and probe lose power; the operation is left half-done */
    CUT_USB,    /**< the probe is unplugged; the chip goes on */
    CUT_TARGET, /**< the chip loses power; the probe says so */
    CUT_HANG,   /**< the probe stops answering; the chip goes on */
};

struct faults {
    enum cut_kind kind;
    uint64_t after_operation; /**< cut at this program or erase operation; 0: never */
    uint64_t after_command;   /**< cut at this ST-LINK command; 0: never */
    uint64_t operations;      /**< program and erase operations so far */
    uint64_t commands;        /**< ST-LINK commands so far */
    uint64_t random;          /**< state of the random bits */
    bool cut;                 /**< it has happened */
};

/** Nothing will happen, until after_operation or after_command is set. */
void faults_init(struct faults *faults, uint64_t seed);
/** Count an operation on the flash. @return true if it is to be left half-done */
bool faults_operation(struct faults *faults);
/** Count an ST-LINK command. The cut may be before it. */
void faults_command(struct faults *faults);

/** The chip has no power. */
bool faults_chip_dead(const struct faults *faults);
/** The probe is no longer on the USB. */
bool faults_usb_dead(const struct faults *faults);
/** The probe is on the USB and does nothing. */
bool faults_probe_hung(const struct faults *faults);

/** How far a half-done operation got: 0 (it left no mark) to 8 (it was just done). */
unsigned faults_progress(struct faults *faults);
/** Eight bits, each set with a probability of progress / 8. */
uint8_t faults_bits(struct faults *faults, unsigned progress);

#endif
