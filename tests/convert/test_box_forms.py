"""Boxes in another form than the format's: refused, or read with --boxes; negative sizes and swapped corners."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as PilImage

from convert.coco2coco import CocoOptions, coco2coco
from convert.cvat2coco import cvat2coco
from convert.execution import Execution
from convert.via2coco import via2coco
from convert.yolo2coco import YoloOptions, yolo2coco
from datasets.check.check import check
from datasets.check.facts import Limits
from datasets.formats.dataset_folder import load_dataset
from system.errors import InputError

SIZE = (100, 50)  # width, height
EDGES = [(2, 3, 12, 9), (70, 30, 98, 48), (1, 40, 30, 49), (80, 1, 99, 20)]
RUN = Execution(jobs=1)


def image(path: Path, seed: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 255, SIZE[::-1], np.uint8)
    PilImage.fromarray(pixels).save(path)


def numbers(form: str, edges: tuple[int, ...]) -> list[float]:
    x0, y0, x1, y1 = edges
    w, h = x1 - x0, y1 - y0
    return {
        "corners": [x0, y0, x1, y1],
        "corner-size": [x0, y0, w, h],
        "centre-size": [x0 + w / 2, y0 + h / 2, w, h],
    }[form]


def yolo(root: Path, form: str) -> Path:
    for k, edges in enumerate(EDGES):
        split = "val" if k == 3 else "train"
        image(root / f"images/{split}/{k}.png", k)
        (root / f"labels/{split}").mkdir(parents=True, exist_ok=True)
        values = [v / SIZE[i % 2] for i, v in enumerate(numbers(form, edges))]
        (root / f"labels/{split}/{k}.txt").write_text(" ".join(map(str, [0, *values])) + "\n")
    (root / "data.yaml").write_text("train: images/train\nval: images/val\nnames: [chip]\n")
    return root


def coco(root: Path, form: str) -> Path:
    content: dict = {"images": [], "annotations": [], "categories": [{"id": 1, "name": "chip"}]}
    for k, edges in enumerate(EDGES):
        image(root / f"images/{k}.png", k)
        content["images"].append({"id": k, "file_name": f"{k}.png", "width": SIZE[0], "height": SIZE[1]})
        box = numbers(form, edges)
        area = (edges[2] - edges[0]) * (edges[3] - edges[1])
        content["annotations"].append(
            {"id": k, "image_id": k, "category_id": 1, "bbox": box, "area": area, "iscrowd": 0, "segmentation": []}
        )
    (root / "a.json").write_text(json.dumps(content))
    return root


def written(dest: Path) -> list[tuple[int, ...]]:
    """Left, top, right, bottom of each annotation."""
    boxes = [a.bbox for one in load_dataset(dest).splits.values() for a in one.annotations]
    return sorted((round(x), round(y), round(x + w), round(y + h)) for x, y, w, h in boxes)


def problems(root: Path, code: str) -> list[str]:
    return [finding.value for finding in check(root, Limits(), jobs=1).findings if finding.code == code]


@pytest.mark.parametrize("form", ["corners", "corner-size"])
def test_yolo_boxes_of_another_form(tmp_path: Path, form: str) -> None:
    source = yolo(tmp_path / "y", form)
    with pytest.raises(InputError, match=f"--boxes {form}") as refused:
        yolo2coco(source, tmp_path / "d", execution=RUN)
    assert problems(source, "unusable-dataset") == [refused.value.problem]
    yolo2coco(source, tmp_path / "d", YoloOptions(boxes=form), RUN)  # type: ignore[arg-type]
    assert written(tmp_path / "d") == sorted(EDGES)


@pytest.mark.parametrize("form", ["corners", "centre-size"])
def test_coco_boxes_of_another_form(tmp_path: Path, form: str) -> None:
    source = coco(tmp_path / "c", form)
    with pytest.raises(InputError, match=f"--boxes {form}") as refused:
        coco2coco(source, tmp_path / "d", execution=RUN)
    assert problems(source, "unusable-dataset") == [refused.value.problem]
    coco2coco(source, tmp_path / "d", CocoOptions(boxes=form), RUN)  # type: ignore[arg-type]
    assert written(tmp_path / "d") == sorted(EDGES)


def test_the_own_form_is_read_without_a_word_and_without_a_record(tmp_path: Path) -> None:
    report = yolo2coco(yolo(tmp_path / "y", "centre-size"), tmp_path / "d", execution=RUN)
    assert written(tmp_path / "d") == sorted(EDGES)
    assert "box-form" not in {event.code for event in report.events}
    assert "boxes" not in json.loads((tmp_path / "d/dataset.json").read_text())["options"]


def test_reversed_corners_of_cvat_are_read_and_reported(tmp_path: Path) -> None:
    root = tmp_path / "c"
    image(root / "images/a.png", 1)
    (root / "annotations.xml").write_text(
        '<annotations><image id="0" name="a.png" width="100" height="50">'
        '<box label="chip" xtl="40" ytl="30" xbr="10" ybr="5"/></image></annotations>'
    )
    report = cvat2coco(root, tmp_path / "d", execution=RUN)
    assert written(tmp_path / "d") == [(10, 5, 40, 30)]
    found = [event.value for event in report.events if event.code == "swapped-corners"]
    assert found == ["40, 30 to 10, 5"] == problems(root, "swapped-corners")


def test_a_negative_radius_is_refused_and_found(tmp_path: Path) -> None:
    image(tmp_path / "v/a.png", 1)
    shape = {"name": "circle", "cx": 40, "cy": 20, "r": -9}
    region = {"shape_attributes": shape, "region_attributes": {"type": "chip"}}
    content = {"a.png1": {"filename": "a.png", "size": 1, "file_attributes": {}, "regions": [region]}}
    (tmp_path / "v/via.json").write_text(json.dumps(content))
    with pytest.raises(InputError, match="size -9") as refused:
        via2coco(tmp_path / "v/via.json", tmp_path / "d", execution=RUN)
    assert problems(tmp_path / "v/via.json", "unreadable-labels") == [refused.value.problem]
