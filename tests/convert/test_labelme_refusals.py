"""Refusals of labelme2coco, with file and place."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from convert.execution import Execution
from convert.labelme2coco import LabelmeOptions, labelme2coco
from system.errors import DefectlineError, InputError, OutputError
from tests.labelme_conversions import MASK, SQUARE, codes, convert
from tests.labelme_files import (
    instances,
    png_base64,
    shape,
    write_case,
)

REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "NaN": (
        {"shapes": [shape("a", "polygon", [[1, 1], [float("nan"), 2], [3, 3]])]},
        r"\$\.shapes\[0\]\.points\[1\]\[0\] \(NaN\)",
    ),
    "infinity": (
        {"shapes": [shape("a", "polygon", [[1, 1], [2, float("-inf")], [3, 3]])]},
        r"points\[1\]\[1\] \(-Infinity\)",
    ),
    "beyond all images": (
        {"shapes": [shape("a", "polygon", [[1, 1], [2, 1e300], [3, 3]])]},
        r"points\[1\]\[1\]",
    ),
    "text for a number": (
        {"shapes": [shape("a", "polygon", [[1, 1], ["2", 2], [3, 3]])]},
        r"got `str`.*points\[1\]\[0\]",
    ),
    "three numbers for a point": ({"shapes": [shape("a", "polygon", [[1, 1, 1]])]}, r"points\[0\]"),
    "boolean for a group": (
        {"shapes": [shape("a", "polygon", SQUARE, group_id=True)]},
        r"got `bool`.*\[0\]\.group_id",
    ),
    "label that is not text": ({"shapes": [shape("a", "polygon", SQUARE) | {"label": 3}]}, r"shapes\[0\]\.label"),
    "empty label": ({"shapes": [shape("", "polygon", SQUARE)]}, r"shapes\[0\]\.label: the label is empty"),
    "unknown type": ({"shapes": [shape("a", "ellipse", SQUARE)]}, r"shapes\[0\]\.shape_type 'ellipse'"),
    "rectangle of three points": ({"shapes": [shape("a", "rectangle", SQUARE[:3])]}, r"has 3 points"),
    "circle of one point": ({"shapes": [shape("a", "circle", SQUARE[:1])]}, r"has 1 points"),
    "mask without a PNG": ({"shapes": [shape("a", "mask", SQUARE[:2])]}, r"shapes\[0\]\.mask is missing"),
    "mask that is not base64": ({"shapes": [shape("a", "mask", SQUARE[:2], mask="$$$")]}, r"mask is not base64"),
    "mask that is not a PNG": ({"shapes": [shape("a", "mask", SQUARE[:2], mask="AAAA")]}, r"mask is not a PNG"),
    "mask of another size": (
        {"shapes": [shape("a", "mask", [[0, 0], [9, 9]], mask=png_base64(MASK))]},
        r"3 x 4 pixels, but the box of its points is 10 x 10",
    ),
    "no shapes at all": ({"shapes": None}, r"\$\.shapes"),
    "another image's size": ({"imageWidth": 61}, r"61 x 40, but its image has 60 x 40"),
    "image outside": ({"imagePath": "../../secret.png"}, r"points outside the folder"),
    "image missing": ({"imagePath": "gone.png"}, r"its image is missing"),
    "imageData that is not base64": (
        {"imagePath": "gone.png", "imageData": "iVBORw0KGgoAAAAN!"},
        r"imageData is not base64",
    ),
    "imageData that is cut off": ({"imagePath": "gone.png", "imageData": "iVBORw0KGgoAAAAN"}, r"truncated"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refused_with_file_and_place(case: str, tmp_path: Path) -> None:
    content, expected = REFUSED[case]
    write_case(tmp_path / "src", **content)
    if "imagePath" in content:
        (tmp_path / "src/a.png").rename(tmp_path / "secret.png")
    with pytest.raises(InputError, match=expected) as caught:
        convert(tmp_path / "src", tmp_path / "dst")
    assert "a.json" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "dst").exists()


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b'{"shapes":' + b"[" * 100_000,
        b'{"x":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        b"\xff\xfe{\0}\0",
    ],
)
def test_other_json_files_are_refused(data: bytes, tmp_path: Path) -> None:
    write_case(tmp_path / "src").write_bytes(data)
    with pytest.raises(InputError, match=r"a\.json"):
        convert(tmp_path / "src", tmp_path / "dst")


def test_byte_order_mark_of_windows_editors_is_read(tmp_path: Path) -> None:
    path = write_case(tmp_path / "src", shape("a", "polygon", SQUARE))
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    convert(tmp_path / "src", tmp_path / "dst")
    assert len(instances(tmp_path / "dst")["a.png"]) == 1


def test_two_files_for_one_image_are_refused(tmp_path: Path) -> None:
    write_case(tmp_path / "src", shape("a", "polygon", SQUARE))
    write_case(tmp_path / "src", name="b", imagePath="a.png")
    with pytest.raises(InputError, match=r"b\.json: labels a\.png, which a\.json also labels"):
        convert(tmp_path / "src", tmp_path / "dst")


def test_two_files_for_one_image_can_be_left_out(tmp_path: Path) -> None:
    write_case(tmp_path / "src", shape("a", "polygon", SQUARE))
    write_case(tmp_path / "src", name="b", imagePath="a.png")
    write_case(tmp_path / "src", shape("a", "polygon", SQUARE), name="c")
    options, execution = LabelmeOptions(unlabelled="negative"), Execution(jobs=1, skip_bad=True)
    report = labelme2coco(tmp_path / "src", tmp_path / "dst", options, execution)
    assert [(event.file, event.code) for event in report.events if event.code == "bad-input"] == [
        ("b.json", "bad-input")
    ]
    assert list(instances(tmp_path / "dst")) == ["c.png"]
    assert not (tmp_path / "dst/images/a.png").exists()  # not a negative either


def test_tens_of_thousands_of_random_points_end_soon(tmp_path: Path) -> None:
    points = np.random.default_rng(0).uniform(0, 40, (20_000, 2)).tolist()
    write_case(tmp_path / "src", shape("a", "polygon", points), shape("a", "linestrip", points[:2000]))
    report = convert(tmp_path / "src", tmp_path / "dst", line_width=2.0)
    assert codes(report) == ["self-crossing", "line-drawn"]


@pytest.mark.parametrize(
    ("points", "size", "problem"),
    [(10_000, 40, "has 20001 points"), (9_000, 600, "has an outline longer than 2e[+]06 pixels")],
)
def test_outline_that_would_take_the_memory_is_refused(
    points: int, size: int, problem: str, tmp_path: Path
) -> None:
    zigzag = [[0, 0], [size, size]] * points
    path = write_case(
        tmp_path / "src", shape("a", "polygon", [*zigzag, [0, size]]), imageWidth=None, imageHeight=None
    )
    Image.new("L", (size, size)).save(path.with_suffix(".png"))
    with pytest.raises(InputError, match=rf"\$\.shapes\[0\]\.points {problem}"):
        convert(tmp_path / "src", tmp_path / "dst")


def test_destination_that_holds_something_is_left_alone(tmp_path: Path) -> None:
    write_case(tmp_path / "src")
    (tmp_path / "dst").mkdir()
    (tmp_path / "dst/mine.txt").write_text("mine")
    with pytest.raises(OutputError):
        convert(tmp_path / "src", tmp_path / "dst", overwrite=True)
    assert (tmp_path / "dst/mine.txt").read_text() == "mine"
    with pytest.raises(DefectlineError):
        convert(tmp_path / "src", tmp_path / "src" / "inside")
