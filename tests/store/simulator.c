/* SPDX-License-Identifier: BSD-2-Clause */
#include "simulator.h"

#include <string.h>

/** States of a unit. */
enum { ERASED, WRITTEN, NOISY, EITHER, GHOST, BROKEN };

uint32_t simulator_random(struct simulator *sim)
{
    sim->random ^= sim->random << 13;
    sim->random ^= sim->random >> 7;
    sim->random ^= sim->random << 17;
    return (uint32_t)(sim->random >> 24);
}

static void violate(struct simulator *sim, const char *what, uint32_t offset)
{
    if (sim->violation)
        return;
    sim->violation = what;
    sim->violation_offset = offset;
}

static uint32_t sector_of(const struct simulator *sim, uint32_t offset)
{
    uint32_t sector = 0;

    while (offset >= sim->sector_size[sector])
        offset -= sim->sector_size[sector++];
    return sector;
}

/* ---- reading ----------------------------------------------------------------- */

/** A mix of erased and `byte`: of a torn program as of a torn erase. */
static uint8_t mix(struct simulator *sim, uint8_t byte)
{
    return (uint8_t)(byte | simulator_random(sim));
}

/** One unit in doubt, as it reads this time. */
static int read_doubtful(struct simulator *sim, uint8_t *bytes, uint32_t size,
                         bool either)
{
    uint32_t luck = simulator_random(sim) % 8u;

    if (sim->ecc && luck == 7)
        return -1;
    if (luck == 0)
        memset(bytes, 0xff, size);
    else if (luck >= 4 && !either)
        for (uint32_t i = 0; i < size; i++)
            bytes[i] = mix(sim, bytes[i]);
    return 0;
}

/** All units of the range that are in doubt; `bytes` has what the array holds. */
static int disturb(struct simulator *sim, uint32_t offset, uint8_t *bytes, uint32_t size)
{
    uint32_t unit = sim->flash.unit, end = offset + size;

    for (uint32_t at = offset, next; at < end; at = next) {
        uint32_t state = sim->state[at / unit];
        bool noisy = sim->half[sector_of(sim, at)] == TORN_NOISY + 1u;
        /* In a half-erased sector whole records come and go. */
        uint32_t step = noisy ? 32u : unit;

        next = at / step * step + step;
        next = next < end ? next : end;
        if (state == BROKEN)
            return -1;
        if (state == GHOST)
            memset(bytes + (at - offset), 0xff, next - at);
        if ((state == NOISY || state == EITHER || noisy) &&
            read_doubtful(sim, bytes + (at - offset), next - at, state == EITHER) != 0)
            return -1;
    }
    return 0;
}

/** Is all of the range certain? Most is, and this is the quick way. */
static bool is_certain(const struct simulator *sim, uint32_t offset, uint32_t size)
{
    bool doubt = sim->doubts > sizeof(sim->doubt) / sizeof(sim->doubt[0]);

    for (uint32_t i = 0; i < sim->flash.sector_count; i++)
        doubt |= sim->half[i] == TORN_NOISY + 1u;
    for (uint32_t i = 0; i < sim->doubts && !doubt; i++)
        doubt = sim->doubt[i] < offset + size && sim->doubt[i] + sim->flash.unit > offset;
    return !doubt;
}

static int read_(struct modfmt_flash *flash, uint32_t offset, void *bytes, uint32_t size)
{
    struct simulator *sim = (struct simulator *)flash;

    sim->reads++;
    if (!modfmt_range(offset, size, sim->size)) {
        violate(sim, "read outside the region", offset);
        return -1;
    }
    if (sim->off)
        return -1;
    if (size == 0)
        return 0;
    memcpy(bytes, sim->bytes + offset, size);
    return is_certain(sim, offset, size) ? 0 : disturb(sim, offset, bytes, size);
}

/* ---- programming --------------------------------------------------------------- */

/**
 * Is this the first unit of a record behind a slot that was skipped, or of a HEAD?
 * Nothing tells a verb that began there and left no trace from no verb at all: there are
 * no ghosts there.
 */
static bool is_first(const struct simulator *sim, uint32_t offset, uint32_t size)
{
    uint32_t unit = sim->flash.unit;
    uint32_t begin = offset / 32u * 32u + 32u, end = begin + 32u;

    if (size > 32 || offset % 32u != 0)
        return false;
    if (begin == sim->size || sector_of(sim, begin) != sector_of(sim, offset))
        return true;
    for (uint32_t i = begin / unit; i < end / unit; i++)
        if (sim->state[i] != ERASED && sim->state[i] != GHOST)
            return false;
    return true;
}

/** The power fails while this unit is programmed. */
static void tear_unit(struct simulator *sim, uint32_t offset, const uint8_t *bytes,
                      bool first)
{
    uint32_t unit = sim->flash.unit;
    uint8_t *state = &sim->state[offset / unit];
    enum torn torn = sim->torn;
    uint32_t blank = 0xff;

    if (torn == TORN_GHOST && first)
        torn = TORN_NOTHING;
    if (torn == TORN_NOTHING)
        return;
    memcpy(sim->bytes + offset, bytes, unit);
    *state = WRITTEN;
    if (sim->doubts++ < sizeof(sim->doubt) / sizeof(sim->doubt[0]))
        sim->doubt[sim->doubts - 1u] = offset;
    if (torn == TORN_NOISY)
        *state = NOISY;
    if (torn == TORN_REST)
        *state = EITHER;
    if (torn == TORN_GHOST)
        *state = GHOST;
    if (torn != TORN_STUCK)
        return;
    for (uint32_t i = 0; i < unit; i++) {
        sim->bytes[offset + i] = mix(sim, bytes[i]);
        blank &= sim->bytes[offset + i];
    }
    if (blank == 0xff && first)
        *state = ERASED;
}

/** Remember whether the next operation is one of many alike. */
static void note_bulk(struct simulator *sim, bool bulk)
{
    uint32_t next = sim->operation + 1u, bit = 1u << next % 8u;

    if (next / 8u >= sizeof(sim->bulk))
        return;
    sim->bulk[next / 8u] = (uint8_t)((sim->bulk[next / 8u] & ~bit) | (bulk ? bit : 0));
}

static int program(struct modfmt_flash *flash, uint32_t offset, const void *bytes,
                   uint32_t size)
{
    struct simulator *sim = (struct simulator *)flash;
    const uint8_t *from = bytes;
    uint32_t unit = flash->unit;

    if (!modfmt_range(offset, size, sim->size) || offset % unit != 0 || size % unit != 0)
        violate(sim, "program outside the region or not in units", offset);
    if (sim->off || sim->violation)
        return -1;
    for (uint32_t at = offset; at < offset + size; at += unit, from += unit) {
        if (sim->half[sector_of(sim, at)] != 0 && !sim->lenient)
            violate(sim, "program in a sector that is half erased", at);
        if (sim->state[at / unit] != ERASED && !sim->lenient)
            violate(sim, "program of a unit that is not erased", at);
        if (sim->violation)
            return -1;
        note_bulk(sim, at > offset && at + unit < offset + size && size > 32);
        if (++sim->operation == sim->cut_at) {
            tear_unit(sim, at, from, at == offset && is_first(sim, offset, size));
            sim->off = true;
            return -1;
        }
        memcpy(sim->bytes + at, from, unit);
        sim->state[at / unit] = WRITTEN;
        sim->programmed += unit;
    }
    return 0;
}

/* ---- erasing ------------------------------------------------------------------- */

static void erase_range(struct simulator *sim, uint32_t offset, uint32_t size)
{
    memset(sim->bytes + offset, 0xff, size);
    memset(sim->state + offset / sim->flash.unit, ERASED, size / sim->flash.unit);
}

/** The power fails while a sector is erased. */
static void tear_sector(struct simulator *sim, uint32_t sector)
{
    uint32_t begin = modfmt_store_sector_offset(&sim->flash, sector);
    uint32_t size = sim->sector_size[sector];
    uint32_t part = simulator_random(sim) % (size / 32u) * 32u;

    sim->half[sector] = (uint8_t)(sim->torn + 1u);
    if (sim->torn == TORN_DONE)
        erase_range(sim, begin, size);
    if (sim->torn == TORN_GHOST)
        erase_range(sim, begin, part);
    if (sim->torn == TORN_REST)
        erase_range(sim, begin + part, size - part);
    /* Few units change: records must stay that are whole. */
    for (uint32_t i = 0; sim->torn == TORN_STUCK && i < 24; i++) {
        uint32_t at = begin + simulator_random(sim) % size;

        sim->bytes[at] = mix(sim, sim->bytes[at]);
    }
}

static int erase(struct modfmt_flash *flash, uint32_t sector)
{
    struct simulator *sim = (struct simulator *)flash;

    if (sector >= flash->sector_count)
        violate(sim, "erase of a sector that is none", sector);
    if (sim->off || sim->violation)
        return -1;
    sim->erased[sector]++;
    note_bulk(sim, false);
    if (++sim->operation == sim->cut_at) {
        tear_sector(sim, sector);
        sim->off = true;
        return -1;
    }
    erase_range(sim, modfmt_store_sector_offset(flash, sector), sim->sector_size[sector]);
    sim->half[sector] = 0;
    return 0;
}

/* ---- making one ------------------------------------------------------------------ */

void simulator_begin(struct simulator *sim, uint32_t base, uint32_t unit,
                     const uint32_t *sector_size, uint32_t sector_count)
{
    memset(sim, 0, sizeof(*sim));
    sim->flash = (struct modfmt_flash){.base = base,
                                       .unit = unit,
                                       .sector_count = sector_count,
                                       .sector_size = sim->sector_size,
                                       .read = read_,
                                       .program = program,
                                       .erase = erase};
    for (uint32_t i = 0; i < sector_count; i++) {
        sim->sector_size[i] = sector_size[i];
        sim->size += sector_size[i];
    }
    sim->ecc = unit >= 8;
    sim->random = 88172645463325252u;
    memset(sim->bytes, 0xff, sim->size);
}

void simulator_soil(struct simulator *sim)
{
    for (uint32_t i = 0; i < sim->size; i++)
        sim->bytes[i] = (uint8_t)simulator_random(sim);
    memset(sim->state, WRITTEN, sim->size / sim->flash.unit);
}

void simulator_copy(struct simulator *to, const struct simulator *from)
{
    memcpy(to, from, offsetof(struct simulator, state));
    memcpy(to->state, from->state, from->size / from->flash.unit);
    memcpy(to->bytes, from->bytes, from->size);
    to->flash.sector_size = to->sector_size;
}

void simulator_arm(struct simulator *sim, uint32_t cut_at, enum torn torn, uint64_t seed)
{
    sim->cut_at = cut_at;
    sim->torn = torn;
    sim->operation = 0;
    sim->random = (seed + 1u) * 0x9e3779b97f4a7c15u | 1u;
    (void)simulator_random(sim);
}

void simulator_power_on(struct simulator *sim)
{
    sim->off = false;
    sim->cut_at = 0;
    sim->operation = 0;
}

void simulator_overwrite(struct simulator *sim, const uint8_t *bytes, uint32_t size)
{
    uint32_t unit = sim->flash.unit;

    for (uint32_t i = 0; modfmt_store_sector_offset(&sim->flash, i) < size; i++) {
        erase_range(sim, modfmt_store_sector_offset(&sim->flash, i), sim->sector_size[i]);
        sim->half[i] = 0;
    }
    memcpy(sim->bytes, bytes, size);
    memset(sim->state, WRITTEN, (size + unit - 1u) / unit);
}

void simulator_damage(struct simulator *sim, uint32_t offset, uint32_t size)
{
    uint32_t unit = sim->flash.unit;

    /* More than there is room for: all is looked at. */
    sim->doubts = SIMULATOR_REGION_MAX;
    memset(sim->state + offset / unit, BROKEN,
           (offset + size - 1u) / unit - offset / unit + 1u);
}
