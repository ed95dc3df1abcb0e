# SPDX-License-Identifier: BSD-2-Clause
"""The tools under test, and the spec's own reader as a second opinion."""
import importlib.util
import os
import pathlib
import struct

from build import Failure, run

FLAG_BLOCK, FLAG_APART = 1, 2
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


def pack(elf, cwd, *options):
    """mkmod; Failure if it refuses."""
    target = pathlib.Path(elf).with_suffix(".bin")
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
