/* SPDX-License-Identifier: BSD-2-Clause */
/* All of newlib's libc_nano and libm in one module. */
/* oracle: libs=gcc,nosys whole=c_nano,m group=libc run=no */
#include "check.h"

int snprintf(char *s, size_t n, const char *format, ...);
double sin(double);

int main(void);
int main(void)
{
    return 0;
}
void _init(void);
void _init(void)
{
}
void _fini(void);
void _fini(void)
{
}
int module_entry(void *param)
{
    char line[40];

    snprintf(line, sizeof(line), "%p %f", param, sin(1.0));
    return line[0];
}
