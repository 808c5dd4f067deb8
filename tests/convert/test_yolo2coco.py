"""YOLO to COCO: the meaning of full, empty and missing label files, and refusals."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image as PillowImage

from convert.yolo2coco import YoloOptions, yolo2coco
from datasets.coco import Rle
from datasets.formats.dataset_folder import load_dataset
from datasets.masks.rle import decode, rle_area
from system.errors import InputError
from tests.command import only_line, run_command

NEGATIVE = YoloOptions(unlabelled="negative")
YAML = "train: images/train\nval: images/val\nnames: [scratch, dent]\n"


def yolo(root: Path, labels: dict[str, str | None], text: str = YAML) -> Path:
    """A folder whose images (split/name) have these label files, None for none; 40 x 20 px."""
    for i, (name, lines) in enumerate(labels.items()):
        image, file = root / "images" / name, (root / "labels" / name).with_suffix(".txt")
        for path in (image, file):
            path.parent.mkdir(parents=True, exist_ok=True)
        PillowImage.new("RGB", (40, 20), (i, 2 * i, 3 * i)).save(image)
        if lines is not None:
            file.write_text(lines)
    (root / "images/val").mkdir(exist_ok=True)
    (root / "data.yaml").write_text(text)
    return root


def test_boxes_get_pixels_and_no_mask(tmp_path: Path) -> None:
    source = yolo(tmp_path / "y", {"train/a.png": "1 0.5 0.5 0.1 0.3\n0 0.123456 0.5 0.1 0.1\n", "val/b.png": ""})
    report = yolo2coco(source, tmp_path / "c")
    dataset = load_dataset(tmp_path / "c")
    assert [(c.id, c.name) for c in dataset.categories] == [(1, "scratch"), (2, "dent")]
    first, second = dataset.splits["train"].annotations
    assert (first.category_id, first.bbox, first.area, first.segmentation) == (2, (18, 7, 4, 6), 24, [])
    assert second.bbox == pytest.approx((0.123456 * 40 - 2, 9, 4, 2), abs=1e-3)
    assert [image.file_name for image in dataset.splits["val"].images] == ["b.png"]
    assert not list((tmp_path / "c/masks").rglob("*.png"))
    assert report.written == {"images": 2, "negatives": 1, "annotations": 2}


def test_segments_get_instance_and_pixel_masks(tmp_path: Path) -> None:
    lines = "1 0.1 0.1 0.3 0.1 0.3 0.5 0.1 0.5\n0 0.2 0.2 0.25 0.2 0.25 0.3 0.2 0.3\n"
    source = yolo(tmp_path / "y", {"train/a.png": lines, "train/b.png": ""})
    yolo2coco(source, tmp_path / "c")
    dataset = load_dataset(tmp_path / "c")
    coco = dataset.splits["train"]
    large, small = coco.annotations
    assert isinstance(large.segmentation, Rle)
    # the box is the box of the points; the mask is what Ultralytics draws, including both ends
    assert (large.bbox, large.area, rle_area(large.segmentation)) == ((4, 2, 8, 8), 81, 81)
    assert (small.bbox, small.area) == ((8, 4, 2, 2), 9)
    indices = np.asarray(PillowImage.open(dataset.mask_path(coco.images[0])))
    assert [int((indices == k).sum()) for k in (1, 2)] == [9, 72]
    assert not np.asarray(PillowImage.open(dataset.mask_path(coco.images[1]))).any()


@pytest.mark.parametrize(
    ("how", "kind"), [("rle", Rle), ("polygon", list), ("auto", Rle)]
)  # auto: the shorter one
def test_a_segment_follows_the_option(tmp_path: Path, how: str, kind: type) -> None:
    source = yolo(tmp_path / "y", {"train/a.png": "0 0.1 0.1 0.3 0.1 0.3 0.5\n"})
    yolo2coco(source, tmp_path / "c", YoloOptions(segmentation=how))
    (annotation,) = load_dataset(tmp_path / "c").splits["train"].annotations
    assert isinstance(annotation.segmentation, kind)
    assert int(decode(annotation.segmentation, 20, 40).sum()) == annotation.area
    # from (4, 2) and (12, 2) to (12, 10), drawn with its sides: columns 4 to 12, one pixel more in each
    assert annotation.area == sum(range(1, 10))


def test_a_missing_label_file_is_unlabelled_and_an_empty_one_a_negative(tmp_path: Path) -> None:
    source = yolo(tmp_path / "y", {"train/a.png": None, "train/b.png": "", "train/c.png": "0 .5 .5 .1 .1"})
    report = yolo2coco(source, tmp_path / "c")
    assert [image.file_name for image in load_dataset(tmp_path / "c").splits["train"].images] == ["b.png", "c.png"]
    assert [(event.file, event.code) for event in report.events] == [("a.png", "unlabelled")]
    assert report.read == {"images": 3, "label files": 2, "labels": 1, "classes": 2}
    yolo2coco(source, tmp_path / "n", NEGATIVE)
    assert len(load_dataset(tmp_path / "n").splits["train"].images) == 3


def test_a_label_file_without_an_image_is_reported(tmp_path: Path) -> None:
    source = yolo(tmp_path / "y", {"train/a.png": "0 .5 .5 .1 .1"})
    (source / "labels/train/gone.txt").write_text("0 .5 .5 .1 .1")
    report = yolo2coco(source, tmp_path / "c")
    assert [(event.file, event.code) for event in report.events] == [
        ("labels/train/gone.txt", "label-without-picture")
    ]


def test_labels_that_leave_the_image_are_cut_and_reported(tmp_path: Path) -> None:
    lines = "0 0.05 0.5 0.11 0.2\n0 1.004 0.5 0.001 0.2\n0 0.98 0.5 0.04 0.2\n"
    source = yolo(tmp_path / "y", {"train/a.png": lines})
    report = yolo2coco(source, tmp_path / "c")
    boxes = [annotation.bbox for annotation in load_dataset(tmp_path / "c").splits["train"].annotations]
    assert boxes == [(0, 8, 4.2, 4), (38.4, 8, 1.6, 4)]
    assert [(event.where, event.code) for event in report.events] == [
        ("label 1", "clipped"),
        ("label 2", "clipped"),
        ("label 2", "no-area"),
    ]


def test_an_image_whose_labels_are_all_lost_is_not_a_negative(tmp_path: Path) -> None:
    source = yolo(tmp_path / "y", {"train/a.png": "0 .5 .5 .5 .5 .5 .5", "train/b.png": ""})
    report = yolo2coco(source, tmp_path / "c")
    assert [event.code for event in report.events] == ["image-left-out", "no-area"]
    assert [image.file_name for image in load_dataset(tmp_path / "c").splits["train"].images] == ["b.png"]


def test_equal_names_in_two_splits_get_the_split_in_front(tmp_path: Path) -> None:
    source = yolo(tmp_path / "y", {"train/a.png": "", "val/a.png": "", "val/s/b.png": "0 .5 .5 .1 .1"})
    yolo2coco(source, tmp_path / "c")
    names = {s: [i.file_name for i in c.images] for s, c in load_dataset(tmp_path / "c").splits.items()}
    assert names == {"train": ["train/a.png"], "val": ["val/a.png", "val/s/b.png"], "test": []}


def test_labels_of_a_turned_image_are_of_the_upright_one(tmp_path: Path) -> None:
    source = yolo(tmp_path / "y", {"train/a.png": "0 0.5 0.25 0.2 0.1"})
    stored = PillowImage.new("RGB", (40, 20))
    stored.putpixel((10, 5), (255, 0, 0))
    exif = stored.getexif()
    exif[0x0112] = 6  # shown rotated clockwise by 90 degrees
    stored.save(source / "images/train/a.png", exif=exif)
    report = yolo2coco(source, tmp_path / "c")
    dataset = load_dataset(tmp_path / "c")
    (image,), (annotation,) = dataset.splits["train"].images, dataset.splits["train"].annotations
    assert (image.width, image.height, annotation.bbox) == (20, 40, (8, 8, 4, 4))
    written = PillowImage.open(dataset.image_path(image))
    assert written.size == (20, 40)
    assert 0x0112 not in written.getexif()
    assert written.convert("RGB").getpixel((14, 10)) == (255, 0, 0)
    assert [event.code for event in report.events] == ["exif-upright"]


def test_boxes_mixed_with_segments_are_refused(tmp_path: Path) -> None:
    labels: dict[str, str | None] = {"train/a.png": "0 .5 .5 .1 .1", "train/b.png": "0 .1 .1 .2 .1 .2 .2"}
    with pytest.raises(InputError, match=r"b\.txt: segments, but 1 images have boxes"):
        yolo2coco(yolo(tmp_path / "y", labels), tmp_path / "c")


def test_a_bad_line_is_refused_in_one_line_and_nothing_is_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = yolo(tmp_path / "y", {"train/a.png": "0 .5 .5 .1 .1\n5 .5 .5 .1 .1\n"})
    assert run_command("convert", "yolo2coco", source, tmp_path / "c") == 2
    assert "a.txt:2: class 5 is not in 0..1" in only_line(capsys)
    assert not (tmp_path / "c").exists()
    assert run_command("convert", "yolo2coco", tmp_path / "none", tmp_path / "c") == 2
    assert "no such file" in only_line(capsys)


def test_the_yaml_file_itself_can_be_named_and_a_dry_run_writes_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = yolo(tmp_path / "y", {"train/a.png": "0 .5 .5 .1 .1", "train/b.png": None})
    arguments = ("yolo2coco", source / "data.yaml", tmp_path / "c", "--unlabelled", "negative")
    assert run_command("convert", *arguments, "--dry-run") == 0
    assert not (tmp_path / "c").exists()
    assert "dry run" in capsys.readouterr().out
    assert run_command("convert", *arguments) == 0
    assert len(load_dataset(tmp_path / "c").splits["train"].images) == 2


@pytest.mark.parametrize("how", ["polygon", "auto"])
def test_a_large_segment_keeps_its_points_in_a_polygon(tmp_path: Path, how: str) -> None:
    source = yolo(tmp_path / "y", {"train/a.png": "0 0.1 0 1 0.5 0.5 1 0 0.5\n"})
    PillowImage.new("RGB", (2000, 1000)).save(source / "images/train/a.png")
    yolo2coco(source, tmp_path / "c", YoloOptions(segmentation=how))
    (annotation,) = load_dataset(tmp_path / "c").splits["train"].annotations
    assert annotation.segmentation == [[200, 0, 2000, 500, 1000, 1000, 0, 500]]
    assert annotation.area == int(decode(annotation.segmentation, 1000, 2000).sum())
