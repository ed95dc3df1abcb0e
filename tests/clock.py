# SPDX-License-Identifier: BSD-2-Clause
"""Is it done in time? Only what waits in vain fails, not a machine that is slow: it may be 20
times slower than usual, now and then or always."""

TRIES = 4
PATIENCES = 1, 3, 10, 30


def in_time(run, whole, **limits):
    """What run() gives once it keeps the limits, which are seconds by its attributes' names.

    whole() is the same where nothing goes wrong: what it takes (`seconds`) tells how slow the
    machine is at the time. It is asked only if a limit was missed."""
    for _ in range(TRIES):
        done = run()
        over = {name: getattr(done, name) for name, limit in limits.items()
                if getattr(done, name) >= limit}
        if not over:
            return done
        usual = whole().seconds
        if all(value < limits[name] + 4 * usual for name, value in over.items()):
            return done
    raise AssertionError(f"{over} s instead of {limits} s; without a fault {usual} s:\n{done}")


def with_patience(environment, run, good):
    """run(patience), with MODFLASH_PATIENCE set to that, until its result is good: a slow
    machine is taken for a dead one if there is too little."""
    for patience in PATIENCES:
        environment["MODFLASH_PATIENCE"] = str(patience)
        done = run(patience)
        if good(done):
            break
    environment["MODFLASH_PATIENCE"] = str(PATIENCES[-1])
    return done
