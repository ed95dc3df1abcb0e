/* SPDX-License-Identifier: BSD-2-Clause */
#include "descriptor.h"

#include <stddef.h>

#include "exports.h"
#include "core.h"
#include "modfmt_layout.h"

/* Given by the linker script; their addresses are what they say. */
extern const uint8_t _modules_begin[], _modules_end[];
extern const uint8_t _build_id[], _build_id_size[];
extern const uint8_t _arena_begin[], _arena_end[];

#define AT(symbol) ((uintptr_t)(symbol))

const struct firmware_descriptor firmware_descriptor = {
    .magic = MODFMT_HOST_MAGIC,
    .self = AT(&firmware_descriptor),
    .size = sizeof(struct firmware_descriptor),
    .version = MODFMT_HOST_VERSION,
    .region_begin = AT(_modules_begin),
    .region_end = AT(_modules_end),
    .features = MODLOAD_CORTEX_M_FEATURES,
    .exports = AT(firmware_exports),
    .export_count = AT(firmware_export_count),
    .build_id = AT(_build_id),
    .build_id_size = AT(_build_id_size),
    .arena_begin = AT(_arena_begin),
    .arena_end = AT(_arena_end),
    .api_version = AT(firmware_api_version),
};

_Static_assert(sizeof(struct firmware_descriptor) == MODFMT_HOST_OFF_API_VERSION + 4u,
               "the fields of specs/layout.toml");
_Static_assert(
    offsetof(struct firmware_descriptor, region_begin) == MODFMT_HOST_OFF_REGION_BEGIN &&
        offsetof(struct firmware_descriptor, exports) == MODFMT_HOST_OFF_EXPORTS &&
        offsetof(struct firmware_descriptor, arena_end) == MODFMT_HOST_OFF_ARENA_END,
    "in their order");
