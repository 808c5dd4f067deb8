"""The conformance set: each case is a small file; the expected annotation is computed with numpy or by hand."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from system.errors import InputError
from tests.labelme_conversions import BOW_TIE, HAND_DRAWN, MASK, SQUARE, codes, convert, placed_mask, rectangle
from tests.labelme_files import (
    WIDTH,
    inside_disk,
    inside_polygon,
    instances,
    iou,
    near_segment,
    png_base64,
    shape,
    write_case,
)

# name: (shapes, options, expected pixels of each annotation, codes)
CASES: dict[str, tuple[list[Any], dict[str, Any], list[Any], list[str]]] = {
    "polygon": ([shape("a", "polygon", HAND_DRAWN)], {}, [inside_polygon(HAND_DRAWN)], []),
    "polygon without a type": ([{"label": "a", "points": SQUARE}], {}, [rectangle(10, 10, 20, 20)], []),
    "rectangle": ([shape("a", "rectangle", [[10, 12], [20, 30]])], {}, [rectangle(10, 12, 20, 30)], []),
    "rectangle drawn to the upper left": (
        [shape("a", "rectangle", [[20, 30], [10, 12]])],
        {},
        [rectangle(10, 12, 20, 30)],
        [],
    ),
    "rectangle drawn to the lower left": (
        [shape("a", "rectangle", [[20, 12], [10, 30]])],
        {},
        [rectangle(10, 12, 20, 30)],
        [],
    ),
    # 9.4 leaves the centre 9.5 inside, 20.6 leaves 20.5 inside
    "rectangle between pixels": (
        [shape("a", "rectangle", [[9.4, 12.6], [20.6, 29.4]])],
        {},
        [rectangle(9, 13, 21, 29)],
        [],
    ),
    "oriented rectangle": (
        [shape("a", "oriented_rectangle", [[20.3, 5.1], [37.2, 18.8], [25.4, 33.5], [8.5, 19.8]])],
        {},
        [inside_polygon([[20.3, 5.1], [37.2, 18.8], [25.4, 33.5], [8.5, 19.8]])],
        [],
    ),
    "circle": ([shape("a", "circle", [[30, 20], [33, 24]])], {}, [inside_disk(30, 20, 5)], []),
    "circle over the edge": (
        [shape("a", "circle", [[2.5, 20], [10.5, 20]])],
        {},
        [inside_disk(2.5, 20, 8)],
        ["clipped"],
    ),
    "mask": ([shape("a", "mask", [[50, 8], [52, 11]], mask=png_base64(MASK))], {}, [placed_mask], []),
    "mask of 0 and 255": (
        [shape("a", "mask", [[50, 8], [52, 11]], mask=png_base64(np.asarray(MASK) * 255))],
        {},
        [placed_mask],
        [],
    ),
    "mask over the edge": (
        [shape("a", "mask", [[-1, 8], [1, 11]], mask=png_base64(MASK))],
        {},
        [np.pad(np.asarray(MASK, bool)[:, 1:], ((8, 28), (0, 58)))],
        ["clipped"],
    ),
    "point is lost": (
        [shape("a", "point", [[5, 5]]), shape("a", "polygon", SQUARE)],
        {},
        [rectangle(10, 10, 20, 20)],
        ["line-lost"],
    ),
    "line is lost": (
        [shape("a", "line", [[5, 5], [9, 9]]), shape("a", "polygon", SQUARE)],
        {},
        [rectangle(10, 10, 20, 20)],
        ["line-lost"],
    ),
    "line as wide as asked": (
        [shape("a", "line", [[5.2, 5.6], [30.3, 5.6]])],
        {"line_width": 3.0},
        [near_segment((5.2, 5.6), (30.3, 5.6), 1.5)],
        ["line-drawn"],
    ),
    "linestrip as wide as asked": (
        [shape("a", "linestrip", [[5, 5], [30, 5], [30, 30]])],
        {"line_width": 4.0},
        [near_segment((5, 5), (30, 5), 2) | near_segment((30, 5), (30, 30), 2)],
        ["line-drawn"],
    ),
    "point as wide as asked": (
        [shape("a", "point", [[20, 20]])],
        {"line_width": 10.0},
        [inside_disk(20, 20, 5)],
        ["line-drawn"],
    ),
    "points as wide as asked": (
        [shape("a", "points", [[20, 20], [40, 20]])],
        {"line_width": 10.0},
        [inside_disk(20, 20, 5) | inside_disk(40, 20, 5)],
        ["line-drawn"],
    ),
    "group of one label": (
        [shape("a", "polygon", SQUARE, group_id=1), shape("a", "rectangle", [[40, 10], [50, 20]], group_id=1)],
        {},
        [rectangle(10, 10, 20, 20) | rectangle(40, 10, 50, 20)],
        [],
    ),
    "one group of two labels": (
        [shape("a", "polygon", SQUARE, group_id=1), shape("b", "rectangle", [[40, 10], [50, 20]], group_id=1)],
        {},
        [rectangle(10, 10, 20, 20), rectangle(40, 10, 50, 20)],
        [],
    ),
    "a hole is not guessed": (
        [shape("a", "polygon", SQUARE), shape("a", "rectangle", [[13, 13], [16, 16]])],
        {},
        [rectangle(10, 10, 20, 20), rectangle(13, 13, 16, 16)],
        [],
    ),
    "polygon that crosses itself": (
        [shape("a", "polygon", BOW_TIE)],
        {},
        [inside_polygon(BOW_TIE)],
        ["self-crossing"],
    ),
    "polygon over the edge": (
        [shape("a", "polygon", [[-20, 10], [20, 10], [20, 20], [-20, 20]])],
        {},
        [rectangle(0, 10, 20, 20)],
        ["clipped"],
    ),
    "very large coordinates": (
        [shape("a", "polygon", [[-1e8, 10], [1e8, 10], [1e8, 20], [-1e8, 20]])],
        {},
        [rectangle(0, 10, WIDTH, 20)],
        ["clipped"],
    ),
    "polygon outside": (
        [shape("a", "polygon", [[70, 10], [80, 10], [80, 20]]), shape("a", "polygon", SQUARE)],
        {},
        [rectangle(10, 10, 20, 20)],
        ["outside"],
    ),
    "polygon of two points": (
        [shape("a", "polygon", [[10, 10], [20, 20]]), shape("a", "polygon", SQUARE)],
        {},
        [rectangle(10, 10, 20, 20)],
        ["no-area"],
    ),
    "polygon on a line": (
        [shape("a", "polygon", [[10, 10], [15, 15], [20, 20]]), shape("a", "polygon", SQUARE)],
        {},
        [rectangle(10, 10, 20, 20)],
        ["no-area"],
    ),
    "polygon between pixel centres": (
        [shape("a", "polygon", [[10.6, 10.6], [11.4, 10.6], [11.4, 11.4]]), shape("a", "polygon", SQUARE)],
        {},
        [rectangle(10, 10, 20, 20)],
        ["no-area"],
    ),
    "no shapes": ([], {}, [], []),
    "ignored": (
        [shape("__ignore__", "polygon", HAND_DRAWN), shape("a", "polygon", SQUARE)],
        {},
        [rectangle(10, 10, 20, 20)],
        ["ignored-label"],
    ),
    "background": ([shape("_background_", "polygon", HAND_DRAWN)], {}, [], ["background-label"]),
    "renamed to background": (
        [shape("b", "polygon", HAND_DRAWN)],
        {"rename": ("b=_background_",)},
        [],
        ["background-label"],
    ),
    "drawn line over the edge": (
        [shape("a", "line", [[-20, 10.5], [80, 10.5]])],
        {"line_width": 5},
        [near_segment([-20, 10.5], [80, 10.5], 2.5)],
        ["clipped", "line-drawn"],
    ),
    "drawn points and lines that meet no pixel centre": (
        [
            shape("a", "point", [[30, 20]]),
            shape("a", "linestrip", []),
            shape("a", "line", [[-5, 20], [99, 20]]),
            shape("a", "point", [[70, 20]]),
            shape("a", "polygon", SQUARE),
        ],
        {"line_width": 0.5},
        [rectangle(10, 10, 20, 20)],
        ["no-area", "no-area", "no-area", "outside"],
    ),
}


@pytest.mark.parametrize("segmentation", ["rle", "polygon", "auto"])
@pytest.mark.parametrize("case", CASES)
def test_each_shape_becomes_the_annotation_that_numpy_draws(case: str, segmentation: str, tmp_path: Path) -> None:
    shapes, options, expected, expected_codes = CASES[case]
    write_case(tmp_path / "src", *shapes)
    report = convert(tmp_path / "src", tmp_path / "dst", segmentation=segmentation, **options)
    found = instances(tmp_path / "dst")["a.png"]
    assert len(found) == len(expected)
    for (_, pixels, annotation), wanted in zip(found, expected, strict=True):
        # the round ends of lines have many corners, and readers fill polygons with corners at fifths of a pixel
        assert iou(pixels, wanted) >= (0.98 if segmentation == "rle" else 0.97)
        rows, columns = np.nonzero(pixels)
        box = (columns.min(), rows.min(), columns.max() + 1 - columns.min(), rows.max() + 1 - rows.min())
        assert annotation.bbox == box
        assert annotation.area == pixels.sum()
        assert annotation.iscrowd == 0
    assert codes(report) == expected_codes
    assert report.written["negatives"] == (0 if expected else 1)


@pytest.mark.parametrize(
    "case", [name for name in CASES if "rectangle" in name or "group" in name or "hole" in name]
)
def test_shapes_with_upright_sides_are_exact(case: str, tmp_path: Path) -> None:
    shapes, options, expected, _ = CASES[case]
    if case == "oriented rectangle":
        return
    write_case(tmp_path / "src", *shapes)
    convert(tmp_path / "src", tmp_path / "dst", **options)
    found = instances(tmp_path / "dst")["a.png"]
    assert all((pixels == wanted).all() for (_, pixels, _), wanted in zip(found, expected, strict=True))


def test_hundreds_of_shapes_in_one_image(tmp_path: Path) -> None:
    places = [(x, y) for x in range(0, 60, 3) for y in range(0, 40, 2)]
    shapes = [shape("a", "rectangle", [[x, y], [x + 2, y + 1]]) for x, y in places]
    write_case(tmp_path / "src", *shapes)
    convert(tmp_path / "src", tmp_path / "dst")
    assert [a.bbox for _, _, a in instances(tmp_path / "dst")["a.png"]] == [(x, y, 2, 1) for x, y in places]


def test_drawn_polygon_is_kept_as_it_was_drawn(tmp_path: Path) -> None:
    write_case(tmp_path / "src", shape("a", "polygon", HAND_DRAWN))
    convert(tmp_path / "src", tmp_path / "dst", segmentation="polygon")
    ((_, _, annotation),) = instances(tmp_path / "dst")["a.png"]
    assert annotation.segmentation == [[v for point in HAND_DRAWN for v in point]]


def test_pixel_mask_has_the_smaller_on_top_and_reports_it(tmp_path: Path) -> None:
    write_case(tmp_path / "src", shape("b", "rectangle", [[13, 13], [16, 16]]), shape("a", "polygon", SQUARE))
    report = convert(tmp_path / "src", tmp_path / "dst")
    expected = rectangle(10, 10, 20, 20).astype(int) + rectangle(13, 13, 16, 16)
    assert (np.asarray(Image.open(tmp_path / "dst/masks/a.png")) == expected).all()
    assert [(e.code, e.value) for e in report.events] == [("overlap", "9 px")]


def test_image_whose_shapes_are_all_lost_is_not_a_negative(tmp_path: Path) -> None:
    write_case(tmp_path / "src", shape("a", "point", [[5, 5]]))
    write_case(tmp_path / "src", shape("a", "polygon", SQUARE), name="b")
    report = convert(tmp_path / "src", tmp_path / "dst")
    assert codes(report) == ["image-left-out", "line-lost"]
    assert list(instances(tmp_path / "dst")) == ["b.png"]
    assert not (tmp_path / "dst/images/a.png").exists()


def test_strict_makes_a_loss_an_error_and_leaves_nothing(tmp_path: Path) -> None:
    write_case(tmp_path / "src", shape("a", "polygon", SQUARE), shape("a", "point", [[5, 5]]))
    with pytest.raises(InputError, match=r"a\.json: \$\.shapes\[1\]: line-lost"):
        convert(tmp_path / "src", tmp_path / "dst", strict=True)
    assert [p.name for p in tmp_path.iterdir()] == ["src"]


def test_dry_run_reports_the_same_and_writes_nothing(tmp_path: Path) -> None:
    write_case(tmp_path / "src", shape("a", "polygon", BOW_TIE), shape("a", "point", [[5, 5]]))
    dry = convert(tmp_path / "src", tmp_path / "dst", dry_run=True)
    assert [p.name for p in tmp_path.iterdir()] == ["src"]
    assert dry == convert(tmp_path / "src", tmp_path / "dst")


def test_images_converted_together_are_as_each_alone(tmp_path: Path) -> None:
    alone = {}
    for i, (shapes, options, _, _) in enumerate(CASES.values()):
        if not options:
            write_case(tmp_path / f"src{i}", *shapes, name=f"n{i}")
            write_case(tmp_path / "src", *shapes, name=f"n{i}")
            convert(tmp_path / f"src{i}", tmp_path / f"dst{i}")
            mask = tmp_path / f"dst{i}/masks/n{i}.png"
            alone |= {
                name: (annotated, np.asarray(Image.open(mask)))
                for name, annotated in instances(mask.parents[1]).items()
            }
    convert(tmp_path / "src", tmp_path / "dst")
    together = instances(tmp_path / "dst")
    assert len(together) > 8
    assert together.keys() == alone.keys()
    for name, annotated in together.items():
        wanted, mask = alone[name]
        assert [(a.bbox, a.area, a.segmentation) for _, _, a in annotated] == [
            (a.bbox, a.area, a.segmentation) for _, _, a in wanted
        ]
        got = np.asarray(Image.open((tmp_path / "dst/masks" / name).with_suffix(".png")))
        assert ((got > 0) == (mask > 0)).all()


def test_first_of_several_errors_is_raised(tmp_path: Path) -> None:
    write_case(tmp_path / "src", shape("a", "polygon", SQUARE), name="first")
    write_case(tmp_path / "src", shape("a", "circle", SQUARE), name="second")
    write_case(tmp_path / "src", shape("a", "polygon", SQUARE), name="third", imageHeight=7)
    with pytest.raises(InputError, match="circle") as caught:
        convert(tmp_path / "src", tmp_path / "dst")
    assert "second.json" in str(caught.value)
    assert not (tmp_path / "dst").exists()


def test_processes_change_no_byte(tmp_path: Path) -> None:
    for i in range(7):
        write_case(tmp_path / "src" / f"d{i % 2}", shape("ab"[i % 2], "polygon", HAND_DRAWN), name=f"n{i}")
    convert(tmp_path / "src", tmp_path / "one", jobs=1)
    convert(tmp_path / "src", tmp_path / "two", jobs=2)
    files = [p.relative_to(tmp_path / "one") for p in sorted((tmp_path / "one").rglob("*")) if p.is_file()]
    assert len(files) == 7 + 7 + 3 + 1
    assert all((tmp_path / "one" / f).read_bytes() == (tmp_path / "two" / f).read_bytes() for f in files)
