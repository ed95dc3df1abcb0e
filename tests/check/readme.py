#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""readme.py SOURCE BUILD: the README's first module, built and run as it is written there."""
import pathlib
import re
import subprocess
import sys
import tempfile

SOURCE, BUILD = (pathlib.Path(p) for p in sys.argv[1:])


def commands():
    text = (SOURCE / "README.md").read_text()
    block = re.search(r"<!-- run by tests/check/readme\.py -->\n((?:    .*\n)+)", text)[1]
    return "".join(line[4:] + "\n" for line in block.splitlines())


def main():
    with tempfile.TemporaryDirectory() as folder:
        for name in ("examples", "target-loader"):
            (pathlib.Path(folder) / name).symlink_to(SOURCE / name)
        (pathlib.Path(folder) / "build").symlink_to(BUILD)
        # run-qemu.sh finds the firmware beside itself, in the tree that it is run from.
        firmware = BUILD / "cross/cortex-m4/target-loader/firmware/stm32f405.elf"
        script = commands().replace("scripts/run-qemu.sh",
                                    f"{SOURCE}/scripts/run-qemu.sh --firmware {firmware}")
        done = subprocess.run(["bash", "-euo", "pipefail", "-c", script], cwd=folder,
                              capture_output=True, text=True)
    print(script, done.stdout, done.stderr, sep="\n")
    sys.exit(done.returncode or not re.search(r"^\d+ ms$.*^module plug 0\.0\.0: returned 0$",
                                              done.stdout, re.M | re.S))


main()
