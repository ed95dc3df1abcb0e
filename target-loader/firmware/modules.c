/* SPDX-License-Identifier: BSD-2-Clause */
/* Running what lies in the region. */
#include <string.h>

#include "console.h"
#include "current.h"
#include "emulation.h"
#include "firmware.h"

/** What the names of an image's instances have behind them. */
static const char *const instances[] = {"", ".2"};

static unsigned instance_count(void)
{
    return (emulation_options() & EMULATION_TWICE) != 0 ? 2 : 1;
}

/** The name of an instance of an image, as text. @return NULL: as the image says */
static const char *instance_name(const struct candidate *c, const char *instance)
{
    static char text[MODFMT_NAME_MAX + 3];
    uint32_t size;
    const uint8_t *name = region_tag(c->image, MODFMT_TAG_NAME, &size);

    if (!*instance || !name || size > MODFMT_NAME_MAX)
        return NULL;
    memcpy(text, name, size);
    strcpy(text + size, instance);
    return text;
}

static void about(const uint8_t *image, const char *instance)
{
    current.image = image;
    current.instance = instance;
}

/* ---- running one after the other -------------------------------------------------- */

/** Load a candidate, and what it needs. A refusal is told.
 *  @return the module, or NULL */
static struct modload_module *load(const struct candidate *c, const char *instance)
{
    struct modload_source source = registry_source(c);
    struct modfmt_diag diag = {0, 0, 0, 0};
    struct modload_module *module = registry_take_storage();

    current.leaked = 0;
    about(c->image, instance);
    if (!module) {
        modules_print_current();
        fw_print(": more modules than the firmware has room for\n");
        return NULL;
    }
    if (modload_load_as(&modules_registry, &source, module, instance_name(c, instance),
                        &diag) == 0) {
        current.trusted = true;
        module->owner = (void *)(uintptr_t)instance;
        return module;
    }
    if (report_image(&modules_registry.failed) != c->image)
        about(report_image(&modules_registry.failed), "");
    /* The loader's own errors come after the CRC was found right. */
    current.trusted = diag.code <= -100 && diag.code != MODLOAD_E_READ;
    modules_print_current();
    report_refusal(&diag);
    return NULL;
}

/** Unload a module that has been run, and say how it went. @return was all well? */
static bool end(const struct candidate *c, struct modload_module *module)
{
    struct modload_image was = module->image;
    int value = module->result;

    current.leaked = 0;
    current.trusted = true;
    about(c->image, report_instance(module));
    (void)modload_unload(&modules_registry, module);
    report_end(value, &was);
    return value == 0;
}

/** Load a candidate, run it from its constructors to its destructors, unload it; or two
 *  instances of it, the second one before the first one ends. */
static void load_and_run(const struct candidate *c, struct modules_result *result)
{
    struct modload_module *module[2] = {NULL, NULL};

    for (unsigned i = 0; i < instance_count(); i++) {
        module[i] = load(c, instances[i]);
        if (module[i])
            (void)modload_start(&modules_registry, module[i], NULL);
    }
    for (unsigned i = 0; i < instance_count(); i++) {
        bool good = module[i] && end(c, module[i]);

        result->good += good;
        result->bad += !good;
    }
    current.trusted = false;
    about(NULL, "");
}

/* ---- all of them at once --------------------------------------------------------- */

/** Load and start an instance, if it has not been loaded for another module. */
static bool load_and_start(const struct candidate *c, const char *instance)
{
    struct modload_module *module = modules_registry.modules;

    while (module && (report_image(&module->source) != c->image ||
                      strcmp(report_instance(module), instance) != 0))
        module = module->next;
    about(c->image, instance);
    current.trusted = true;
    if (!module) {
        module = load(c, instance);
        if (!module)
            return false;
        (void)modload_start(&modules_registry, module, NULL);
    }
    /* From here on it is there for its own sake. */
    module->automatic = 0;
    console_fresh_line();
    modules_print_current();
    fw_printf(": started, returned %d", (int)module->result);
    report_placement(&module->image);
    fw_print("\n");
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
            about(report_image(&m->source), report_instance(m));
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

    for (unsigned i = 0; i < instance_count() * region_count(); i++) {
        bool good = load_and_start(region_at(i / instance_count()),
                                   instances[i % instance_count()]);

        result.good += good;
        result.bad += !good;
    }
    current.trusted = true;
    unload_all();
    current.trusted = false;
    about(NULL, "");
    return result;
}

struct modules_result modules_run(void)
{
    struct modules_result result = {0, 0};

    region_begin();
    if ((emulation_options() & EMULATION_KEEP) != 0)
        return run_kept();
    for (unsigned i = 0; i < region_count(); i++)
        load_and_run(region_at(i), &result);
    return result;
}
