"""Values that every reader accepts but that are probably meant otherwise: reported by `convert` and `check` alike.

Single boxes of another form, exchanged axes, fractions of the image, rectangles as centre and size.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from convert.coco2coco import coco2coco
from convert.csv2coco import csv2coco
from convert.cvat2coco import cvat2coco
from convert.execution import Execution
from convert.labelme2coco import labelme2coco
from convert.labelstudio2coco import labelstudio2coco
from convert.report import Report
from convert.via2coco import via2coco
from convert.voc2coco import voc2coco
from datasets.check.check import check
from datasets.check.facts import Limits
from datasets.formats.dataset_folder import load_dataset
from system.errors import InputError
from tests.foreign_coco import annotation, coco_json, draw, image
from tests.labelme_files import shape, write_case
from tests.tool_exports import draw_image, result, task, voc_object, write_cvat, write_json, write_voc

RUN = Execution(jobs=1)
Convert = Callable[..., Report]
SMALL = [(2 + 5 * k, 30 + k % 5, 4, 5) for k in range(11)]  # x y w h; none of them can be corners


def found(root: Path, code: str) -> list[tuple[str, str]]:
    """(place, value) of the findings of a code."""
    return [(f.where, f.value) for f in check(root, Limits(), jobs=1).findings if f.code == code]


def reported(report: Report, code: str) -> list[tuple[str, str]]:
    return [(event.where, event.value) for event in report.events if event.code == code]


def same_in_both(source: Path, report: Report, code: str) -> list[tuple[str, str]]:
    """What conversion and check both report of a code."""
    events = reported(report, code)
    assert events == found(source, code)
    return events


def refused_in_both(source: Path, convert: Convert, dest: Path, match: str) -> None:
    with pytest.raises(InputError, match=match) as refused:
        convert(source, dest, execution=RUN)
    assert [value for _, value in found(source, "unusable-dataset")] == [refused.value.problem]


def coco(root: Path, *boxes: Sequence[float], **changes: Any) -> Path:
    draw(root / "a.png", 100, 50)
    drawn = [
        annotation(k, 1, bbox=list(box), segmentation=[], area=box[2] * box[3]) | changes
        for k, box in enumerate(boxes, 1)
    ]
    return coco_json(root / "c.json", [image(1, "a.png", 100, 50)], drawn)


def test_a_coco_box_of_corners_among_small_boxes(tmp_path: Path) -> None:
    source = coco(tmp_path / "s", *SMALL, (20, 18, 25, 22))  # corners of a box of 5 x 4
    ((where, value),) = same_in_both(source, coco2coco(source, tmp_path / "d", execution=RUN), "box-outlier")
    assert where == "annotation 12"
    assert value == "27.5 times as large as all others, but has their size as x1 y1 x2 y2"  # 550 / 20


def test_a_coco_box_whose_area_is_that_of_the_corners(tmp_path: Path) -> None:
    right = [(60, 2, 20, 9), (2, 40, 30, 8)]
    source = coco(tmp_path / "s", *right, (10, 5, 40, 30))
    text = source.read_text().replace('"area": 1200', '"area": 750')  # 30 x 25
    source.write_text(text)
    ((where, value),) = same_in_both(source, coco2coco(source, tmp_path / "d", execution=RUN), "box-outlier")
    assert (where, "contradicts its area" in value) == ("annotation 3", True)


@pytest.mark.parametrize(
    "large",
    [
        (1, 1, 90, 40),  # as corners it would still be larger than all others
        (60, 18, 30, 22),  # cannot be corners
    ],
)
def test_a_large_box_that_fits_no_other_form_is_not_reported(tmp_path: Path, large: tuple[int, ...]) -> None:
    source = coco(tmp_path / "s", *SMALL, large)
    assert same_in_both(source, coco2coco(source, tmp_path / "d", execution=RUN), "box-outlier") == []


def test_the_mask_of_a_coco_box_counts_and_exchanged_axes_are_stated(tmp_path: Path) -> None:
    ring = [8, 30, 28, 30, 28, 40, 8, 40]  # the box is 30, 8, 10, 20: y, x, height, width
    source = coco(tmp_path / "s", (30, 8, 10, 20), segmentation=[ring], area=200)
    report = coco2coco(source, tmp_path / "d", execution=RUN)
    assert same_in_both(source, report, "swapped-axes") == [
        ("annotation 1", "[30, 8, 10, 20] is y, x, height, width of the polygon")
    ]
    assert len(reported(report, "box-from-mask")) == len(found(source, "box-and-mask")) == 1
    (box,) = (a.bbox for one in load_dataset(tmp_path / "d").splits.values() for a in one.annotations)
    assert box == (8, 30, 20, 10)


def test_exchanged_axes_are_stated_where_the_polygon_leaves_the_image(tmp_path: Path) -> None:
    ring = [8, 70, 28, 70, 28, 80, 8, 80]  # below the image of 100 x 50
    source = coco(tmp_path / "s", (70, 8, 10, 20), segmentation=[ring], area=200)
    assert [where for where, _ in found(source, "swapped-axes")] == ["annotation 1"]
    with pytest.raises(InputError, match="image-left-out"):
        coco2coco(source, tmp_path / "d", execution=Execution(jobs=1, strict=True))


def table(root: Path, rows: Sequence[tuple[float, ...]]) -> Path:
    """A table whose corner columns hold x, y, width and height."""
    lines = ["filename,width,height,class,xmin,ymin,xmax,ymax"]
    for k, row in enumerate(rows):
        draw(root / f"{k}.png", 200, 100)
        lines.append(f"{k}.png,200,100,chip,{','.join(map(str, row))}")
    (root / "t.csv").write_text("\n".join(lines) + "\n")
    return root / "t.csv"


def test_width_and_height_in_corner_columns(tmp_path: Path) -> None:
    source = table(tmp_path / "s", [(20, 10, 60, 30), (50, 20, 70, 40), (10, 30, 20, 50)])
    report = csv2coco(source, tmp_path / "d", execution=RUN)
    assert same_in_both(source, report, "box-form") == [("", "all 3 boxes also fit x y width height")]
    right = table(tmp_path / "r", [(20, 10, 60, 30), (50, 20, 70, 40), (150, 30, 170, 80)])
    assert same_in_both(right, csv2coco(right, tmp_path / "e", execution=RUN), "box-form") == []


def voc(root: Path, boxes: Sequence[tuple[int, ...]]) -> Path:
    for k, box in enumerate(boxes):
        draw(root / f"{k}.png")
        write_voc(root / f"{k}.xml", voc_object("chip", box), filename=f"{k}.png")
    return root


def cvat(root: Path, boxes: Sequence[tuple[int, ...]]) -> Path:
    drawn = {}
    for k, (x0, y0, x1, y1) in enumerate(boxes):
        draw(root / f"{k}.png")
        drawn[f"{k}.png"] = f'<box label="chip" xtl="{x0}" ytl="{y0}" xbr="{x1}" ybr="{y1}"/>'
    write_cvat(root / "annotations.xml", drawn)
    return root


@pytest.mark.parametrize(("write", "convert"), [(voc, voc2coco), (cvat, cvat2coco)])
def test_sizes_instead_of_last_corners(tmp_path: Path, write: Callable[..., Path], convert: Convert) -> None:
    sizes = [(30, 20, 9, 8), (40, 9, 12, 6), (25, 30, 10, 12), (5, 6, 30, 20)]  # three end before they begin
    refused_in_both(write(tmp_path / "s", sizes), convert, tmp_path / "d", "3 of 4 boxes .* x y width height")
    two_reversed = [(30, 20, 9, 8), (40, 9, 12, 6), (40, 30, 60, 45)]  # the last one cannot be a size
    source = write(tmp_path / "t", two_reversed)
    assert len(same_in_both(source, convert(source, tmp_path / "e", execution=RUN), "swapped-corners")) == 2


def labelstudio(root: Path, *values: dict[str, float], kind: str = "rectanglelabels") -> Path:
    size = {"original_width": 4000, "original_height": 3000}
    draw_image(root / "a.png", (4000, 3000))
    drawn = [result(kind, value, **size) for value in values]
    return write_json(root / "export.json", [task("a.png", *drawn)])


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("rectanglelabels", {"x": 0.2, "y": 0.3, "width": 0.1, "height": 0.2}),
        ("polygonlabels", {"points": [[0.2, 0.3], [0.4, 0.3], [0.4, 0.6]]}),
        ("ellipselabels", {"x": 0.5, "y": 0.5, "radiusX": 0.2, "radiusY": 0.1}),
    ],
)
def test_label_studio_fractions(tmp_path: Path, kind: str, value: dict[str, float]) -> None:
    source = labelstudio(tmp_path / "s", value, value, kind=kind)
    refused_in_both(source, labelstudio2coco, tmp_path / "d", "all 2 shapes are inside the first percent")


def test_one_percentage_above_one_is_enough(tmp_path: Path) -> None:
    small = {"x": 0.2, "y": 0.3, "width": 0.1, "height": 0.2}
    source = labelstudio(tmp_path / "s", small, small | {"x": 40})
    assert labelstudio2coco(source, tmp_path / "d", execution=RUN).written["annotations"] == 2


def test_a_label_studio_box_of_corners_among_small_boxes(tmp_path: Path) -> None:
    small = [{"x": x, "y": 50 + y, "width": w, "height": h} for x, y, w, h in SMALL]
    source = labelstudio(tmp_path / "s", *small, {"x": 20, "y": 18, "width": 25, "height": 22})
    report = labelstudio2coco(source, tmp_path / "d", execution=RUN)
    assert [where for where, _ in same_in_both(source, report, "box-outlier")] == ["$[0] result 12"]


def test_via_circles_as_fractions(tmp_path: Path) -> None:
    draw(tmp_path / "s/a.png")
    region = {
        "shape_attributes": {"name": "circle", "cx": 0.6, "cy": 0.5, "r": 0.2},
        "region_attributes": {"type": "chip"},
    }
    content = {"a.png1": {"filename": "a.png", "size": 1, "file_attributes": {}, "regions": [region]}}
    source = write_json(tmp_path / "s/via.json", content)
    refused_in_both(source, via2coco, tmp_path / "d", "all 1 shapes are inside the first pixel")


@pytest.mark.parametrize(
    ("kind", "points"),
    [
        ("circle", [[0.5, 0.5], [0.6, 0.7]]),
        ("rectangle", [[0.2, 0.2], [0.7, 0.9]]),
        ("polygon", [[0.2, 0.2], [0.7, 0.9], [0.1, 0.8]]),
    ],
)
def test_labelme_fractions(tmp_path: Path, kind: str, points: list[list[float]]) -> None:
    for name in ("a", "b"):
        write_case(tmp_path / "s", shape("chip", kind, points), name=name)
    refused_in_both(tmp_path / "s", labelme2coco, tmp_path / "d", "all 2 shapes are inside the first pixel")


@pytest.mark.parametrize(
    ("form", "boxes"),
    [
        ("centre and size", [(30, 20, 8, 6), (54, 12, 10, 9), (12, 30, 14, 5)]),  # 54 + 10 is outside
        ("x y width height", [(1, 30, 10, 6), (40, 12, 10, 9), (20, 30, 14, 5)]),  # 1 - 10 / 2 is outside
        ("x y width height or centre and size", [(30, 20, 8, 6), (40, 12, 10, 9), (20, 30, 14, 5)]),
    ],
)
def test_labelme_rectangles_of_another_form(tmp_path: Path, form: str, boxes: list[tuple[int, ...]]) -> None:
    for k, (a, b, c, d) in enumerate(boxes):
        write_case(tmp_path / "s", shape("chip", "rectangle", [[a, b], [c, d]]), name=f"i{k}")
    report = labelme2coco(tmp_path / "s", tmp_path / "d", execution=RUN)
    assert [value for _, value in same_in_both(tmp_path / "s", report, "box-form")] == [
        f"3 of 3 rectangles end before they begin; all fit {form}"
    ]


def test_labelme_rectangles_drawn_from_any_corner(tmp_path: Path) -> None:
    drawn = [((50, 35), (40, 30)), ((55, 38), (2, 3)), ((5, 9), (30, 20)), ((10, 10), (30, 30))]
    for k, points in enumerate(drawn):  # half of them end before they begin
        write_case(tmp_path / "s", shape("chip", "rectangle", points), name=f"i{k}")
    report = labelme2coco(tmp_path / "s", tmp_path / "d", execution=RUN)
    assert same_in_both(tmp_path / "s", report, "box-form") == []
