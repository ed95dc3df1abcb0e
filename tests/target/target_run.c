/* SPDX-License-Identifier: BSD-2-Clause */
/**
 * A target without modflash's verbs: runs steps on it, for tests.
 *
 *     target-run [-w] [-k] [-c CHIP] SPEC STEP…
 *
 * -w: writable, -k: the core is to go on afterwards.
 *     info                      what is known of the chip
 *     begin
 *     read=ADDRESS,LENGTH,FILE  FILE - prints it in hex
 *     program=ADDRESS,FILE
 *     erase=SECTOR
 *     raise=SIGNAL              by its number, to itself
 *     sleep=MS
 *     stamp                     print milliseconds since the start
 *     end=reset | end=run       and close; without it, closing does end=reset
 */
#include "target.h"
#include "cli.h"

#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static int64_t start_ms;

static int64_t clock_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void show(const struct target *target)
{
    const struct target_chip *chip = &target->chip;
    printf("chip %s id 0x%03" PRIx32 " flash 0x%08" PRIx32 " %" PRIu32 " unit %" PRIu32
           " sectors %" PRIu32 " last %" PRIu32 " region 0x%08" PRIx32 " %" PRIu32
           " ram 0x%08" PRIx32 " %" PRIu32 " uid %s provides 0x%03" PRIx32 "\n",
           chip->name, chip->device_id, chip->flash_base, chip->flash_size, chip->unit,
           chip->sector_count, chip->sector_size[chip->sector_count - 1],
           chip->region_base, chip->region_size, chip->ram_base, chip->ram_size,
           chip->uid, chip->provides);
}

static uint32_t number(const char *text, char **ret_end)
{
    return (uint32_t)strtoul(text, ret_end, 0);
}

static int step_read(struct target *target, const char *rest)
{
    char *at;
    uint32_t address = number(rest, &at);
    uint32_t length = number(at + 1, &at);
    uint8_t *bytes = cli_alloc(length, 1);
    int status = target->ops->read(target, address, bytes, length);
    if (status == 0 && strcmp(at + 1, "-") == 0) {
        for (uint32_t i = 0; i < length; i++) {
            printf("%02x", bytes[i]);
        }
        putchar('\n');
    } else if (status == 0) {
        status = cli_write_file(at + 1, bytes, length);
    }
    free(bytes);
    return status;
}

static int step_program(struct target *target, const char *rest)
{
    char *at;
    size_t size;
    uint32_t address = number(rest, &at);
    uint8_t *bytes = cli_read_file(at + 1, &size);
    int status = target->ops->program(target, address, bytes, (uint32_t)size);
    free(bytes);
    return status;
}

static void pause_ms(long ms)
{
    struct timespec time = {ms / 1000, ms % 1000 * 1000000};
    nanosleep(&time, NULL);
}

static int run_step(struct target *target, const char *step)
{
    const char *equals = strchr(step, '=');
    const char *rest = equals != NULL ? equals + 1 : "";
    if (strncmp(step, "read=", 5) == 0) {
        return step_read(target, rest);
    }
    if (strncmp(step, "program=", 8) == 0) {
        return step_program(target, rest);
    }
    if (strncmp(step, "erase=", 6) == 0) {
        return target->ops->erase(target, number(rest, NULL));
    }
    if (strcmp(step, "begin") == 0) {
        return target->ops->begin(target);
    }
    if (strcmp(step, "info") == 0) {
        show(target);
    } else if (strncmp(step, "raise=", 6) == 0) {
        fflush(stdout);
        raise(atoi(rest));
    } else if (strcmp(step, "stamp") == 0) {
        printf("at %jd ms\n", (intmax_t)(clock_ms() - start_ms));
    } else if (strncmp(step, "sleep=", 6) == 0) {
        pause_ms(strtol(rest, NULL, 0));
    } else {
        cli_die(CLI_USAGE, NULL, "no such step: %s", step);
    }
    return 0;
}

static int run(struct target *target, char **steps)
{
    bool reset = true;
    int status = 0;
    for (; status == 0 && *steps != NULL; steps++) {
        if (strncmp(*steps, "end=", 4) == 0) {
            reset = strcmp(*steps, "end=run") != 0;
            break;
        }
        status = run_step(target, *steps);
    }
    if (status != 0) {
        cli_error(target->spec, "%s", target->error);
        printf("failed at %jd ms\n", (intmax_t)(clock_ms() - start_ms));
        status = CLI_TARGET;
    }
    printf("erased %" PRIu32 " programmed %" PRIu32 " read %" PRIu32 "\n",
           target->counts.erased_sectors, target->counts.programmed_bytes,
           target->counts.read_bytes);
    int closed = target_close(target, reset);
    return status != 0 ? status : closed;
}

int main(int argc, char **argv)
{
    static const struct cli_option none[] = {{0, 0, NULL, NULL, NULL}};
    static const struct cli_tool tool = {.name = "target-run", .options = none};
    struct target_options options = {0};
    struct target *target;
    struct cli_args args;
    int at = 1;
    start_ms = clock_ms();
    cli_begin(&args, &tool, argc, argv);
    for (; at < argc && argv[at][0] == '-'; at++) {
        if (strcmp(argv[at], "-w") == 0) {
            options.writable = true;
        } else if (strcmp(argv[at], "-k") == 0) {
            options.resume = true;
        } else if (strcmp(argv[at], "-c") == 0 && at + 1 < argc) {
            options.chip_name = argv[++at];
        }
    }
    if (at >= argc) {
        return CLI_USAGE;
    }
    options.spec = argv[at];
    int status = target_open(&options, &target);
    return status != 0 ? status : run(target, argv + at + 1);
}
