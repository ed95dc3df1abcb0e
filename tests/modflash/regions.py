#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""Where the module region is: the option, the firmware's ELF, the firmware on the board, the
chip's default; and who is not believed."""
import json
import shutil
import subprocess

from modflash_run import (BUILD, ERASED, FLASH, IO, NOTE, OK, REFUSED, SIZE, USAGE, FlashTest,
                          encoder, main, need)

need("arm-none-eabi-gcc")
HOST = {row["name"]: row["offset"] for row in encoder.LAYOUT["host_field"]}
TABLE_AT, WORD_10 = FLASH, 0x28
FIRMWARE = BUILD / "cross/cortex-m4/target-loader/firmware/stm32f405.elf"


def descriptor(at, begin=0x08040000, end=0x08080000, **fields):
    words = dict.fromkeys(HOST, 0)
    words.update(magic=0x48444F4D, self=at, size=52, version=1, region_begin=begin,
                 region_end=end, **{})
    words.update(fields)
    return b"".join(encoder.u32(words[name]) for name in sorted(HOST, key=HOST.get))


class Region(FlashTest):
    def origin(self, *options, call=None):
        done = (call or self.file)("probe", "--json", *options)
        self.assertEqual((done.status, done.err), (OK, ""), str(done))
        region = json.loads(done.out)["region"]
        return region["origin"], int(region["address"], 0), region["size"]

    def describe(self, /, at=0x08000200, table=TABLE_AT, **fields):
        self.flash.write_bytes(ERASED * SIZE)
        self.put(table + WORD_10, encoder.u32(at))
        if FLASH <= at < FLASH + SIZE:
            self.put(at, descriptor(at, **fields)[:FLASH + SIZE - at])

    def elf(self, begin="0x08020000", end="0x08060000", extra="", name="fw.elf"):
        symbols = f".globl _modules_begin, _modules_end\n.set _modules_begin, {begin}\n" \
                  f".set _modules_end, {end}\n" if begin else ""
        self.write("fw.s", f"{symbols}{extra}\n.word 0\n".encode())
        subprocess.run(["arm-none-eabi-gcc", "-mcpu=cortex-m4", "-c", "fw.s", "-o", name],
                       cwd=self.folder, check=True)
        return name


class Order(Region):
    def test_default(self):
        self.flash.write_bytes(ERASED * SIZE)
        self.assertEqual(self.origin(), ("default", 0x08060000, 0x20000))
        for verb in (("list",), ("erase",), (self.module(),), ("probe",)):
            done = self.file(*verb)
            self.assertIn(f"{NOTE}: using the stm32f405's default, --region 0x08060000:128K",
                          done.err)
        self.assertIn(NOTE, self.modflash("bundle", "-o", "x", self.module()).err)

    def test_each_before_the_next(self):
        self.describe()
        self.assertEqual(self.origin(), ("board", 0x08040000, 0x40000))
        self.assertEqual(self.file("list").err, "")
        self.assertEqual(self.origin("--firmware", self.elf()), ("firmware", 0x08020000, 0x40000))
        self.assertEqual(self.origin("--region", "0x080e0000:128K"),
                         ("option", 0x080E0000, 0x20000))

    def test_on_the_board(self):
        self.describe()
        self.assertEqual(self.origin(call=self.board), ("board", 0x08040000, 0x40000))
        self.good(self.board(self.module()))
        self.use_region(0x08040000, 0x40000)
        self.expect({"plug": "1.0.0"})

    def test_the_demo_firmware(self):
        if not FIRMWARE.exists():
            self.skipTest("no Cortex-M build")
        flat = self.folder / "firmware.bin"
        subprocess.run(["arm-none-eabi-objcopy", "-O", "binary", FIRMWARE, flat], check=True)
        self.put(FLASH, flat.read_bytes())
        told = self.origin("--firmware", FIRMWARE)[1:]
        self.assertEqual(self.origin(), ("board", *told))
        self.assertEqual(self.origin(call=self.board), ("board", *told))
        shutil.copy(FIRMWARE, self.folder / "stripped.elf")
        subprocess.run(["arm-none-eabi-strip", self.folder / "stripped.elf"], check=True)
        self.refused(REFUSED, "stripped?", self.file("list", "--firmware", "stripped.elf"))


class Options(Region):
    def setUp(self):
        super().setUp()
        self.flash.write_bytes(ERASED * SIZE)

    def test_spellings(self):
        for text in ("0x08060000:128K", "0x8060000:128k", "134610944:131072", "0x08060000:0x20000"):
            self.assertEqual(self.origin("--region", text), ("option", 0x08060000, 0x20000))
        self.assertEqual(self.origin(f"--region=0x08000000:1M")[1:], (FLASH, SIZE))
        self.assertEqual(self.origin("--region", "0x08004000:48K")[1:], (0x08004000, 0xC000))

    def test_garbage(self):
        for text in ("", ":", "x", "0x08060000", "0x08060000:", ":128K", "0x08060000:0",
                     "0x08060000:128Q", "0x08060000:-1", "0x08060000:4096M", "0x08060000:128K ",
                     "0x108060000:128K", "0x08060000-0x08080000", "0x08060000:K",
                     "0" * 40 + ":128K", "0x08060000:" + "0" * 40):
            self.keeps_flash(lambda: self.refused(USAGE, ["--region", "no BASE:SIZE"], self.file(
                "erase", f"--region={text}")))

    def test_not_sectors(self):
        """Misaligned, within a sector, across the end, outside: never written."""
        for text in ("0x08060004:128K", "0x08070000:64K", "0x08060000:64K", "0x08060000:129K",
                     "0x080e0000:256K", "0x08100000:128K", "0x20000000:16K", "0x00000000:16K",
                     "0x07fe0000:256K", "0xffffc000:16K", "0x08060000:3072M", "0x08000001:1"):
            done = self.keeps_flash(lambda: self.refused(USAGE, [
                "does not begin and end with sectors of the stm32f405's flash", "0x08060000"],
                self.file(self.module(), "--region", text)))
            self.assertEqual(done.out, "")

    def test_too_many_verbs_agree(self):
        for verb in (("list",), ("erase",), ("read", "x"), ("probe",), ("compact",)):
            self.refused(USAGE, "sectors", self.file(*verb, "--region", "0x08060000:64K"))
        self.refused(USAGE, "sectors", self.modflash("bundle", "-o", "x", self.module(),
                                                     "--region", "0x08060000:64K"))


class Firmware(Region):
    def setUp(self):
        super().setUp()
        self.flash.write_bytes(ERASED * SIZE)

    def no(self, status, text, file):
        self.keeps_flash(lambda: self.refused(status, text, self.file(
            self.module(), "--firmware", file)))

    def test_without_symbols(self):
        self.no(REFUSED, ["none.elf", "_modules_begin", "--region"],
                self.elf(begin="", name="none.elf"))

    def test_undefined_symbols(self):
        self.no(REFUSED, "_modules_begin", self.elf(
            begin="", extra=".word _modules_begin, _modules_end", name="u.elf"))

    def test_upside_down(self):
        self.no(REFUSED, "_modules_begin", self.elf("0x08060000", "0x08040000"))
        self.no(REFUSED, "_modules_begin", self.elf("0x08060000", "0x08060000"))

    def test_not_sectors(self):
        self.no(REFUSED, ["fw.elf", "does not begin and end with sectors", "--region"],
                self.elf("0x08060000", "0x08070000"))
        self.no(REFUSED, ["fw.elf", "sectors"], self.elf("0x20000000", "0x20004000"))

    def test_no_elf(self):
        self.write("text", b"not an ELF file\n")
        self.no(REFUSED, ["text", "is no ELF file for ARM"], "text")
        self.write("empty", b"")
        self.no(REFUSED, "is no ELF file for ARM", "empty")
        self.no(REFUSED, "is no ELF file for ARM", "/usr/bin/true")
        self.write("cut", (self.folder / self.elf()).read_bytes()[:60])
        self.no(REFUSED, "cut", "cut")

    def test_every_cut(self):
        """Any prefix of an ELF file is refused in one line."""
        whole = (self.folder / self.elf()).read_bytes()
        for size in range(0, len(whole) - 1, 37):
            self.write("cut.elf", whole[:size])
            done = self.file("list", "--firmware", "cut.elf")
            self.assertIn(done.status, (OK, REFUSED))
            self.assertEqual(done.err.count("\n"), done.status == REFUSED, done.err)

    def test_missing(self):
        self.no(IO, ["nothing.elf", "No such file"], "nothing.elf")
        self.no(REFUSED, "is no ELF file", str(self.folder))


class Descriptor(Region):
    """What is not right is not believed; what is right but cannot be is refused."""

    DEFAULT = ("default", 0x08060000, 0x20000)

    def test_places(self):
        for at in (FLASH + 0x40, FLASH + SIZE - 24, FLASH + SIZE - 52, 0x0805FFFC):
            self.describe(at)
            self.assertEqual(self.origin()[0], "board", hex(at))

    def test_points_elsewhere(self):
        for at in (0, 0xFFFFFFFF, 0x20000000, 0x07FFFFFC, FLASH + SIZE, FLASH + SIZE - 4,
                   FLASH + SIZE - 20, 0xFFFFFFFC, 0x08000202, 0x08000201, 0xE000ED08):
            self.describe(at)
            self.assertEqual(self.origin(), self.DEFAULT, hex(at))

    def test_is_none(self):
        for wrong in ({"magic": 0x48444F4C}, {"magic": 0}, {"self": 0x08000204}, {"self": 0},
                      {"size": 20}, {"size": 0}, {"begin": 0x08080000, "end": 0x08040000},
                      {"begin": 0x08040000, "end": 0x08040000}, {"begin": 0, "end": 0}):
            self.describe(**wrong)
            self.assertEqual(self.origin(), self.DEFAULT, wrong)

    def test_copied(self):
        """A copy somewhere else says its own address no more."""
        self.describe()
        data = descriptor(0x08000200)
        self.put(0x08000400, data)
        self.put(TABLE_AT + WORD_10, encoder.u32(0x08000400))
        self.assertEqual(self.origin(), self.DEFAULT)

    def test_size_and_more_fields(self):
        for size in (24, 28, 52, 56, 0x7FFFFFFC, 0xFFFFFFFC):
            self.describe(size=size)
            self.assertEqual(self.origin()[0], "board")

    def test_not_sectors(self):
        for begin, end in ((0x08040004, 0x08080000), (0x08060000, 0x08070000),
                           (0x20000000, 0x20020000), (0x08060000, 0x09000000),
                           (0, 0xFFFFFFFF), (1, 0xFFFFFFFF), (0x080E0000, 0x08120000)):
            self.describe(begin=begin, end=end)
            for verb in (("list",), (self.module(),), ("erase",)):
                self.keeps_flash(lambda: self.refused(REFUSED, [
                    f"the firmware's module region 0x{begin:08x}:", "sectors", "--region"],
                    self.file(*verb)))
            self.good(self.file("list", "--region", "0x08060000:128K"))

    def test_later_version(self):
        """It may mean anything: refused, not overlooked."""
        for version in (0, 2, 0xFFFFFFFF):
            self.describe(version=version)
            for verb in (("list",), (self.module(),)):
                self.keeps_flash(lambda: self.refused(
                    REFUSED, [f"version {version} of a descriptor", "--region"],
                    self.file(*verb)))
            self.good(self.file("list", "--region", "0x08060000:128K"))

    def test_hostile_on_the_board(self):
        self.describe(0xE000ED08)
        self.assertEqual(self.origin(call=self.board), self.DEFAULT)
        self.describe(begin=0x20000000, end=0x20004000)
        done = self.keeps_flash(self.board, self.module())
        self.refused(REFUSED, "0x20000000", done)
        self.left_well(done)


if __name__ == "__main__":
    main()
