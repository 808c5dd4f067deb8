"""Files that labelme wrote from 2017 to 2024; each instance is compared with a drawing by Pillow and NumPy."""

import base64
import io
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from pycocotools import mask as coco_mask

from convert.labelme2coco import LabelmeOptions, labelme2coco
from tests.labelme_files import instances, iou

WITHOUT_AREA = {"point", "line", "linestrip"}


def drawn(shape: dict[str, Any], height: int, width: int) -> Any:
    """The pixels whose centre is inside a shape."""
    if shape.get("shape_type") == "mask":
        pixels = np.zeros((height, width), bool)
        (x0, y0), (x1, y1) = np.asarray(shape["points"]).astype(int)
        with Image.open(io.BytesIO(base64.b64decode(shape["mask"]))) as png:
            pixels[y0 : y1 + 1, x0 : x1 + 1] = np.asarray(png)
        return pixels
    points = np.asarray(shape["points"], float)
    kind = shape.get("shape_type") or "polygon"
    radius = np.hypot(*(points[1] - points[0])) if kind == "circle" else 0
    low = np.maximum(np.floor((points[:1] if radius else points).min(axis=0) - radius), 0).astype(int)
    high = np.ceil((points[:1] if radius else points).max(axis=0) + radius).astype(int)
    columns, rows = np.minimum(high, (width, height)) - low
    y, x = np.mgrid[:rows, :columns] + 0.5 + low[::-1, None, None]
    if kind == "circle":
        inside = np.hypot(x - points[0, 0], y - points[0, 1]) <= radius
    elif kind == "rectangle":
        (x0, y0), (x1, y1) = points.min(axis=0), points.max(axis=0)
        inside = (x >= x0) & (x < x1) & (y >= y0) & (y < y1)
    else:
        inside = np.zeros(x.shape, bool)
        for (x0, y0), (x1, y1) in zip(points, np.roll(points, -1, axis=0), strict=True):
            if x0 != x1:  # a ray downwards from each centre crosses this side
                inside ^= ((x0 > x) != (x1 > x)) & (y < y0 + (x - x0) * (y1 - y0) / (x1 - x0))
    pixels = np.zeros((height, width), bool)
    pixels[low[1] : low[1] + rows, low[0] : low[0] + columns] = inside
    return pixels


def expected(content: dict[str, Any], height: int, width: int) -> list[tuple[str, Any]]:
    groups: dict[Any, tuple[str, Any]] = {}
    for i, shape in enumerate(content["shapes"]):
        if shape["label"] == "__ignore__" or shape.get("shape_type") in WITHOUT_AREA:
            continue
        group = shape.get("group_id")
        key = (shape["label"], i if group is None else f"group {group}")
        before = groups.get(key, (shape["label"], np.zeros((height, width), bool)))[1]
        groups[key] = (shape["label"], before | drawn(shape, height, width))
    return list(groups.values())


def check(file: Path, image: Path | None, tmp_path: Path) -> float:
    """Convert one file alone, compare every instance and return the smallest IoU."""
    source = tmp_path / "src"
    source.mkdir()
    shutil.copy(file, source / "a.json")
    content = json.loads(file.read_text())
    if image is not None:
        shutil.copy(image, source / Path(content["imagePath"].replace("\\", "/")).name)
    labelme2coco(source, tmp_path / "dst", LabelmeOptions())
    ((name, found),) = instances(tmp_path / "dst").items()
    with Image.open(tmp_path / "dst/images" / name) as image:
        wanted = expected(content, image.height, image.width)
    assert [category for category, _, _ in found] == [label for label, _ in wanted]
    return min(iou(got, mask) for (_, got, _), (_, mask) in zip(found, wanted, strict=True))


HISTORY = [
    "v1.x_2017_apc2016_obj3__no-shape_type_imageData",
    "v2.x_2018-03_2011_000003__no-version_no-shape_type",
    "v2.x_2018-06_bbox_2011_000003__flags_no-shape_type",
    "v3.0_2018-11_bbox_2011_000003__shape_type",
    "v3.14.2_2011_000003__imageHeightWidth",
    "v3.22.0_2011_000003__group_id",
    "v3.5.0_primitives__imageData_empty_string",
    "v3.5.0_primitives__rect_circle_polygon_line_point_linestrip",
    "v4.0.0_instance_2011_000003__group_id",
    "v4.0.0_primitives",
    "v5.2.0.post4_apc2016_obj3__description_imageData_rectangle",
    "v5.3.1_bbox_2011_000006__imageData",
    "v5.3.1_semantic_2011_000003__imageData",
    "v5.7.0_primitives__with_mask_shape",
]


@pytest.mark.parametrize("name", HISTORY)
def test_historic_formats(name: str, labelme_samples: Path, tmp_path: Path) -> None:
    folder = labelme_samples / "labelme_history"
    image = folder / json.loads((folder / f"{name}.json").read_text())["imagePath"]
    worst = check(folder / f"{name}.json", image if image.suffix == ".jpg" and image.is_file() else None, tmp_path)
    assert worst >= 0.99


def test_ball_screws(labelme_samples: Path, tmp_path: Path) -> None:
    """24 photographs with 30 polygons, all in one folder, their images in another."""
    root = labelme_samples / "bsdata"
    report = labelme2coco(root / "label", tmp_path / "dst", LabelmeOptions(images=root / "data"))
    found = instances(tmp_path / "dst")
    worst = 1.0
    for file in (root / "label").glob("*.json"):
        content = json.loads(file.read_text())
        got = found[f"{file.stem}.jpg"]
        height, width = got[0][1].shape
        wanted = expected(content, height, width)
        assert len(got) == len(wanted)
        worst = min(worst, *(iou(a, b) for (_, a, _), (_, b) in zip(got, wanted, strict=True)))
    assert (report.written["images"], report.written["annotations"]) == (24, 30)
    assert worst >= 0.99


def test_masks_equal_those_of_the_script_of_labelme(labelme_samples: Path, tmp_path: Path) -> None:
    """Its masks also contain the outline, so they are half a pixel too large on all sides.

    Otherwise they must agree.
    """
    root = labelme_samples / "labelme_examples/instance_segmentation"
    labelme2coco(root / "data_annotated", tmp_path / "dst", LabelmeOptions(labels=root / "labels.txt"))
    theirs = json.loads((root / "data_dataset_coco/annotations.json").read_text())
    names = {c["id"]: c["name"] for c in theirs["categories"]}
    ours = instances(tmp_path / "dst")
    for image in theirs["images"]:
        got = ours[Path(image["file_name"]).name]
        height, width = image["height"], image["width"]
        wanted = []
        for a in theirs["annotations"]:
            if a["image_id"] == image["id"]:
                packed = coco_mask.merge(coco_mask.frPyObjects(a["segmentation"], height, width))
                wanted.append((names[a["category_id"]], coco_mask.decode(packed).astype(bool)))
        assert sorted(c for c, _, _ in got) == sorted(c for c, _ in wanted)
        for category, mask in wanted:
            assert max(iou(m, mask) for c, m, _ in got if c == category) >= 0.9
