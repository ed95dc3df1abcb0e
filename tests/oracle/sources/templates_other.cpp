/* SPDX-License-Identifier: BSD-2-Clause */
/* Second file of templates.cpp. */
/* oracle: part=yes cxxflags=-fno-exceptions,-fno-rtti,-fno-threadsafe-statics,-ffunction-sections,-fdata-sections */
#include "templates.h"

int other_get(int i)
{
    return table<int, 4>::instance.get(i) + 0 * table<int, 4>::functions[0](table<int, 4>::instance);
}
int *other_shared()
{
    return &shared_static();
}
