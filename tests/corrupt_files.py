"""Corrupt files for the fuzz tests: each conversion of them ends in a result or in a DefectlineError.

DEFECTLINE_FUZZ sets the number of labelme files that are tried; for other kinds, a share of this number is
tried.
"""

import copy
import json
import os
import random
import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from system.errors import CombinedInputError, DefectlineError
from tests.labelme_files import png_base64

HOW_MANY = int(os.environ.get("DEFECTLINE_FUZZ", "1200"))
NASTY: list[Any] = [
    None,
    True,
    False,
    0,
    -1,
    1,
    2**31,
    2**63,
    2**64,
    10**30,
    1e9,
    -1e9,
    1e10,
    1e300,
    1e-300,
    0.5,
    -0.0,
    float("nan"),
    float("inf"),
    "",
    "a",
    "__ignore__",
    "polygon",
    "mask",
    "circle",
    "point",
    "points",
    "../../x",
    "/etc/passwd",
    "a\0b",
    "\u202e",
    "x" * 300,
    "AAAA",
    "iVBORw0KGgo=",
    png_base64([[1]]),
    [],
    {},
    [[]],
    [[0, 0]],
    [[1, 2], [3, 4]],
    [1, 2],
    {"a": 1},
]


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Paths of all values inside `value`."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [p for key, inner in items for p in [(*path, key), *places(inner, (*path, key))]]


def corrupt_values(text: str, chance: random.Random) -> bytes:
    """JSON with a few values replaced, removed, repeated or moved."""
    content = json.loads(text)
    for _ in range(chance.randint(1, 4)):
        path = chance.choice(places(content) or [()])
        if not path:
            break
        parent = content
        for key in path[:-1]:
            parent = parent[key]
        deed = chance.random()
        if deed < 0.6:
            parent[path[-1]] = copy.deepcopy(chance.choice(NASTY))
        elif deed < 0.75:
            del parent[path[-1]]
        elif isinstance(parent, list):
            parent.extend([parent[path[-1]]] * chance.choice([1, 2, 50]))
        else:
            parent[chance.choice(["label", "points", "x"])] = parent[path[-1]]
    return json.dumps(content).encode()


def corrupt_bytes(text: str | bytes, chance: random.Random) -> bytes:
    """A file with a few bytes changed, removed or inserted."""
    data = bytearray(text.encode() if isinstance(text, str) else text)
    for _ in range(chance.randint(1, 5)):
        at = chance.randrange(len(data) or 1)
        if not data:
            break
        if chance.random() < 0.5:
            data[at] = chance.randrange(256)
        elif chance.random() < 0.5:
            del data[at : at + chance.choice([1, 3, 200])]
        else:
            data[at:at] = chance.choice([b"[" * 2000, b"{", b"\\u0000", b'"', b"\xff", b"1e999", b"-", b","])
    return bytes(data)


def fuzz(
    folder: Path,
    corrupt: Callable[[Path, random.Random], None],
    convert: Callable[[Path, Path, bool], object],
    count: int,
) -> None:
    """Corrupt `folder`/in/src and convert it, mostly as a dry run; only the destination may be written."""
    ended: Counter[str] = Counter()
    source, dest = folder / "in" / "src", folder / "out" / "dst"
    dest.parent.mkdir()
    for seed in range(count):
        chance = random.Random(seed)
        corrupt(source, chance)
        before = sorted(folder.rglob("*"))
        try:
            convert(source, dest, seed % 10 != 0)
            ended["converted"] += 1
        except DefectlineError as error:
            errors = error.errors if isinstance(error, CombinedInputError) else (error,)
            ended["in several lines"] += any("\n" in str(one) for one in errors)
            ended["refused"] += 1
        except Exception as error:
            error.add_note(f"seed {seed}")
            raise
        written = [p for p in folder.rglob("*") if dest not in p.parents and p != dest]
        assert sorted(written) == before, f"seed {seed}"
        shutil.rmtree(dest, ignore_errors=True)
    assert not ended["in several lines"]
    assert min(ended["converted"], ended["refused"]) > count / 20, ended


def corrupt_text(name: str, text: str) -> Callable[[Path, random.Random], None]:
    """Corrupt the JSON `text`, by its values or by its bytes, and writes it to the file `name`."""

    def corrupt(source: Path, chance: random.Random) -> None:
        how = chance.choice([corrupt_values, corrupt_values, corrupt_bytes])
        (source / name).write_bytes(how(text, chance))

    return corrupt
