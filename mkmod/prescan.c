/* SPDX-License-Identifier: BSD-2-Clause */
/* What must be known before segments are laid out, since it takes room in front of them:
 * whether code counts on r9, whose addresses are taken, which imports need a word. */
#include <elf.h>
#include <string.h>

#include "module.h"

struct seen {
    bool got_offsets; /* counts from the GOT's address in a register */
    bool got_loaded;  /* loads that address itself */
    bool got_given;   /* counts from it in a function that does not load it */
    bool nameless;    /* what is in no function loads it */
    bool data_offsets;
};

typedef void take_fn(struct module *m, struct seen *seen, const struct record *r);

static void take(struct module *m, struct seen *seen, const struct record *r)
{
    const struct symbol *s = &m->elf.symbols[r->symbol];
    const struct section *place = &m->elf.sections[r->section];
    seen->got_offsets |= r->type == R_ARM_GOT32 || r->type == R_ARM_GOTOFF;
    seen->got_loaded |= r->type == R_ARM_GOTPC;
    seen->data_offsets |= relocation_from_base(r->type);
    if (relocation_takes_address(r->type) && trampolines_concern(m, r)) {
        trampolines_want(m, r->symbol, r->section, r->address);
    }
    /* The field is the slot's distance from what r9 will hold. */
    if (r->type == R_ARM_GOT32 && s->home == HOME_IMPORT && place->bytes != NULL &&
        modfmt_range(r->address - place->address, 4, place->size)) {
        m->imports[s->import].slot =
            modfmt_get32(place->bytes + (r->address - place->address));
    }
}

/* ---- who expects the address of the GOT in r9 ------------------------------------- */

static void take_loading(struct module *m, struct seen *seen, const struct record *r)
{
    struct symbol *holder = r->type == R_ARM_GOTPC ? holder_of(m, r->address) : NULL;
    if (holder != NULL) {
        holder->loads_got = true;
    } else {
        seen->nameless |= r->type == R_ARM_GOTPC;
    }
}

static void take_offset(struct module *m, struct seen *seen, const struct record *r)
{
    if (r->type != R_ARM_GOT32 && r->type != R_ARM_GOTOFF) {
        return;
    }
    const struct symbol *holder = holder_of(m, r->address);
    if (holder == NULL) {
        seen->got_given |= !seen->nameless;
    } else {
        seen->got_given |= holder->type == STT_FUNC && !holder->loads_got;
    }
}

/* ---- all records ------------------------------------------------------------------- */

static void scan(struct module *m, struct seen *seen, take_fn *take_one)
{
    struct relocation_walk walk = {0, 0};
    struct record r;
    while (relocation_next(m, &walk, &r)) {
        if (relocation_refers(r.type)) {
            take_one(m, seen, &r);
        }
    }
}

/* Imports that are called, and have no GOT slot, need a word that r9 leads to. */
static void count_words(struct module *m)
{
    for (uint32_t i = 0; i < m->import_count; i++) {
        struct import *import = &m->imports[i];
        if (import->branched && import->slot == NO_SLOT) {
            import->word = m->words++;
        }
    }
}

static bool any_branched(const struct module *m)
{
    for (uint32_t i = 0; i < m->import_count; i++) {
        if (m->imports[i].branched) {
            return true;
        }
    }
    return false;
}

void prescan(struct module *m)
{
    struct seen seen;
    memset(&seen, 0, sizeof seen);
    for (uint32_t i = 0; i < m->import_count; i++) {
        m->imports[i].slot = NO_SLOT;
    }
    scan(m, &seen, take);
    if (seen.got_offsets && seen.got_loaded) {
        scan(m, &seen, take_loading);
        scan(m, &seen, take_offset);
    }
    m->by_got = seen.got_offsets && (!seen.got_loaded || seen.got_given);
    m->by_r9 = m->by_got || seen.data_offsets || (m->options.xip && any_branched(m));
    m->planned_base = m->by_got ? got_planned(m) : m->segment[HOME_DATA].first;
    for (uint32_t i = 0; i < m->export_count; i++) {
        if (m->exports[i].function) {
            trampolines_want(m, m->exports[i].symbol, 0, 0);
        }
    }
    if (m->options.xip && m->by_r9) {
        count_words(m);
    }
}
