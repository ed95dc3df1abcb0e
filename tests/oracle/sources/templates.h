/* SPDX-License-Identifier: BSD-2-Clause */
#include "check.h"

template <typename T, int N> struct table {
    T values[N];
    int get(int i) const
    {
        return values[i];
    }
    static int first(const table &t)
    {
        return t.values[0];
    }
    static int second(const table &t)
    {
        return t.values[1];
    }
    static const table instance;
    static int (*const functions[2])(const table &);
    static const T *const last;
};
template <typename T, int N> const table<T, N> table<T, N>::instance = {{0, 10, 20, 30}};
template <typename T, int N>
int (*const table<T, N>::functions[2])(const table &) = {table::first, table::second};
template <typename T, int N> const T *const table<T, N>::last = &instance.values[N - 1];
inline int &shared_static()
{
    static int value = 3;
    return value;
}
int other_get(int i);
int *other_shared();
