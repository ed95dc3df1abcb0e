/* SPDX-License-Identifier: BSD-2-Clause */
/* Second file of weak_override.c: the strong ones. */
/* oracle: part=yes */
#include "check.h"

int answer(void);
int kept(void);
int call_from_other(void);
int value = 30;
extern const int constant[2];
const int constant[2] = {40, 50};
int answer(void)
{
    return 10;
}
int call_from_other(void)
{
    return answer() + kept();
}
