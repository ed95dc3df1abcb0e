/* SPDX-License-Identifier: BSD-2-Clause */
/* Functions that use the stack in many ways. Each entry_… is run on QEMU on a stack that was
 * painted first. Where the deepest chain of calls ends in bottom(), which writes to the last
 * word that it takes, what was used is known exactly. */
#include <stdarg.h>

#define APART __attribute__((noinline, noclone_))
#ifdef __clang__
#define noclone_
#else
#define noclone_ noclone
#endif

void bottom(void);
void fw_nothing(void *);

__asm__(".pushsection .text.bottom, \"ax\", %progbits\n"
        ".syntax unified\n.thumb\n.align 2\n.global bottom\n.type bottom, %function\n"
        ".thumb_func\nbottom:\n"
        "push {r0-r7, lr}\n"
        "pop {r0-r7, pc}\n"
        ".size bottom, . - bottom\n.popsection");

volatile unsigned zero;

/* ---- one after the other ---------------------------------------------------------- */

APART static unsigned third(unsigned x)
{
    volatile unsigned a[7];
    a[x & 3] = x;
    bottom();
    return a[0] + x;
}

APART static unsigned second(unsigned x)
{
    volatile unsigned char a[35];
    a[x & 7] = 1;
    return third(x + a[1]) + x;
}

APART static unsigned first(unsigned x)
{
    volatile unsigned a[3];
    a[0] = x;
    return second(a[0]) * x + second(x);
}

int entry_straight(void *p);
int entry_straight(void *p)
{
    return (int)(first((unsigned)p) + zero);
}

/* ---- a frame that no immediate holds ----------------------------------------------- */

APART static int large(int x)
{
    volatile char a[4500];
    a[x] = 1;
    fw_nothing((void *)a);
    bottom();
    return a[0];
}

int entry_large(void *p);
int entry_large(void *p)
{
    return large((int)p & 7) + 1;
}

/* ---- tail calls, and early returns without a frame --------------------------------- */

APART static int last(int x)
{
    volatile int a[10];
    a[x & 3] = x;
    bottom();
    return a[0];
}

APART static int early(int x)
{
    if (x == 0)
        return 1;
    volatile int a[4];
    a[x & 3] = x;
    fw_nothing((void *)a);
    bottom();
    return last(x & 1);
}

APART static int tail(int x)
{
    volatile int a[30];
    a[x & 3] = x;
    fw_nothing((void *)a);
    return last(x + 1);
}

int entry_tail(void *p);
int entry_tail(void *p)
{
    return early(3) + tail((int)p & 3) + early((int)zero);
}

/* ---- a switch ----------------------------------------------------------------------- */

APART static int ways(int way, int x)
{
    volatile int a[5];
    a[way & 3] = x;
    switch (way) {
    case 0:
        return first((unsigned)x) > 3;
    case 1:
        bottom();
        return x + a[1];
    case 2:
        return last(x);
    case 3:
        return x * 5;
    case 4:
        fw_nothing((void *)a);
        return tail(a[1] & 1) + 1;
    case 5:
        return large(x & 1) + a[2];
    case 6:
        return -x;
    default:
        return early(x) + 3;
    }
}

int entry_switch(void *p);
int entry_switch(void *p)
{
    int sum = 0;
    for (int i = 0; i < 9; i++)
        sum += ways(i, (int)p & 3);
    return sum;
}

/* ---- arguments on the stack --------------------------------------------------------- */

struct large {
    int v[9];
};

APART static int by_value(struct large s, int a, int b, int c, struct large t)
{
    s.v[a & 3] = t.v[b & 3] + c;
    bottom();
    return s.v[1];
}

APART static int many(int n, ...)
{
    va_list list;
    int sum = 0;
    va_start(list, n);
    for (int i = 0; i < n; i++)
        sum += va_arg(list, int);
    va_end(list);
    bottom();
    return sum;
}

int entry_arguments(void *p);
int entry_arguments(void *p)
{
    struct large s = {{1, 2, 3, 4, 5, 6, 7, 8, (int)p}};
    return by_value(s, 1, 2, 3, s) + many(7, 1, 2, 3, 4, 5, 6, 7);
}

/* ---- floating point, aligned more than a frame is ------------------------------------ */

APART static double products(double a, double b, float c)
{
    double x[4] = {a, b, a * b, a + b};
    float y = c * (float)a;
    bottom();
    return x[(unsigned)zero & 3] + y + (double)(float)b;
}

int entry_float(void *p);
int entry_float(void *p)
{
    return (int)products((double)(int)p, 2.5, 3.0f);
}

APART static int aligned(int x)
{
    _Alignas(32) volatile int a[8];
    a[x & 7] = x;
    fw_nothing((void *)a);
    bottom();
    return a[1];
}

int entry_aligned(void *p);
int entry_aligned(void *p)
{
    return aligned((int)p & 3) + 1;
}

/* ---- what libgcc does ----------------------------------------------------------------- */

int entry_libgcc(void *p);
int entry_libgcc(void *p)
{
    volatile long long a = (long long)(int)p + 1000000000007ll;
    volatile double d = 3.25;
    volatile unsigned u = 77;
    return (int)(a / (a >> 9)) + (int)(d / 1.5 + (double)u) + (int)(u / (u >> 2)) +
           (int)((unsigned long long)a % 12345u);
}

/* ---- something that never returns, in front of what does ------------------------------- */

__attribute__((noreturn)) void abort(void);

APART static int careful(const int *p, int n)
{
    int sum = 0;
    for (int i = 0; i < n; i++) {
        if (p[i] == 12345)
            abort();
        sum += p[i];
    }
    return sum;
}

int entry_careful(void *p);
int entry_careful(void *p)
{
    int list[5] = {1, 2, 3, 4, (int)p};
    fw_nothing(list);
    int sum = careful(list, 5);
    bottom();
    return sum;
}

/* ---- through pointers whose values the code shows ---------------------------------------- */

int entry_constant_pointer(void *p);
int entry_constant_pointer(void *p)
{
    int (*volatile_free)(int) = last;
    __asm__("" : "+r"(p));
    return volatile_free((int)p & 1) + 1;
}

/* ---- a pointer into the stack that a loop moves ------------------------------------------- */

APART static int digits(unsigned x)
{
    char text[40];
    char *at = text + sizeof text;
    do {
        *--at = (char)('0' + x % 10);
        x /= 10;
    } while (x != zero);
    fw_nothing(at);
    bottom();
    return *at;
}

int entry_digits(void *p);
int entry_digits(void *p)
{
    return digits((unsigned)p + 4711) + 1;
}

/* ---- a call that does not return, with nothing but padding behind it -------------------- */

int checked(int);
__asm__(".pushsection .text.checked, \"ax\", %progbits\n"
        ".type never, %function\n.thumb_func\nnever: b never\n.size never, . - never\n"
        ".global checked\n.type checked, %function\n.thumb_func\nchecked:\n"
        "push {r4, lr}\n"
        "cmp r0, #99\n"
        "beq 1f\n"
        "bl bottom\n"
        "pop {r4, pc}\n"
        "1: bl never\n"
        "nop\n"
        ".word 0\n"
        ".size checked, . - checked\n.popsection");

int entry_checked(void *p);
int entry_checked(void *p)
{
    return checked((int)p & 3) + 1;
}

int module_entry(void *p);
int module_entry(void *p)
{
    return entry_straight(p);
}
