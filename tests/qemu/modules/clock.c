/* SPDX-License-Identifier: BSD-2-Clause */
/* Time goes on, and both clocks agree. */
#include "firmware.h"

int module_entry(void *param);

int module_entry(void *param)
{
    /* In this order: if the emulator is stopped between the two, more time goes by by the
     * first one, not less. */
    uint32_t us = fw_time_us();
    uint32_t ms = fw_time_ms();
    uint32_t last = us;

    (void)param;
    while (fw_time_ms() - ms < 20) {
        uint32_t now = fw_time_us();

        if (now - last > 1000000u)
            return 1;
        last = now;
    }
    us = fw_time_us() - us;
    return us < 18000 || us > 1000000;
}
