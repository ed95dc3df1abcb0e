/* SPDX-License-Identifier: BSD-2-Clause */
/* The errors' texts, apart so that firmware without a console does not pay for them. */
#include "modfmt.h"

const char *modfmt_strerror(int code)
{
    switch (code) {
#define TEXT_(name, number, text)                                                              \
    case name:                                                                                 \
        return text;
        MODFMT_ERRORS(TEXT_)
#undef TEXT_
    default:
        return code == 0 ? "no error" : "unknown error";
    }
}

const char *modfmt_strerror_name(int code)
{
    switch (code) {
#define NAME_(name, number, text)                                                              \
    case name:                                                                                 \
        return #name;
        MODFMT_ERRORS(NAME_)
#undef NAME_
    default:
        return code == 0 ? "MODFMT_OK" : "?";
    }
}
