"""COCO to YOLO: boxes and segments worked out by hand, every kind of loss reported, an exact round trip."""

from pathlib import Path

import numpy as np
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image as PillowImage

from convert.coco2yolo import YoloExportOptions, coco2yolo
from convert.coco_source import CocoImage
from convert.execution import Execution
from convert.mvtec2coco import MvtecOptions, mvtec2coco
from convert.yolo2coco import YoloOptions, yolo2coco
from convert.yolo_instances import label_instance
from convert.yolo_labels import label_lines
from convert.yolo_segments import Style
from datasets.coco import Annotation, Image, Rle
from datasets.formats.dataset_folder import load_dataset
from datasets.formats.yolo_lines import parse_label
from datasets.masks.rle import decode, encode
from system.errors import InputError, OutputError
from tests.command import only_line, run_command
from tests.foreign_coco import annotation, coco_json, draw, image
from tests.small_coco import box_annotation, mask_annotation, write_folder

IMAGE = Image(1, "a.png", 20, 10)
CLASSES = {3: 0, 7: 1}
SEGMENTS = Style(segments=True)


def lines_of(image: Image, annotations: list[Annotation], classes: dict[int, int], style: Style) -> tuple:
    (found,) = label_lines([CocoImage(image, "train", annotations)], classes, style)
    return found


def codes(events: list) -> list[str]:
    return [event.code for event in events]


def numbers(line: str) -> list[float]:
    return [float(word) for word in line.split()]


def test_a_box_is_centre_and_size_over_the_image() -> None:
    lines, events = lines_of(IMAGE, [box_annotation(1, 1, 7, (4, 2, 8, 5))], CLASSES, Style())
    assert lines == ["1 0.4 0.45 0.4 0.5"]
    assert events == []


def test_boxes_are_clipped_crowds_and_duplicates_left_out_and_reported() -> None:
    annotations = [
        box_annotation(1, 1, 3, (-5, -5, 10, 10)),
        box_annotation(2, 1, 3, (20, 0, 5, 5)),
        Annotation(3, 1, 3, (0, 0, 20, 10), 200, Rle((10, 20), [0, 200]), iscrowd=1),
        box_annotation(4, 1, 3, (0, 0, 5, 5)),
        box_annotation(5, 1, 7, (0, 0, 5, 5)),
    ]
    lines, events = lines_of(IMAGE, annotations, CLASSES, Style())
    assert lines == ["0 0.125 0.25 0.25 0.5", "1 0.125 0.25 0.25 0.5"]
    assert [(event.where, event.code) for event in events] == [
        ("annotation 1", "clipped"),
        ("annotation 2", "outside"),
        ("annotation 3", "crowd"),
        ("annotation 4", "duplicate"),
    ]


def test_a_polygon_keeps_its_points_only_if_they_draw_its_pixels() -> None:
    polygon = [2.5, 1, 12.25, 1, 7, 9.5]
    annotation = box_annotation(1, 1, 3, (2.5, 1, 9.75, 8.5), [polygon])
    (line,), events = lines_of(IMAGE, [annotation], CLASSES, SEGMENTS)
    (instance, component) = label_instance(parse_label("x", line, 2), 10, 20, "rle")
    assert instance is not None
    assert component is not None
    np.testing.assert_array_equal(decode(instance.segmentation, 10, 20), decode([polygon], 10, 20))
    assert events == []

    large = [value * 100 for value in polygon]
    annotation = box_annotation(1, 1, 3, (250, 100, 975, 850), [large])
    (line,), events = lines_of(Image(1, "a.png", 2000, 1000), [annotation], CLASSES, SEGMENTS)
    assert numbers(line) == [0, 0.125, 0.1, 0.6125, 0.1, 0.35, 0.95]
    assert events == []


def test_a_polygon_that_leads_outside_is_cut_at_the_border() -> None:
    annotation = box_annotation(1, 1, 3, (-4, 2, 8, 4), [[-4, 2, 4, 2, 4, 6, -4, 6]])
    (line,), events = lines_of(IMAGE, [annotation], CLASSES, SEGMENTS)
    xs, ys = numbers(line)[1::2], numbers(line)[2::2]
    assert (min(xs), max(xs), min(ys), max(ys)) == pytest.approx((0, 0.2, 0.2, 0.6), abs=1e-4)
    assert codes(events) == ["clipped"]


def test_an_annotation_without_a_mask_becomes_its_four_corners() -> None:
    (line,), events = lines_of(IMAGE, [box_annotation(1, 1, 3, (5, 5, 10, 4))], CLASSES, SEGMENTS)
    assert numbers(line) == pytest.approx([0, 0.25, 0.5, 0.75, 0.5, 0.75, 0.9, 0.25, 0.9], abs=1e-4)
    instance, _ = label_instance(parse_label("x", line, 2), 10, 20, "rle")
    assert instance is not None
    assert (instance.bbox, instance.area) == ((5, 5, 10, 4), 40)
    assert codes(events) == ["box-as-segment"]


def test_a_mask_without_pixels_is_lost() -> None:
    annotation = Annotation(1, 1, 3, (0, 0, 1, 1), 0, encode(np.zeros((10, 20), np.uint8)))
    assert [codes(x) if x else x for x in lines_of(IMAGE, [annotation], CLASSES, SEGMENTS)] == [[], ["no-area"]]


def two_rings() -> np.ndarray:
    """A ring of 20 pixels with a hole of 16, and a separate ring of 8 pixels with a hole of 1."""
    mask = np.zeros((10, 20), np.uint8)
    mask[1:7, 1:7], mask[2:6, 2:6] = 1, 0
    mask[2:5, 10:13], mask[3, 11] = 1, 0
    return mask


@pytest.mark.parametrize(
    ("style", "pixels", "expected"),
    [
        (Style(True), [28], ["hole-bridge", "parts-bridge"]),
        (Style(True, "fill"), [45], ["hole-fill", "parts-bridge"]),
        (Style(True, "bridge", "split"), [20, 8], ["hole-bridge", "parts-split"]),
        (Style(True, "fill", "split"), [36, 9], ["hole-fill", "parts-split"]),
        (Style(True, "bridge", "largest"), [20], ["hole-bridge", "parts-largest"]),
    ],
)
def test_holes_and_parts_follow_the_options(style: Style, pixels: list[int], expected: list[str]) -> None:
    lines, events = lines_of(IMAGE, [mask_annotation(1, 1, 3, two_rings())], CLASSES, style)
    drawn = [label_instance(parse_label("x", line, 2), 10, 20, "rle")[0] for line in lines]
    assert [instance.area for instance in drawn if instance] == pixels
    assert codes(events) == expected


def test_holes_and_parts_of_a_ring_with_bridges_are_found() -> None:
    """A square of 8 x 8 with a hole of 2 x 2, and a square of 2 x 2, all in one ring with bridges."""
    ring = [0, 0, 8, 0, 8, 8, 0, 8, 0, 0, 3, 3, 3, 5, 5, 5, 5, 3, 3, 3, 0, 0, 12, 0, 14, 0, 14, 2, 12, 2, 12, 0]
    annotation = box_annotation(1, 1, 3, (0, 0, 14, 8), [ring])
    (line,), events = lines_of(IMAGE, [annotation], CLASSES, SEGMENTS)
    assert codes(events) == ["hole-bridge", "parts-bridge"]
    instance, _ = label_instance(parse_label("x", line, 2), 10, 20, "rle")
    assert instance is not None
    assert (instance.bbox, instance.area) == ((0, 0, 14, 8), 64 - 4 + 4)
    lines, events = lines_of(IMAGE, [annotation], CLASSES, Style(segments=True, holes="fill", parts="split"))
    assert codes(events) == ["hole-fill", "parts-split"]
    found = [label_instance(parse_label("x", line, 2), 10, 20, "rle")[0] for line in lines]
    assert [(one.bbox, one.area) for one in found if one] == [((0, 0, 8, 8), 64), ((12, 0, 2, 2), 4)]


def test_boxes_without_area_are_lost() -> None:
    lines, events = lines_of(IMAGE, [box_annotation(1, 1, 3, (4, 2, 8, 0))], CLASSES, Style())
    assert (lines, codes(events)) == ([], ["no-area"])


def test_bad_masks_are_refused() -> None:
    wrong_size = Annotation(4, 1, 3, (0, 0, 1, 1), 1, encode(np.ones((5, 5), np.uint8)))
    with pytest.raises(InputError, match=r"a\.png, annotation 4: a mask of 5 x 5 pixels in an image of 20 x 10"):
        lines_of(IMAGE, [wrong_size], CLASSES, SEGMENTS)
    for polygon in ([1, 1, 2, 2], [1, 1, 2, 2, 3, 3, 4]):
        with pytest.raises(InputError, match="not a list of three or more"):
            lines_of(IMAGE, [box_annotation(4, 1, 3, (0, 0, 1, 1), [polygon])], CLASSES, SEGMENTS)


MASKS = st.integers(1, 3).flatmap(
    lambda n: st.tuples(st.integers(3, 24), st.integers(3, 24)).flatmap(
        lambda shape: st.lists(hnp.arrays(bool, shape, elements=st.booleans()), min_size=n, max_size=n)
    )
)


@settings(max_examples=60, deadline=None)
@given(MASKS, st.booleans())
def test_mask_to_coco_to_segments_to_coco_keeps_every_pixel_and_instance(
    masks: list[np.ndarray], reverse: bool
) -> None:
    height, width = masks[0].shape
    distinct = {mask.tobytes(): mask for mask in masks if mask.any()}
    chosen = list(distinct.values())[:: -1 if reverse else 1]
    annotations = [mask_annotation(i, 1, 3, mask) for i, mask in enumerate(chosen, 1)]
    lines, _ = lines_of(Image(1, "a.png", width, height), annotations, CLASSES, SEGMENTS)
    back = [label_instance(parse_label("x", line, 2), height, width, "rle")[0] for line in lines]
    assert len(back) == len(annotations)
    for before, after in zip(annotations, back, strict=True):
        assert after is not None
        np.testing.assert_array_equal(
            decode(before.segmentation, height, width), decode(after.segmentation, height, width)
        )
        assert (after.bbox, after.area) == (before.bbox, before.area)


@pytest.mark.parametrize("style", [Style(), SEGMENTS], ids=["boxes", "segments"])
def test_the_way_there_and_back_is_exact(coco_folder: Path, tmp_path: Path, style: Style) -> None:
    report = coco2yolo(coco_folder, tmp_path / "yolo", YoloExportOptions(style=style), Execution(jobs=1))
    yolo2coco(tmp_path / "yolo", tmp_path / "back", YoloOptions(), Execution(jobs=1))
    before, after = load_dataset(coco_folder), load_dataset(tmp_path / "back")
    assert report.written["labels"] == sum(len(c.annotations) for c in before.splits.values())
    for split, coco in before.splits.items():
        again = after.splits[split]
        assert [i.file_name for i in again.images] == [i.file_name for i in coco.images]
        assert [(a.category_id, a.bbox) for a in again.annotations] == [
            (a.category_id, a.bbox) for a in coco.annotations
        ]
        if style.segments:
            assert [a.segmentation for a in again.annotations] == [a.segmentation for a in coco.annotations]
    if style.segments:
        for path in (coco_folder / "masks").rglob("*.png"):
            assert (
                tmp_path / "back/masks" / path.relative_to(coco_folder / "masks")
            ).read_bytes() == path.read_bytes()


def test_the_real_bottle_keeps_every_pixel_through_segments(real_bottle: Path, tmp_path: Path) -> None:
    mvtec2coco([real_bottle], tmp_path / "coco", MvtecOptions())
    coco2yolo(tmp_path / "coco", tmp_path / "yolo", YoloExportOptions(style=SEGMENTS))
    yolo2coco(tmp_path / "yolo", tmp_path / "back")
    for split in ("train", "val", "test"):
        name = f"annotations/instances_{split}.json"
        assert (tmp_path / "back" / name).read_bytes() == (tmp_path / "coco" / name).read_bytes()


def folder(root: Path, size: tuple[int, int] = (20, 10), name: str = "a.png") -> Path:
    images = {"train": [Image(1, name, *size), Image(2, "good/b.png", 20, 10)], "val": [], "test": []}
    return write_folder(root, images, [box_annotation(1, 1, 7, (4, 2, 8, 5))])


def test_negatives_get_empty_label_files_and_classes_go_by_category_id(tmp_path: Path) -> None:
    report = coco2yolo(folder(tmp_path / "c"), tmp_path / "y", YoloExportOptions(style=Style()))
    assert (tmp_path / "y/labels/train/good/b.txt").read_bytes() == b""
    assert (tmp_path / "y/labels/train/a.txt").read_text() == "1 0.4 0.45 0.4 0.5\n"
    described = yaml.safe_load((tmp_path / "y/data.yaml").read_text())
    assert described == {"train": "images/train", "val": "images/train", "names": {0: "dent", 1: "scratch"}}
    assert not (tmp_path / "y/images/val").exists()
    assert report.written == {"images": 2, "negatives": 1, "labels": 1}
    assert [(event.code, event.value) for event in report.events] == [
        ("empty-split", "val, for which data.yaml names images/train")
    ]


@pytest.mark.parametrize("split", ["train", "val", "test"])
def test_a_single_split_comes_back_as_itself(tmp_path: Path, split: str) -> None:
    images = {s: [Image(1, "a.png", 20, 10)] if s == split else [] for s in ("train", "val", "test")}
    source = write_folder(tmp_path / "c", images, [box_annotation(1, 1, 7, (4, 2, 8, 5))])
    coco2yolo(source, tmp_path / "y", YoloExportOptions(style=Style()))
    report = yolo2coco(tmp_path / "y", tmp_path / "back")
    back = load_dataset(tmp_path / "back")
    assert {s: len(coco.images) for s, coco in back.splits.items()} == {s: len(i) for s, i in images.items()}
    assert {event.code for event in report.events} == {"empty-split"}


def test_a_split_whose_images_are_all_left_out_is_empty(tmp_path: Path) -> None:
    members = {"train": [IMAGE], "val": [Image(2, "b.png", 20, 10)]}
    outside = box_annotation(2, 2, 3, (30, 0, 5, 5))
    root = write_folder(tmp_path / "c", members, [box_annotation(1, 1, 3, (1, 1, 5, 5)), outside])
    report = coco2yolo(root, tmp_path / "y", YoloExportOptions(style=Style()))
    assert sorted(codes(report.events)) == ["empty-split", "image-left-out", "outside"]
    assert yaml.safe_load((tmp_path / "y/data.yaml").read_text())["val"] == "images/train"
    yolo2coco(tmp_path / "y", tmp_path / "back")
    assert [len(coco.images) for coco in load_dataset(tmp_path / "back").splits.values()] == [1, 0, 0]


def test_a_dataset_that_ultralytics_could_not_read_is_refused(tmp_path: Path) -> None:
    all_outside = write_folder(tmp_path / "c", {"train": [IMAGE]}, [box_annotation(2, 1, 3, (30, 0, 5, 5))])
    with pytest.raises(InputError, match=r"every image would be left out, such as a\.png: image-left-out"):
        coco2yolo(all_outside, tmp_path / "y", YoloExportOptions(style=Style()))
    with pytest.raises(InputError, match="nothing is labelled"):
        coco2yolo(
            write_folder(tmp_path / "d", {"train": [IMAGE]}, [], []),
            tmp_path / "y",
            YoloExportOptions(style=Style()),
        )
    with pytest.raises(InputError, match="no image"):
        coco2yolo(
            write_folder(tmp_path / "e", {"train": []}, []), tmp_path / "y", YoloExportOptions(style=Style())
        )
    assert not (tmp_path / "y").exists()


def test_two_runs_give_the_same_bytes(tmp_path: Path) -> None:
    source = folder(tmp_path / "c")
    for name in ("one", "two"):
        coco2yolo(source, tmp_path / name, YoloExportOptions(style=SEGMENTS), Execution(jobs=2))
    one, two = (
        {p.relative_to(tmp_path / n): p.read_bytes() for p in (tmp_path / n).rglob("*") if p.is_file()}
        for n in ("one", "two")
    )
    assert one == two


def test_images_ultralytics_would_drop_or_change_are_reported(tmp_path: Path) -> None:
    source = folder(tmp_path / "tiny", size=(30, 9))
    report = coco2yolo(source, tmp_path / "y", YoloExportOptions(style=Style()))
    assert ("a.png", "tiny-picture") in [(event.file, event.code) for event in report.events]
    assert not (tmp_path / "y/images/train/a.png").exists()

    source = folder(tmp_path / "tail", name="a.jpg")
    jpeg = source / "images/a.jpg"
    whole = jpeg.read_bytes()
    jpeg.write_bytes(whole + b"camera notes")
    report = coco2yolo(source, tmp_path / "z", YoloExportOptions(style=Style()))
    assert ("a.jpg", "jpeg-tail") in [(event.file, event.code) for event in report.events]
    assert (tmp_path / "z/images/train/a.jpg").read_bytes() == whole


def test_an_image_whose_annotations_are_all_lost_is_not_a_negative(tmp_path: Path) -> None:
    crowd = Annotation(1, 1, 3, (0, 0, 20, 10), 200, Rle((10, 20), [0, 200]), iscrowd=1)
    source = write_folder(
        tmp_path / "c", {"train": [Image(1, "a.png", 20, 10), Image(2, "b.png", 20, 10)]}, [crowd]
    )
    report = coco2yolo(source, tmp_path / "y", YoloExportOptions(style=Style()))
    assert {"crowd", "image-left-out"} <= set(codes(report.events))
    assert [p.name for p in sorted((tmp_path / "y").rglob("*.txt"))] == ["b.txt"]


def test_datasets_that_cannot_be_written_are_refused_before_anything_is_written(tmp_path: Path) -> None:
    source = folder(tmp_path / "c")
    PillowImage.new("RGB", (21, 10)).save(source / "images/a.png")
    with pytest.raises(InputError, match="21 x 10 pixels, listed as 20 x 10"):
        coco2yolo(source, tmp_path / "y", YoloExportOptions(style=Style()))
    turned = PillowImage.new("RGB", (20, 10))
    exif = turned.getexif()
    exif[0x0112] = 6
    turned.save(source / "images/a.png", exif=exif)
    with pytest.raises(InputError, match="EXIF orientation 6"):
        coco2yolo(source, tmp_path / "y", YoloExportOptions(style=Style()))
    with pytest.raises(OutputError, match="inside each other"):
        coco2yolo(source, source / "y", YoloExportOptions(style=Style()))
    images = {"train": [Image(1, "a.png", 20, 10), Image(2, "a.jpg", 20, 10)]}
    with pytest.raises(InputError, match=r"its name differs from a\.jpg only in the extension"):
        coco2yolo(write_folder(tmp_path / "two", images, []), tmp_path / "y", YoloExportOptions(style=Style()))
    assert sorted(p.name for p in tmp_path.iterdir()) == ["c", "two"]


def test_dry_run_strict_and_report_on_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    outside = [box_annotation(1, 1, 7, (4, 2, 8, 5)), box_annotation(2, 1, 7, (40, 2, 8, 5))]
    source = write_folder(tmp_path / "c", {"train": [Image(1, "a.png", 20, 10)]}, outside)
    dest, report = tmp_path / "y", tmp_path / "report.json"
    assert run_command("convert", "coco2yolo", source, dest, "--dry-run", "--report", report) == 0
    assert not dest.exists()
    assert "outside" in capsys.readouterr().out
    assert '"annotation 2"' in report.read_text()
    assert run_command("convert", "coco2yolo", source, dest, "--strict") == 2
    assert "a.png: annotation 2: outside" in only_line(capsys)
    assert not dest.exists()
    for _ in range(2):
        assert (
            run_command("convert", "coco2yolo", source, dest, "--segments", "--parts", "split", "--overwrite") == 0
        )


def test_a_single_file_finds_its_images(tmp_path: Path) -> None:
    source = folder(tmp_path / "c")
    report = coco2yolo(
        source / "annotations/instances_train.json", tmp_path / "y", YoloExportOptions(style=Style())
    )
    assert report.written["images"] == 2
    lonely = tmp_path / "any.json"
    lonely.write_bytes((source / "annotations/instances_train.json").read_bytes())
    with pytest.raises(InputError, match="--images"):
        coco2yolo(lonely, tmp_path / "z", YoloExportOptions(style=Style()))
    coco2yolo(lonely, tmp_path / "z", YoloExportOptions(style=Style(), images=source / "images"))
    assert (tmp_path / "z/labels/train/a.txt").read_text() == "1 0.4 0.45 0.4 0.5\n"


def test_label_studios_names_become_plain_names(tmp_path: Path) -> None:
    """Its COCO export on Windows writes images\\x.png and has images/x.png."""
    for name in ("x.png", "y.png"):
        draw(tmp_path / "s/images" / name)
    images = [image(0, "images\\x.png"), image(1, "images\\1/y.png")]
    coco_json(tmp_path / "s/result.json", images, [annotation(0, 0), annotation(1, 1)])
    coco2yolo(tmp_path / "s", tmp_path / "y", YoloExportOptions(style=Style()))
    labels = {path.name: path.read_text() for path in (tmp_path / "y/labels/train").iterdir()}
    line = "0 0.3125 0.291666667 0.3125 0.25\n"
    assert labels == {"x.txt": line, "y.txt": line}
