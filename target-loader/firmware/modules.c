/* SPDX-License-Identifier: BSD-2-Clause */
/* Running what lies in the region. */
#include "console.h"
#include "current.h"
#include "emulation.h"
#include "firmware.h"

/* ---- running one after the other -------------------------------------------------- */

/** Load a candidate, and what it needs. A refusal is told.
 *  @return the module, or NULL */
static struct modload_module *load(const struct candidate *c)
{
    struct modload_source source = registry_source(c);
    struct modfmt_diag diag = {0, 0, 0, 0};
    struct modload_module *module = registry_take_storage();

    current.leaked = 0;
    current.image = c->image;
    if (!module) {
        modules_print_current();
        fw_print(": more modules than the firmware has room for\n");
        return NULL;
    }
    if (modload_load(&modules_registry, &source, module, &diag) == 0) {
        current.trusted = true;
        return module;
    }
    current.image = report_image(&modules_registry.failed);
    /* The loader's own errors come after the CRC was found right. */
    current.trusted = diag.code <= -100 && diag.code != MODLOAD_E_READ;
    modules_print_current();
    report_refusal(&diag);
    return NULL;
}

/** Load a candidate, run it from its constructors to its destructors, unload it.
 *  @return was all well? */
static bool load_and_run(const struct candidate *c)
{
    struct modload_module *module = load(c);
    bool good = false;

    if (module) {
        int value = 0;
        bool entry = module->image.entry & 1;

        (void)modload_start(&modules_registry, module, NULL);
        value = module->result;
        (void)modload_unload(&modules_registry, module);
        report_end(value, entry);
        good = value == 0;
    }
    current.trusted = false;
    current.image = NULL;
    return good;
}

/* ---- all of them at once --------------------------------------------------------- */

/** Load and start a candidate, if it has not been loaded for another one. */
static bool load_and_start(const struct candidate *c)
{
    struct modload_module *module = modules_registry.modules;

    while (module && report_image(&module->source) != c->image)
        module = module->next;
    current.image = c->image;
    current.trusted = true;
    if (!module) {
        module = load(c);
        if (!module)
            return false;
        (void)modload_start(&modules_registry, module, NULL);
    }
    /* From here on it is there for its own sake. */
    module->automatic = 0;
    console_fresh_line();
    modules_print_current();
    fw_printf(": started, returned %d\n", (int)module->result);
    return module->result == 0;
}

/** Unload all, the oldest first as long as that is allowed, so that it shows when not. */
static void unload_all(void)
{
    while (modules_registry.modules) {
        struct modload_module *m, *again = NULL;
        int rc = MODLOAD_E_IN_USE;

        /* The oldest that was not refused in this round. */
        while (rc == MODLOAD_E_IN_USE) {
            for (m = modules_registry.modules; m->next != again; m = m->next)
                ;
            again = m;
            current.image = report_image(&m->source);
            rc = modload_unload(&modules_registry, m);
            console_fresh_line();
            modules_print_current();
            if (rc == 0)
                fw_print(": unloaded\n");
            else
                fw_printf(": not unloaded: %s: %s\n", modfmt_strerror_name(rc),
                          modfmt_strerror(rc));
        }
    }
}

static struct modules_result run_kept(void)
{
    struct modules_result result = {0, 0};

    for (unsigned i = 0; i < region_count(); i++) {
        bool good = load_and_start(region_at(i));

        result.good += good;
        result.bad += !good;
    }
    current.trusted = true;
    unload_all();
    current.trusted = false;
    current.image = NULL;
    return result;
}

struct modules_result modules_run(void)
{
    struct modules_result result = {0, 0};

    region_begin();
    if ((emulation_options() & EMULATION_KEEP) != 0)
        return run_kept();
    for (unsigned i = 0; i < region_count(); i++) {
        bool good = load_and_run(region_at(i));

        result.good += good;
        result.bad += !good;
    }
    return result;
}
