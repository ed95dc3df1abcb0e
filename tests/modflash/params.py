#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""modflash params: a module's parameters shown, saved, and set, by a new copy of the module."""
import json
import os
import subprocess

import cutting
from modflash_run import IO, OK, REFUSED, TARGET, FlashTest, encoder, main, need

import modref  # specs/: modflash_run has said where

need("arm-none-eabi-gcc")

TEXT = bytes.fromhex("00207047")
DATA = bytes(range(0x40, 0x60))
PARAMS = (8, 16)                # where in data


def span(place, size):
    return encoder.u32(place, size)


class Params(FlashTest):
    def with_params(self, place=PARAMS[0] | encoder.IN_DATA, size=PARAMS[1], more=(), name="plug",
                    **how):
        """A module with that tag, installed."""
        tags = [encoder.tag("name", name.encode()), encoder.tag("version", encoder.version(1, 2, 3))]
        if size is not None:
            tags.append(encoder.tag("params", span(place, size)))
        how = {"text": TEXT + bytes(12), "data": DATA, "entry": 1, **how}
        data = encoder.Image(tags=[*tags, *more], **how).build()
        self.write(f"{name}.bin", data)
        self.good(self.file(f"{name}.bin"))
        return data

    def stored(self, name="plug"):
        """The image in the flash, whole, as the second reader takes it."""
        row = [row for row in self.second_opinion() if row["name"] == name][0]
        at = int(row["address"], 0) - 0x08000000
        data = self.bytes()[at:at + row["size"]]
        self.assertIsNone(modref.check(data))
        return data

    def set_to(self, data, name="plug", *more):
        self.write("values", data)
        return self.file("params", name, "--set", "values", *more)


class Good(Params):
    def test_show(self):
        self.with_params()
        done = self.good(self.file("params", "plug"))
        self.assertEqual(done.out, "parameters   16 bytes at data+0x8\n0000  "
                         + DATA[8:24].hex(" ") + "  HIJKLMNOPQRSTUVW\n")

    def test_show_last_row(self):
        self.with_params(size=18)
        done = self.good(self.file("params", "plug"))
        self.assertEqual(done.out.splitlines()[2], "0010  58 59" + " " * 42 + "  XY")

    def test_get(self):
        self.with_params()
        self.good(self.file("params", "plug", "--get", "out"))
        self.assertEqual((self.folder / "out").read_bytes(), DATA[8:24])
        self.assertEqual(self.good(self.file("params", "plug", "--get", "-")).out,
                         DATA[8:24].decode())

    def test_neither_writes(self):
        self.with_params()
        self.flash.chmod(0o444)
        for more in ((), ("--get", "out")):
            self.keeps_flash(lambda: self.good(self.file("params", "plug", *more)))

    def test_set(self):
        """The first bytes change, crc follows, and nothing else."""
        before = self.with_params()
        self.good(self.set_to(b"abc"))
        after = self.stored()
        self.assertEqual(len(after), len(before))
        at = before.index(DATA) + PARAMS[0]
        self.assertEqual(after[at:at + 16], b"abc" + DATA[11:24])
        self.assertEqual({i for i in range(len(after)) if after[i] != before[i]} - {56, 57, 58, 59},
                         {at, at + 1, at + 2})
        self.expect({"plug": "1.2.3"})
        self.good(self.set_to(bytes(16)))
        self.assertEqual(self.stored()[at - 1:at + 17], b"G" + bytes(16) + b"X")

    def test_set_in_text(self):
        before = self.with_params(place=4, size=8)
        self.good(self.set_to(b"12345678"))
        at = before.index(TEXT, 64) + 4
        self.assertEqual(self.stored()[at:at + 9], b"12345678\0")

    def test_same_again(self):
        self.with_params()
        self.good(self.set_to(b"abc"))
        done = self.keeps_flash(lambda: self.good(self.set_to(b"abc")))
        self.assertIn("unchanged", done.out)

    def test_dry_run(self):
        self.with_params()
        done = self.keeps_flash(lambda: self.good(self.set_to(b"abc", "plug", "-n")))
        self.assertIn("would be updated", done.out)

    def test_stays_pinned(self):
        self.with_params()
        self.good(self.file("--pin", "-f", "plug.bin"))
        self.good(self.set_to(b"abc"))
        self.assertTrue(self.second_opinion()[0]["pinned"])

    def test_others_stay(self):
        self.with_params(name="a")
        self.with_params(name="b")
        before = self.stored("b")
        self.good(self.set_to(b"abc", "a"))
        self.assertEqual(self.stored("b"), before)

    def test_on_the_board(self):
        self.with_params()
        self.write("values", b"abc")
        self.left_well(self.good(self.board("params", "plug", "--set", "values")))
        self.assertIn("61 62 63 4b", self.good(self.board("params", "plug")).out)

    def test_info(self):
        self.with_params()
        self.assertIn("parameters   16 bytes\n", self.good(self.file("info", "plug")).out)
        self.assertEqual(json.loads(self.file("info", "plug", "--json").out)["params"], 16)


class LikeMkmod(Params):
    """What mkmod --params makes and what modflash params --set makes are the same bytes."""

    def test_same_bytes(self):
        self.write("m.c", b"struct { int rate; char name[12]; } module_params = {1, \"one\"};\n"
                   b"int module_entry(void *p) { (void)p; return module_params.rate; }\n")
        subprocess.run(["arm-none-eabi-gcc", "-mcpu=cortex-m4", "-mthumb", "-Os", "-nostdlib",
                        "m.c", "-Wl,--emit-relocs,-e,module_entry", "-o", "m.elf"],
                       cwd=self.folder, check=True)
        values = encoder.u32(77) + b"other"
        self.write("values", values)
        for file, more in (("plain.bin", ()), ("filled.bin", ("--params", "values"))):
            done = self.run_command([os.environ["MKMOD"], "m.elf", "-o", file, "--name", "m", *more])
            self.assertEqual(done.status, OK, str(done))
        self.good(self.file("plain.bin"))
        self.good(self.set_to(values, "m"))
        self.assertEqual(self.stored("m"), (self.folder / "filled.bin").read_bytes())


class Refused(Params):
    def no(self, status, text, *arguments):
        done = self.keeps_flash(self.file, "params", *arguments)
        self.refused(status, text, done)
        self.assertEqual(done.out, "")

    def every_way(self, status, text, *arguments):
        self.write("values", b"abc")
        for more in ((), ("--get", "out"), ("--set", "values"), ("--set", "values", "-n")):
            self.no(status, text, *arguments, *more)
        self.assertFalse((self.folder / "out").exists())

    def test_no_block(self):
        self.with_params(size=None)
        self.every_way(REFUSED, ["'plug' has no parameters", "module_params"], "plug")

    def test_too_long(self):
        self.with_params()
        self.write("long", bytes(17))
        self.no(REFUSED, ["long: error: has 17 bytes", "the parameters of 'plug' 16"],
                "plug", "--set", "long")

    def test_empty(self):
        self.with_params()
        self.write("empty", b"")
        self.no(REFUSED, "empty: error: has 0 bytes", "plug", "--set", "empty")

    def test_no_such_file(self):
        self.with_params()
        self.no(IO, ["nothing", "No such file"], "plug", "--set", "nothing")

    def test_no_such_module(self):
        self.with_params()
        self.every_way(REFUSED, "no module 'x'; there is plug", "x")

    def test_signed(self):
        """Shown, but not set."""
        self.with_params(more=[encoder.tag("signature", bytes(68))])
        self.good(self.file("params", "plug"))
        self.write("values", b"abc")
        self.no(REFUSED, ["'plug' is signed", "mkmod --params"], "plug", "--set", "values")

    def test_not_stored(self):
        self.with_params(place=24 | encoder.IN_DATA, size=16, data_mem=48)
        self.every_way(REFUSED, "not stored in the image", "plug")

    def test_addresses_in_it(self):
        """The loader would add to what the user sets."""
        for offset in (8, 20, 6, 22):
            fixes = [encoder.word("data", offset, "text", 1)]
            self.with_params(fixes=fixes)
            self.every_way(REFUSED, "addresses in its parameters", "plug")
        for offset in (4, 24):
            self.with_params(fixes=[encoder.word("data", offset, "text", 1)])
            self.good(self.file("params", "plug"))

    def test_damaged(self):
        data = self.with_params()
        at = self.bytes().index(data)
        self.put(0x08000000 + at + 64, b"\x55")
        self.every_way(TARGET, "'plug' is damaged", "plug")


class Cuts(cutting.CutTest):
    """Wholly the old parameters or wholly the new ones, wherever the power goes."""

    def test_set(self):
        def parameters():
            done = self.good(self.file("params", "plug"))
            return done.out.splitlines()[1].split("  ")[1]

        Params.with_params(self)
        flash = self.bytes()
        self.write("values", b"abc")
        verb = ("params", "plug", "--set", "values")
        before = parameters()
        count, _ = self.operations(*verb)
        seen = set()
        for n in self.sample(count, 14):
            self.flash.write_bytes(flash)
            self.cut(n, *verb)
            state = parameters()
            self.assertIn(state, (before, "61 62 63 " + before[9:]))
            seen.add(state)
            self.expect({"plug": "1.2.3"})
            self.good(self.file(*verb))
            self.assertEqual(parameters()[:9], "61 62 63 ")
        self.assertEqual(len(seen), 2)


if __name__ == "__main__":
    main()
