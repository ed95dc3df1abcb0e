/* SPDX-License-Identifier: BSD-2-Clause */
/* A class of the firmware: its vtable (+8) and type by name, its methods by call. */
/* oracle: imports=yes */
#include "check.h"

struct fw_device {
    fw_device();
    virtual int read(int);
    virtual ~fw_device();
    int state;
};
struct fw_inline {
    int x;
    inline fw_inline() : x(1)
    {
    }
    virtual int key(); /* defined by the firmware, and so is the vtable */
    virtual int more()
    {
        return x;
    }
};
struct mine : fw_device {
    int read(int n) override
    {
        return fw_device::read(n) + 1;
    }
};
void operator delete(void *, size_t) noexcept
{
}
void operator delete(void *) noexcept
{
}
static fw_inline plain;
extern "C" int __aeabi_atexit(void *, void (*)(void *), void *)
{
    return 0;
}
extern "C" int __cxa_atexit(void (*)(void *), void *, void *)
{
    return 0;
}

int module_entry(void *param)
{
    mine m;
    fw_device *d = &m;

    HIDE(d);
    return param ? d->read(1) : plain.key();
}
