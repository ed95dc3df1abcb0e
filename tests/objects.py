# SPDX-License-Identifier: BSD-2-Clause
"""Objects that are compiled once for all tests that want the same, below $MODFMT_OBJECTS or
else the build directory: compilers take most of the oracle's time."""
import functools
import hashlib
import os
import pathlib
import shutil
import tempfile

FOLDER = os.environ.get("MODFMT_OBJECTS") or \
    (os.environ["MODFMT_BUILD"] + "/objects" if "MODFMT_BUILD" in os.environ else None)


@functools.lru_cache(None)
def digest_of_folder(folder):
    """Of all that a source can include from it."""
    every = hashlib.sha256()
    for path in sorted(p for p in pathlib.Path(folder).rglob("*") if p.is_file()):
        every.update(f"{path}\0".encode() + hashlib.sha256(path.read_bytes()).digest())
    return every.digest()


@functools.lru_cache(None)
def identity(compiler):
    """Another version of it is another file."""
    path = os.path.realpath(shutil.which(compiler) or compiler)
    return f"{path} {os.stat(path).st_mtime_ns}" if os.path.exists(path) else path


def place(command, source, folders):
    """Where the object of this command is kept."""
    key = hashlib.sha256("\0".join([identity(command[0]), *map(str, command)]).encode())
    key.update(pathlib.Path(source).read_bytes())
    for folder in folders:
        key.update(digest_of_folder(str(folder)))
    return pathlib.Path(FOLDER) / key.hexdigest()


def compiled(command, source, folders, target, compile_it):
    """Have the object `target` of `source`, which `command` makes without saying where, by
    compile_it() if nobody has it yet. `folders` are those that it includes from."""
    if FOLDER is None:
        compile_it()
        return
    kept = place(command, source, folders)
    try:
        shutil.copyfile(kept, target)
        return
    except FileNotFoundError:
        compile_it()
    kept.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=kept.parent, delete=False) as new:
        new.write(pathlib.Path(target).read_bytes())
    os.replace(new.name, kept)
