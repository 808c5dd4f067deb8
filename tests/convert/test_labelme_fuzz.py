"""Spoilt files: each is converted or refused with a DefectlineError, and nothing is written but the destination.

DEFECTLINE_FUZZ sets how many are tried.
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

import numpy as np
import pytest

from convert.assemble import Run
from convert.coco2labelme import coco2labelme
from convert.labelme2coco import Options, labelme2coco
from datasets.coco import Annotation, Category, CocoFile, Image, write_coco
from datasets.errors import DefectlineError
from datasets.masks import encode
from tests.labelme_files import png_base64, shape, write_case

HOW_MANY = int(os.environ.get("DEFECTLINE_FUZZ", "2000"))
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


def labelme_text() -> str:
    square = [[1, 1], [20, 1], [20, 20], [1, 20]]
    shapes = [
        shape("a", "polygon", square, group_id=1),
        shape("a", "rectangle", square[::2]),
        shape("b", "circle", square[:2], group_id=1),
        shape("b", "mask", [[3, 3], [5, 4]], mask=png_base64([[1, 0, 1], [1, 1, 1]])),
        shape("c", "oriented_rectangle", square),
        shape("c", "linestrip", square),
        shape("c", "points", square),
    ]
    content = {"version": "5.5.0", "flags": {"x": True}, "shapes": shapes, "imagePath": "a.png"}
    return json.dumps(content | {"imageData": None, "imageHeight": 40, "imageWidth": 60, "other": {"x": [1]}})


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Paths of all values inside `value`."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [p for key, inner in items for p in [(*path, key), *places(inner, (*path, key))]]


def spoil_values(text: str, chance: random.Random) -> bytes:
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


def spoil_bytes(text: str, chance: random.Random) -> bytes:
    data = bytearray(text.encode())
    for _ in range(chance.randint(1, 5)):
        at = chance.randrange(len(data))
        if chance.random() < 0.5:
            data[at] = chance.randrange(256)
        elif chance.random() < 0.5:
            del data[at : at + chance.choice([1, 3, 200])]
        else:
            data[at:at] = chance.choice([b"[" * 2000, b"{", b"\\u0000", b'"', b"\xff", b"1e999", b"-", b","])
    return bytes(data)


def fuzz(name: str, text: str, folder: Path, convert: Callable[[Path, Path, bool], object], count: int) -> None:
    ended: Counter[str] = Counter()
    source, dest = folder / "in" / "src", folder / "out" / "dst"
    dest.parent.mkdir()
    before = sorted(folder.rglob("*"))
    for seed in range(count):
        chance = random.Random(seed)
        spoil = chance.choice([spoil_values, spoil_values, spoil_bytes])
        (source / name).write_bytes(spoil(text, chance))
        try:
            convert(source, dest, seed % 10 != 0)
            ended["converted"] += 1
        except DefectlineError as error:
            ended["in several lines"] += "\n" in str(error)
            ended["refused"] += 1
        except Exception as error:
            error.add_note(f"seed {seed}")
            raise
        written = [p for p in folder.rglob("*") if dest not in p.parents and p != dest]
        assert sorted(written) == before, f"seed {seed}"
        shutil.rmtree(dest, ignore_errors=True)
    assert not ended["in several lines"]
    assert min(ended["converted"], ended["refused"]) > count / 20, ended


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "in" / "src"
    write_case(folder)
    return folder


def test_spoilt_labelme_files(source: Path, tmp_path: Path) -> None:
    def convert(source: Path, dest: Path, dry_run: bool) -> object:
        return labelme2coco(source, dest, Options(line_width=3.0, segmentation="auto"), dry_run=dry_run)

    fuzz("a.json", labelme_text(), tmp_path, convert, HOW_MANY)


def test_spoilt_coco_files(source: Path, tmp_path: Path) -> None:
    mask = np.zeros((40, 60), np.uint8)
    mask[3:9, 4:20] = 1
    annotations = [
        Annotation(1, 1, 1, (4, 3, 16, 6), 96, encode(mask)),
        Annotation(2, 1, 2, (1, 1, 9, 9), 40, [[1, 1, 10, 1, 10, 10]]),
        Annotation(3, 1, 2, (1, 1, 9, 9), 81),
    ]
    (source / "a.json").unlink()
    coco = CocoFile([Image(1, "a.png", 60, 40)], annotations, [Category(1, "a"), Category(2, "b")])
    write_coco(source / "coco.json", coco)

    def convert(source: Path, dest: Path, dry_run: bool) -> object:
        return coco2labelme(source / "coco.json", dest, Run(dry_run=dry_run))

    fuzz("coco.json", (source / "coco.json").read_text(), tmp_path, convert, HOW_MANY // 2)
