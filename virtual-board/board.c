/* SPDX-License-Identifier: BSD-2-Clause */
/** The whole board: the parts, connected. */
#include "board.h"

#include <errno.h>
#include <string.h>

#include "chip.h"
#include "message.h"

static const struct trace silent;

static FILE *open_output(const char *path)
{
    FILE *out = strcmp(path, "-") == 0 ? stderr : fopen(path, "we");
    if (out == NULL) {
        message_error(path, "cannot be written: %s", strerror(errno));
    }
    return out;
}

static int close_output(FILE *out, const char *path)
{
    bool good = !ferror(out);
    good = (out == stderr ? fflush(out) : fclose(out)) == 0 && good;
    if (!good) {
        message_error(path, "could not be written: %s", strerror(errno));
    }
    return good ? 0 : EXIT_IO;
}

static bool connect(struct board *board, const struct options *options)
{
    const char *problem = "there is no memory";
    flash_init(&board->flash, board->image.cells, &board->faults, &board->trace);
    for (unsigned sector = 0; sector < CHIP_SECTORS; sector++) {
        if ((options->protect >> sector & 1) != 0) {
            flash_protect(&board->flash, sector);
        }
    }
    if (!bus_init(&board->bus, &board->flash)) {
        message_error(NULL, "%s", problem);
        return false;
    }
    if (!core_init(&board->core, &board->bus, &board->trace, &problem)) {
        message_error(NULL, "the CPU cannot be emulated: %s", problem);
        bus_free(&board->bus);
        return false;
    }
    probe_init(&board->probe, &board->core, &board->faults, &board->trace);
    faults_init(&board->calm, 0);
    board->spare_count = options->spare_probes;
    for (unsigned i = 0; i < board->spare_count; i++) {
        probe_init(&board->spares[i], NULL, &board->calm, &silent);
    }
    return true;
}

int board_open(struct board *board, const struct options *options)
{
    faults_init(&board->faults, options->seed);
    board->faults.kind = options->cut_kind;
    board->faults.after_operation = options->cut_after;
    board->faults.after_command = options->cut_after_command;
    if (options->trace != NULL) {
        board->trace.out = open_output(options->trace);
        if (board->trace.out == NULL) {
            return EXIT_IO;
        }
        setvbuf(board->trace.out, NULL, _IOLBF, BUFSIZ); /* it can be watched */
    }
    if (!image_open(&board->image, options->flash)) {
        message_error(options->flash, "%s", board->image.problem);
        return EXIT_IO;
    }
    if (!connect(board, options)) {
        image_close(&board->image);
        return EXIT_IO;
    }
    return 0;
}

struct usb *board_plug(struct board *board)
{
    struct probe *probes[USB_PROBES_MAX] = {&board->probe};
    const char *problem = NULL;
    for (unsigned i = 0; i < board->spare_count; i++) {
        probes[1 + i] = &board->spares[i];
    }
    struct usb *usb = usb_plug(probes, 1 + board->spare_count, &problem);
    if (usb == NULL) {
        message_error(NULL, "there is no mock USB: %s", problem);
    }
    return usb;
}

void board_close(struct board *board)
{
    core_free(&board->core);
    bus_free(&board->bus);
    image_close(&board->image);
    if (board->trace.out != NULL && board->trace.out != stderr) {
        fclose(board->trace.out);
    }
}

static const char *core_state(const struct board *board)
{
    if (faults_chip_dead(&board->faults)) {
        return "off";
    }
    if (board->core.locked_up) {
        return "lockup";
    }
    return board->core.halted ? "halted" : "running";
}

int board_write_stats(const struct board *board, const struct usb_counts *usb,
                      const char *path)
{
    const struct flash_counts *flash = &board->flash.counts;
    bool off = faults_chip_dead(&board->faults); /* no chip wakes up unlocked */
    const struct {
        const char *name;
        uint64_t value;
    } counts[] = {
        {"commands", board->faults.commands},
        {"urbs", usb->urbs},
        {"ioctls", usb->ioctls},
        {"bytes_read", board->probe.bytes_read},
        {"bytes_written", board->probe.bytes_written},
        {"operations", board->faults.operations},
        {"programs", flash->programs},
        {"bytes_programmed", flash->bytes_programmed},
        {"overprograms", flash->overprograms},
        {"erases", flash->erases},
        {"sectors_erased", flash->sectors_erased},
        {"refusals", flash->refusals},
        {"instructions", cpu_instructions(board->core.cpu)},
        {"resets", board->core.resets},
        {"cut", board->faults.cut},
        {"flash_locked", flash_locked(&board->flash) || off},
    };
    FILE *out = open_output(path);
    if (out == NULL) {
        return EXIT_IO;
    }
    for (unsigned i = 0; i < sizeof counts / sizeof *counts; i++) {
        fprintf(out, "%s %llu\n", counts[i].name, (unsigned long long)counts[i].value);
    }
    fprintf(out, "core %s\n", core_state(board));
    return close_output(out, path);
}
