/* SPDX-License-Identifier: BSD-2-Clause */
/* Exceptions: PREL31 in .ARM.exidx and .ARM.extab, TARGET2 to type_info, the unwinder.
   Not libsupc++_nano, which was built without and cannot be unwound through. */
/* oracle: cxxflags=-fexceptions,-frtti,-fno-threadsafe-statics libs=supc++,gcc,c_nano,nosys compilers=gcc options=gcc-O0,gcc-Os,gcc-O2,gcc-long-calls,gcc-slow-flash,gcc-hard */
#include <exception>
#include "check.h"

/* The library's own _sbrk needs `end` to be behind all else; this heap needs nothing. */
extern "C" void *_sbrk(ptrdiff_t increment)
{
    static char heap[6144] __attribute__((aligned(8)));
    static char *next = heap;
    char *before = next;

    if (next + increment > heap + sizeof(heap))
        return (void *)-1;
    next += increment;
    return before;
}
struct mine {
    int code;
};
struct guard {
    int &count;
    ~guard()
    {
        count++;
    }
};
NOINLINE static int deep(int x, int &count)
{
    guard g{count};

    if (x == 0)
        throw mine{7};
    if (x == 100)
        throw 5;
    if (x == 200)
        throw "text";
    return deep(x - 1, count) + 1;
}
NOINLINE static int attempt(int x, int &count)
{
    try {
        return deep(x, count);
    } catch (const mine &m) {
        return m.code * 1000;
    } catch (int n) {
        return n;
    } catch (...) {
        return -1;
    }
}

int module_entry(void *)
{
    int count = 0;

    CHECK(1, attempt(3, count) == 7000 && count == 4);
    CHECK(2, attempt(100, count) == 5 && count == 5);
    CHECK(3, attempt(202, count) == -1 && count == 8);
    return 0;
}
