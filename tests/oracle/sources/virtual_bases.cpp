/* SPDX-License-Identifier: BSD-2-Clause */
/* Multiple and virtual inheritance: thunks, construction vtables, VTT, negative offsets. */
#include "check.h"

struct base {
    int b;
    base() : b(1)
    {
    }
    virtual int id()
    {
        return b;
    }
};
struct left : virtual base {
    int l = 2;
    int id() override
    {
        return l + b;
    }
};
struct right : virtual base {
    int r = 3;
    virtual int other()
    {
        return r * 10;
    }
};
struct bottom : left, right {
    int d = 4;
    int id() override
    {
        return d * 100 + l + r + b;
    }
    int other() override
    {
        return d * 7;
    }
};
static bottom global;
base *as_base = &global;
right *as_right = &global;

NOINLINE static int through(base *p)
{
    return p->id();
}

int module_entry(void *)
{
    bottom local;
    left l;
    base *b = &local;

    HIDE(b);
    CHECK(1, through(b) == 406 && through(as_base) == 406 && through(&l) == 3);
    right *r = as_right;
    HIDE(r);
    CHECK(2, r->other() == 28 && r->id() == 406);
    return 0;
}
