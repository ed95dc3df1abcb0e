/* SPDX-License-Identifier: BSD-2-Clause */
/* The smallest program that loads a module: linked with --gc-sections for its map, which
 * tells what of the loader a firmware has to take. Never run. SMALLEST says with what:
 * 0 images alone, 1 with a table of exports, 2 with the life of modules, 3 images that are
 * looked for in a store, 4 that with a table of exports. */
#include "modload_life.h"
#include "modload_scan.h"

extern const struct modload_port port;
extern const struct modload_source source;
extern struct modload_image image;
extern struct modfmt_diag diag;
extern struct modload_registry registry;
extern struct modload_module module;
extern struct modload_table table;
extern uint32_t address;
extern struct modfmt_flash flash;
extern struct modload_source found;

int main(void);

#if SMALLEST == 0
int main(void)
{
    return modload_image_load(&port, &source, &image, &diag);
}
#elif SMALLEST == 1
int main(void)
{
    return modload_image_load(&port, &source, &image, &diag) +
           modload_table_find(&table, diag.got, diag.want, &address);
}
#elif SMALLEST == 3
int main(void)
{
    return modload_scan(&flash, address, &found) +
           modload_image_load(&port, &found, &image, &diag);
}
#elif SMALLEST == 4
int main(void)
{
    return modload_scan(&flash, address, &found) +
           modload_image_load(&port, &found, &image, &diag) +
           modload_table_find(&table, diag.got, diag.want, &address);
}
#else
int main(void)
{
    modload_begin(&registry);
    return modload_load(&registry, &source, &module, &diag) +
           modload_start(&registry, &module, modload_params(&module, &address)) +
           modload_symbol(&registry, modload_find(&registry, "plug"), "symbol", 0, &address) +
           modload_stop(&registry, &module) + modload_unload(&registry, &module);
}
#endif
