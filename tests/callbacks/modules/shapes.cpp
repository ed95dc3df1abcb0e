// SPDX-License-Identifier: BSD-2-Clause
// Objects that the firmware calls virtual functions of, through their vtables.
#include "offered.h"

extern "C" int module_entry(void *param);

namespace
{

int made;

struct Shape {
    explicit Shape(int s) : size(s)
    {
        made++;
    }
    virtual int area(int scale)
    {
        return scale * size;
    }
    virtual int many(int a, int b, int c, int d, int e)
    {
        return a + b + c + d + e + size;
    }
    int size;
};

struct Named {
    explicit Named(int n) : name(n)
    {
        made++;
    }
    virtual int called(int a, int b, int c, int d, int e, int f)
    {
        return name + a + b + c + d + e + f;
    }
    int name;
};

// The second base's functions are reached through thunks.
struct Square final : Shape, Named {
    Square() : Shape(7), Named(70)
    {
    }
    int area(int scale) override
    {
        return scale * size * size + made;
    }
    int called(int a, int b, int c, int d, int e, int f) override
    {
        return name + made + a + 2 * b + 3 * c + 4 * d + 5 * e + 6 * f;
    }
};

Square square; // has a constructor

} // namespace

int module_entry(void *)
{
    static Shape local{5}; // has one, too, that runs now
    Named *second = &square;

    fw_register(FW_OBJECT, reinterpret_cast<fw_function *>(&square));
    fw_register(FW_OBJECT_2, reinterpret_cast<fw_function *>(second));
    fw_register(FW_OBJECT_3, reinterpret_cast<fw_function *>(&local));
    return 0;
}
