/* SPDX-License-Identifier: BSD-2-Clause */
/** What the module "lowest" offers: functions and data, of text, of data and of bss. */
#ifndef LOWEST_H
#define LOWEST_H

int lowest_add(int a, int b);
/** Call `visit` with each of the four numbers. @return the sum of what it returned */
int lowest_visit(int (*visit)(int number, void *context), void *context);

#ifndef NUMBERS /* a later edition may have more */
#define NUMBERS 4
#endif
struct lowest_numbers {
    int count;
    int number[NUMBERS];
};
extern const struct lowest_numbers lowest_numbers;
/** How often lowest_add() was called: 100 at first. */
extern int lowest_calls;
extern int lowest_zero[4];

#endif
