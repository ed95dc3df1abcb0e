# SPDX-License-Identifier: BSD-2-Clause
"""The tools under test, and the spec's own reader as a second opinion."""
import importlib.util
import os
import pathlib
import struct
import zlib

from build import Failure, run

FLAG_BLOCK, FLAG_APART, FLAG_IN_PLACE = 1, 2, 4
ROOT = pathlib.Path(os.environ.get("MODFMT_SOURCE",
                                   pathlib.Path(__file__).resolve().parents[2]))


def load_modref():
    spec = importlib.util.spec_from_file_location("modref", ROOT / "specs" / "modref.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


modref = load_modref()


def tool(name):
    path = os.environ.get(name)
    if not path:
        raise Failure(f"{name} is not set: it gives the tool's path")
    return path


class Image:
    """One module.bin."""

    def __init__(self, path):
        self.path = pathlib.Path(path)
        self.bytes = self.path.read_bytes()
        self.flags, = struct.unpack_from("<I", self.bytes, 12)
        self.text_mem, = struct.unpack_from("<I", self.bytes, 32)
        self.data_mem, = struct.unpack_from("<I", self.bytes, 40)
        self.align = 1 << max(self.bytes[52], self.bytes[53])
        tag = modref.read(self.bytes).tag("origin")
        if tag is None:
            raise Failure("the image has no origin tag")
        self.prefix, = struct.unpack_from("<I", tag.value)


def pack(elf, cwd, *options, output=None):
    """mkmod; Failure if it refuses."""
    target = pathlib.Path(elf).with_name(f"{output or pathlib.Path(elf).stem}.bin")
    done = run([tool("MKMOD"), "--untyped", *options, elf, "-o", target], cwd, "mkmod")
    failure = modref.check_file(target.read_bytes())
    if failure:
        raise Failure(f"modref.py check: {failure}")
    return Image(target), done.stderr


def load(image, cwd, at, data_at=None, imports=None):
    """moddump --load-at: (prefix, memory from `at` on) or (prefix, text, data)."""
    out, prefix, data = (pathlib.Path(cwd) / n for n in ("mem.bin", "prefix.bin", "data.bin"))
    command = [tool("MODDUMP"), "--load-at", hex(at), image.path, "-o", out]
    for name, address in sorted((imports or {}).items()):
        command += ["--import", f"{name}={address:#x}"]
    if image.prefix:
        command += ["--prefix-out", prefix]
    if data_at is not None:
        command += ["--data-at", hex(data_at), "--data-out", data]
    run(command, cwd, "moddump --load-at")
    before = prefix.read_bytes() if image.prefix else b""
    second_opinion(image, at, data_at, imports, before, out, data)
    if data_at is None:
        return before, out.read_bytes()
    return before, out.read_bytes(), data.read_bytes()


CHIP_FLASH = 0x08000000
NEEDS_V7EM = 0x7    # of the header's bits: v6m, v7m, dsp


def pretend_core(image):
    """Have an image say that it is for the core of modflash's chips, whatever it was built
    for: it is not going to run."""
    data = bytearray(image.bytes)
    struct.pack_into("<H", data, 18, NEEDS_V7EM)
    struct.pack_into("<I", data, 56, 0)
    struct.pack_into("<I", data, 60, zlib.crc32(data[:56]))
    struct.pack_into("<I", data, 56, zlib.crc32(data))
    image.bytes = bytes(data)
    image.path.write_bytes(data)


def install_linked(images, cwd, firmware, region, arena):
    """modflash install --xip-link into a flash file: the images as they lie there, with their
    addresses, in the order of the addresses."""
    flash = pathlib.Path(cwd) / "flash.img"
    flash.unlink(missing_ok=True)
    run([tool("MODFLASH"), "--probe", f"file:{flash}", "--chip", "stm32f405", "--region",
         f"{region[0]:#x}:{region[1]}", "--arena", f"{arena[0]:#x}:{arena[1]}", "--firmware",
         firmware, "install", "--xip-link", *(i.path for i in images)], cwd,
        "modflash install --xip-link")
    memory = flash.read_bytes()[region[0] - CHIP_FLASH:][:region[1]]
    found, at = [], 0
    while at < len(memory):
        if memory[at:at + 4] != b"MODF":
            at += 64
            continue
        size, = struct.unpack_from("<I", memory, at + 8)
        found.append((region[0] + at, memory[at:at + size]))
        at += (size + 63) // 64 * 64
    if len(found) != len(images):
        raise Failure(f"{len(images)} images were installed, {len(found)} lie in the flash")
    return found


def refuses_linked(image, cwd, firmware, region, arena):
    """What is wrong with how an image is refused that cannot be linked."""
    try:
        install_linked([image], cwd, firmware, region, arena)
    except Failure as failure:
        return [] if "block" in str(failure) and "exits 1" in str(failure) else [str(failure)]
    return ["an image that allows no place but one block was linked"]


def linked_for(at, image, arena=None):
    """(text, data, end of data) that an image at that address says it was linked for."""
    m = modref.read(image)
    linked = modref.linked_fields(m.tag("linked").value)
    if linked.text != at + 64:
        raise Failure(f"the image at {at:#x} is linked for text at {linked.text:#x}")
    if arena and linked.data and not arena[0] <= linked.data <= linked.data_end <= sum(arena):
        raise Failure(f"data at {linked.data:#x} to {linked.data_end:#x} is not in the arena")
    return linked.text, linked.data, linked.data_end


def segments(image):
    """(stored text, stored data, bytes of text in memory, of data)"""
    text_size, text_mem, data_size, data_mem = struct.unpack_from("<4I", image, 28)
    data = 64 + (text_size + 3) // 4 * 4
    return image[64:64 + text_size], image[data:data + data_size], text_mem, data_mem


def second_opinion(image, at, data_at, imports, prefix, out, data):
    """modref.py's loader must agree with the loader's own core."""
    offered = {modref.name_hash(n.encode()): a for n, a in (imports or {}).items()}
    try:
        text, data_memory = modref.load(image.bytes, at - image.prefix, data_at, offered)
    except modref.Refused as refused:
        raise Failure(f"modref.py load: {refused}") from refused
    got = prefix + out.read_bytes()
    if data_at is not None:
        if data.read_bytes() != data_memory or got != text:
            raise Failure("moddump --load-at --data-at and modref.py load differ")
    elif got != text + data_memory:
        raise Failure("moddump --load-at and modref.py load differ")
