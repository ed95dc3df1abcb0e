#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""encodings.py MODDUMP IMAGE…: what the image's word fix-ups would take in other encodings.

The figures of specs/design-notes.md. Each encoding gets the same lists, one per (segment of
the place, target); bytes count everything but the lists' descriptors.
"""
import json
import subprocess
import sys


def lists_of(moddump, image):
    """Offsets in words, by list. Imports are left out: their cost is the same for all."""
    out = subprocess.run([moddump, "--json", image], check=True, capture_output=True, text=True)
    lists = {}
    for fix in json.loads(out.stdout)["relocations"]:
        if fix["kind"].startswith("word") and fix["target"] != "import" and fix["offset"] % 4 == 0:
            lists.setdefault((fix["segment"], fix["target"]), []).append(fix["offset"] // 4)
    return {key: sorted(value) for key, value in lists.items()}


def runs(places, longest):
    """(words to skip, words to fix), at most `longest` of these at once."""
    at, k = 0, 0
    while k < len(places):
        n = 1
        while n < longest and k + n < len(places) and places[k + n] == places[k] + n:
            n += 1
        yield places[k] - at, n
        at, k = places[k] + n, k + n


def skip_run(run_bits, counted=False):
    """Digits of the skip, the run in the last byte; 0 ends. If counted, ours with run_bits = 3,
    the longest run that the bits can tell has a byte behind it, for up to 255 words more."""
    digit, longest = 8 - run_bits, (1 << run_bits) - 1

    def size(places):
        total = 1
        for skip, n in runs(places, longest + 255 * counted):
            total += max(1, -(-skip.bit_length() // digit)) + (counted and n >= longest)
        return total
    return size


def delta_bytes(places):
    return 1 + sum(1 if b - a < 255 else 3 for a, b in zip([-1] + places, places))


def relr(places):
    """ELF's SHT_RELR for 32 bits: an address, then bitmaps of the 31 words that follow."""
    total, k = 0, 0
    while k < len(places):
        base = places[k] + 1
        total, k = total + 4, k + 1
        while k < len(places) and places[k] < base + 31:
            while k < len(places) and places[k] < base + 31:
                k += 1
            total, base = total + 4, base + 31
    return total


ENCODINGS = {"skip 2 / run 6 bits": skip_run(6), "skip 3 / run 5 bits": skip_run(5),
             "skip 4 / run 4 bits": skip_run(4), "skip 5 / run 3 bits": skip_run(3),
             "  with a count (ours)": skip_run(3, True),
             "skip 6 / run 2 bits": skip_run(2), "RELR bitmaps": relr, "delta bytes": delta_bytes}


def main():
    moddump, *images = sys.argv[1:]
    for image in images:
        split = lists_of(moddump, image)
        one = {}
        for (segment, _), places in split.items():
            one.setdefault(segment, []).extend(places)
        count = sum(map(len, split.values()))
        print(f"{image}: {count} word fix-ups; bytes a fix-up")
        print(f"  {'':28}{'by target':>10}{'one list':>10}")
        for name, size in ENCODINGS.items():
            a = sum(map(size, split.values())) / count
            b = sum(size(sorted(p)) for p in one.values()) / count
            print(f"  {name:28}{a:>10.3f}{b:>10.3f}")


main()
