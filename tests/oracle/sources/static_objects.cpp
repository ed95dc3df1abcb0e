/* SPDX-License-Identifier: BSD-2-Clause */
/* Objects with constructors and destructors: .init_array, __cxa_atexit or .fini_array,
   __dso_handle; a function's static. */
#include "check.h"

static int order;
extern "C" int __aeabi_atexit(void *, void (*)(void *), void *)
{
    return 0;
}
extern "C" int __cxa_atexit(void (*)(void *), void *, void *)
{
    return 0;
}
class counter {
  public:
    explicit counter(int step) : value_(order), self_(this)
    {
        order += step;
    }
    ~counter()
    {
        order = -1;
    }
    int value() const
    {
        return self_->value_;
    }

  private:
    int value_;
    counter *self_;
};
static counter one(1);
counter two(10);
namespace inner {
counter three(100);
}
NOINLINE static counter &lazy()
{
    static counter object(1000);
    return object;
}

int module_entry(void *)
{
    CHECK(1, order == 111);
    CHECK(2, one.value() == 0 && two.value() == 1 && inner::three.value() == 11);
    CHECK(3, lazy().value() == 111 && lazy().value() == 111 && order == 1111);
    return 0;
}
