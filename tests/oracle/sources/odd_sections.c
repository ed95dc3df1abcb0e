/* SPDX-License-Identifier: BSD-2-Clause */
/* Input sections of any name, orphans that the script does not mention among them. */
/* oracle: lld=no */
#include "check.h"

#define IN(name) __attribute__((section(name)))
IN("my_own_text") NOINLINE static int here(int x)
{
    return x + 1;
}
IN(".text_ish") NOINLINE static int there(int x)
{
    return here(x) * 2;
}
IN("7") int number = 3;
IN(".relics") const char words[] = "words";
IN("orphan") static int lonely[3] = {1, 2, 3};
const void *const all[] = {(const void *)here, (const void *)there, &number, words, &lonely[1]};
extern int __start_orphan[], __stop_orphan[];
int *bounds[] = {__start_orphan, __stop_orphan};

int module_entry(void *param)
{
    const void *const *p = all;
    int *l = lonely;

    (void)param;
    HIDE(p);
    HIDE(l);
    CHECK(1, there(1) == 4 && *(const int *)p[2] == 3 && same_text(p[3], "words"));
    CHECK(2, *(const int *)p[4] == 2 && bounds[1] - bounds[0] == 3 && bounds[0] == l);
    CHECK(3, ((int (*)(int))(uintptr_t)p[0])(4) == 5);
    return 0;
}
