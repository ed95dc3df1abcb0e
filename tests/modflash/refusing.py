#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""What modflash refuses: one line that names the file, the place and what to do; the flash
stays as it is."""
import os
import re
import subprocess
import sys

from modflash_run import (IO, MODFLASH, OK, RECORDS, REFUSED, REGION, SOURCE, TARGET, USAGE,
                          FlashTest, encoder, image, main)


class Usage(FlashTest):
    def wrong(self, text, *arguments):
        done = self.refused(USAGE, text, self.modflash(*arguments))
        self.assertEqual(done.out, "")
        self.assertFalse(self.flash.exists())

    def test_nothing(self):
        self.wrong("no module and no verb was given")

    def test_help_and_version(self):
        done = self.good(self.modflash("--help"))
        for word in ("install", "update", "list", "info", "verify", "remove", "compact",
                     "recover", "read", "erase", "probe", "bundle", "params", "relink", "--xip-link",
                     "--no-xip-link", "--arena", "--probe",
                     "--region", "--api", "--no-check", "--set", "--get",
                     "--firmware", "--json", "--dry-run", "--no-reset", "--allow-downgrade",
                     "--force", "--pin", "--journal", "--discard-journal", "--quiet", "--chip"):
            self.assertRegex(done.out, rf"(?m)^  .*{word}\b")
        self.assertRegex(self.good(self.modflash("-V")).out, r"^modflash \d+\.\d+\.\d+\n$")

    def test_patience(self):
        self.flash.write_bytes(b"\xff" * (1 << 20))
        for text in ("0", "1001", "-1", "1.5", "30x", "", "99999999999"):
            self.environment["MODFLASH_PATIENCE"] = text
            done = self.refused(USAGE, f"MODFLASH_PATIENCE is '{text}': ", self.file("list"))
            self.assertIn("from 1 to 1000", done.err)
        for text in ("1", "1000"):
            self.environment["MODFLASH_PATIENCE"] = text
            self.good(self.file("list"))

    def test_operands(self):
        for verb in ("install", "update", "bundle", "read"):
            self.wrong(f"{verb}: no file was given", verb)
        for verb in ("info", "remove", "params"):
            self.wrong(f"{verb}: which module?", verb)
        for verb in ("list", "compact", "recover", "erase", "probe"):
            self.wrong(f"{verb}: 'x' is one too many", verb, "x")
        for verb in ("info", "params"):
            self.wrong(f"{verb}: 'b' is one too many", verb, "a", "b")

    def test_switches_of_other_verbs(self):
        for switch, verb in (("--json", "verify"), ("--json", "install"), ("-n", "list"),
                             ("-n", "bundle"), ("--force", "remove"), ("--pin", "compact"),
                             ("--allow-downgrade", "list"), ("--journal", "remove"),
                             ("--discard-journal", "erase"), ("-o x", "read"),
                             ("--no-check", "list"), ("--api x", "list"), ("--set x", "install"),
                             ("--get x", "info")):
            operands = {"verify": (), "list": (), "compact": (), "erase": ()}.get(verb, ("y",))
            self.wrong(" is for ", verb, *switch.split(), *operands)
        self.wrong("bundle needs -o", "bundle", self.module())

    def test_options_against_each_other(self):
        self.wrong("exclude each other", "verify", "--region", "0x08060000:128K",
                   "--firmware", "fw.elf")
        self.wrong("--chip is for --probe file:", "list", "--chip", "stm32f405")

        self.wrong("exclude each other", "params", "x", "--set", "a", "--get", "b")
        self.wrong("--dry-run is for params --set", "params", "x", "-n")

    def test_near_misses(self):
        self.wrong('unknown option "--dryrun"; did you mean --dry-run?', "--dryrun", "x")
        self.wrong('unknown option "--jsn"; did you mean --json?', "list", "--jsn")

    def test_probes(self):
        for text in ("usb", "gdb", "gdb:", "file:", "stlinkx", "stlink2:1", ""):
            self.wrong("stlink, stlink:SERIAL, gdb:HOST:PORT or file:PATH", "-p", text, "list")

    def test_chip(self):
        self.wrong(["'stm32f999' is not known", "stm32f405", "stm32f411", "stm32f446"],
                   "-p", "file:flash.img", "--chip", "stm32f999", "list")


class ManPage(FlashTest):
    def setUp(self):
        super().setUp()
        self.page = (SOURCE / "modflash/modflash.1").read_text(encoding="utf-8")

    def test_options_and_verbs(self):
        help_text = self.good(self.modflash("--help")).out
        options = re.findall(r"(?m)^  (?:-., |    )--([a-z-]+)", help_text)
        self.assertGreater(len(options), 12)
        for option in options:
            self.assertRegex(self.page, rf"(?m)^\.It Fl .*-{option}\b")
        verbs = re.findall(r"(?m)^  ([a-z]+) ", help_text[help_text.index("Verbs:"):])
        self.assertGreaterEqual(len(set(verbs)), 12)
        for verb in verbs:
            self.assertRegex(self.page, rf"(?m)^\.It Cm {verb}\b")

    def test_json_fields(self):
        """Every field that is printed is in the manual."""
        self.good(self.file(self.module()))
        text = self.page[self.page.index(".Ss JSON"):self.page.index(".Sh ENVIRONMENT")]
        for verb in (("list",), ("info", "plug"), ("probe",)):
            for key in re.findall(r'"(\w+)":', self.file(*verb, "--json").out):
                self.assertRegex(text, rf"\b{key}\b")

    def test_messages(self):
        """What DIAGNOSTICS explains is what the sources say."""
        sources = "".join(re.sub(r'"\s*\n\s*"', "", path.read_text())
                          for path in [*(SOURCE / "modflash").glob("*.c"),
                                       SOURCE / "interface/check_text.c"])
        diagnostics = self.page[self.page.index(".Sh DIAGNOSTICS"):]
        items = [part.strip() for line in re.findall(r"(?m)^\.It (.*)$", diagnostics)
                 for part in line.split(" , ")]
        self.assertGreater(len(items), 10)
        for item in items:
            for part in item.split(" ... "):
                self.assertTrue(part in sources, part)


class Files(FlashTest):
    """The module's file."""

    def setUp(self):
        super().setUp()
        self.good(self.file(self.module("there")))
        self.before = self.bytes()

    def no(self, status, text, *files):
        for verb in ((), ("update",), ("--dry-run",)):
            done = self.refused(status, text, self.file(*verb, *files))
            self.assertEqual(done.out, "")
        self.assertEqual(self.bytes(), self.before)

    def test_missing(self):
        self.no(IO, ["nothing.bin", "No such file"], "nothing.bin")
        self.no(IO, ["nothing.bin", "No such file"], self.module(), "nothing.bin")

    def test_directory(self):
        (self.folder / "folder").mkdir()
        self.no(IO, ["folder", "directory"], "folder")

    def test_damaged(self):
        good = image(size=300)
        for what, data, text in (
                ("empty", b"", "offset 0x0: the image ends before"),
                ("cut", good[:200], "ends before its total size"),
                ("flipped", good[:100] + bytes([good[100] ^ 1]) + good[101:], "CRC"),
                ("text", b"#!/bin/sh\necho this is no module\n" * 9, "magic"),
                ("tail", good + b"something", "follow the image"),
                ("header", good[:30] + b"\7" + good[31:], "check")):
            self.write(what, data)
            self.no(REFUSED, [what + ": error", text, f"moddump {what}"], what)

    def test_every_bad_vector(self):
        vectors = sorted((SOURCE / "specs/vectors/bad").glob("*.bin"))
        for path in vectors[::max(1, len(vectors) // 40)]:
            done = self.file(path)
            self.assertEqual(done.status, REFUSED, path)
            self.assertIn("is no module that can be loaded", done.err)
        self.assertGreater(len(vectors), 40)
        self.assertEqual(self.bytes(), self.before)

    def test_elf(self):
        self.no(REFUSED, "is no module", "/usr/bin/true")

    def test_no_name(self):
        self.write("anonymous.bin", image(name=None))
        self.no(REFUSED, ["anonymous.bin", "has no name", "mkmod --name"], "anonymous.bin")

    def test_wrong_chip(self):
        needs = {need["name"]: 1 << need["bit"] for need in encoder.LAYOUT["need"]}
        base = needs["v6m"] | needs["v7m"]
        for extra, text in ((needs["fpu_dp"] | needs["fpu_sp"], "a double-precision FPU"),
                            (needs["fpu_v5"] | needs["fpu_sp"], "FPv5"),
                            (needs["v8m_main"], "ARMv8-M Mainline"),
                            (needs["mve"] | needs["v81m"], "ARMv8.1-M, MVE")):
            file = self.module("m7", header={"needs": base | extra})
            self.no(REFUSED, [file, f"needs {text}, which a stm32f405 does not have"], file)
        for fits in (base | needs["fpu_sp"] | needs["abi_hard"], base | needs["dsp"],
                     base | needs["fpu_sp"] | needs["abi_soft"]):
            self.good(self.file("--dry-run", self.module("m4", header={"needs": fits})))

    def test_wrong_chips_are_all_named(self):
        files = [self.module(name, header={"needs": 0x103}) for name in ("one", "two")]
        done = self.file(*files)
        self.assertEqual((done.status, done.err.count("double-precision")), (REFUSED, 2))

    def test_too_large(self):
        file = self.module("big", size=131072)
        size = os.path.getsize(self.folder / file)
        done = self.file(file)
        self.assertEqual(done.status, REFUSED)
        self.assertRegex(done.err, rf"no room: the largest of these images has {size} bytes, "
                         r"and the largest that can be had is 12\d{4} \(192 bytes of the region's "
                         r"131072 are live\)")
        self.assertIn("this region is one sector", done.err)
        self.assertEqual(self.bytes(), self.before)

    def test_largest_that_fits(self):
        """What list calls room is what fits, to the byte."""
        room = self.listing()["region"]["room"]
        over = len(image("big", size=1024)) - 1024
        self.assertEqual(self.file("-n", self.module("big", size=room - over + 64)).status,
                         REFUSED)
        self.good(self.file(self.module("big", size=room - over)))
        self.expect({"there": "1.0.0", "big": "1.0.0"})

    def test_head_in_an_image(self):
        """An image whose bytes would be taken for a directory, were it at a sector's end."""
        self.use_region(0x08020000, 0x40000)
        self.flash.unlink()
        forged = self.module("forged", size=0x20000 - 64 - 32)
        data = bytearray((self.folder / forged).read_bytes())
        self.good(self.file(self.module("first")))
        # Where a HEAD of this region is, another region's directory shows.
        head = None
        flash = self.bytes()
        for end in (0x40000, 0x60000):
            if flash[end - 32] == RECORDS["head"]:
                head = flash[end - 32:end]
        self.assertIsNotNone(head)
        text = bytes.fromhex("00207047") + bytes(60) + bytes(head) * ((0x20000 - 200) // 32)
        self.write("forged.bin", encoder.Image(
            text=text, entry=1, tags=[encoder.tag("name", b"forged")]).build())
        del data
        done = self.file("forged.bin")
        if done.status == OK:   # it does not reach a sector's end there
            self.assertEqual(self.modules(), {"first": "1.0.0", "forged": None})
        else:
            self.refused(REFUSED, "", done)
            self.assertEqual(self.modules(), {"first": "1.0.0"})


class FlashFiles(FlashTest):
    """file: targets."""

    def test_missing_is_made_by_install_only(self):
        for verb in (("list",), ("info", "x"), ("verify",), ("read", "out"), ("probe",)):
            self.refused(IO, ["flash.img", "No such file"], self.file(*verb))
            self.assertFalse(self.flash.exists())
        self.good(self.file("--dry-run", self.module()))
        self.assertFalse(self.flash.exists())
        self.good(self.file(self.module()))
        self.assertEqual(self.flash.stat().st_size, 1 << 20)

    def test_wrong_size(self):
        for size in (0, 1, 0x20000, (1 << 20) - 1, (1 << 20) + 1):
            self.write("flash.img", b"\xff" * size)
            for verb in (("list",), (self.module(),)):
                self.refused(IO, ["flash.img", f"{size} bytes", "stm32f405", "1048576"],
                             self.file(*verb))

    def test_directory(self):
        self.flash.mkdir()
        self.refused(IO, "flash.img", self.file(self.module()))
        self.refused(IO, ["flash.img", "regular file"], self.file("list"))

    def test_no_folder(self):
        self.flash = self.folder / "nowhere/flash.img"
        done = self.file(self.module())
        self.refused(IO if done.status == IO else TARGET, ["nowhere/flash.img", "No such file"],
                     done)

    def test_unwritable(self):
        self.good(self.file(self.module()))
        self.flash.chmod(0o444)
        before = self.bytes()
        if os.geteuid() == 0:   # root may write everything
            command = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
            self.folder.chmod(0o755)
            if subprocess.run([*command, MODFLASH, "-V"], capture_output=True).returncode != 0:
                self.skipTest("cannot become another user than root")
        else:
            command = []
        probe = ("--probe", f"file:{self.flash}")
        update = self.module(version="2.0.0")
        for verb in ((update,), ("remove", "plug"), ("erase",), ("compact",)):
            done = self.run_command([*command, MODFLASH, *probe, *verb])
            self.refused(IO, ["flash.img", "Permission denied"], done)
        self.good(self.run_command([*command, MODFLASH, *probe, "list"]))
        self.assertEqual(self.bytes(), before)

    def test_two_writers(self):
        """The second one is told, not let in."""
        self.good(self.file(self.module()))
        held = ("import fcntl, subprocess, sys\n"
                "f = open('flash.img', 'r+b')\n"
                "fcntl.lockf(f, fcntl.LOCK_EX)\n"
                "sys.exit(subprocess.run(sys.argv[1:]).returncode)\n")
        done = self.keeps_flash(self.run_command, [
            sys.executable, "-c", held, MODFLASH, "-p", "file:flash.img",
            self.module(version="2.0.0")])
        self.refused(TARGET, "another modflash is writing", done)

    def test_not_erased(self):
        """Where another tool left bytes in room that counts as free."""
        self.good(self.file(self.module()))
        self.put(REGION + 0x100, b"\x55")
        done = self.file(self.module(version="2.0.0"))
        self.assertEqual(done.status, TARGET)
        self.assertIn("not erased", done.err)
        self.expect({"plug": "1.0.0"})


class Hostile(FlashTest):
    """Names that would drive a terminal are escaped wherever they are printed."""

    NAME = "a\x1b[31m\u202eb".encode()
    SAFE = "\\x1b[31m\\u{202e}b"

    def test_names_are_escaped(self):
        # mkmod refuses such a name; the format's full check too, so only flash can hold it.
        self.write("evil.bin", image(name=self.NAME))
        done = self.file("evil.bin")
        self.assertEqual(done.status, REFUSED)
        self.assertNotIn("\x1b", done.out + done.err)

    def test_unchecked_names_in_flash(self):
        """A bare image is taken by its header alone; its tags are anybody's."""
        self.put(REGION, image(name=self.NAME, version="1.0.0"))
        for verb, status in (("list", OK), ("verify", TARGET)):
            done = self.file(verb)
            self.assertEqual(done.status, status, str(done))
            self.assertIn(self.SAFE, done.out + done.err)
            for bad in ("\x1b", "\u202e"):
                self.assertNotIn(bad, done.out + done.err)
        done = self.file("remove", "nobody")
        self.assertIn(self.SAFE, done.err)
        self.assertNotIn("\x1b", done.err)
        listing = self.listing()
        self.assertEqual(listing["modules"][0]["name"], self.NAME.decode())

    def test_bidirectional_name(self):
        """Valid in the format, and still escaped."""
        name = "a\u202eb"
        self.write("bidi.bin", image(name=name))
        self.good(self.file("bidi.bin"))
        for verb in (("list",), ("verify",), ("info", name), ("update", "bidi.bin")):
            done = self.good(self.file(*verb))
            self.assertIn("a\\u{202e}b", done.out)
            self.assertNotIn("\u202e", done.out)

    def test_any_tag_bytes(self):
        """list never crashes, whatever is behind a good header."""
        data = image(size=96)
        tags = data.index(b"plug") - 4
        for at in range(tags, len(data) - 4, 3):
            for value in (0, 1, 0x7F, 0xFF):
                damaged = bytearray(data)
                damaged[at] = value
                self.put(REGION, damaged)
                done = self.file("list", "--json")
                self.assertEqual((done.status, done.err), (OK, ""))

    def test_damaged_name_can_be_replaced(self):
        self.good(self.file(self.module()))
        at = self.bytes().index(b"plug")
        self.put(0x08000000 + at, b"pl!g")
        self.assertEqual(self.file("verify").status, TARGET)
        self.good(self.file("update", self.module(version="1.0.1")))
        self.expect({"plug": "1.0.1"})
        at = self.bytes().rindex(b"plug")
        self.put(0x08000000 + at, b"pl!g")
        self.good(self.file("remove", "plug"))
        self.expect({})


if __name__ == "__main__":
    main()
