/* SPDX-License-Identifier: BSD-2-Clause */
/* The smallest program that loads a module: linked with --gc-sections for its map, which
 * tells what of the loader a firmware has to take. Never run. */
#include "modload.h"

extern const struct modload_port port;
extern const struct modload_source source;
extern struct modload_image module;
extern struct modfmt_diag diag;

int main(void);

int main(void)
{
    return modload_image_load(&port, &source, &module, &diag);
}
