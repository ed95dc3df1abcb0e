/* SPDX-License-Identifier: BSD-2-Clause */
/* Names of symbols, and nothing of their types. */
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "types.h"

/* Begins of names: a compiler's helpers by their ABI's rules. RTABI is ARM IHI 0043. */
static const char *const fixed_begins[] = {
    "__aeabi_", /* RTABI 4 */
    "__gnu_",   /* libgcc: half floats, unwinding */
    "__cxa_",   /* Itanium C++ ABI 3.3 */
    "__atomic_",      "__sync_",
    "_ZN10__cxxabiv", "_ZTVN10__cxxabiv", /* RTTI of the C++ runtime */
    "_Znw",           "_Zna",
    "_Zdl",           "_Zda", /* operators new and delete: _Znwj, _ZdlPv */
    "_Unwind_",
};

static const char *const fixed_names[] = {
    /* GCC and clang copy and compare with these, -ffreestanding or not. */
    "memcpy",
    "memmove",
    "memset",
    "memcmp",
    /* What they turn calls of other library functions into; C fixes their types. */
    "puts",
    "putchar",
    "fputc",
    "fputs",
    "fwrite",
    "strlen",
    "strcpy",
    "strcat",
    "strchr",
    "strrchr",
    "strcmp",
    "strncmp",
    "stpcpy",
    "mempcpy",
    "memchr",
    "abort",
    "sqrt",
    "sqrtf",
    "sincos",
    "sincosf",
    "cexpi",
    "fmin",
    "fminf",
    "fmax",
    "fmaxf",
    /* C++ and start code. */
    "__dso_handle",
    "__stack_chk_fail",
    "__stack_chk_guard",
    "__gxx_personality_v0",
    "__cyg_profile_func_enter",
    "__cyg_profile_func_exit",
    "atexit",
    /* libgcc by machine mode, where the RTABI has no name for it. */
    "__clzsi2",
    "__clzdi2",
    "__ctzsi2",
    "__ctzdi2",
    "__ffssi2",
    "__ffsdi2",
    "__popcountsi2",
    "__popcountdi2",
    "__paritysi2",
    "__paritydi2",
    "__bswapsi2",
    "__bswapdi2",
    "__powisf2",
    "__powidf2",
    "__mulsc3",
    "__muldc3",
    "__divsc3",
    "__divdc3",
    "__udivsi3",
    "__divsi3",
    "__umodsi3",
    "__modsi3",
    "__udivdi3",
    "__divdi3",
    "__umoddi3",
    "__moddi3",
    "__udivmoddi4",
    "__divmoddi4",
    "__muldi3",
    "__ashldi3",
    "__ashrdi3",
    "__lshrdi3",
    "__negdi2",
    "__cmpdi2",
    "__ucmpdi2",
    "__addvsi3",
    "__addvdi3",
    "__subvsi3",
    "__subvdi3",
    "__mulvsi3",
    "__mulvdi3",
    "__negvsi2",
    "__negvdi2",
    "__absvsi2",
    "__absvdi2",
    "__clear_cache",
    "__emutls_get_address",
};

bool interface_abi_fixed(const char *name)
{
    for (size_t i = 0; i < sizeof fixed_begins / sizeof fixed_begins[0]; i++) {
        if (strncmp(name, fixed_begins[i], strlen(fixed_begins[i])) == 0) {
            return true;
        }
    }
    for (size_t i = 0; i < sizeof fixed_names / sizeof fixed_names[0]; i++) {
        if (strcmp(name, fixed_names[i]) == 0) {
            return true;
        }
    }
    return false;
}

size_t interface_label(const char *symbol, uint32_t *ret_tag)
{
    size_t length = strlen(symbol);
    uint32_t tag = 0;
    if (length < 10 || symbol[length - 9] != '$') {
        return 0;
    }
    for (size_t i = length - 8; i < length; i++) {
        char c = symbol[i];
        if ((c < '0' || c > '9') && (c < 'a' || c > 'f')) {
            return 0;
        }
        tag = tag << 4 | (uint32_t)(c <= '9' ? c - '0' : c - 'a' + 10);
    }
    if (tag == 0 || tag > 0x7fffffffu) {
        return 0;
    }
    *ret_tag = tag;
    return length - 9;
}

bool interface_parse_version(const char *text, uint16_t ret_version[3])
{
    uint16_t version[3] = {0, 0, 0};
    for (unsigned part = 0; part < 3; part++) {
        uint32_t value = 0;
        if (*text < '0' || *text > '9') {
            return false;
        }
        for (; *text >= '0' && *text <= '9'; text++) {
            value = value * 10 + (uint32_t)(*text - '0');
            if (value > UINT16_MAX) {
                return false;
            }
        }
        version[part] = (uint16_t)value;
        if (*text != (part == 2 ? '\0' : '.')) {
            return false;
        }
        text++;
    }
    memcpy(ret_version, version, sizeof version);
    return true;
}

/* ---- "did you mean" -----------------------------------------------------------------
 */

#define NEAR_NAME_MAX 120u

/* Edits (insert, drop, change, swap neighbours) from one name to the other; more than
 * `limit` is not worth knowing. */
static unsigned edits(const char *a, const char *b, unsigned limit)
{
    size_t la = strlen(a);
    size_t lb = strlen(b);
    unsigned row[3][NEAR_NAME_MAX + 1];
    if (la > NEAR_NAME_MAX || lb > NEAR_NAME_MAX || la > lb + limit || lb > la + limit) {
        return limit + 1;
    }
    for (unsigned j = 0; j <= lb; j++) {
        row[0][j] = j;
    }
    for (unsigned i = 1; i <= la; i++) {
        unsigned *now = row[i % 3];
        const unsigned *last = row[(i + 2) % 3];
        const unsigned *older = row[(i + 1) % 3];
        now[0] = i;
        for (unsigned j = 1; j <= lb; j++) {
            unsigned best = last[j - 1] + (a[i - 1] != b[j - 1]);
            best = last[j] + 1 < best ? last[j] + 1 : best;
            best = now[j - 1] + 1 < best ? now[j - 1] + 1 : best;
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
                older[j - 2] + 1 < best) {
                best = older[j - 2] + 1;
            }
            now[j] = best;
        }
    }
    return row[la % 3][lb];
}

/* Keep the `max` nearest in order; of equally near ones the earlier. */
static size_t keep(const char **names, unsigned *distances, size_t count, size_t max,
                   const char *name, unsigned distance)
{
    size_t at = count;
    for (size_t i = 0; i < count; i++) {
        if (strcmp(names[i], name) == 0) {
            return count;
        }
    }
    while (at > 0 && distances[at - 1] > distance) {
        at--;
    }
    if (at == max) {
        return count;
    }
    size_t moved = (count < max ? count : max - 1) - at;
    memmove(&names[at + 1], &names[at], moved * sizeof *names);
    memmove(&distances[at + 1], &distances[at], moved * sizeof *distances);
    names[at] = name;
    distances[at] = distance;
    return count < max ? count + 1 : max;
}

size_t interface_nearest(const struct interface *const *interfaces, size_t count,
                         const char *name, const char **ret_names, size_t max)
{
    unsigned limit = (unsigned)(strlen(name) / 3);
    size_t found = 0;
    if (max == 0) {
        return 0;
    }
    limit = limit < 1 ? 1 : limit > 4 ? 4 : limit;
    unsigned *distances = cli_alloc(max, sizeof *distances);
    for (size_t i = 0; i < count; i++) {
        for (size_t k = 0; k < interfaces[i]->count; k++) {
            const char *other = interfaces[i]->symbols[k].name;
            unsigned distance = edits(name, other, limit);
            if (distance != 0 && distance <= limit) {
                found = keep(ret_names, distances, found, max, other, distance);
            }
        }
    }
    free(distances);
    return found;
}
