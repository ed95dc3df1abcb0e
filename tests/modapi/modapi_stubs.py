# SPDX-License-Identifier: BSD-2-Clause
"""modapi stubs: with them a linker that knows nothing of modules names what nobody offers."""

import json
import os
import subprocess

from modapi_run import CLANG, GCC, SOURCE, USAGE, ModapiTest, main

MKMOD, MODDUMP = os.environ["MKMOD"], os.environ["MODDUMP"]
HEADER = """
struct point { int x, y; };
int fw_add(int a, int b);
void fw_draw(struct point at);
extern int fw_ticks;
"""
MODULE = """
#include "fw.h"
int module_entry(void *p) { struct point at = {1, fw_ticks}; fw_draw(at); return fw_%s(1, p != 0); }
"""


class Stubs(ModapiTest):
    def setUp(self):
        super().setUp()
        self.described(HEADER)
        self.modapi("stubs", "-o", "fw.S", "fw.api")

    def link(self, function, *objects):
        self.write("m.c", MODULE % function)
        self.command([*GCC, "-Os", "-g", "-Wno-implicit-function-declaration", "-c", "m.c"])
        return subprocess.run([*GCC, "-nostdlib", "-T", SOURCE / "examples/module.ld",
                               "-Wl,--emit-relocs", "m.o", *objects, "-o", "m.elf"],
                              cwd=self.folder, capture_output=True, text=True, check=False)

    def assembled(self):
        for name, compiler in (("gcc.o", GCC), ("clang.o", CLANG)):
            self.command([*compiler, "-c", "fw.S", "-o", name])
            yield name

    def test_what_is_there_is_imported(self):
        for stubs in self.assembled():
            done = self.link("add", stubs)
            self.assertEqual((done.returncode, done.stderr), (0, ""))
            self.command([MKMOD, "--api", "fw.api", "m.elf", "-o", "m.bin"])
            found = json.loads(self.command([MODDUMP, "--json", "m.bin"]).stdout)
            self.assertEqual(sorted(row["name"] for row in found["imports"]),
                             ["fw_add", "fw_draw", "fw_ticks"])

    def test_the_linker_names_what_is_not(self):
        for stubs in self.assembled():
            done = self.link("ad", stubs)
            self.assertNotEqual(done.returncode, 0)
            self.assertIn("undefined reference to `fw_ad'", done.stderr)

    def test_they_take_no_room(self):
        """The image is what it is without them."""
        images = []
        for more in (["gcc.o"], ["-Wl,--unresolved-symbols=ignore-all"]):
            list(self.assembled())
            self.assertEqual(self.link("add", *more).returncode, 0)
            self.command([MKMOD, "--api", "fw.api", "m.elf", "-o", "m.bin"])
            images.append(len(self.path("m.bin").read_bytes()))
        self.assertEqual(images[0], images[1])

    def test_usage(self):
        self.assertIn("stubs", self.modapi("stubs", status=USAGE).stderr)
        self.modapi("stubs", "none.api", status=3)


if __name__ == "__main__":
    main()
