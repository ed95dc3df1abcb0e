/* SPDX-License-Identifier: BSD-2-Clause */
/** What the firmware tells tools about itself: specs/firmware.md. */
#ifndef DESCRIPTOR_H
#define DESCRIPTOR_H

#include <stdint.h>

/** Words that the linker knows: hence no field narrower or wider than an address. */
struct firmware_descriptor {
    uintptr_t magic;
    uintptr_t self;
    uintptr_t size;
    uintptr_t version;
    uintptr_t region_begin;
    uintptr_t region_end;
    uintptr_t features;
    uintptr_t exports;
    uintptr_t export_count;
    uintptr_t build_id;
    uintptr_t build_id_size;
    uintptr_t arena_begin;
    uintptr_t arena_end;
    uintptr_t api_version;
};

extern const struct firmware_descriptor firmware_descriptor;

#endif
