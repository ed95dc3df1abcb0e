/* SPDX-License-Identifier: BSD-2-Clause */
/** When and how the power, or the plug, goes. */
#include "faults.h"

void faults_init(struct faults *faults, uint64_t seed)
{
    *faults = (struct faults){.random = seed};
}

bool faults_operation(struct faults *faults)
{
    faults->operations++;
    if (faults->cut || faults->operations != faults->after_operation) {
        return false;
    }
    faults->cut = true;
    return faults_chip_dead(faults);
}

void faults_command(struct faults *faults)
{
    faults->commands++;
    if (faults->commands == faults->after_command) {
        faults->cut = true;
    }
}

bool faults_chip_dead(const struct faults *faults)
{
    return faults->cut && (faults->kind == CUT_POWER || faults->kind == CUT_TARGET);
}

bool faults_usb_dead(const struct faults *faults)
{
    return faults->cut && (faults->kind == CUT_POWER || faults->kind == CUT_USB);
}

bool faults_probe_hung(const struct faults *faults)
{
    return faults->cut && faults->kind == CUT_HANG;
}

/* SplitMix64: any seed is good, 0 too. */
static uint64_t next_random(struct faults *faults)
{
    uint64_t z = faults->random += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

unsigned faults_progress(struct faults *faults)
{
    return (unsigned)(next_random(faults) % 9);
}

uint8_t faults_bits(struct faults *faults, unsigned progress)
{
    if (progress >= 8) {
        return 0xff;
    }
    /* Each round halves the probability, after adding one half where the bit is set. */
    uint64_t random = next_random(faults);
    uint8_t mask = 0;
    for (unsigned bit = 0; bit < 3; bit++, random >>= 8) {
        uint8_t half = (uint8_t)random;
        mask = (progress >> bit & 1) != 0 ? mask | half : mask & half;
    }
    return mask;
}
