/* SPDX-License-Identifier: BSD-2-Clause */
/* What is said of modules. */
#include <string.h>

#include "console.h"
#include "current.h"
#include "firmware.h"

const uint8_t *report_image(const struct modload_source *source)
{
    return source->mapped ? source->mapped : source->handle;
}

const char *report_instance(const struct modload_module *module)
{
    return module->owner ? module->owner : "";
}

static void print_version(const uint8_t *version)
{
    fw_printf("%u.%u.%u", (unsigned)modfmt_get16(version),
              (unsigned)modfmt_get16(version + 2), (unsigned)modfmt_get16(version + 4));
}

/** "module NAME VERSION" of an image whose tags mean something. */
static void print_module(const uint8_t *image)
{
    uint32_t size;
    const uint8_t *value = region_tag(image, MODFMT_TAG_NAME, &size);

    if (!value) {
        fw_printf("module at 0x%08x", (uintptr_t)image);
        return;
    }
    fw_print("module ");
    console_bytes((const char *)value, size);
    fw_print(current.instance);
    value = region_tag(image, MODFMT_TAG_VERSION, &size);
    fw_print(" ");
    print_version(value && size == 6 ? value : (const uint8_t[6]){0});
}

void modules_print_current(void)
{
    if (!current.image)
        fw_print("firmware");
    else if (!current.trusted)
        fw_printf("module at 0x%08x", (uintptr_t)current.image);
    else
        print_module(current.image);
}

void modules_print_address(uint32_t address)
{
    const struct modload_module *m = modload_at(&modules_registry, address);
    const struct modfmt_segment *segment;
    const uint8_t *name;
    uint32_t size;

    if (m) {
        segment = m->image.segment;
        if (address - segment->address >= segment->size)
            segment++;
        name = region_tag(report_image(&m->source), MODFMT_TAG_NAME, &size);
        if (name)
            console_bytes((const char *)name, size);
        fw_print(report_instance(m));
        fw_printf(segment != m->image.segment ? " data+0x%x (" : "+0x%x (",
                  (unsigned)(address - segment->address));
        fw_printf("0x%08x)", (unsigned)address);
        return;
    }
    fw_printf("0x%08x", (unsigned)address);
}

/** The name of the image's import with that hash, or NULL. */
static const char *import_name(uint32_t hash)
{
    struct modfmt_image image;
    struct modfmt_import import;

    if (modfmt_open(current.image, MODFMT_SIZE_MAX, &image, NULL))
        return NULL;
    for (uint32_t i = 0; i < image.import_count; i++) {
        modfmt_import_at(&image, i, &import);
        if (import.hash == hash)
            return import.name;
    }
    return NULL;
}

/** What the dependency tag at that offset of the current image asks for, and what there
 * is. The registry has looked at the tag. */
static void print_need(uint32_t offset)
{
    const uint8_t *tag = current.image + offset;
    const uint8_t *value = tag + MODFMT_TAG_VALUE_OFFSET;
    uint32_t length = (modfmt_get32(tag) >> 8) - 12;
    const struct candidate *c =
        region_find(modfmt_hash((const char *)value + 12, length));
    const uint8_t *version;
    uint32_t size;

    fw_print("it needs ");
    console_bytes((const char *)value + 12, length);
    fw_print(" from ");
    print_version(value);
    fw_print(" and below ");
    print_version(value + 6);
    version = c ? region_tag(c->image, MODFMT_TAG_VERSION, &size) : NULL;
    if (!c) {
        fw_print("; there is none\n");
        return;
    }
    fw_print("; there is ");
    print_version(version ? version : (const uint8_t[6]){0});
    fw_print("\n");
}

/** What a linked image was linked for; its tag is the first one. */
static void print_linked(const struct modfmt_diag *diag)
{
    uint32_t size;
    const uint8_t *value = region_tag(current.image, MODFMT_TAG_LINKED, &size);

    if (!value) {
        fw_print("it does not say for what\n");
    } else if (diag->code == MODLOAD_E_MEMORY) {
        fw_printf("RAM from 0x%08x to 0x%08x is not free in the arena\n",
                  (unsigned)modfmt_get32(value + MODFMT_LINKED_OFF_DATA),
                  (unsigned)modfmt_get32(value + MODFMT_LINKED_OFF_DATA_END));
    } else if (diag->got != diag->want) {
        fw_printf("got 0x%x, want 0x%x\n", (unsigned)diag->got, (unsigned)diag->want);
    } else {
        fw_print("the firmware's build id is another; modflash relink mends that\n");
    }
}

/** "refused: …", with all that the loader told. */
void report_refusal(const struct modfmt_diag *diag)
{
    const char *name;

    fw_printf(": refused: %s: ", modfmt_strerror_name(diag->code));
    if (diag->code == MODLOAD_E_IMPORT || diag->code == MODLOAD_E_TYPE) {
        name = import_name(diag->got);
        fw_print(diag->code == MODLOAD_E_TYPE ? "another type is offered for "
                                              : "the firmware does not offer ");
        if (name)
            console_bytes(name, (unsigned)strlen(name));
        else
            fw_print("what has no name here");
        fw_printf(" (hash 0x%08x)\n", (unsigned)diag->got);
        return;
    }
    if ((diag->code == MODLOAD_E_DEPENDENCY || diag->code == MODLOAD_E_CYCLE) &&
        current.image[diag->offset] == MODFMT_TAG_DEPENDENCY) {
        print_need(diag->offset);
        return;
    }
    if (diag->code == MODLOAD_E_LINKED ||
        (diag->code == MODLOAD_E_MEMORY &&
         (current.image[MODFMT_OFF_FLAGS] & MODFMT_FLAG_LINKED) != 0)) {
        fw_printf("%s: ", modfmt_strerror(diag->code));
        print_linked(diag);
        return;
    }
    if (diag->code == MODLOAD_E_PLACEMENT) { /* no numbers */
        fw_printf("%s\n", modfmt_strerror(diag->code));
        return;
    }
    fw_printf("%s (offset 0x%x, got 0x%x, want 0x%x)\n", modfmt_strerror(diag->code),
              (unsigned)diag->offset, (unsigned)diag->got, (unsigned)diag->want);
}

void report_placement(const struct modload_image *image)
{
    if (image->placement >= MODLOAD_IN_PLACE)
        fw_printf(" (%s, %u bytes of RAM)",
                  image->placement == MODLOAD_LINKED ? "linked" : "in place",
                  (unsigned)image->segment[1].size);
}

void report_end(int value, const struct modload_image *was)
{
    console_fresh_line();
    modules_print_current();
    if (was->entry & 1)
        fw_printf(": returned %d", value);
    else
        fw_print(": has no entry");
    report_placement(was);
    if (current.leaked != 0)
        fw_printf("; %u bytes that it had not freed were taken back",
                  (unsigned)current.leaked);
    fw_print("\n");
}
