/* SPDX-License-Identifier: BSD-2-Clause */
/* Merged strings: shared tails, equal strings in two files, pointers into their middle. */
/* oracle: also=merged_strings_other.c */
#include "check.h"

extern const char *const other_strings[5];
static const char *const strings[] = {"a long string with a tail", "a tail", "tail",
                                      "equal in both", "" , "wide\0inside"};
const char *writable_string = "with a tail" + 5;

int module_entry(void *param)
{
    const char *const *s = strings;

    (void)param;
    HIDE(s);
    CHECK(1, same_text(s[0], "a long string with a tail") && same_text(s[1], "a tail"));
    CHECK(2, same_text(s[2], "tail") && same_text(s[3], other_strings[3]) && !*s[4]);
    CHECK(3, same_text(other_strings[0], "il") && same_text(other_strings[1], "tail"));
    CHECK(4, same_text(other_strings[2] + 2, "string with a tail"));
    CHECK(5, same_text(writable_string, "a tail") && same_text(s[5] + 5, "inside"));
    CHECK(6, same_text(other_strings[4], "other file's own"));
    return 0;
}
