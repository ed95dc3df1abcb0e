#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""Would this firmware link these modules? modapi check, and modflash before it writes: against
the firmware's ELF, a description, or the table of the firmware that is on the board. Firmware
and modules are made with the compiler, modapi and mkmod; what no tool makes, with encoder."""
import json
import os
import re

from modflash_run import (ERASED, FLASH, OK, REFUSED, SIZE, SOURCE, USAGE, FlashTest, encoder,
                          image, main, need)

need("arm-none-eabi-gcc", "clang")
MKMOD, MODAPI = os.environ["MKMOD"], os.environ["MODAPI"]
GCC = ["arm-none-eabi-gcc", "-mcpu=cortex-m4", "-mthumb", "-Os", "-g", "-ffreestanding",
       "-nostdlib"]

# The interface, before and after: the struct gained a field, fw_old is gone, fw_net is there
# only in some firmwares.
HEADER = """
struct point { int x; int y; %s };
int fw_draw(struct point p);
void fw_put(const char *s);
%s
"""
OLD = HEADER % ("", "int fw_old(int a);")
NEW = HEADER % ("int z;", "")
FIRMWARE = """
#include "%s"
int fw_draw(struct point p) { return p.x; }
void fw_put(const char *s) { (void)s; }
int fw_old(int a) { return a; }
int fw_odd(int a) { return a; }
"""
VECTORS = """
    .section .vectors, "a"
    .word 0x20001000, 1, 1, 1, 1, 1, 1, 1, 1, 1
    .word descriptor
descriptor:
    .word 0x48444f4d, descriptor, 52, 1, _modules_begin, _modules_end, 0xfff
    .word firmware_exports, firmware_export_count, 0, 0, 0, 0
    .global _modules_begin, _modules_end
    .set _modules_begin, 0x08060000
    .set _modules_end, 0x08080000
"""
MODULE = """
#include "%s"
int module_entry(void *p)
{
    struct point q = {1, 2};
    (void)p;
    fw_put("hi");
    return fw_draw(q)%s;
}
"""


# What has been made by the same words is not made twice: {words: {file: bytes}}.
MADE = {}


def once(make):
    """Of a method of Linking: the files that it writes are kept."""
    def wrapped(self, *words, **more):
        key = (make.__name__, *words, *more.items())
        if key in MADE:
            for file, data in MADE[key].items():
                self.write(file, data)
        else:
            before = {path.name for path in self.folder.iterdir()}
            make(self, *words, **more)
            MADE[key] = {path.name: path.read_bytes() for path in self.folder.iterdir()
                         if path.name not in before}
    return wrapped


def import_of(name, kind=0, flags=0, weak=False):
    return encoder.Symbol(name, flags, kind | (encoder.WEAK if weak else 0))


class Linking(FlashTest):
    """With old.elf and new.elf, old.api and new.api, and modules for both."""

    def tool(self, *command):
        return self.run_command(command)

    def make(self, *command):
        done = self.tool(*command)
        self.assertEqual(done.status, OK, str(done))

    @once
    def firmware(self, name, header, version, *options):
        """NAME.elf, NAME.api, and NAME.img: the flash of a board that runs it."""
        self.write(f"{name}.h", header.encode())
        self.write(f"{name}.c", (FIRMWARE % f"{name}.h").encode())
        self.write("vectors.s", VECTORS.encode())
        self.make(MODAPI, "build", f"{name}.h", "-o", f"{name}-table.c", "--api", f"{name}.api",
                  "--api-version", version, *options, "--", "-mcpu=cortex-m4", "-mthumb")
        self.make(*GCC, f"-I{SOURCE}/target-loader", f"-I{SOURCE}/libmodfmt",
                  f"{name}.c", f"{name}-table.c", "vectors.s", "-Wl,-Ttext=0x08000100",
                  "-Wl,--section-start=.vectors=0x08000000", "-Wl,-e,0", "-o", f"{name}.elf")
        self.make("arm-none-eabi-objcopy", "-O", "binary", f"{name}.elf", f"{name}.flat")
        flat = (self.folder / f"{name}.flat").read_bytes()
        self.write(f"{name}.img", flat.ljust(SIZE, ERASED))

    @once
    def compiled(self, header, more="", *options, name="plug"):
        """A module compiled against that header (of one content in a class): NAME.bin."""
        self.write(f"{name}.c", (MODULE % (header, more)).encode())
        self.make(*GCC, f"{name}.c", "-Wl,--emit-relocs,--unresolved-symbols=ignore-all",
                  "-Wl,-e,module_entry", "-o", f"{name}.elf")
        self.make(MKMOD, f"{name}.elf", "-o", f"{name}.bin", "--name", name, *options)

    def use_board(self, name):
        self.flash.write_bytes((self.folder / f"{name}.img").read_bytes())

    def check(self, *arguments):
        return self.tool(MODAPI, "check", *arguments)

    def errors(self, done, status=REFUSED):
        self.assertEqual(done.status, status, str(done))
        return [line for line in done.err.splitlines() if ": error: " in line]


class Acceptance(Linking):
    """A firmware symbol whose struct argument gained a field: the old module is refused."""

    def setUp(self):
        super().setUp()
        self.firmware("old", OLD, "1.0.0")
        self.firmware("new", NEW, "2.0.0")
        self.compiled("old.h", "", "--api", "old.api")

    def one_error(self, *parts, done):
        lines = self.errors(done)
        self.assertEqual(len(lines), 1, str(done))
        for part in parts:
            self.assertIn(part, lines[0])

    def test_modapi_check(self):
        for old, new in (("old.elf", "new.elf"), ("old.api", "new.api")):
            done = self.check(old, "plug.bin")
            self.assertEqual((done.status, done.out, done.err),
                             (OK, "plug.bin: good, 2 imports\n", ""), str(done))
            self.one_error("plug.bin: error: 'fw_draw' is not what the module was built against",
                           "it was 'int fw_draw(struct point", f"{new} has 'int fw_draw(struct",
                           "what a type in them is made of has changed",
                           done=self.check(new, "plug.bin"))

    def test_modapi_check_tells_why(self):
        self.one_error("'fw_draw'", "struct point: size 8 became 12", "member z",
                       done=self.check("new.elf", "plug.bin", "--was", "old.api"))

    def test_modapi_check_json(self):
        done = self.check("--json", "--was", "old.api", "new.elf", "plug.bin")
        self.assertEqual((done.status, done.err), (REFUSED, ""))
        answer = json.loads(done.out)
        self.assertEqual((answer["schema"], answer["against"]), ("modapi-check-1", ["new.elf"]))
        (module,) = answer["modules"]
        (problem,) = module["problems"]
        self.assertEqual((module["file"], module["good"]), ("plug.bin", False))
        self.assertEqual((problem["kind"], problem["name"], problem["warning"]),
                         ("changed", "fw_draw", False))
        self.assertEqual(problem["hash"], f"0x{encoder.fnv('fw_draw'):08x}")
        self.assertIn("struct point", problem["then"])
        self.assertEqual(problem["now"], "int fw_draw(struct point p)")
        self.assertIn("member z", problem["reason"])
        done = self.check("--json", "old.elf", "plug.bin")
        self.assertEqual((done.status, json.loads(done.out)["modules"][0]["good"]), (OK, True))

    def test_modflash_firmware(self):
        self.flash.write_bytes(ERASED * SIZE)
        for verb in ((), ("--dry-run",), ("--quiet",)):
            done = self.keeps_flash(self.file, *verb, "--firmware", "new.elf", "plug.bin")
            self.one_error("plug.bin: error: 'fw_draw'", "it was 'int fw_draw(struct point",
                           "new.elf has 'int fw_draw(struct point p)'", done=done)
            self.assertEqual(done.out, "")
        self.good(self.file("--firmware", "old.elf", "plug.bin"))
        self.expect({"plug": None})

    def test_modflash_api(self):
        self.use_board("old")
        done = self.keeps_flash(self.file, "--api", "new.api", "plug.bin")
        self.one_error("'fw_draw'", "new.api has", done=done)
        self.use_board("new")
        self.good(self.file("--api", "old.api", "plug.bin"))

    def test_modflash_board(self):
        """The table of the firmware on the board: types, but no names."""
        self.use_board("new")
        for call in (self.file, self.board):
            done = self.keeps_flash(call, "plug.bin")
            self.one_error("plug.bin: error: 'fw_draw'", "it was 'int fw_draw(struct point",
                           "the firmware on the board has another type", done=done)
        self.left_well(done)
        done = self.keeps_flash(self.file, "--region", "0x08060000:128K", "plug.bin")
        self.one_error("'fw_draw'", done=done)
        self.use_board("old")
        self.good(self.board("plug.bin"))
        self.expect({"plug": None})

    def test_cost(self):
        """The table is one read more than there was, two commands of the probe."""
        self.use_board("old")
        asked = self.good(self.board("plug.bin"))
        self.use_board("old")
        not_asked = self.good(self.board("--no-check", "plug.bin"))
        self.assertEqual(int(asked.stats["commands"]), int(not_asked.stats["commands"]) + 2)

    def test_modflash_no_check(self):
        self.use_board("new")
        self.good(self.file("--no-check", "plug.bin"))
        self.expect({"plug": None})

    def test_bundle(self):
        done = self.modflash("bundle", "-o", "x", "--firmware", "new.elf", "plug.bin")
        self.one_error("'fw_draw'", done=done)
        self.assertFalse((self.folder / "x").exists())
        for more in (("--firmware", "old.elf"), ("--firmware", "new.elf", "--no-check")):
            self.good(self.modflash("bundle", "-o", "x", *more, "plug.bin"))


class Missing(Linking):
    def setUp(self):
        super().setUp()
        self.firmware("old", OLD, "1.0.0")
        self.firmware("new", OLD.replace("fw_old", "fw_odd").replace("int a", "int b"), "2.0.0")
        self.compiled("old.h", " + fw_old(3)", "--api", "old.api")

    def test_names_it(self):
        for done in (self.check("new.elf", "plug.bin"),
                     self.file("--firmware", "new.elf", "plug.bin")):
            (line,) = self.errors(done)
            for part in ("'fw_old' is not offered by new.elf",
                         "the module was built against 'int fw_old(int", "did you mean 'fw_odd'?"):
                self.assertIn(part, line)

    def test_on_the_board(self):
        self.use_board("new")
        (line,) = self.errors(self.keeps_flash(self.file, "plug.bin"))
        self.assertIn("'fw_old' is not offered by the firmware on the board", line)

    def test_all_at_once(self):
        self.firmware("bad", NEW, "3.0.0")
        lines = self.errors(self.check("bad.api", "plug.bin"))
        self.assertEqual(["'fw_draw'" in lines[0], "'fw_old'" in lines[1]], [True, True])

    def test_without_names(self):
        self.make(MKMOD, "plug.elf", "-o", "plug.bin", "--api", "old.api", "--strip-names")
        (line,) = self.errors(self.check("new.elf", "plug.bin"))
        self.assertIn(f"without a name (hash 0x{encoder.fnv('fw_old'):08x})", line)

    def test_condition(self):
        """There only in a firmware that is built so: its ELF tells, a description warns."""
        self.write("fw_old.csv", b'"fw_old","old.h","defined(HAVE_OLD)","int","int"\n')
        self.firmware("some", OLD, "1.0.0", "--csv", "fw_old.csv")
        (line,) = self.errors(self.check("some.elf", "plug.bin"))
        self.assertIn("'fw_old' is not offered by some.elf", line)
        done = self.check("some.api", "plug.bin")
        self.assertEqual(done.status, OK, str(done))
        self.assertIn("warning: 'fw_old' is offered by some.api only where defined(HAVE_OLD)",
                      done.err)


class Crafted(Linking):
    """Modules and boards that no tool makes."""

    def board_with(self, *symbols, features=0xFFF, count=None, at=0x08001000, table=None):
        """A firmware that exports (name, type)."""
        rows = sorted((encoder.fnv(name), kind) for name, kind in symbols)
        if table is None:
            table = b"".join(encoder.u32(value, kind, 0x08000101) for value, kind in rows)
        self.flash.write_bytes(ERASED * SIZE)
        self.put(FLASH + 0x28, encoder.u32(0x08000200))
        self.put(0x08000200, encoder.u32(
            0x48444F4D, 0x08000200, 52, 1, 0x08060000, 0x08080000, features, at,
            len(symbols) if count is None else count, 0, 0, 0, 0))
        if FLASH <= at < FLASH + SIZE:
            self.put(at, table[:FLASH + SIZE - at])

    def module_with(self, *symbols, name="plug", tags=(), **how):
        tags = [encoder.tag("name", name.encode()), encoder.tag("version", encoder.version(1, 0, 0)),
                encoder.tag("import_names", encoder.strings(
                    *(s.name for s in encoder.by_hash(*symbols)))), *tags]
        data = encoder.Image(text=bytes.fromhex("00207047"), entry=1,
                             imports=encoder.by_hash(*symbols),
                             tags=tags if symbols else tags[:2], **how).build()
        self.write(f"{name}.bin", data)
        return f"{name}.bin"

    def test_equal_types(self):
        """Equal, or not known on either side."""
        self.board_with(("a", 5), ("b", 0), ("c", 7))
        self.good(self.file(self.module_with(import_of("a", 5), import_of("b", 9),
                                             import_of("c", 0))))

    def test_weak(self):
        """Stays unbound: a warning."""
        self.board_with(("a", 5))
        done = self.file(self.module_with(import_of("a", 6, weak=True),
                                          import_of("x", 0, weak=True)))
        self.assertEqual(done.status, OK, str(done))
        warnings = [line for line in done.err.splitlines() if "warning" in line]
        self.assertEqual(len(warnings), 2, str(done))
        for line in warnings:
            self.assertIn("it is weak, and stays unbound", line)
        self.assertEqual(self.file("-q", "-f", "plug.bin").err, "")

    def test_unverified(self):
        self.board_with(("a", 5))
        done = self.file(self.module_with(import_of("a", 5, flags=encoder.UNVERIFIED)))
        self.assertEqual(done.status, OK, str(done))
        self.assertRegex(done.err, "warning: nobody has checked .* for a;")

    def test_features(self):
        """What the core has, but not the firmware: it was built without the FPU."""
        self.board_with(features=0x7)
        module = self.module_with(header={"needs": 1 | 2 | 128})
        (line,) = self.errors(self.keeps_flash(self.file, module))
        self.assertIn("needs an FPU, which the firmware does not offer", line)
        self.board_with(features=0x87)
        self.good(self.file(module))

    def test_nothing_told(self):
        """One warning; only if there is something to ask."""
        for how in (dict(at=0), dict(at=0x20000000), dict(at=0x08001002), dict(count=200000),
                    dict(at=0x080FFFF8, count=100), dict(at=0xFFFFFFFC, count=0xFFFFFFFF)):
            self.board_with(("a", 5), **how)
            done = self.file(self.module_with(import_of("zz", 1)))
            self.assertEqual(done.status, OK, str(done))
            self.assertRegex(done.err, "^modflash: file:.*: warning: the firmware on the board "
                             "does not tell what it offers")
            self.assertEqual(done.err.count("\n"), 1, str(done))
            self.good(self.file(self.module_with(name="free")))

    def test_no_firmware(self):
        self.flash.write_bytes(ERASED * SIZE)
        done = self.file(self.module_with(import_of("zz", 1)))
        self.assertEqual((done.status, done.err.count("does not tell")), (OK, 1), str(done))

    def test_unsorted_table(self):
        row = encoder.u32(encoder.fnv("a"), 0, 0x08000101)
        self.board_with(("a", 0), ("a", 0), table=row + row)
        done = self.file(self.module_with(import_of("zz", 1)))
        self.assertIn("does not tell what it offers", done.err)

    def test_empty_table(self):
        self.board_with()
        (line,) = self.errors(self.keeps_flash(self.file, self.module_with(import_of("zz"))))
        self.assertIn("'zz' is not offered", line)

    def test_many_problems(self):
        self.board_with()
        done = self.keeps_flash(self.file, self.module_with(
            *(import_of(f"x{i}") for i in range(300))))
        self.assertEqual(len(self.errors(done)), 50)
        self.assertIn("and 250 more errors", done.err)

    def test_hostile_names(self):
        self.board_with()
        done = self.file(self.module_with(import_of("\x9b31m\u202e")))
        self.assertIn("\\u{009b}31m\\u{202e}", done.err)

    def test_unsupported(self):
        self.board_with()
        module = self.module_with(tags=[])
        tags = [encoder.tag("compression", bytes(12)), encoder.tag("name", b"plug")]
        self.write(module, encoder.Image(text=bytes.fromhex("00207047"), entry=1,
                                         tags=tags).build())
        (line,) = self.errors(self.keeps_flash(self.file, module))
        self.assertIn("is compressed", line)


def dependency(name, lowest="1.0.0", below="2.0.0"):
    return encoder.tag("dependency", b"".join(
        encoder.version(*map(int, text.split("."))) for text in (lowest, below)) + name.encode())


class Needs(Linking):
    """Modules that need each other, in the region and on the command line."""

    def needing(self, name, *needs, version="1.0.0", imports=(), exports=(), size=96):
        """Exports are (name, type)."""
        imports = encoder.by_hash(*(import_of(*row) for row in imports))
        exports = encoder.by_hash(*(encoder.Symbol(what, 0, kind, 1) for what, kind in exports))
        tags = [dependency(*(row if isinstance(row, tuple) else (row,))) for row in needs]
        tags += [encoder.tag("name", name.encode()),
                 encoder.tag("version", encoder.version(*map(int, version.split("."))))]
        for kind, symbols in (("import_names", imports), ("export_names", exports)):
            if symbols:
                tags.append(encoder.tag(kind, encoder.strings(*(s.name for s in symbols))))
        file = f"{name}-{version}.bin"
        self.write(file, encoder.Image(text=bytes.fromhex("00207047"), entry=1, imports=imports,
                                       exports=exports, tags=tags).build())
        return file

    def setUp(self):
        super().setUp()
        Crafted.board_with(self, ("fw", 1))

    def no(self, *arguments, text, count=1):
        done = self.keeps_flash(self.file, *arguments)
        lines = self.errors(done)
        self.assertEqual(len(lines), count, str(done))
        for part in [text] if isinstance(text, str) else text:
            self.assertTrue(any(part in line for line in lines), str(done))
        return done

    def test_missing(self):
        a = self.needing("a", "b")
        self.no(a, text="needs the module 'b' (1.0.0 or later, below 2.0.0), and there is none")
        self.good(self.file(a, self.needing("b")))
        self.assertRegex(self.file("list").out, r"(?m)^a .* needs b$")

    def test_in_the_region(self):
        self.good(self.file(self.needing("b")))
        self.good(self.file(self.needing("a", "b")))

    def test_version(self):
        a = self.needing("a", "b")
        for version in ("0.9.9", "2.0.0"):
            b = self.needing("b", version=version)
            self.no(a, b, text=["a-1.0.0.bin: error: needs the module 'b' (1.0.0 or later",
                                f"is {version}"])
        self.good(self.file(self.needing("b", version="2.0.0")))
        self.no(a, text="b (in the module region) is 2.0.0")

    def test_import_from_a_module(self):
        good = self.needing("b", exports=[("b_fn", 7)])
        self.good(self.file(good))
        self.good(self.file(self.needing("a", "b", imports=[("b_fn", 7), ("fw", 1)])))
        self.no(self.needing("c", "b", imports=[("b_fn", 8)]),
                text="'b_fn' is not what the module was built against")
        self.no(self.needing("c", "b", imports=[("b_gn", 7)]),
                text="'b_gn' is not offered by the firmware on the board or b (in the module")
        self.no(self.needing("c", imports=[("b_fn", 7)]), text="'b_fn' is not offered")

    def test_circle(self):
        self.no(self.needing("a", "b"), self.needing("b", "c"), self.needing("c", "a"), count=3,
                text="in a circle")
        self.no(self.needing("a", "a"), text="in a circle")

    def test_needed_is_bad(self):
        self.good(self.file("--no-check", self.needing("b", imports=[("gone", 1)])))
        done = self.no(self.needing("a", "b"),
                       text="needs the module 'b', and b (in the module region) would be refused")
        self.assertIn("note: 'gone' is not offered", done.err)

    def test_needed_is_damaged(self):
        self.good(self.file(self.needing("b")))
        at = self.bytes().index(b"MODF")
        self.put(FLASH + at + 64, b"\x55")
        done = self.file(self.needing("a", "b"))
        self.assertEqual(done.status, REFUSED, str(done))
        self.assertIn("is damaged, and counts as not there", done.err)

    def test_update_that_breaks_another(self):
        self.good(self.file(self.needing("b", exports=[("b_fn", 7)]),
                            self.needing("a", "b", imports=[("b_fn", 7)])))
        self.no(self.needing("b", version="2.0.0", exports=[("b_fn", 7)]),
                text="a (in the module region): error: needs the module 'b'")
        self.no(self.needing("b", version="1.1.0", exports=[("b_fn", 8)]),
                text="a (in the module region): error: 'b_fn' is not what")
        self.no(self.needing("b", version="1.1.0"), text="'b_fn' is not offered")
        self.good(self.file(self.needing("b", version="1.2.0", exports=[("b_fn", 7)])))
        # Both at once, for each other.
        self.good(self.file(self.needing("b", version="2.0.0"),
                            self.needing("a", ("b", "2.0.0", "3.0.0"), version="2.0.0")))

    def test_what_was_broken_before(self):
        """An update is not refused for what it does not change."""
        self.good(self.file("--no-check", self.needing("b"),
                            self.needing("a", "b", imports=[("gone", 1)])))
        self.good(self.file(self.needing("b", version="1.0.1")))

    def test_remove(self):
        self.good(self.file(self.needing("b"), self.needing("a", "b"), self.needing("c")))
        done = self.keeps_flash(self.file, "remove", "b")
        (line,) = self.errors(done)
        self.assertIn("'b' is needed by 'a'", line)
        self.assertEqual(len(self.errors(self.file("remove", "-n", "b", "c"))), 1)
        self.good(self.file("remove", "c"))
        self.good(self.file("remove", "-n", "b", "a"))
        self.good(self.file("remove", "--no-check", "b"))
        self.good(self.file("remove", "a"))
        self.expect({})

    def test_modapi_check(self):
        a, b = self.needing("a", "b", imports=[("b_fn", 7)]), self.needing(
            "b", exports=[("b_fn", 7)])
        self.firmware("old", OLD, "1.0.0")
        self.assertEqual(self.check("old.api", a, b).status, OK)
        self.assertEqual(len(self.errors(self.check("old.api", a))), 2)
        self.assertIn("'b_fn' is not offered by old.api or the module 'b', which is not there",
                      self.check("old.api", a).err)


class Check(Linking):
    """Usage and files of modapi check."""

    def setUp(self):
        super().setUp()
        self.write("m.bin", image("m"))
        self.write("x.api", b"modfmt interface 1\nprovider firmware\nversion 1.0.0\n")

    def test_usage(self):
        for text, arguments in (("no module was given", ("x.api",)), ("no module", ()),
                                ("against what?", ("m.bin",)), ("unknown option", ("--jsn",))):
            done = self.check(*arguments)
            self.assertEqual(done.status, USAGE, str(done))
            self.assertIn(text, done.err)

    def test_man_page(self):
        """Every kind of problem and every field is in the manual."""
        source = (SOURCE / "interface/check_text.c").read_text()
        kinds = re.findall(r'\[CHECK_\w+\] = "([a-z-]+)"', source)
        self.assertEqual(len(kinds), 11)
        fields = re.findall(r'cli_json_\w+\(&?json, "(\w+)"', (SOURCE / "modapi/check.c").read_text())
        page = (SOURCE / "modapi/modapi.1").read_text(encoding="utf-8")
        page = page[page.index(".Ss check"):page.index(".Ss diff")]
        for word in [*kinds, *fields]:
            self.assertRegex(page, rf"(?m)(^\.Va|^\.Qq|^\.Pq).*\b{word}\b")

    def test_files(self):
        self.write("cut.bin", image("m")[:80])
        self.write("text", b"hello\n")
        self.write("empty", b"")
        self.make(*GCC, "-x", "c", "-c", "/dev/null", "-o", "o.elf")
        for text, file in (("is no module that can be loaded", "cut.bin"), ("text: error: is no interface description", "text"),
                           ("empty:", "empty"), ("is no ELF file for ARM", "/usr/bin/true"),
                           ("does not tell what it offers", "o.elf")):
            (line,) = self.errors(self.check("x.api", "m.bin", file))
            self.assertIn(text, line)
        self.assertIn("nothing.bin", self.check("x.api", "nothing.bin").err)
        self.assertEqual(self.check("x.api", "nothing.bin").status, 3)

    def test_two_of_one_name(self):
        self.write("n.bin", image("m", "2.0.0"))
        (line,) = self.errors(self.check("x.api", "m.bin", "n.bin"))
        self.assertIn("named as m.bin is", line)

    def test_description_of_a_module(self):
        self.write("b.api", b"modfmt interface 1\nprovider b\nversion 1.5.0\n")
        module = Needs.needing(self, "a", "b")
        self.assertEqual(self.check("x.api", "b.api", module).status, OK)
        self.write("b.api", b"modfmt interface 1\nprovider b\nversion 2.0.0\n")
        (line,) = self.errors(self.check("x.api", "b.api", module))
        self.assertIn("b.api is 2.0.0", line)
        Crafted.board_with(self)
        (line,) = self.errors(self.file("--api", "b.api", module))
        self.assertIn("b.api is 2.0.0", line)

    def test_every_cut_of_a_firmware(self):
        """Any prefix of an ELF file is refused in one line, or tells less."""
        self.firmware("old", OLD, "1.0.0")
        self.compiled("old.h", "", "--api", "old.api")
        whole = (self.folder / "old.elf").read_bytes()
        for size in range(4, len(whole), max(1, len(whole) // 60)):
            self.write("cut.elf", whole[:size])
            done = self.check("cut.elf", "plug.bin")
            self.assertIn(done.status, (OK, REFUSED), f"{size}: {done}")
            self.assertEqual(len(self.errors(done, done.status)), done.status == REFUSED,
                             f"{size}: {done}")


if __name__ == "__main__":
    main()
