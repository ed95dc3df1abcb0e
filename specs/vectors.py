#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""Makes specs/vectors/: small images, good and bad, each from a short description.

    vectors.py [DIR]          write every vector, its annotated hex, and index.json
    vectors.py --check [DIR]  compare with what is there instead; exit 1 if it differs

The descriptions are in vectors/good.py and vectors/bad.py, the encoder in
vectors/encoder.py.
"""

import json
import pathlib
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE / "vectors"))

import bad      # noqa: E402
import good     # noqa: E402


def all_vectors():
    return list(good.vectors()) + list(bad.vectors())


def files():
    """Every generated file: path below DIR -> bytes."""
    result, vectors = {}, all_vectors()
    for vector in vectors:
        if vector.file() in result:
            raise ValueError(f"two vectors are called {vector.name}")
        result[vector.file()] = vector.image.bytes
        if not vector.error:
            text = f"{vector.name}: {vector.shows}\n\n{vector.image.annotated()}"
            result[vector.file().replace(".bin", ".txt")] = text.encode()
    index = {"about": "made by specs/vectors.py", "vectors": [v.record() for v in vectors]}
    result["index.json"] = (json.dumps(index, indent=1, ensure_ascii=False) + "\n").encode()
    return result


def write(directory):
    for name, data in files().items():
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return 0


def compare(directory):
    """Every file equal, none missing, none left over."""
    expected = files()
    found = {str(path.relative_to(directory)) for pattern in ("good/*", "bad/*", "index.json")
             for path in directory.glob(pattern)}
    wrong = [f"not made by vectors.py: {name}" for name in sorted(found - expected.keys())]
    for name, data in expected.items():
        if name not in found:
            wrong.append(f"missing: {name}")
        elif (directory / name).read_bytes() != data:
            wrong.append(f"differs: {name}")
    print("\n".join(wrong) or f"{len(expected)} files are as vectors.py makes them")
    return 1 if wrong else 0


def main(arguments):
    checking = "--check" in arguments
    rest = [argument for argument in arguments if argument != "--check"]
    if len(rest) > 1 or any(argument.startswith("-") for argument in rest):
        print(__doc__.strip(), file=sys.stderr)
        return 2
    directory = pathlib.Path(rest[0]) if rest else HERE / "vectors"
    return compare(directory) if checking else write(directory)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
