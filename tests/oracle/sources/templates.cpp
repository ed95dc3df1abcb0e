/* SPDX-License-Identifier: BSD-2-Clause */
/* Templates and inline functions in two files: COMDAT groups, of which one survives. */
/* oracle: also=templates_other.cpp cxxflags=-fno-exceptions,-fno-rtti,-fno-threadsafe-statics,-ffunction-sections,-fdata-sections */
#include "templates.h"

int module_entry(void *)
{
    const table<int, 4> *t = &table<int, 4>::instance;

    HIDE(t);
    CHECK(1, t->get(2) == 20 && other_get(3) == 30);
    CHECK(2, &shared_static() == other_shared());
    CHECK(3, (table<short, 5>::instance.get(1) == 10));
    CHECK(4, (table<int, 4>::functions[1](*t) == 10 && *table<int, 4>::last == 30));
    return 0;
}
