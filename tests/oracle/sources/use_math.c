/* SPDX-License-Identifier: BSD-2-Clause */
/* libm: tables of constants, and errno through newlib's _impure_ptr. */
/* oracle: libs=m,c_nano,gcc,nosys group=libc */
#include "check.h"

double sin(double), exp(double), pow(double, double), sqrt(double), fmod(double, double);
float cosf(float), logf(float);
double (*const functions[])(double) = {sin, exp, sqrt};

static int near(double a, double b)
{
    double d = a - b;

    return d < 1e-6 && d > -1e-6;
}

int module_entry(void *param)
{
    volatile double one = 1.0;

    (void)param;
    CHECK(1, near(functions[0](one), 0.8414709848) && near(functions[1](one), 2.7182818284));
    CHECK(2, near(pow(2.0, one * 0.5), 1.4142135623) && near(functions[2](one * 2), 1.4142135623));
    CHECK(3, near(fmod(one * 7.5, 2.0), 1.5) && near(cosf((float)one), 0.5403023));
    CHECK(4, near(logf(10.0f * (float)one), 2.3025851));
    CHECK(5, sqrt(-one) != sqrt(-one));
    return 0;
}
