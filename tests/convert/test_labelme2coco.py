"""The conformance set: each case a small file, the expected annotation worked out with numpy or by hand."""

import base64
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from convert.execution import Execution
from convert.labelme2coco import LabelmeOptions, labelme2coco
from convert.report import Report
from datasets.formats.dataset_folder import load_dataset
from system.errors import DefectlineError, InputError, OptionError, OutputError
from tests.labelme_files import (
    HEIGHT,
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

ONE_SPLIT = (1.0, 0.0, 0.0)
SQUARE = [[10, 10], [20, 10], [20, 20], [10, 20]]
HAND_DRAWN = [[5.3, 7.9], [31.2, 4.4], [40.7, 22.6], [22.1, 35.2], [9.8, 28.3]]
BOW_TIE = [[10.2, 9.7], [33.4, 30.9], [31.1, 10.3], [9.6, 31.8]]


def convert(source: Path, dest: Path, **options: Any) -> Report:
    run = {name: options.pop(name) for name in ("strict", "dry_run", "overwrite", "jobs") if name in options}
    return labelme2coco(source, dest, LabelmeOptions(ratios=ONE_SPLIT, **options), Execution(**run))


def codes(report: Report) -> list[str]:
    return [event.code for event in report.events]


def rectangle(x0: int, y0: int, x1: int, y1: int) -> Any:
    pixels = np.zeros((HEIGHT, WIDTH), bool)
    pixels[y0:y1, x0:x1] = True
    return pixels


MASK = [[0, 1, 1], [1, 1, 0], [1, 0, 1], [1, 1, 1]]
placed_mask = np.zeros((HEIGHT, WIDTH), bool)
placed_mask[8:12, 50:53] = np.asarray(MASK, bool)

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
        # line ends are many-cornered, and readers fill polygons with corners at fifths of a pixel
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
def test_what_has_upright_sides_is_exact(case: str, tmp_path: Path) -> None:
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


def test_image_whose_shapes_are_all_lost_is_no_negative(tmp_path: Path) -> None:
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


# How to turn a stored image of each orientation upright, from EXIF 2.3, 4.6.4: the orientation states which side
# of the shown image the first row is, and which side the first column.
UPRIGHT = {
    2: lambda p: p[:, ::-1],  # top, right
    3: lambda p: p[::-1, ::-1],  # bottom, right
    4: lambda p: p[::-1],  # bottom, left
    5: lambda p: p.transpose(1, 0, 2),  # left, top
    6: lambda p: p.transpose(1, 0, 2)[:, ::-1],  # right, top
    7: lambda p: p.transpose(1, 0, 2)[::-1, ::-1],  # right, bottom
    8: lambda p: p.transpose(1, 0, 2)[::-1],  # left, bottom
}


def save_with_exif(folder: Path, orientation: int, suffix: str) -> Any:
    """Save a.<suffix> with a white corner as stored, and return its pixels when upright."""
    pixels = np.zeros((WIDTH, HEIGHT, 3) if orientation >= 5 else (HEIGHT, WIDTH, 3), np.uint8)
    pixels[: len(pixels) // 4, : pixels.shape[1] // 2] = 255
    image = Image.fromarray(pixels)
    exif = image.getexif()
    exif[0x0112] = orientation
    parameters = {".jpg": {"quality": 95}, ".webp": {"lossless": True}}.get(suffix, {})
    image.save(folder / f"a{suffix}", exif=exif if suffix == ".tif" else exif.tobytes(), **parameters)
    return UPRIGHT[orientation](pixels)


@pytest.mark.parametrize("orientation", [2, 3, 4, 5, 6, 7, 8])
@pytest.mark.parametrize("suffix", [".jpg", ".png", ".tif", ".webp"])
def test_image_is_written_upright(orientation: int, suffix: str, tmp_path: Path) -> None:
    write_case(tmp_path / "src", shape("a", "rectangle", [[0, 0], [5, 5]]), imagePath=f"a{suffix}")
    (tmp_path / "src/a.png").unlink()
    upright = save_with_exif(tmp_path / "src", orientation, suffix)
    report = convert(tmp_path / "src", tmp_path / "dst")
    written = Image.open(tmp_path / f"dst/images/a{suffix}")
    assert written.getexif().get(0x0112, 1) == 1
    assert written.size == (WIDTH, HEIGHT)
    difference = np.abs(np.asarray(written.convert("RGB")).astype(int) - upright)
    assert difference.mean() < 2 if suffix == ".jpg" else difference.max() == 0
    assert [e.code for e in report.events] == ["exif-upright"]
    assert ("lossless" in report.events[0].value) == (suffix != ".jpg")


def test_embedded_image_that_is_no_base64(tmp_path: Path) -> None:
    write_case(tmp_path / "src", imagePath="gone.png", imageData="iVBORw0KGgoAAAANSUhE\u00e9")
    (tmp_path / "src/a.png").unlink()
    with pytest.raises(InputError, match="imageData is not base64"):
        convert(tmp_path / "src", tmp_path / "dst")


def test_upright_image_is_linked_and_not_copied(tmp_path: Path) -> None:
    write_case(tmp_path / "src")
    convert(tmp_path / "src", tmp_path / "dst")
    assert (tmp_path / "src/a.png").samefile(tmp_path / "dst/images/a.png")


def test_image_comes_from_the_json_where_there_is_no_other(tmp_path: Path) -> None:
    path = write_case(tmp_path / "src", shape("a", "polygon", SQUARE))
    data = (tmp_path / "src/a.png").read_bytes()
    (tmp_path / "src/a.png").unlink()
    content = json.loads(path.read_text()) | {"imageData": base64.b64encode(data).decode(), "imagePath": "x.json"}
    path.write_text(json.dumps(content))
    report = convert(tmp_path / "src", tmp_path / "dst")
    assert (tmp_path / "dst/images/a.png").read_bytes() == data
    assert codes(report) == ["image-embedded"]


def test_link_that_leads_outside_is_refused_unless_that_folder_is_named(tmp_path: Path) -> None:
    source, elsewhere = tmp_path / "src", tmp_path / "elsewhere"
    write_case(source, shape("a", "polygon", SQUARE))
    elsewhere.mkdir()
    (source / "a.png").rename(elsewhere / "real.png")
    (source / "a.png").symlink_to(elsewhere / "real.png")
    with pytest.raises(InputError, match=r"src/a\.png: a link that leads outside, to .*/elsewhere/real\.png"):
        convert(source, tmp_path / "dst")
    assert not (tmp_path / "dst").exists()
    convert(source, tmp_path / "dst", images=elsewhere)
    assert not (tmp_path / "dst/images/a.png").is_symlink()
    (elsewhere / "real.png").rename(source / "real.png")
    (source / "a.png").unlink()
    (source / "a.png").symlink_to("real.png")
    convert(source, tmp_path / "dst2")
    assert list(instances(tmp_path / "dst2")) == ["a.png"]


def test_unlabelled_images_are_left_out_or_negatives(tmp_path: Path) -> None:
    write_case(tmp_path / "src", shape("a", "polygon", SQUARE))
    write_case(tmp_path / "src/deep", name="b").unlink()
    report = convert(tmp_path / "src", tmp_path / "dst")
    assert codes(report) == ["unlabelled"]
    assert list(instances(tmp_path / "dst")) == ["a.png"]
    report = convert(tmp_path / "src", tmp_path / "dst2", unlabelled="negative")
    assert codes(report) == []
    assert {k: len(v) for k, v in instances(tmp_path / "dst2").items()} == {"a.png": 1, "deep/b.png": 0}


def test_image_of_an_embedded_one_is_no_negative(tmp_path: Path) -> None:
    source = tmp_path / "src"
    write_case(source / "label", shape("a", "polygon", SQUARE))
    data = base64.b64encode((source / "label/a.png").read_bytes()).decode()
    write_case(source / "label", shape("a", "polygon", SQUARE), imageData=data)
    (source / "data").mkdir()
    (source / "label/a.png").rename(source / "data/A.PNG")
    assert codes(convert(source, tmp_path / "dst")) == ["unlabelled", "image-embedded"]
    with pytest.raises(InputError, match=r"data/A\.PNG: would be a negative, but label/a\.json has an image of"):
        convert(source, tmp_path / "dst2", unlabelled="negative")
    report = convert(source, tmp_path / "dst2", unlabelled="negative", images=source / "data")
    assert (codes(report), report.written["negatives"]) == (["image-moved"], 0)


def test_images_with_proposals_that_nobody_looked_at_are_left_out_or_kept(tmp_path: Path) -> None:
    source = tmp_path / "src"
    waiting = shape("only proposed", "polygon", SQUARE, flags={"unreviewed": True, "odd": False})
    write_case(source, shape("a", "polygon", SQUARE, flags={"unreviewed": False}))
    write_case(source, shape("a", "rectangle", [[40, 10], [50, 20]]), waiting, name="b")
    report = convert(source, tmp_path / "dst", unlabelled="negative")
    assert [(e.file, e.code, e.value) for e in report.events] == [("b.json", "unreviewed", "1 of 2")]
    assert {k: len(v) for k, v in instances(tmp_path / "dst").items()} == {"a.png": 1}
    assert [c.name for c in load_dataset(tmp_path / "dst").categories] == ["a"]
    with pytest.raises(DefectlineError, match="unreviewed"):
        convert(source, tmp_path / "strict", strict=True)
    report = convert(source, tmp_path / "dst2", unreviewed="keep")
    assert codes(report) == []
    assert {k: len(v) for k, v in instances(tmp_path / "dst2").items()} == {"a.png": 1, "b.png": 2}
    (source / "a.json").unlink()
    with pytest.raises(
        InputError, match=r"every labelme file in this folder is left out \(1 unreviewed\); review the images"
    ):
        convert(source, tmp_path / "dst3")


def test_equal_names_in_different_folders_stay_apart(tmp_path: Path) -> None:
    for folder in ("x", "y", "x/z"):
        write_case(tmp_path / "src" / folder, shape("a", "polygon", SQUARE))
    convert(tmp_path / "src", tmp_path / "dst")
    assert sorted(instances(tmp_path / "dst")) == ["x/a.png", "x/z/a.png", "y/a.png"]


def test_upper_case_endings_and_names_of_all_scripts(tmp_path: Path) -> None:
    name = "Kratzer ß 傷 é"
    path = write_case(tmp_path / "src", shape("傷", "polygon", SQUARE), name=name)
    path.rename(path.with_suffix(".JSON"))
    (tmp_path / f"src/{name}.png").rename(tmp_path / f"src/{name}.PNG")
    convert(tmp_path / "src", tmp_path / "dst")
    assert [c for c, _, _ in instances(tmp_path / "dst")[f"{name}.PNG"]] == ["傷"]


def test_categories_by_alphabet_or_by_labels_file_and_renamed(tmp_path: Path) -> None:
    write_case(tmp_path / "src", *(shape(label, "polygon", SQUARE) for label in ("scrach", "dent", "b")))
    convert(tmp_path / "src", tmp_path / "dst", rename=("scrach=scratch",))
    assert [c.name for c in load_dataset(tmp_path / "dst").categories] == ["b", "dent", "scratch"]
    labels = tmp_path / "labels.txt"
    labels.write_text("__ignore__\n_background_\nscratch\nunused\nb\ndent\n")
    convert(tmp_path / "src", tmp_path / "dst2", rename=("scrach=scratch",), labels=labels)
    categories = load_dataset(tmp_path / "dst2").categories
    assert [(c.id, c.name) for c in categories] == [(1, "scratch"), (2, "unused"), (3, "b"), (4, "dent")]
    with pytest.raises(InputError, match=r"shapes\[0\]\.label: the label scrach .* did you mean scratch\?"):
        convert(tmp_path / "src", tmp_path / "dst3", labels=labels)
    with pytest.raises(OptionError, match="no shape is labelled scratched"):
        convert(tmp_path / "src", tmp_path / "dst3", rename=("scratched=b",))


def test_original_split_is_by_folder(tmp_path: Path) -> None:
    for split in ("train", "val", "test"):
        write_case(tmp_path / "src" / split, shape("a", "polygon", SQUARE))
    convert(tmp_path / "src", tmp_path / "dst", split="original")
    dataset = load_dataset(tmp_path / "dst")
    assert {s: [i.file_name for i in c.images] for s, c in dataset.splits.items()} == {
        s: [f"{s}/a.png"] for s in ("train", "val", "test")
    }


def test_split_divides_each_set_of_labels(tmp_path: Path) -> None:
    for i in range(20):
        write_case(tmp_path / "src", shape("ab"[i % 2], "polygon", SQUARE), name=f"n{i:02}")
    labelme2coco(tmp_path / "src", tmp_path / "dst", LabelmeOptions(ratios=(0.6, 0.2, 0.2)))
    dataset = load_dataset(tmp_path / "dst")
    for split, wanted in {"train": 6, "val": 2, "test": 2}.items():
        labels = [a.category_id for a in dataset.splits[split].annotations]
        assert (labels.count(1), labels.count(2)) == (wanted, wanted)


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
    "label that is no text": ({"shapes": [shape("a", "polygon", SQUARE) | {"label": 3}]}, r"shapes\[0\]\.label"),
    "empty label": ({"shapes": [shape("", "polygon", SQUARE)]}, r"shapes\[0\]\.label: the label is empty"),
    "unknown type": ({"shapes": [shape("a", "ellipse", SQUARE)]}, r"shapes\[0\]\.shape_type 'ellipse'"),
    "rectangle of three points": ({"shapes": [shape("a", "rectangle", SQUARE[:3])]}, r"has 3 points"),
    "circle of one point": ({"shapes": [shape("a", "circle", SQUARE[:1])]}, r"has 1 points"),
    "mask without a PNG": ({"shapes": [shape("a", "mask", SQUARE[:2])]}, r"shapes\[0\]\.mask is missing"),
    "mask that is no base64": ({"shapes": [shape("a", "mask", SQUARE[:2], mask="$$$")]}, r"mask is not base64"),
    "mask that is no PNG": ({"shapes": [shape("a", "mask", SQUARE[:2], mask="AAAA")]}, r"mask is not a PNG"),
    "mask of another size": (
        {"shapes": [shape("a", "mask", [[0, 0], [9, 9]], mask=png_base64(MASK))]},
        r"3 x 4 pixels, the box of its points 10 x 10",
    ),
    "no shapes at all": ({"shapes": None}, r"\$\.shapes"),
    "another image's size": ({"imageWidth": 61}, r"61 x 40, its image 60 x 40"),
    "image outside": ({"imagePath": "../../secret.png"}, r"leads outside"),
    "image missing": ({"imagePath": "gone.png"}, r"its image is missing"),
    "imageData that is no base64": (
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
def test_what_is_no_labelme_file_is_refused(data: bytes, tmp_path: Path) -> None:
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
    with pytest.raises(InputError, match=r"b\.json: labels a\.png, which a\.json labels too"):
        convert(tmp_path / "src", tmp_path / "dst")


def test_tens_of_thousands_of_random_points_end_soon(tmp_path: Path) -> None:
    points = np.random.default_rng(0).uniform(0, 40, (20_000, 2)).tolist()
    write_case(tmp_path / "src", shape("a", "polygon", points), shape("a", "linestrip", points[:2000]))
    report = convert(tmp_path / "src", tmp_path / "dst", line_width=2.0)
    assert codes(report) == ["self-crossing", "line-drawn"]


@pytest.mark.parametrize(
    ("points", "size", "problem"),
    [(10_000, 40, "has 20001 points"), (9_000, 600, "has an outline of more than 2e[+]06 pixels")],
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
