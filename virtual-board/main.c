/* SPDX-License-Identifier: BSD-2-Clause */
/** virtual-board: an STM32F405 behind an ST-LINK/V2, for clients that know no better. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "board.h"
#include "client.h"
#include "message.h"

static int serve(void)
{
    if (client_print_environment() != 0) {
        message_error(NULL, "cannot write to standard output: %s", strerror(errno));
        return EXIT_IO;
    }
    client_wait_stop();
    return 0;
}

int main(int argc, char **argv)
{
    static struct board board;
    struct options options;
    struct usb_counts counts;
    options_read(&options, argc, argv);
    client_hold_signals();
    int status = board_open(&board, &options);
    if (status != 0) {
        return status;
    }
    struct usb *usb = board_plug(&board);
    if (usb == NULL) {
        board_close(&board);
        return EXIT_IO;
    }
    client_environment(usb_folder(usb));
    status = options.serve ? serve() : client_run(options.client);
    usb_unplug(usb, &counts);
    core_settle(&board.core);
    if (options.stats != NULL) {
        int written = board_write_stats(&board, &counts, options.stats);
        status = status == 0 ? written : status;
    }
    board_close(&board);
    return status;
}
