"""What only all YOLO labels together reveal: keypoints without kpt_shape, classes from 1, one box of corners."""

from collections.abc import Sequence
from pathlib import Path

import pytest
from PIL import Image as PilImage

from convert.execution import Execution
from convert.yolo2coco import YoloOptions, yolo2coco
from datasets.check.check import check
from datasets.check.facts import Limits
from datasets.formats.dataset_folder import load_dataset
from system.errors import InputError

RUN = Execution(jobs=1)
PEOPLE = [(0.5, 0.5, 0.2, 0.6), (0.7, 0.4, 0.2, 0.3), (0.8, 0.6, 0.1, 0.7)]  # boxes
SMALL = [(0.05 + 0.08 * k, 0.7, 0.04, 0.1) for k in range(11)]


def folder(root: Path, lines: Sequence[str], names: Sequence[str] = ("chip",), extra: str = "") -> Path:
    """An image with a label file for each line."""
    for k, line in enumerate(lines):
        for part in ("images", "labels"):
            (root / part / "train").mkdir(parents=True, exist_ok=True)
        PilImage.new("RGB", (100, 80), (k, 2 * k, 90)).save(root / f"images/train/{k}.png")
        (root / f"labels/train/{k}.txt").write_text(f"{line}\n")
    listed = "".join(f"  {i}: {name}\n" for i, name in enumerate(names))
    (root / "data.yaml").write_text(f"train: images/train\nval: images/train\n{extra}names:\n{listed}")
    return root


def line(values: Sequence[float], category: int = 0) -> str:
    return " ".join([str(category), *(f"{value:.4f}" for value in values)])


def pose(box: tuple[float, ...], count: int, visibility: int | None) -> str:
    """A box and keypoints on its diagonal, of two or three values."""
    cx, cy, w, h = box
    values = list(box)
    for k in range(count):
        share = (k + 1) / (count + 1) - 0.5
        values += [cx + w * share, cy + h * share] + ([] if visibility is None else [visibility])
    return line(values)


def found(root: Path, code: str) -> list[tuple[str, str]]:
    return [(f.where, f.value) for f in check(root, Limits(), jobs=1).findings if f.code == code]


@pytest.mark.parametrize(("count", "visibility"), [(4, None), (5, None), (2, 1), (4, 0)])
def test_keypoints_need_kpt_shape(tmp_path: Path, count: int, visibility: int | None) -> None:
    lines = [pose(box, count, visibility) for box in PEOPLE]
    source = folder(tmp_path / "s", lines)
    size = 2 if visibility is None else 3
    with pytest.raises(InputError, match=rf"all 3 segments are boxes followed by {count} keypoints") as refused:
        yolo2coco(source, tmp_path / "d", execution=RUN)
    assert f"kpt_shape: [{count}, {size}]" in str(refused.value)
    assert found(source, "unusable-dataset") == [("", refused.value.problem)]
    remedied = folder(tmp_path / "r", lines, extra=f"kpt_shape: [{count}, {size}]\n")
    report = yolo2coco(remedied, tmp_path / "e", execution=RUN)
    assert report.written["annotations"] == 3


@pytest.mark.parametrize(
    "rings",
    [
        [(0.4, 0.4, 0.6, 0.4, 0.6, 0.6, 0.5, 0.7, 0.4, 0.6)] * 3,  # in the middle
        [(0.02, 0.1, 0.1, 0.1, 0.1, 0.3, 0.02, 0.3, 0.01, 0.2)] * 3,  # at the edge
        [(0, 0, 1, 0, 1, 1, 0, 1, 0, 0)] * 3,  # the whole image
        [(0.7, 0.4, 0.2, 0.3, 0.7, 0.4, 0.72, 0.42)] * 2,  # two are too few
    ],
)
def test_polygons_of_equal_length_are_segments(tmp_path: Path, rings: list[tuple[float, ...]]) -> None:
    source = folder(tmp_path / "s", [line(ring) for ring in rings])
    yolo2coco(source, tmp_path / "d", execution=RUN)
    assert found(source, "unusable-dataset") == []


def test_a_first_class_that_is_never_used(tmp_path: Path) -> None:
    lines = [line(box, 1 + k % 2) for k, box in enumerate(SMALL)]
    source = folder(tmp_path / "s", lines, ("chip", "dent", "crack", "stain"))
    report = yolo2coco(source, tmp_path / "d", execution=RUN)
    hint = "none of 11 labels is chip"
    assert [event.value for event in report.events if event.code == "class-0-unused"] == [hint]
    assert found(source, "class-0-unused") == [("", hint)]
    few = folder(tmp_path / "few", lines[:9], ("chip", "dent", "crack", "stain"))
    used = folder(tmp_path / "used", [*lines, line(SMALL[0])], ("chip", "dent", "crack", "stain"))
    assert found(few, "class-0-unused") == found(used, "class-0-unused") == []


def test_a_box_of_corners_among_small_boxes(tmp_path: Path) -> None:
    odd = (0.4, 0.4, 0.45, 0.46)  # corners of 0.05 x 0.06
    source = folder(tmp_path / "s", [line(box) for box in (*SMALL, odd)])
    report = yolo2coco(source, tmp_path / "d", execution=RUN)
    events = [event for event in report.events if event.code == "box-outlier"]
    assert [(event.file, event.where) for event in events] == [("11.png", "label 1")]
    assert found(source, "box-outlier") == [("line 1", events[0].value)]
    assert events[0].value.startswith("51.7 times as large")  # 0.45 * 0.46 / (0.04 * 0.1)
    stated = yolo2coco(source, tmp_path / "e", YoloOptions(boxes="centre-size"), RUN)
    assert "box-outlier" not in {event.code for event in stated.events}
    assert len([a for one in load_dataset(tmp_path / "e").splits.values() for a in one.annotations]) == 12
