/* SPDX-License-Identifier: BSD-2-Clause */
/* The code of target-loader/port/freertos/README.md, which build.py holds against it. It
 * is compiled, not run: main.c does the same. */
#include "example.h"

#include "modload_freertos.h"

extern const struct modload_export firmware_exports[], kernel_exports[];
extern const uint8_t firmware_export_count[], kernel_export_count[];

/* README begins */
static struct modload_table tables[] = {
    {firmware_exports, (uintptr_t)firmware_export_count},
    {kernel_exports, (uintptr_t)kernel_export_count},
};
static struct modload_freertos modules = {
    .registry = {.port = {.options = MODLOAD_OPT_CRC},
                 .tables = tables,
                 .table_count = 2},
    .priority = 1,
    .stop_ticks = pdMS_TO_TICKS(500),
};
static struct modload_module plug;

/* In main(), before the first malloc(): modload_freertos_begin(&modules). */
int run_plug(const uint8_t *image, uint32_t size)
{
    struct modload_source source = {.mapped = image, .available = size};
    struct modfmt_diag diag;
    int rc = modload_freertos_load(&modules, &source, &plug, &diag);

    return rc ? rc : modload_freertos_start(&modules, &plug, NULL);
}

int end_plug(void)
{
    return modload_freertos_unload(&modules, &plug);
}
/* README ends */
