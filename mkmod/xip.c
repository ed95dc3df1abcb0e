/* SPDX-License-Identifier: BSD-2-Clause */
/* --xip: text runs where the image lies, for several instances at once, so nothing in it
 * may depend on where text and data are. What would is refused, and what to do instead
 * is said: a compiler's flag, or another way of loading. */
#include <elf.h>
#include <string.h>

#include "cli.h"
#include "module.h"

#define OTHERWISE                                                                        \
    "or load the module into RAM (no --xip), or link it when it is flashed (modflash "   \
    "install --xip-link)"

/* One message is enough for each of them. */
static bool said(struct symbol *holder)
{
    bool before = holder != NULL && holder->warned;
    if (holder != NULL) {
        holder->warned = true;
    }
    return before;
}

static void refuse_address(struct module *m, const struct record *r)
{
    struct symbol *holder = holder_of(m, r->address);
    if (said(holder)) {
        return;
    }
    if (holder != NULL && holder->type == STT_FUNC) {
        relocation_problem(m, r,
                           "the code of '%s' holds addresses, so it is not "
                           "position-independent; compile with " R9_FLAGS ", " OTHERWISE,
                           holder->name);
    } else {
        relocation_problem(
            m, r,
            "read-only data%s%s%s holds addresses, which are known only "
            "when the module is loaded; compile with GCC and " R9_FLAGS
            ", which puts it into .data.rel.ro (clang's -fropi does not), " OTHERWISE,
            holder != NULL ? " '" : "", holder != NULL ? holder->name : "",
            holder != NULL ? "'" : "");
    }
}

/* A distance from text to something. @return whether it is one that cannot be */
static bool refuse_distance(struct module *m, const struct record *r)
{
    const struct symbol *s = &m->elf.symbols[r->symbol];
    uint32_t delta = 0;
    if (s->home == HOME_TEXT && !trampolines_lead(m, r, &delta)) {
        return false;
    }
    if (s->home == HOME_TEXT) {
        relocation_problem(
            m, r,
            "the code takes the function's address by its distance, so the "
            "pointer would not lead to the trampoline that sets r9; add "
            "-mno-pic-data-is-text-relative, " OTHERWISE);
    } else if (s->home == HOME_DATA) {
        relocation_problem(m, r,
                           "the code finds data by its distance from text, and that is "
                           "not the same in every instance; GCC: add "
                           "-mno-pic-data-is-text-relative (clang cannot), " OTHERWISE);
    } else {
        relocation_problem(m, r,
                           "the code finds what is not in the module by its distance "
                           "from text, which is known only when the module is loaded; "
                           "compile with " R9_FLAGS ", " OTHERWISE);
    }
    return true;
}

static void refuse_table(struct module *m, const struct record *r)
{
    relocation_problem(m, r,
                       "the code finds the global offset table by its distance from "
                       "text, and that is not the same in every instance; GCC: add "
                       "-msingle-pic-base -mpic-register=r9 (clang cannot), " OTHERWISE);
}

static void refuse_mov(struct module *m, const struct record *r)
{
    struct symbol *function = holder_of(m, r->address);
    if (said(function)) {
        return;
    }
    relocation_problem(m, r,
                       "the code%s%s%s holds addresses in MOVW and MOVT, so it is not "
                       "position-independent; compile with GCC and " R9_FLAGS
                       ", without -mslow-flash-data and -mpure-code, " OTHERWISE,
                       function != NULL ? " of '" : "",
                       function != NULL ? function->name : "",
                       function != NULL ? "'" : "");
}

/* By --target2 it is an address, a distance, or that of a GOT slot. */
static bool refuse_target2(struct module *m, const struct record *r)
{
    const struct section *place = &m->elf.sections[r->section];
    uint32_t value = modfmt_get32(place->bytes + (r->address - place->address));
    const struct symbol *s = &m->elf.symbols[r->symbol];
    if (s->home == HOME_TEXT && value + r->address == s->value) {
        return false;
    }
    relocation_problem(m, r,
                       "exception tables find a type's description by its address or "
                       "distance, which are known only when the module is loaded; add "
                       "-fno-exceptions, " OTHERWISE);
    return true;
}

bool xip_refuses(struct module *m, const struct record *r)
{
    const struct symbol *s = &m->elf.symbols[r->symbol];
    if (!m->options.xip || m->elf.sections[r->section].segment != HOME_TEXT) {
        return false;
    }
    switch (r->type) {
    case R_ARM_ABS32:
    case R_ARM_ABS32_NOI:
    case R_ARM_TARGET1:
        if (s->home == HOME_ABSOLUTE) {
            return false;
        }
        refuse_address(m, r);
        return true;
    case R_ARM_THM_MOVW_ABS_NC:
    case R_ARM_THM_MOVT_ABS:
        if (s->home == HOME_ABSOLUTE) {
            return false;
        }
        refuse_mov(m, r);
        return true;
    case R_ARM_REL32:
    case R_ARM_REL32_NOI:
    case R_ARM_THM_MOVW_PREL_NC:
    case R_ARM_THM_MOVT_PREL:
        return refuse_distance(m, r);
    case R_ARM_GOT_PREL:
    case R_ARM_GOTPC:
        refuse_table(m, r);
        return true;
    case R_ARM_TARGET2:
        return refuse_target2(m, r);
    default:
        return false;
    }
}

void xip_check(struct module *m)
{
    const struct segment *text = &m->segment[HOME_TEXT];
    if (!m->options.xip) {
        return;
    }
    if (text->align > MODFMT_TEXT_ALIGN_IN_PLACE_MAX) {
        problem_error(m, 0, 0,
                      "text wants an alignment of %u bytes, but images lie at multiples "
                      "of %u, so it cannot run in place; align less, or load the module "
                      "into RAM (no --xip)",
                      1u << text->align, 1u << MODFMT_TEXT_ALIGN_IN_PLACE_MAX);
    }
    if (text->stored != text->mem) {
        problem_error(m, 0, 0,
                      "text is %u bytes in memory and %u in the image, so it cannot run "
                      "in place; keep what is not stored out of text, and data close "
                      "behind it",
                      (unsigned)text->mem, (unsigned)text->stored);
    }
    if (m->has_origin && m->origin_home == HOME_TEXT) {
        problem_error(
            m, 0, 0,
            "the global offset table, at 0x%08x, is not in a writable section, so "
            "it would be in text, which all instances share; have the linker "
            "script put .got into data",
            (unsigned)m->origin);
    }
    if (m->problems.errors == 0 && (segments_flags(m) & MODFMT_FLAG_IN_PLACE) == 0) {
        problem_error(m, 0, 0,
                      "text cannot run in place, but why was not found; this is a fault "
                      "of mkmod, please report it");
    }
}
