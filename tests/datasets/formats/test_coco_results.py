"""COCO results as SAHI, faster-coco-eval and COCO's own examples write them."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from annotate.folder_images import list_folder_images
from annotate.predictions import read_named_predictions
from datasets.coco import Category, CocoFile, Image, Prediction
from datasets.formats.coco_file import read_predictions, write_coco, write_predictions
from datasets.masks.rle import decode, encode
from system.errors import InputError
from tests.annotate.conftest import draw_image

BOX = [10, 8, 20, 12]
MASK = np.zeros((48, 64), np.uint8)
MASK[8:20, 10:30] = 1
RLE = encode(MASK)
IMAGES = [Image(1, "p1.png", 64, 48), Image(2, "p2.png", 64, 48)]
PLAIN = {"image_id": 1, "category_id": 1, "bbox": BOX, "score": 0.9}
COMPRESSED = {"size": [48, 64], "counts": RLE.counts}
# background before the first column, then 12 of each column of 48
RUNS = {"size": [48, 64], "counts": [10 * 48 + 8, 12, *[36, 12] * 19, 48 * 34 + 28]}
RING = [10, 8, 30, 8, 30, 20, 10, 20]
BOXES: dict[str, dict[str, Any]] = {
    "plain": {},
    "an empty list, as SAHI writes": {"segmentation": [], "iscrowd": 0, "area": 240, "category_name": "chip"},
    "null": {"segmentation": None},
    "ids as floats": {"image_id": 1.0, "category_id": 1.0, "segmentation": []},
}
MASKS: dict[str, dict[str, Any]] = {
    "a polygon, as faster-coco-eval writes": {"segmentation": [RING]},
    "run lengths": {"segmentation": RUNS},
    "run lengths and no box": {"segmentation": RUNS, "bbox": None},
    "a mask without a box": {"segmentation": COMPRESSED, "bbox": None},
    "a mask with an empty box": {"segmentation": COMPRESSED, "bbox": []},
    "a polygon without a box": {"segmentation": [RING], "bbox": None},
}


def written(path: Path, *changes: dict[str, Any]) -> Path:
    """A results file of plain predictions with `changes`; None removes a key, except the segmentation."""
    rows = [
        {k: v for k, v in (PLAIN | change).items() if v is not None or k == "segmentation"} for change in changes
    ]
    path.write_text(json.dumps(rows))
    return path


@pytest.mark.parametrize("change", BOXES.values(), ids=BOXES)
def test_boxes(tmp_path: Path, change: dict[str, Any]) -> None:
    (found,) = read_predictions(written(tmp_path / "r.json", change), IMAGES)
    assert found == Prediction(1, 1, (10, 8, 20, 12), 0.9)


@pytest.mark.parametrize("change", MASKS.values(), ids=MASKS)
def test_masks(tmp_path: Path, change: dict[str, Any]) -> None:
    (found,) = read_predictions(written(tmp_path / "r.json", change), IMAGES)
    assert found.bbox == (10, 8, 20, 12)
    assert found.segmentation is not None
    assert isinstance(found.segmentation.counts, str)
    assert (decode(found.segmentation, 48, 64) == MASK).all()


def test_all_in_one_file(tmp_path: Path) -> None:
    path = written(tmp_path / "r.json", *BOXES.values(), *MASKS.values())
    assert len(read_predictions(path, IMAGES)) == len(BOXES) + len(MASKS)


def test_written_labels_are_read_unchanged(tmp_path: Path) -> None:
    predictions = [Prediction(1, 1, (10.25, 8, 20, 12), 0.9, RLE), Prediction(2, 1, (1, 2, 3, 4), 0.5)]
    write_predictions(tmp_path / "r.json", predictions)
    assert read_predictions(tmp_path / "r.json") == predictions


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"bbox": None}, r"missing required field `bbox` - at `\$\[1\]`"),
        ({"segmentation": {"size": [48, 64], "counts": [5]}, "bbox": None}, "missing required field `bbox`"),
        ({"segmentation": [RING], "image_id": 3}, r"a polygon in an image of unknown size - at `\$\[1\]"),
        ({"segmentation": [[1, 2, 3]]}, r"Expected `object \| null`, got `array`"),
        ({"segmentation": "x"}, r"Expected `object \| null`, got `str`"),
        ({"score": "high"}, "score"),
    ],
)
def test_what_is_refused(tmp_path: Path, change: dict[str, Any], problem: str) -> None:
    with pytest.raises(InputError, match=problem):
        read_predictions(written(tmp_path / "r.json", {}, change), IMAGES)
    (tmp_path / "r.json").write_text('{"annotations": []}')
    with pytest.raises(InputError, match="not in COCO form"):
        read_predictions(tmp_path / "r.json", IMAGES)


@pytest.mark.parametrize("change", [*BOXES.values(), *MASKS.values()], ids=[*BOXES, *MASKS])
def test_each_is_proposed(tmp_path: Path, change: dict[str, Any]) -> None:
    draw_image(tmp_path / "images/p1.png")
    write_coco(tmp_path / "names.json", CocoFile(IMAGES, [], [Category(1, "chip")]))
    path = written(tmp_path / "r.json", change)
    read = read_named_predictions(path, tmp_path / "names.json", list_folder_images(tmp_path / "images"))
    assert {name: [p.bbox for p in mine] for name, mine in read.by_image.items()} == {"p1.png": [(10, 8, 20, 12)]}
