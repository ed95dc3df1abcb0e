/* SPDX-License-Identifier: BSD-2-Clause */
/* All of libc_nano and libm; what they lack is imported from the firmware. */
/* oracle: libs=gcc whole=c_nano,m group=libc run=no imports=yes */
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
