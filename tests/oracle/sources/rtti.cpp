/* SPDX-License-Identifier: BSD-2-Clause */
/* Run-time types: type_info objects, their names, dynamic_cast; libsupc++ from GCC. */
/* oracle: cxxflags=-fno-exceptions,-frtti,-fno-threadsafe-statics libs=supc++_nano,gcc,c_nano,nosys compilers=gcc options=gcc-O0,gcc-Os,gcc-O2,gcc-fpic,gcc-long-calls,gcc-slow-flash,gcc-hard */
#include <typeinfo>
#include "check.h"

extern "C" void *_sbrk(ptrdiff_t)
{
    return (void *)-1;
}
struct animal {
    virtual int legs() const
    {
        return 4;
    }
};
struct extra {
    virtual int tail() const
    {
        return 1;
    }
};
struct bird : animal, extra {
    int legs() const override
    {
        return 2;
    }
};
static animal a;
static bird b;
animal *const both[] = {&a, &b};
const std::type_info *const types[] = {&typeid(animal), &typeid(bird), &typeid(int)};

int module_entry(void *)
{
    animal *const *p = both;

    HIDE(p);
    CHECK(1, dynamic_cast<bird *>(p[0]) == nullptr && dynamic_cast<bird *>(p[1]) == &b);
    CHECK(2, dynamic_cast<extra *>(p[1]) == static_cast<extra *>(&b));
    CHECK(3, typeid(*p[1]) == *types[1] && !(typeid(*p[0]) == *types[1]));
    CHECK(4, same_text(types[1]->name(), "4bird") && same_text(types[2]->name(), "i"));
    return 0;
}
