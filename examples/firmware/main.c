/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The smallest firmware that loads a module: memory for it, a table of what it may call,
 * and five calls. The image lies in flash of its own, wherever it came from.
 */
#include "interface.h"
#include "modload_life.h"
#include "port.h"

/* Made by modapi of interface.h. */
extern const struct modload_export firmware_exports[];
extern const uint8_t firmware_export_count[];
/* Given by firmware.ld. */
extern const uint8_t _module_begin[], _module_end[];

static int call(struct modload_registry *registry, struct modload_module *module,
                uint32_t function, void *param)
{
    (void)registry;
    return modload_cortex_m_call(function, param,
                                 module->image.span[MODLOAD_STATIC_BASE].address);
}

/** Where modules are loaded to. */
static _Alignas(8) uint8_t memory[32 * 1024];
static struct modload_arena arena;

static struct modload_table tables[1];
static struct modload_registry modules = {
    .port = {.ctx = &arena,
             .options = MODLOAD_OPT_CRC,
             .read = modload_read_mapped,
             .place = modload_cortex_m_place,
             .release = modload_cortex_m_release,
             .sync = modload_cortex_m_sync},
    .tables = tables,
    .table_count = 1,
    .call = call,
};
static struct modload_module module;

static int refused(const struct modfmt_diag *diag)
{
    console_print("the module is refused: error -");
    console_number((unsigned)-diag->code);
    console_print("\n");
    return 1;
}

int main(void)
{
    struct modload_source source = {.mapped = _module_begin,
                                    .available = (uint32_t)(_module_end - _module_begin)};
    struct modfmt_diag diag = {0};

    modload_arena_begin(&arena, memory, sizeof(memory));
    tables[0].entries = firmware_exports;
    tables[0].count = (uint32_t)(uintptr_t)firmware_export_count;
    modules.port.features = modload_cortex_m_features();
    modload_begin(&modules);

    diag.code = modload_load(&modules, &source, &module, &diag);
    if (diag.code == 0)
        diag.code = modload_start(&modules, &module, NULL);
    if (diag.code != 0)
        return refused(&diag);
    console_print("the module returned ");
    console_number((unsigned)module.result);
    console_print("\n");
    return modload_unload(&modules, &module);
}
