# SPDX-License-Identifier: BSD-2-Clause
"""What modflash and st-flash do to a board for the same image: bytes programmed, sectors
erased, USB commands, counted by virtual-board."""
import pathlib
import subprocess
import sys

REGION = "0x08060000"
# Modules of this many bytes of code and constants, so that the image has about 20 KB.
SIZE = 20000
SOURCE = """
const unsigned char table[%d] = {%s};
int entry(int i) { return table[i & 1023]; }
"""


class Board:
    def __init__(self, work, program):
        self.work, self.program = work, program
        self.flash = work / "flash.img"

    def run(self, *client):
        stats = self.work / "stats"
        done = subprocess.run([self.program, "--flash", self.flash, "--stats", stats, "--",
                               *client], capture_output=True, text=True, timeout=900,
                              env={"PATH": "/usr/bin:/bin", "HOME": str(self.work)})
        if done.returncode:
            sys.exit(f"bench: failed: {client}: {done.stdout}{done.stderr}")
        return dict(line.split(None, 1) for line in stats.read_text().splitlines())


def image(tools, name, value):
    source = tools.work / f"{name}.c"
    source.write_text(SOURCE % (SIZE, ",".join([str(value)] * SIZE)))
    return tools.pack(tools.link(name, source, "-Wl,-e,entry"), "--name", "plug")


def add(table, tools, board_program, modflash):
    """Rows for installing 20 KB, updating it, and a second module's first install."""
    first, second = (image(tools, f"flash{i}", i) for i in (1, 2))
    size = pathlib.Path(first).stat().st_size
    board = Board(tools.work, board_program)
    theirs = board.run("st-flash", "write", first, REGION)
    board.flash.unlink()
    fresh = board.run(modflash, "-q", first)
    update = board.run(modflash, "-q", second)
    same = board.run(modflash, "-q", second)
    removed = board.run(modflash, "-q", "remove", "plug")
    table.add(f"st-flash, {size} B: USB commands", int(theirs["commands"]), "")
    table.add("  bytes programmed", int(theirs["bytes_programmed"]), "B")
    table.add("  sectors erased", int(theirs["sectors_erased"]), "")
    table.add(f"modflash, the same into a blank region: USB commands", int(fresh["commands"]),
              "", int(theirs["commands"]))
    table.add("  bytes programmed", int(fresh["bytes_programmed"]), "B")
    table.add("  sectors erased", int(fresh["sectors_erased"]), "", 1)
    table.add("modflash, updating it: USB commands", int(update["commands"]), "",
              int(theirs["commands"]))
    table.add("  bytes programmed", int(update["bytes_programmed"]), "B", size + 64)
    table.add("  sectors erased", int(update["sectors_erased"]), "", 0)
    table.add("modflash, nothing to do: USB commands", int(same["commands"]), "")
    table.add("  bytes programmed", int(same["bytes_programmed"]), "B", 0)
    table.add("modflash, removing it: bytes programmed", int(removed["bytes_programmed"]),
              "B", 64)
