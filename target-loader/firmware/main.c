/* SPDX-License-Identifier: BSD-2-Clause */
/* The demo firmware: load every module of the module region, run it, say how it went. */
#include "board.h"
#include "clock.h"
#include "emulation.h"
#include "firmware.h"
#include "modules.h"

int main(void)
{
    struct modules_result result;
    unsigned before, after, data_before;
    bool same;

    board_begin();
    clock_begin();
    modules_begin();
    before = fw_free_bytes();
    data_before = modules_data_free();
    fw_printf("firmware on %s: %u bytes of module RAM free\n", board_name, before);
    result = modules_run();
    after = fw_free_bytes();
    same = after == before && modules_data_free() == data_before;
    fw_printf("firmware: %u modules, %u returned 0; %u bytes of module RAM free%s\n",
              result.good + result.bad, result.good, after,
              same ? ", as before" : ", NOT as before");
    emulation_end(result.good == 0 || result.bad != 0 || !same);
}
