# SPDX-License-Identifier: BSD-2-Clause
"""Debug loadable modules: gdb's symbols follow what the loader loads and unloads.

    (gdb) source modload.py
    (gdb) set modload path BUILD-FOLDER
    (gdb) set breakpoint pending on
    (gdb) break plug_work            a function of a module that is not loaded yet
    (gdb) continue
    (gdb) info modules

Modules are found by the build id in their images (link them with -Wl,--build-id). The
firmware's own ELF needs its DWARF.
"""
import os
import struct

import gdb
import gdb.unwinder

HOOK = "modload_debug_event"
REGISTRY = "struct modload_registry"
LOADED, UNLOADING = 1, 2
STATES = {0: "empty", 1: "loaded", 2: "started", 3: "stopped"}
MODULES_MAX = 256  # in a registry that is not set up yet there may be anything
IMAGE_MAX = 16 << 20


# ---- the format: specs/layout.toml, in numbers -------------------------------------

MAGIC = b"MODF"
HEADER_SIZE = 64
OFFSET = {"total_size": 8, "text_stored": 28, "text_mem": 32, "data_stored": 36,
          "data_mem": 40, "reloc_size": 44, "import_count": 48, "export_count": 50}
TAG = {"name": 1, "version": 2, "build_id": 4, "origin": 6}
IMPORT_SIZE, EXPORT_SIZE = 8, 12
HASH_BASIS, HASH_PRIME = 0x811C9DC5, 0x01000193


def up4(number):
    return (number + 3) & ~3


def name_hash(name):
    value = HASH_BASIS
    for byte in name:
        value = (value ^ byte) * HASH_PRIME & 0xFFFFFFFF
    return value


class Image:
    """What the debugger wants of a module's image; raises ValueError if it is none."""

    def __init__(self, read):
        """read(offset, size) gives bytes of the image."""
        header = bytes(read(0, HEADER_SIZE))
        if header[:4] != MAGIC:
            raise ValueError("no image")
        word = lambda name: struct.unpack_from("<I", header, OFFSET[name])[0]
        half = lambda name: struct.unpack_from("<H", header, OFFSET[name])[0]
        self.size = word("total_size")
        self.text_mem = word("text_mem")
        self.data_mem = word("data_mem")
        at = HEADER_SIZE + up4(word("text_stored")) + up4(word("data_stored"))
        at += up4(word("reloc_size")) + IMPORT_SIZE * half("import_count")
        at += up4(half("import_count")) + EXPORT_SIZE * half("export_count")
        at += up4(half("export_count"))
        if self.size > IMAGE_MAX:
            raise ValueError("no image")
        self.tags = {}
        while at + 4 <= self.size:
            start, = struct.unpack("<I", read(at, 4))
            kind, length = start & 0xFF, start >> 8
            if kind == 0 or length > self.size - at - 4:
                break
            if kind in TAG.values():
                self.tags.setdefault(kind, bytes(read(at + 4, length)))
            at += 4 + up4(length)
        origin = self.tags.get(TAG["origin"], b"")
        if len(origin) != 12:
            raise ValueError("an image without the tag origin")
        self.prefix, self.text_link, self.data_link = struct.unpack("<III", origin)

    @property
    def name(self):
        return self.tags.get(TAG["name"], b"")

    @property
    def version(self):
        value = self.tags.get(TAG["version"], bytes(6))
        return struct.unpack("<HHH", value) if len(value) == 6 else (0, 0, 0)

    @property
    def build_id(self):
        return self.tags.get(TAG["build_id"])


def printable(name):
    return "".join(c if c.isprintable() else "?" for c in name.decode("utf-8", "replace"))


# ---- files on this machine ----------------------------------------------------------

class Elf:
    """Sections and build id of a linked 32-bit ARM ELF; ValueError if it is none."""

    def __init__(self, path):
        self.path = path
        self.build_id = None
        self.sections = []  # (name, address, is code) of those that are loaded
        with open(path, "rb") as file:
            header = file.read(52)
            if header[:7] != b"\x7fELF\1\1\1" or len(header) < 52:
                raise ValueError("no ELF")
            kind, machine = struct.unpack_from("<HH", header, 16)
            if kind != 2 or machine != 40:
                raise ValueError("no executable for ARM")
            table, = struct.unpack_from("<I", header, 32)
            entry, count, names = struct.unpack_from("<HHH", header, 46)
            if entry < 40:
                raise ValueError("no sections")
            rows = [struct.unpack("<10I", self.part(file, table + i * entry, 40))
                    for i in range(count)]
            strings = self.part(file, *rows[names][4:6]) if names < count else b""
            for row in rows:
                self.take(file, row, strings)

    @staticmethod
    def part(file, offset, size):
        file.seek(offset)
        data = file.read(min(size, IMAGE_MAX))
        if len(data) != size:
            raise ValueError("cut short")
        return data

    def take(self, file, row, strings):
        name, kind, flags, address, offset, size = row[:6]
        if flags & 2 and kind != 0:  # SHF_ALLOC
            text = strings[name:strings.find(b"\0", name)].decode("utf-8", "replace")
            self.sections.append((text, address, size, bool(flags & 4)))
        if kind == 7 and self.build_id is None and 16 <= size < 4096:
            note = self.part(file, offset, size)
            owner, length, what = struct.unpack_from("<III", note)
            if (owner, what, note[12:16]) == (4, 3, b"GNU\0") and 16 + length <= size:
                self.build_id = note[16:16 + length]


class Files:
    """The ELF files and images in the folders of `set modload path`."""

    def __init__(self):
        self.known = {}  # path: (stamp, Elf or Image or None)

    @staticmethod
    def folders():
        """(folder, with all that is below it)"""
        named = [folder for folder in (path_setting.value or "").split(os.pathsep) if folder]
        if named:
            return [(os.path.expanduser(folder), True) for folder in named]
        near = [os.path.dirname(f.filename) for f in gdb.objfiles() if f.filename]
        return [(folder, False) for folder in dict.fromkeys([os.getcwd()] + near) if folder]

    def paths(self):
        for folder, deep in self.folders():
            for where, below, names in os.walk(folder):
                below[:] = sorted(b for b in below if deep and not b.startswith("."))
                yield from (os.path.join(where, name) for name in sorted(names))

    def look_at(self, path):
        status = os.stat(path)
        stamp = (status.st_mtime_ns, status.st_size, status.st_ino)
        old = self.known.get(path)
        if old and old[0] == stamp:
            return old[1]
        found = None
        try:
            with open(path, "rb") as file:
                start = file.read(4)
                if start == MAGIC and status.st_size <= IMAGE_MAX:
                    data = start + file.read()
                    found = Image(lambda at, size: data[at:at + size])
            if start == b"\x7fELF":
                found = Elf(path)
        except (ValueError, struct.error):
            pass
        self.known[path] = (stamp, found)
        return found

    def every(self, kind):
        for path in self.paths():
            try:
                if os.path.isfile(path):
                    found = self.look_at(path)
                    if isinstance(found, kind):
                        yield found
            except OSError:
                pass

    def elf(self, build_id):
        return next((e for e in self.every(Elf) if e.build_id == build_id), None)

    def image(self, name, version, size):
        """For images that the target reads in pieces, from where gdb cannot."""
        return next((i for i in self.every(Image) if i.size == size and
                     i.version == version and name_hash(i.name) == name), None)


# ---- the target -----------------------------------------------------------------------

def read_memory(address, size):
    return bytes(gdb.selected_inferior().read_memory(address, size))


class Module:
    """A loaded module, and the symbols that gdb was given for it."""

    def __init__(self, address):
        self.address = address
        value = gdb.Value(address).cast(gdb.lookup_type("struct modload_module").pointer())
        segments = value["image"]["segment"]
        self.text, self.text_size = (int(segments[0][f]) for f in ("address", "size"))
        self.data, self.data_size = (int(segments[1][f]) for f in ("address", "size"))
        self.name = int(value["name"])
        self.version = tuple(int(value["version"][i]) for i in range(3))
        self.size = int(value["end"])
        self.mapped = int(value["source"]["mapped"])
        self.elf = None
        self.image = None
        self.inside = 0
        self.why = ""

    @property
    def state(self):
        value = gdb.Value(self.address).cast(gdb.lookup_type("struct modload_module").pointer())
        return STATES.get(int(value["state"]), "?")

    @property
    def identity(self):
        return (self.address, self.text, self.data, self.name, self.version, self.size,
                self.mapped)

    def label(self):
        name = printable(self.image.name) if self.image else ""
        return name or "(name 0x%08x)" % self.name

    def find_image(self):
        if self.mapped:
            try:
                self.image = Image(lambda at, size: read_memory(self.mapped + at, size))
            except ValueError as error:
                self.why = "%s at 0x%08x" % (error, self.mapped)
        else:
            self.image = files.image(self.name, self.version, self.size)
            self.why = "its image cannot be read; put module.bin beside module.elf"
        return self.image

    def find_elf(self):
        if not self.find_image():
            return None
        if not self.image.build_id:
            self.why = "its image has no build id; link it with -Wl,--build-id"
            return None
        self.elf = files.elf(self.image.build_id)
        self.why = "no ELF has its build id %s; see 'show modload path'" % (
            self.image.build_id.hex())
        return self.elf

    def place(self, address):
        """Where a link address has gone (tag origin)."""
        image = self.image
        # Of data too some may lie in front of what the linker made; modulo 2^32.
        in_data = (address - image.data_link) & 0xFFFFFFFF
        if image.data_mem and in_data <= image.data_mem:
            if not address - image.text_link in range(image.text_mem - image.prefix):
                return self.data + in_data
        return self.text + image.prefix + address - image.text_link

    def add_symbols(self):
        if not self.find_elf():
            gdb.write("modload: no symbols for module %s: %s\n" % (self.label(), self.why),
                      gdb.STDERR)
            return
        words = ['add-symbol-file "%s"' % self.elf.path.replace('"', '\\"')]
        for name, address, size, code in self.elf.sections:
            place = self.place(address) & 0xFFFFFFFF
            words.append("-s %s 0x%x" % (name, place))
            if size and (code or not self.inside):
                self.inside = place
        gdb.execute(" ".join(words), False, True)

    def remove_symbols(self):
        if self.elf:
            try:
                gdb.execute("remove-symbol-file -a 0x%x" % self.inside, False, True)
            except gdb.error:
                pass  # the user was faster
            self.elf = None


def registries():
    """Expressions for the addresses of all registries that are variables, or part of one of
    the loader's own types, such as an RTOS port's."""
    found = [registry_setting.value] if registry_setting.value else []
    try:
        text = gdb.execute("info variables -q -t ^struct\\ modload_", False, True)
    except gdb.error:
        return found
    for line in text.splitlines():
        words = line.rstrip(";").split()
        if len(words) < 4 or not words[-1].isidentifier():
            continue  # a heading, or an array
        try:
            kind = gdb.parse_and_eval(words[-1]).type.strip_typedefs().unqualified()
            if str(kind) == REGISTRY:
                found.append("&" + words[-1])
            elif kind.code == gdb.TYPE_CODE_STRUCT:
                found += ["&%s.%s" % (words[-1], field.name) for field in kind.fields()
                          if str(field.type.strip_typedefs()) == REGISTRY]
        except gdb.error:
            pass
    return found


class Modules:
    """Those that gdb has been told of."""

    def __init__(self):
        self.known = {}  # address: Module

    def in_target(self):
        """Addresses of the modules in all registries."""
        try:
            pointer = gdb.lookup_type(REGISTRY).pointer()
            gdb.lookup_type("struct modload_module")
        except gdb.error:
            raise gdb.GdbError("the firmware's ELF has no DWARF of the loader; build it with -g")
        seen = []
        for expression in registries():
            try:
                at = gdb.parse_and_eval(expression).cast(pointer)["modules"]
                while int(at) and int(at) not in seen and len(seen) < MODULES_MAX:
                    seen.append(int(at))
                    at = at["next"]
            except gdb.error:
                pass  # no memory there: not set up yet
        return seen

    def sync(self, loaded=0, unloading=0):
        """Have gdb's symbols follow what there is now."""
        there = [a for a in self.in_target() if a != unloading]
        if loaded and loaded not in there:
            there.append(loaded)
        fresh = {}
        for address in there:
            try:
                fresh[address] = Module(address)
            except gdb.error:
                pass
        for address, old in list(self.known.items()):
            new = fresh.get(address)
            if new is None or new.identity != old.identity or address == loaded:
                old.remove_symbols()
                del self.known[address]
        for address, new in fresh.items():
            old = self.known.get(address)
            if old is None:
                self.known[address] = new
                new.add_symbols()

    def forget(self):
        for module in self.known.values():
            module.remove_symbols()
        self.known = {}


class Hook(gdb.Breakpoint):
    """At the first instruction of the function that the loader calls; never seen."""

    def __init__(self):
        super().__init__("*" + HOOK, internal=True)
        self.silent = True

    def stop(self):
        try:
            frame = gdb.newest_frame()
            module = int(frame.read_register("r0")) & 0xFFFFFFFF
            event = int(frame.read_register("r1"))
            if event == LOADED:
                modules.sync(loaded=module)
            elif event == UNLOADING:
                modules.sync(unloading=module)
        except (gdb.error, gdb.GdbError) as error:
            gdb.write("modload: %s\n" % error, gdb.STDERR)
        return False


class Follow:
    """Sets the hook once there is a firmware with one, and looks what is loaded already
    when gdb comes to a target that runs."""

    def __init__(self):
        self.hook = None
        self.looked = False
        gdb.events.new_objfile.connect(self.new_objfile)
        gdb.events.stop.connect(self.stopped)
        gdb.events.before_prompt.connect(self.prompt)
        gdb.events.exited.connect(self.gone)
        for name in ("connection_removed",):  # gdb 12
            if hasattr(gdb.events, name):
                getattr(gdb.events, name).connect(self.gone)
        self.set_hook()

    def set_hook(self):
        if self.hook is not None and self.hook.is_valid():
            return
        try:
            gdb.parse_and_eval("&" + HOOK)
        except gdb.error:
            return
        self.hook = Hook()

    def new_objfile(self, _event):
        self.set_hook()

    def look(self):
        inferior = gdb.selected_inferior()
        if not self.looked and self.hook is not None and inferior.threads():
            self.looked = True
            try:
                modules.sync()
            except (gdb.error, gdb.GdbError) as error:
                gdb.write("modload: %s\n" % error, gdb.STDERR)

    def stopped(self, _event):
        self.look()

    def prompt(self):
        if not any(thread.is_running() for thread in gdb.selected_inferior().threads()):
            self.look()

    def gone(self, _event):
        self.looked = False
        modules.forget()


# ---- backtraces through trampolines ------------------------------------------------------

# What stands where a function comes back to its trampoline (specs/trampolines.md); then how far
# above sp the caller's sp is, and what lies how far above sp. On ARMv6-M r9 is in r4 meanwhile.
TAILS = (
    (struct.pack("<2H", 0xE8BD, 0x8200), 8, {"r9": 0, "pc": 4}),
    (struct.pack("<3H", 0xB009, 0xE8BD, 0x8FF0), 72,
     {**{"r%d" % n: 36 + 4 * (n - 4) for n in range(4, 12)}, "pc": 68}),
    (struct.pack("<2H", 0x46A1, 0xBD70), 16, {"r9": "r4", "r4": 0, "r5": 4, "r6": 8, "pc": 12}),
    (struct.pack("<3H", 0x46A1, 0xB009, 0xBDF0), 56,
     {"r9": "r4", **{"r%d" % n: 36 + 4 * (n - 4) for n in range(4, 8)}, "pc": 52}),
)

KEPT = ["r%d" % n for n in range(4, 12)] + ["d%d" % n for n in range(8, 16)] + ["xpsr"]


class FrameId:
    def __init__(self, sp, pc):
        self.sp = sp
        self.pc = pc


class Trampolines(gdb.unwinder.Unwinder):
    """From a module's function to its caller outside; mkmod's code has no DWARF."""

    def __init__(self):
        super().__init__("modload trampolines")

    def __call__(self, pending):
        number = lambda name: int(pending.read_register(name)) & 0xFFFFFFFF
        pc = number("pc") & ~1
        if not any(0 <= pc - m.data < m.data_size for m in modules.known.values()):
            return None
        try:
            code = read_memory(pc, 6)
            tail = next((t for t in TAILS if code.startswith(t[0])), None)
            if tail is None:
                return None
            sp = number("sp")
            stack = read_memory(sp, tail[1])
        except gdb.error:
            return None
        frame = pending.create_unwind_info(
            FrameId(gdb.Value(sp + tail[1]).cast(pending.read_register("sp").type),
                    gdb.Value(pc).cast(pending.read_register("pc").type)))
        for name in KEPT:  # as the function has left them
            try:
                frame.add_saved_register(name, pending.read_register(name))
            except (gdb.error, ValueError):
                pass  # this core has none
        for name, where in {**tail[2], "sp": None}.items():
            value = (sp + tail[1] if where is None else number(where) if isinstance(where, str)
                     else struct.unpack_from("<I", stack, where)[0])
            if name == "pc" and value >> 28 != 0xF:  # but for EXC_RETURN
                value &= ~1
            frame.add_saved_register(name, gdb.Value(value).cast(
                pending.read_register(name).type))
        return frame


# ---- commands -------------------------------------------------------------------------

class InfoModules(gdb.Command):
    """The modules that are loaded: name, version, state, where text and data are, and the
ELF file that gdb has their symbols from."""

    def __init__(self):
        super().__init__("info modules", gdb.COMMAND_STATUS)

    def invoke(self, _argument, _from_tty):
        if not gdb.selected_inferior().threads():
            gdb.write("There is no target.\n")
            return
        modules.sync()
        rows = [("Name", "Version", "State", "Text", "Data", "Symbols from")]
        for m in modules.known.values():
            span = lambda at, size: "0x%08x-0x%08x" % (at, at + size) if size else "none"
            rows.append((m.label(), "%d.%d.%d" % m.version, m.state, span(m.text, m.text_size),
                         span(m.data, m.data_size), m.elf.path if m.elf else m.why))
        if len(rows) == 1:
            gdb.write("No modules are loaded.\n")
            return
        widths = [max(len(row[i]) for row in rows) for i in range(5)]
        for row in rows:
            cells = [cell.ljust(width) for cell, width in zip(row, widths)]
            gdb.write("  ".join(cells + [row[5]]) + "\n")


class Prefix(gdb.Command):
    """Loadable modules."""

    def __init__(self, name):
        super().__init__(name, gdb.COMMAND_FILES, prefix=True)


class PathSetting(gdb.Parameter):
    """Folders with the ELF files of modules, with ':' between them. They are searched with
all that is below them. Without any: the working directory and the firmware's own folder,
those alone."""

    set_doc = "Set the folders where ELF files of modules are."
    show_doc = "Show the folders where ELF files of modules are."
    value = ""

    def get_set_string(self):
        if gdb.selected_inferior().threads():
            modules.forget()
            modules.sync()
        return ""

    def get_show_string(self, value):
        return "Modules' ELF files are looked for in %s." % (
            value or "the working directory and beside the firmware's")


class RegistrySetting(gdb.Parameter):
    """An expression for the address of a struct modload_registry that is no variable by
itself, such as &plugins.registry."""

    set_doc = "Set where the registry of modules is."
    show_doc = "Show where the registry of modules is."
    value = ""

    def get_set_string(self):
        return ""

    def get_show_string(self, value):
        return "The registry of modules is %s." % (
            value or "any variable of type struct modload_registry")


files = Files()
modules = Modules()
Prefix("set modload")
Prefix("show modload")
path_setting = PathSetting("modload path", gdb.COMMAND_FILES, gdb.PARAM_STRING_NOESCAPE)
registry_setting = RegistrySetting("modload registry", gdb.COMMAND_FILES,
                                   gdb.PARAM_STRING_NOESCAPE)
InfoModules()
follow = Follow()
gdb.unwinder.register_unwinder(None, Trampolines(), True)
