/* SPDX-License-Identifier: BSD-2-Clause */
#include "firmware.h"

namespace {

/** On before module_entry, off after it. */
class Lamp {
public:
    Lamp() { fw_puts("the lamp is on"); }
    ~Lamp() { fw_printf("the lamp is off, after %d blinks\n", blinks); }
    void blink() { blinks++; }

private:
    int blinks = 0;
};

Lamp lamp;

} // namespace

extern "C" int module_entry(void *param)
{
    (void)param;
    for (int i = 0; i < 3; i++)
        lamp.blink();
    return 0;
}
