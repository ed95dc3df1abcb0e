/* SPDX-License-Identifier: BSD-2-Clause */
/* Virtual functions: tables of code addresses, references to the middle of them (+8). */
/* oracle: libs=gcc,c_nano */
#include "check.h"

extern "C" void __cxa_pure_virtual()
{
    for (;;)
        ;
}
void operator delete(void *, size_t) noexcept
{
}
void operator delete(void *) noexcept
{
}

struct shape {
    int size;
    explicit constexpr shape(int s) : size(s)
    {
    }
    virtual int area() const = 0;
    virtual const char *name() const
    {
        return "shape";
    }
    virtual ~shape() = default;
};
struct square : shape {
    using shape::shape;
    int area() const override
    {
        return size * size;
    }
};
struct named : square {
    using square::square;
    const char *name() const override
    {
        return "named";
    }
};
static square s(3);
static named n(4);
shape *const shapes[] = {&s, &n, &s};
int (shape::*const member)() const = &shape::area;
int shape::*const field = &shape::size;

int module_entry(void *)
{
    shape *const *p = shapes;

    HIDE(p);
    CHECK(1, p[0]->area() == 9 && p[1]->area() == 16);
    CHECK(2, same_text(p[0]->name(), "shape") && same_text(p[1]->name(), "named"));
    CHECK(3, (p[1]->*member)() == 16 && p[2]->*field == 3);
    return 0;
}
