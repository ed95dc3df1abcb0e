/* SPDX-License-Identifier: BSD-2-Clause */
/* What is wrong, as sentences. */
#include <stdlib.h>
#include <string.h>

#include "check_parts.h"
#include "cli.h"

#define NEAREST_MAX   3u
#define LISTED_MAX    8u  /* names in one sentence */
#define PROTOTYPE_MAX 300 /* bytes of a prototype in a sentence */

const char *check_kind_name(enum check_kind kind)
{
    static const char *const names[] = {
        [CHECK_FEATURES] = "features",         [CHECK_UNSUPPORTED] = "unsupported",
        [CHECK_MISSING] = "missing",           [CHECK_CHANGED] = "changed",
        [CHECK_NEED_MISSING] = "need-missing", [CHECK_NEED_VERSION] = "need-version",
        [CHECK_NEED_BAD] = "need-refused",     [CHECK_CYCLE] = "cycle",
        [CHECK_UNBOUND] = "unbound",           [CHECK_UNVERIFIED] = "unverified",
        [CHECK_CONDITION] = "condition",
    };
    return names[kind];
}

char *check_feature_names(uint32_t needs)
{
    static const struct {
        uint32_t bit;
        const char *name;
    } names[] = {
        {MODFMT_NEED_V6M, "ARMv6-M"},
        {MODFMT_NEED_V7M, "ARMv7-M"},
        {MODFMT_NEED_DSP, "DSP instructions"},
        {MODFMT_NEED_V8M_BASE, "ARMv8-M Baseline"},
        {MODFMT_NEED_V8M_MAIN, "ARMv8-M Mainline"},
        {MODFMT_NEED_V81M, "ARMv8.1-M"},
        {MODFMT_NEED_MVE, "MVE"},
        {MODFMT_NEED_FPU_SP, "an FPU"},
        {MODFMT_NEED_FPU_DP, "a double-precision FPU"},
        {MODFMT_NEED_FPU_V5, "FPv5"},
        {MODFMT_NEED_ABI_SOFT, "floating-point arguments in core registers (softfp)"},
        {MODFMT_NEED_ABI_HARD, "floating-point arguments in FPU registers (hard)"},
    };
    char *text = cli_format("%s", "");
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if ((needs & names[i].bit) != 0) {
            char *longer =
                cli_format("%s%s%s", text, text[0] != '\0' ? ", " : "", names[i].name);
            free(text);
            text = longer;
        }
    }
    return text;
}

char *check_range_text(const uint8_t *range)
{
    return cli_format("%u.%u.%u or later, below %u.%u.%u", modfmt_get16(range),
                      modfmt_get16(range + 2), modfmt_get16(range + 4),
                      modfmt_get16(range + 6), modfmt_get16(range + 8),
                      modfmt_get16(range + 10));
}

void check_say_features(struct entry *entry, uint32_t missing)
{
    char *names = check_feature_names(missing);
    check_add(entry, CHECK_FEATURES, false)->text = cli_format(
        "needs %s, which the firmware does not offer to modules; build it without, or "
        "the firmware with",
        names);
    free(names);
}

void check_say_tag(struct entry *entry, uint32_t type)
{
    check_add(entry, CHECK_UNSUPPORTED, false)->text =
        cli_format("%s, which loaders of version 1 refuse",
                   type == MODFMT_TAG_COMPRESSION ? "is compressed"
                                                  : "has a critical tag of a vendor's");
}

/* ---- imports ---------------------------------------------------------------------- */

/* Take `text` and put something behind it. */
static char *append(char *text, char *more)
{
    char *longer = cli_format("%s%s", text, more);
    free(text);
    free(more);
    return longer;
}

/* "fw.elf or the module 'b', which is not there": all who could have offered it. */
static char *offerers(const struct check *check, const struct entry *e)
{
    size_t total = check->offer_count + e->need_count;
    char *text = cli_format("%s", total == 0 ? "anybody" : "");
    for (size_t i = 0; i < total; i++) {
        const struct need *need =
            i < check->offer_count ? NULL : &e->needs[i - check->offer_count];
        const char *between = i == 0 ? "" : i + 1 == total ? " or " : ", ";
        if (need == NULL || need->found != NULL) {
            text = append(text, cli_format("%s%s", between,
                                           need == NULL ? check->offers[i].from
                                                        : need->found->offer.from));
        } else {
            text = append(text, cli_format("%sthe module '%s', which is not there",
                                           between, need->tag.name));
        }
    }
    return text;
}

static char *nearest(const struct check *check, const struct entry *e, const char *name)
{
    const char *near[NEAREST_MAX];
    char *text = cli_format("%s", "");
    size_t count = 0;
    if (name != NULL && e->report.count <= CHECK_PRINTED_MAX) {
        count = check_nearest(check, e, name, near, NEAREST_MAX);
    }
    for (size_t i = 0; i < count; i++) {
        text = append(text, cli_format("%s'%s'",
                                       i == 0           ? "; did you mean "
                                       : i + 1 == count ? " or "
                                                        : ", ",
                                       near[i]));
    }
    return count != 0 ? append(text, cli_format("?")) : text;
}

/* What nobody offers. @return the sentence */
static char *say_missing(const struct check *check, const struct entry *e,
                         const struct check_problem *p, const char *label)
{
    char *who = offerers(check, e);
    char *text = cli_format("%s is not offered by %s", label, who);
    free(who);
    if (p->then[0] != '\0') {
        text = append(text, cli_format("; the module was built against '%.*s'",
                                       PROTOTYPE_MAX, p->then));
    }
    return append(text, nearest(check, e, p->name));
}

/* Why the types differ, if there is a description of what the module was built against.
 */
static char *find_reason(const struct check *check, struct check_problem *p,
                         const struct modfmt_import *import, const struct answer *answer)
{
    for (size_t i = 0; i < check->was_count; i++) {
        const struct interface_symbol *then =
            interface_find_hash(check->was[i], import->hash);
        char *reason = NULL;
        if (then == NULL || then->tag != import->type) {
            continue;
        }
        if (p->then[0] == '\0') {
            p->then = then->prototype;
        }
        if (answer->symbol != NULL) {
            (void)interface_same(check->was[i], then, answer->api, answer->symbol,
                                 &reason);
        }
        return reason;
    }
    return NULL;
}

/* But for the names of parameters, which not every declaration has. */
static bool same_words(const char *then, const char *now)
{
    for (const char *at = now; *at != '\0';) {
        size_t skipped = *at == ' ';
        if (*then == *at) {
            then++;
            at++;
            continue;
        }
        if (strchr(",)[", *then) == NULL ||
            (*at != ' ' && (at == now || at[-1] != '*'))) {
            return false;
        }
        skipped += strcspn(at + skipped, " ,()[]*");
        if (skipped == 0) {
            return false;
        }
        at += skipped;
    }
    return *then == '\0';
}

static char *say_changed(const struct check_problem *p,
                         const struct modfmt_import *import, const struct answer *answer,
                         const char *label)
{
    char *text =
        cli_format("%s is not what the module was built against%s%s", label,
                   p->reason != NULL ? ": " : "", p->reason != NULL ? p->reason : "");
    text = p->then[0] != '\0'
               ? append(text, cli_format("; it was '%.*s'", PROTOTYPE_MAX, p->then))
               : append(text, cli_format("; its type was 0x%08x", import->type));
    if (p->now[0] == '\0') {
        return append(text, cli_format(", and %s has another type (0x%08x, not 0x%08x)",
                                       answer->from, answer->tag, import->type));
    }
    text = append(text,
                  cli_format(", and %s has '%.*s'", answer->from, PROTOTYPE_MAX, p->now));
    if (p->reason == NULL && same_words(p->then, p->now)) {
        text = append(text, cli_format(": the same words, but what a type in them is "
                                       "made of has changed"));
    }
    return append(text, cli_format("; build the module with the headers that it is to "
                                   "run with"));
}

void check_say_import(const struct check *check, struct entry *entry, uint32_t index,
                      const struct modfmt_import *import, const struct answer *answer)
{
    enum check_kind kind = answer->matched        ? CHECK_CONDITION
                           : import->weak         ? CHECK_UNBOUND
                           : answer->from == NULL ? CHECK_MISSING
                                                  : CHECK_CHANGED;
    bool warning = kind == CHECK_CONDITION || kind == CHECK_UNBOUND;
    struct check_problem *p = check_add(entry, kind, warning);
    char *label;
    p->hash = import->hash;
    p->name = entry->names[index] != NULL ? entry->names[index]
              : answer->symbol != NULL    ? answer->symbol->name
                                          : NULL;
    p->then = entry->prototypes[index];
    p->now = answer->symbol != NULL ? answer->symbol->prototype : "";
    label = p->name != NULL
                ? cli_format("'%s'", p->name)
                : cli_format("an import without a name (hash 0x%08x)", import->hash);
    if (kind == CHECK_CONDITION) {
        p->text = cli_format("%s is offered by %s only where %s", label, answer->from,
                             answer->condition);
    } else if (answer->from == NULL) {
        p->text = say_missing(check, entry, p, label);
    } else {
        p->reason = find_reason(check, p, import, answer);
        p->text = say_changed(p, import, answer, label);
    }
    if (kind == CHECK_UNBOUND) {
        p->text = append(p->text, cli_format("; it is weak, and stays unbound"));
    }
    free(label);
}

void check_say_unverified(struct entry *entry)
{
    const struct modfmt_image *image = entry->image;
    char *text = cli_format("%s", "");
    unsigned count = 0;
    for (uint32_t i = 0; i < image->import_count; i++) {
        if ((image->bytes[image->at.import_flags + i] & MODFMT_IMPORT_UNVERIFIED) == 0) {
            continue;
        }
        if (count++ < LISTED_MAX) {
            text =
                append(text, cli_format("%s%s", count != 1 ? ", " : "",
                                        entry->names[i] != NULL ? entry->names[i]
                                                                : "one without a name"));
        }
    }
    if (count > LISTED_MAX) {
        text = append(text, cli_format(" and %u more", count - LISTED_MAX));
    }
    check_add(entry, CHECK_UNVERIFIED, true)->text = cli_format(
        "nobody has checked what types the module was compiled against for %s; compile "
        "it with gcc -g, and mkmod does",
        text);
    free(text);
}

/* ---- needs ---------------------------------------------------------------------------
 */

void check_say_need(struct entry *entry, const struct need *need, enum check_kind kind)
{
    struct check_problem *p = check_add(entry, kind, false);
    const struct entry *found = need->found;
    char *range = check_range_text(need->tag.range);
    p->hash = need->tag.hash;
    p->name = need->tag.name;
    if (kind == CHECK_NEED_MISSING) {
        p->text = cli_format("needs the module '%s' (%s), and there is none",
                             need->tag.name, range);
    } else if (kind == CHECK_NEED_VERSION) {
        p->text = cli_format("needs the module '%s' (%s), and %s is %u.%u.%u",
                             need->tag.name, range, found->offer.from, found->version[0],
                             found->version[1], found->version[2]);
    } else if (kind == CHECK_NEED_BAD) {
        p->text = cli_format("needs the module '%s', and %s would be refused itself",
                             need->tag.name, found->offer.from);
    } else {
        p->text = cli_format("needs the module '%s', which needs this one: modules must "
                             "not need each other in a circle",
                             need->tag.name);
    }
    free(range);
}

/* ---- printing
 * --------------------------------------------------------------------------
 */

static void print_some(const struct check_report *report, bool warnings)
{
    size_t count = 0;
    for (size_t i = 0; i < report->count; i++) {
        const struct check_problem *p = &report->problems[i];
        if (p->warning == warnings && count++ < CHECK_PRINTED_MAX) {
            (warnings ? cli_warning : cli_error)(report->from, "%s", p->text);
        }
    }
    if (count > CHECK_PRINTED_MAX) {
        cli_note(report->from, "and %zu more %s", count - CHECK_PRINTED_MAX,
                 warnings ? "warnings" : "errors");
    }
}

bool check_print(const struct check_report *report, bool quiet)
{
    print_some(report, false);
    if (!quiet) {
        print_some(report, true);
    }
    return report->good;
}
