/* SPDX-License-Identifier: BSD-2-Clause */
/* Loads the modules, and runs the cases. */
#include "cases.h"

#include <stdlib.h>
#include <string.h>

#include "port.h"

int main(void);

/* Made by the build; images[] ends with images_end. */
extern const uint8_t image_callbacks[], image_bare[], image_rwpi[], image_caller[],
    image_shapes[], image_end[];
extern const char case_name[];
/* Made by modapi. */
extern const struct modload_export firmware_exports[];
extern const uint8_t firmware_export_count[];

#define ARENA_SIZE 12800u

static uint8_t memory[ARENA_SIZE] __attribute__((aligned(8)));
static struct modload_arena arena;
static struct modload_table tables[1];
static enum instance starting;
static fw_function *registered[INSTANCES][FW_WHICH_MAX];
static uint32_t poison_count;
struct modload_module modules[INSTANCES];

/* ---- words ------------------------------------------------------------------------ */

void failed(int line, const char *what)
{
    board_say("FAILED: line ");
    board_number((uint32_t)line);
    board_say(": ");
    board_say(what);
    board_say("\n");
    board_end(1);
}

uint32_t r9_poison(void)
{
    uint32_t poison = 0xbad00001u + 0x10u * poison_count++;

    r9_set(poison);
    return poison;
}

void r9_check(int line, uint32_t poison)
{
    if (r9_get() != poison)
        failed(line, "r9 has changed");
}

/* ---- what modules may call -------------------------------------------------------- */

/* Whatever module calls: its r9 is its static base, here and when this returns. */
static void expect_base(void)
{
    for (unsigned i = 0; i < INSTANCES; i++)
        if (modules[i].state != MODLOAD_EMPTY && base_of((enum instance)i) == r9_get())
            return;
    failed(__LINE__, "a module calls with an r9 that is no module's");
}

void fw_sort(void *base, size_t count, size_t size,
             int (*compare)(const void *, const void *))
{
    expect_base();
    CROSS(qsort(base, count, size, compare));
}

void fw_register(unsigned which, fw_function *function)
{
    EXPECT(which < FW_WHICH_MAX);
    registered[starting][which] = function;
}

fw_function *fw_registered(unsigned instance, unsigned which)
{
    EXPECT(instance < INSTANCES && which < FW_WHICH_MAX);
    return registered[instance][which];
}

int fw_again(int (*function)(int), int depth)
{
    int value;

    expect_base();
    CROSS(value = function(depth));
    return value;
}

/* ---- modules ---------------------------------------------------------------------- */

uint32_t address_of(enum instance instance, unsigned which)
{
    return (uint32_t)(uintptr_t)registered[instance][which];
}

uint32_t base_of(enum instance instance)
{
    return modules[instance].image.span[MODLOAD_STATIC_BASE].address;
}

/* Trampolines are in specs/trampolines.md. */
static const uint16_t *head_of(uint32_t trampoline)
{
    return (const uint16_t *)(uintptr_t)(trampoline & ~1u);
}

uint32_t tail_of(uint32_t trampoline)
{
    const uint16_t *head = head_of(trampoline);
    int32_t distance = (int32_t)((uint32_t)head[1] << 21) >> 20;

    return (trampoline & ~1u) + 6 + (uint32_t)distance;
}

uint32_t behind(uint32_t trampoline)
{
    const uint16_t *insn = (const uint16_t *)(uintptr_t)tail_of(trampoline);
    uint32_t ahead;

    /* ldr.w ip, [ip, #ahead], or behind mov r5, ip: ldr r5, [r5, #ahead] */
    while (*insn != 0xf8dcu && *insn != 0x4665u)
        insn += *insn >> 11 >= 0x1du ? 2 : 1;
    ahead = *insn == 0xf8dcu ? insn[1] & 0xfffu : (insn[1] >> 6 & 31u) * 4;
    return *(const uint32_t *)(uintptr_t)((trampoline & ~1u) + 4 + ahead);
}

static int call(struct modload_registry *of, struct modload_module *module,
                uint32_t function, void *param)
{
    int value;

    (void)of;
    CROSS(value = modload_cortex_m_call(function, param,
                                        module->image.span[MODLOAD_STATIC_BASE].address));
    return value;
}

struct modload_registry registry = {
    .port = {.ctx = &arena,
             .options = MODLOAD_OPT_CRC | MODLOAD_OPT_IN_PLACE,
             .read = modload_read_mapped,
             .place = modload_cortex_m_place,
             .release = modload_cortex_m_release,
             .sync = modload_cortex_m_sync},
    .tables = tables,
    .table_count = 1,
    .call = call,
};

static void load(enum instance instance, const uint8_t *image, const char *name)
{
    struct modload_source source = {.mapped = image,
                                    .available = (uint32_t)(image_end - image),
                                    .address = (uint32_t)(uintptr_t)image};
    struct modfmt_diag diag;
    int rc = modload_load_as(&registry, &source, &modules[instance], name, &diag);

    starting = instance;
    if (rc == 0)
        rc = modload_start(&registry, &modules[instance],
                           (void *)(intptr_t)MARK(instance));
    if (rc != 0) {
        board_say(name);
        board_say(": cannot be loaded: -");
        board_number((uint32_t)-rc);
        board_say("\n");
        board_end(1);
    }
    EXPECT(modules[instance].result == 0 && base_of(instance) != 0);
}

int main(void)
{
    unsigned ran = 0;

    modload_arena_begin(&arena, memory, sizeof memory);
    tables[0].entries = firmware_exports;
    tables[0].count = (uint32_t)(uintptr_t)firmware_export_count;
    registry.port.features = modload_cortex_m_features();
    modload_begin(&registry);
    load(FIRST, image_callbacks, "callbacks");
    load(SECOND, image_callbacks, "second");
    load(BARE, image_bare, "bare");
    load(RWPI, image_rwpi, "rwpi");
    load(CALLER, image_caller, "caller");
    load(SHAPES, image_shapes, "shapes");
    EXPECT(modules[FIRST].image.placement == MODLOAD_IN_PLACE &&
           modules[SECOND].image.segment[0].address ==
               modules[FIRST].image.segment[0].address);
    for (const struct test_case *c = test_cases; c->name; c++) {
        if (case_name[0] != '\0' && strcmp(case_name, c->name) != 0)
            continue;
        c->run();
        board_say(c->name);
        board_say(": good\n");
        ran++;
    }
    return ran == 0;
}
