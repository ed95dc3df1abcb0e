/* SPDX-License-Identifier: BSD-2-Clause */
/** The board's core: programs in RAM that program flash, breakpoints, resets, and what
 *  becomes of programs that make no sense. All through the registers that a debugger has.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "chip.h"
#include "core.h"

#define DHCSR 0xe000edf0u
#define DCRSR 0xe000edf4u
#define DCRDR 0xe000edf8u
#define DEMCR 0xe000edfcu
#define AIRCR 0xe000ed0cu

#define KEY      0xa05f0000u
#define S_HALT   (1u << 17)
#define S_SLEEP  (1u << 18)
#define S_LOCKUP (1u << 19)
#define S_RESET  (1u << 25)

#define CODE   0x20000000u
#define SOURCE 0x20001000u
#define MODULE 0x08060000u

static uint8_t cells[CHIP_FLASH_SIZE];
static struct faults faults;
static struct flash flash;
static struct bus bus;
static struct core core;
static const struct trace trace;

static int power_on(void **state)
{
    const char *problem = NULL;
    (void)state;
    faults_init(&faults, 1);
    flash_init(&flash, cells, &faults, &trace);
    return bus_init(&bus, &flash) && core_init(&core, &bus, &trace, &problem) ? 0 : -1;
}

static int power_on_blank(void **state)
{
    memset(cells, 0xff, sizeof cells);
    return power_on(state);
}

static int power_off(void **state)
{
    (void)state;
    core_free(&core);
    bus_free(&bus);
    return 0;
}

static void put(uint32_t address, uint32_t value)
{
    assert_true(bus_write(&bus, address, 4, value));
}

static uint32_t get(uint32_t address)
{
    uint32_t value = 0;
    assert_true(bus_read(&bus, address, 4, &value));
    return value;
}

static void set_register(unsigned number, uint32_t value)
{
    put(DCRDR, value);
    put(DCRSR, 1u << 16 | number);
}

static uint32_t get_register(unsigned number)
{
    put(DCRSR, number);
    return get(DCRDR);
}

static void halt(void)
{
    put(DHCSR, KEY | 3);
    assert_int_equal(get(DHCSR) & S_HALT, S_HALT);
}

static void put_code(uint32_t address, const uint16_t *code, size_t size)
{
    for (size_t i = 0; i < size / 2; i++) {
        assert_true(bus_write(&bus, address + 2 * (uint32_t)i, 2, code[i]));
    }
}

/* Let it run from an address until it halts by itself, or some time has gone. */
static uint32_t run_from(uint32_t address)
{
    set_register(CPU_PC, address);
    put(DHCSR, KEY | 1);
    for (unsigned i = 0; i < 100 && (get(DHCSR) & (S_HALT | S_LOCKUP | S_SLEEP)) == 0;
         i++) {
        core_advance(&core);
    }
    return get(DHCSR);
}

/* r0 source, r1 flash, r2 words, r3 controller; r0 becomes the error flags. */
static const uint16_t stub[] = {
    0xf850, 0x4b04, /* next: ldr r4, [r0], #4 */
    0xf841, 0x4b04, /* str r4, [r1], #4 */
    0xf3bf, 0x8f4f, /* dsb */
    0x68dd,         /* wait: ldr r5, [r3, #12] */
    0x03ee,         /* lsls r6, r5, #15 */
    0xd4fc,         /* bmi wait */
    0xf015, 0x05f2, /* ands r5, r5, #0xf2 */
    0xd101,         /* bne done */
    0x3a01,         /* subs r2, #1 */
    0xd1f1,         /* bne next */
    0x4628,         /* done: mov r0, r5 */
    0xbe00,         /* bkpt #0 */
};

static uint32_t source_word(uint32_t i)
{
    return 0x9e3779b9u * (i + 1);
}

static void prepare_stub(uint32_t words, uint32_t control)
{
    halt();
    put_code(CODE, stub, sizeof stub);
    for (uint32_t i = 0; i < words; i++) {
        put(SOURCE + 4 * i, source_word(i));
    }
    put(CHIP_FLASH_IF + FLASH_KEYR, FLASH_KEY1);
    put(CHIP_FLASH_IF + FLASH_KEYR, FLASH_KEY2);
    put(CHIP_FLASH_IF + FLASH_CR, control);
    set_register(0, SOURCE);
    set_register(1, MODULE);
    set_register(2, words);
    set_register(3, CHIP_FLASH_IF);
}

/* ---- programs that program flash ------------------------------------------------ */

static void stub_programs_flash(void **state)
{
    (void)state;
    prepare_stub(1000, FLASH_CR_PG | FLASH_CR_PSIZE_X32);
    assert_int_equal(run_from(CODE) & (S_HALT | S_LOCKUP), S_HALT);
    assert_int_equal(get_register(0), 0);
    assert_int_equal(get_register(CPU_PC) & ~1u, CODE + sizeof stub - 2);
    for (uint32_t i = 0; i < 1000; i++) {
        assert_int_equal(get(MODULE + 4 * i), source_word(i));
    }
    assert_int_equal(faults.operations, 1000);
    assert_int_equal(get(MODULE + 4000), 0xffffffff);
}

static void stub_sees_error_flags(void **state)
{
    (void)state;
    prepare_stub(10, FLASH_CR_PG | FLASH_CR_PSIZE_X16);
    assert_int_equal(run_from(CODE) & (S_HALT | S_LOCKUP), S_HALT);
    assert_int_equal(get_register(0), FLASH_SR_PGPERR);
    assert_int_equal(get_register(2), 10);
    assert_int_equal(get(MODULE), 0xffffffff);
}

static void code_reads_what_flash_has_become(void **state)
{
    static const uint16_t code[] = {
        0x6008, /* str r0, [r1] */
        0x680a, /* ldr r2, [r1] */
        0x600b, /* str r3, [r1] */
        0x680c, /* ldr r4, [r1] */
        0xbe00, /* bkpt #0 */
    };
    (void)state;
    prepare_stub(0, FLASH_CR_PG | FLASH_CR_PSIZE_X32);
    put_code(CODE, code, sizeof code);
    set_register(0, 0xf0f0ffff);
    set_register(3, 0x3333ffff);
    run_from(CODE);
    assert_int_equal(get_register(2), 0xf0f0ffff);
    assert_int_equal(get_register(4), 0x3030ffff);
    put(CHIP_FLASH_IF + FLASH_CR, FLASH_CR_LOCK);
    set_register(0, 0);
    run_from(CODE);
    assert_int_equal(get_register(4), 0x3030ffff);
    assert_int_equal(get(CHIP_FLASH_IF + FLASH_SR), FLASH_SR_PGSERR);
}

static void cut_stops_the_stub_at_every_operation(void **state)
{
    for (uint32_t cut = 1; cut <= 20; cut++) {
        power_off(state);
        assert_int_equal(power_on_blank(state), 0);
        faults.after_operation = cut;
        prepare_stub(20, FLASH_CR_PG | FLASH_CR_PSIZE_X32);
        set_register(CPU_PC, CODE);
        put(DHCSR, KEY | 1);
        core_advance(&core);
        assert_true(faults_chip_dead(&faults));
        assert_false(core_is_running(&core));
        assert_int_equal(faults.operations, cut);
        const uint8_t *module = cells + (MODULE - CHIP_FLASH_BASE);
        for (uint32_t i = 0; i < 20; i++) {
            uint32_t word;
            memcpy(&word, module + 4 * i, 4);
            if (i != cut - 1) {
                assert_int_equal(word, i < cut ? source_word(i) : 0xffffffff);
            }
            assert_int_equal(word & source_word(i), source_word(i));
        }
    }
}

static void wrong_key_is_a_fault(void **state)
{
    static const uint16_t code[] = {
        0x6058, /* str r0, [r3, #4] */
        0xbf00, /* nop */
        0xbe00, /* bkpt #0 */
    };
    (void)state;
    prepare_stub(0, 0);
    put_code(CODE, code, sizeof code);
    set_register(0, 0x12345678);
    assert_int_equal(run_from(CODE) & (S_HALT | S_LOCKUP), S_LOCKUP);
}

static void programmed_code_runs_as_it_is(void **state)
{
    (void)state;
    prepare_stub(0, FLASH_CR_PG | FLASH_CR_PSIZE_X32);
    put(MODULE, 0xbe00207f); /* movs r0, #127; bkpt */
    run_from(MODULE);
    assert_int_equal(get_register(0), 127);
    put(MODULE, 0xbe002015); /* the same cells, now movs r0, #21 */
    run_from(MODULE);
    assert_int_equal(get_register(0), 21);
    run_from(MODULE - CHIP_FLASH_BASE + CHIP_ALIAS_BASE);
    assert_int_equal(get_register(0), 21);
    put(CODE, 0xbe002001);
    run_from(CODE);
    put(CODE, 0xbe002002);
    run_from(CODE);
    assert_int_equal(get_register(0), 2);
}

/* ---- debugging ------------------------------------------------------------------ */

static const uint16_t count_up[] = {
    0x3001, /* adds r0, #1 */
    0x3101, /* adds r1, #1 */
    0xe7fc, /* b . - 4 */
};

static void steps_and_breaks(void **state)
{
    (void)state;
    halt();
    put_code(CODE, count_up, sizeof count_up);
    set_register(0, 0);
    set_register(CPU_PC, CODE);
    put(DHCSR, KEY | 5);
    assert_int_equal(get(DHCSR) & S_HALT, S_HALT);
    assert_int_equal(get_register(0), 1);
    assert_int_equal(get_register(CPU_PC) & ~1u, CODE + 2);
}

static void hardware_breakpoints_halt(void **state)
{
    static const struct {
        uint32_t comparator;
        uint32_t address;
    } breakpoints[] = {{MODULE | 1u << 30 | 1, MODULE},
                       {MODULE | 2u << 30 | 1, MODULE + 2}};
    (void)state;
    memcpy(cells + (MODULE - CHIP_FLASH_BASE), count_up, sizeof count_up);
    power_off(state);
    assert_int_equal(power_on(state), 0);
    halt();
    put(0xe0002000, 3);
    for (unsigned i = 0; i < 2; i++) {
        put(0xe0002008 + 4 * (3 * i), breakpoints[i].comparator);
        set_register(0, 0);
        assert_int_equal(run_from(MODULE + 4) & S_HALT, S_HALT);
        assert_int_equal(get_register(CPU_PC) & ~1u, breakpoints[i].address);
        assert_int_equal(get_register(0), i);
        put(0xe0002008 + 4 * (3 * i), 0);
    }
}

static void running_core_can_be_halted(void **state)
{
    (void)state;
    halt();
    put_code(CODE, count_up, sizeof count_up);
    set_register(0, 0);
    set_register(CPU_PC, CODE);
    put(DHCSR, KEY | 1);
    core_advance(&core);
    assert_int_equal(get(DHCSR) & S_HALT, 0);
    halt();
    assert_true(get_register(0) > 1000);
}

static void registers_are_kept(void **state)
{
    static const unsigned numbers[] = {0,       1,         7,  12, CPU_SP, CPU_LR,
                                       CPU_PSP, CPU_FPSCR, 64, 65, 95};
    (void)state;
    halt();
    for (unsigned i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        set_register(numbers[i], 0x10203040 * (i % 4));
    }
    for (unsigned i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        uint32_t kept = numbers[i] == CPU_FPSCR ? 0xf7c0009f : 0xffffffff;
        assert_int_equal(get_register(numbers[i]), (0x10203040 * (i % 4)) & kept);
    }
    set_register(CPU_SPECIAL, 0x00000001);
    assert_int_equal(get_register(CPU_SPECIAL), 1);
}

static void sleeps_for_ever(void **state)
{
    static const uint16_t waits[] = {0xbf30, 0xbf20}; /* wfi, wfe */
    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        halt();
        put_code(CODE, &waits[i], 2);
        assert_int_equal(run_from(CODE) & (S_HALT | S_LOCKUP | S_SLEEP), S_SLEEP);
        core_advance(&core);
        assert_int_equal(get(DHCSR) & S_SLEEP, S_SLEEP);
        halt();
        assert_int_equal(get_register(CPU_PC) & ~1u, CODE + 2);
    }
}

/* ---- reset ---------------------------------------------------------------------- */

static void put_vectors(void)
{
    const uint32_t vectors[] = {0x20010000, MODULE + 1};
    memcpy(cells, vectors, sizeof vectors);
    memcpy(cells + (MODULE - CHIP_FLASH_BASE), count_up, sizeof count_up);
}

static void reset_starts_the_program(void **state)
{
    (void)state;
    put_vectors();
    halt();
    put(CHIP_FLASH_IF + FLASH_KEYR, FLASH_KEY1);
    put(CHIP_FLASH_IF + FLASH_KEYR, FLASH_KEY2);
    (void)get(DHCSR);
    put(AIRCR, 0x05fa0004);
    assert_int_equal(get(DHCSR) & (S_HALT | S_LOCKUP | S_RESET), S_RESET);
    assert_int_equal(get(DHCSR) & S_RESET, 0);
    assert_true(core_is_running(&core));
    assert_true(flash_locked(&flash));
    assert_int_equal(core.resets, 1);
    assert_int_equal(get_register(CPU_SP), 0x20010000);
}

static void vector_catch_halts_at_reset(void **state)
{
    (void)state;
    put_vectors();
    halt();
    put(DEMCR, 1);
    put(AIRCR, 0x05fa0004);
    assert_int_equal(get(DHCSR) & S_HALT, S_HALT);
    assert_int_equal(get_register(CPU_PC) & ~1u, MODULE);
}

static void code_can_reset_the_chip(void **state)
{
    static const uint16_t code[] = {
        0x6008, /* str r0, [r1] */
        0xbf00, /* nop */
        0xe7fd, /* b . - 2 */
    };
    (void)state;
    put_vectors();
    halt();
    put_code(CODE, code, sizeof code);
    set_register(0, 0x05fa0004);
    set_register(1, AIRCR);
    set_register(CPU_PC, CODE);
    put(DHCSR, KEY | 1);
    core_advance(&core);
    assert_int_equal(core.resets, 1);
    halt();
    assert_in_range(get_register(CPU_PC) & ~1u, MODULE, MODULE + 4);
}

/* ---- programs that make no sense ------------------------------------------------ */

static void blank_flash_locks_up(void **state)
{
    (void)state;
    core_advance(&core);
    assert_int_equal(get(DHCSR) & (S_HALT | S_LOCKUP), S_LOCKUP);
    assert_int_equal(cpu_instructions(core.cpu), 0);
    halt();
    assert_int_equal(get(DHCSR) & S_LOCKUP, 0);
    assert_int_equal(get_register(CPU_PC) | 1, 0xffffffff);
    assert_int_equal(run_from(0xfffffffe) & (S_HALT | S_LOCKUP), S_LOCKUP);
}

static void unmodelled_exceptions_lock_up(void **state)
{
    static const uint16_t codes[][2] = {
        {0xdf00, 0xbf00}, /* svc #0 */
        {0xde00, 0xbf00}, /* udf #0 */
        {0x6800, 0xbf00}, /* ldr r0, [r0] from nowhere */
        {0x4700, 0xbf00}, /* bx r0 to nowhere */
        {0xf7f0, 0xa000}, /* undefined */
    };
    (void)state;
    for (unsigned i = 0; i < sizeof codes / sizeof *codes; i++) {
        halt();
        put_code(CODE, codes[i], sizeof codes[i]);
        set_register(0, 0x60000001);
        assert_int_equal(run_from(CODE) & (S_HALT | S_LOCKUP), S_LOCKUP);
    }
}

static uint32_t random_half(uint32_t *random)
{
    *random ^= *random << 13;
    *random ^= *random >> 17;
    *random ^= *random << 5;
    return *random >> 8 & 0xffff;
}

/* Random instructions, half of them of 32 bits: the core runs, halts or locks up, and
 * can be halted. */
static void senseless_code_never_ends_the_board(void **state)
{
    uint32_t random = 1;
    unsigned stopped = 0;
    (void)state;
    for (unsigned i = 0; i < 2000; i++) {
        halt();
        for (uint32_t at = 0; at < 256; at += 2) {
            uint32_t half = random_half(&random);
            half |= random_half(&random) % 2 == 0 ? 0xe800 : 0;
            assert_true(bus_write(&bus, CODE + at, 2, half));
        }
        for (unsigned r = 0; r <= CPU_LR; r++) {
            uint32_t low = random_half(&random);
            set_register(r, random_half(&random) % 2 == 0 ? CODE + low : low << 16 | low);
        }
        set_register(CPU_PC, CODE);
        put(DHCSR, KEY | 1);
        core_advance(&core);
        stopped += !core_is_running(&core);
    }
    assert_true(stopped > 1000);
}

#define TEST(function)                                                                   \
    cmocka_unit_test_setup_teardown(function, power_on_blank, power_off)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(stub_programs_flash),
        TEST(stub_sees_error_flags),
        TEST(code_reads_what_flash_has_become),
        TEST(cut_stops_the_stub_at_every_operation),
        TEST(wrong_key_is_a_fault),
        TEST(programmed_code_runs_as_it_is),
        TEST(steps_and_breaks),
        TEST(hardware_breakpoints_halt),
        TEST(running_core_can_be_halted),
        TEST(registers_are_kept),
        TEST(sleeps_for_ever),
        TEST(reset_starts_the_program),
        TEST(vector_catch_halts_at_reset),
        TEST(code_can_reset_the_chip),
        TEST(blank_flash_locks_up),
        TEST(unmodelled_exceptions_lock_up),
        TEST(senseless_code_never_ends_the_board),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
