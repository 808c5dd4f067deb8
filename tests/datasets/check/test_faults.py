"""Faults that are hard to find: each occurs in one format only, or resembles another fault."""

import base64
import io
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as PilImage

from convert.coco2labelme import coco2labelme
from convert.execution import Execution
from datasets.check.check import check
from datasets.check.codes import Finding
from datasets.check.facts import Limits
from datasets.check.ring_area import ring_area
from datasets.coco import Annotation, Category, Image, Rle
from datasets.formats.dataset_folder import annotation_path
from tests.small_coco import box_annotation, write_folder

LIMITS = Limits(imgsz=100)
WIDTH, HEIGHT = 100, 80


def findings(root: Path) -> list[Finding]:
    return check(root, LIMITS, jobs=1).findings


def codes(root: Path) -> list[str]:
    return [finding.code for finding in findings(root)]


def noise(seed: int) -> PilImage.Image:
    grey = np.random.default_rng(seed).integers(0, 255, (20, 25), np.uint8)
    return PilImage.fromarray(grey).resize((WIDTH, HEIGHT))


def png(image: PilImage.Image) -> str:
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return base64.b64encode(buffer.getvalue()).decode()


def labelme(root: Path, shapes: list[dict], *, embedded: str | None = None) -> Path:
    """A folder with one labelme file, and its image next to it or embedded in it."""
    root.mkdir()
    content = {"shapes": shapes, "imagePath": "a.png", "imageData": embedded, "imageWidth": WIDTH}
    (root / "a.json").write_text(json.dumps({**content, "imageHeight": HEIGHT}))
    if embedded is None:
        noise(1).save(root / "a.png")
    return root


def polygon(label: str, points: list) -> dict:
    return {"label": label, "points": points, "shape_type": "polygon"}


def mask(label: str, x: int, y: int, pixels: np.ndarray) -> dict:
    height, width = pixels.shape
    box = [[x, y], [x + width - 1, y + height - 1]]
    return {"label": label, "points": box, "shape_type": "mask", "mask": png(PilImage.fromarray(pixels))}


FULL = np.ones((20, 30), np.uint8)
RING = np.pad(np.zeros((10, 20), np.uint8), 5, constant_values=1)
SPECKLED = np.pad(np.ones((10, 20), np.uint8), 5)
SPECKLED[0, 0] = 1
SQUARE = [[20, 20], [26, 20], [26, 26], [20, 26]]  # inside the hole of RING at (10, 12)


@pytest.mark.parametrize(
    ("shapes", "wanted"),
    [
        ([mask("dent", 10, 12, FULL)], []),
        ([mask("dent", 10, 12, FULL * 0)], ["zero-area"]),
        ([mask("dent", 10, 12, SPECKLED)], ["speckle"]),
        ([mask("dent", 90, 12, FULL)], ["outside-image"]),
        ([mask("dent", -20, 70, FULL)], ["outside-image"]),
        ([mask("dent", 10, 12, FULL), polygon("scratch", SQUARE)], ["overlap-of-types"]),
        ([mask("dent", 10, 12, RING), polygon("scratch", SQUARE)], []),
        ([{**mask("dent", 10, 12, FULL), "mask": "?"}], ["unreadable-labels"]),
        ([{**mask("dent", 10, 12, FULL), "mask": None}], ["unreadable-labels"]),
    ],
)
def test_mask_shapes_are_decoded(tmp_path: Path, shapes: list[dict], wanted: list[str]) -> None:
    assert codes(labelme(tmp_path / "l", shapes)) == wanted


def test_shapes_of_a_group_are_one_annotation(tmp_path: Path) -> None:
    """A small part that touches the rest is not a speckle; a mask in the group counts with its hole."""
    large = [[10, 40], [30, 40], [30, 60], [10, 60]]
    small = [[30, 60], [32, 60], [32, 62], [30, 62]]
    parts = [polygon("dent", large), polygon("dent", small), mask("dent", 60, 12, RING)]
    other = polygon("scratch", [[70, 20], [76, 20], [76, 26], [70, 26]])
    grouped = [{**part, "group_id": 1} for part in parts]
    assert codes(labelme(tmp_path / "l", [*grouped, other])) == []
    assert codes(labelme(tmp_path / "p", grouped[:2])) == []
    assert codes(labelme(tmp_path / "q", [*parts, other])) == ["small-at-training-size", "speckle"]
    inside = polygon("scratch", [[60, 20], [66, 20], [66, 26], [60, 26]])
    (finding,) = findings(labelme(tmp_path / "r", [*grouped, inside]))
    assert (finding.code, finding.where) == ("overlap-of-types", "$.shapes[0] and its group, $.shapes[3]")
    torn = {**polygon("dent", [[80, 60], [82, 60], [82, 62], [80, 62]]), "group_id": 1}
    assert codes(labelme(tmp_path / "s", [grouped[0], torn])) == ["speckle"]


def test_an_embedded_image_is_checked(tmp_path: Path) -> None:
    shapes = [polygon("dent", [[90, 10], [120, 10], [120, 40]])]
    assert codes(labelme(tmp_path / "whole", shapes, embedded=png(noise(1)))) == ["outside-image"]
    turned = io.BytesIO()
    exif = PilImage.Exif()
    exif[0x0112] = 6
    noise(1).save(turned, "PNG", exif=exif)
    stored = base64.b64encode(turned.getvalue()).decode()
    assert codes(labelme(tmp_path / "turned", [], embedded=stored)) == []  # labelme shows it as stored
    assert codes(labelme(tmp_path / "small", [], embedded=png(noise(1).resize((9, 9))))) == ["size-mismatch"]
    for number, broken in enumerate((png(noise(1))[:400], "AAAA", "A")):
        assert codes(labelme(tmp_path / str(number), [], embedded=broken)) == ["broken-picture"]


def test_a_bow_tie_has_an_area() -> None:
    assert ring_area([(0, 0), (4, 4), (4, 0), (0, 4)]) == pytest.approx(8)
    assert ring_area([(0, 0), (4, 0), (4, 4), (0, 4)]) == 16
    assert ring_area([(0.1, 0.1), (0.3, 0.3), (0.2, 0.2)]) == 0
    assert ring_area([(0, 0), (0, 0), (0, 0)]) == 0
    assert ring_area([(0, 0), (4, 4)]) == 0


def test_a_bow_tie_is_not_an_annotation_without_area(tmp_path: Path) -> None:
    assert codes(labelme(tmp_path / "l", [polygon("dent", [[10, 10], [40, 40], [40, 10], [10, 40]])])) == []


def yolo(root: Path, train: str, val: str, yaml: str = "train: images/train\nval: images/val\n") -> Path:
    for seed, (split, text) in enumerate((("train", train), ("val", val))):
        for kind in ("images", "labels"):
            (root / kind / split).mkdir(parents=True)
        noise(seed).save(root / f"images/{split}/{seed}.png")
        (root / f"labels/{split}/{seed}.txt").write_text(text)
    (root / "data.yaml").write_text(f"{yaml}names: [dent]\n")
    return root


BOX, SEGMENT = "0 0.5 0.5 0.2 0.2\n", "0 0.4 0.4 0.6 0.4 0.6 0.6\n"


def test_boxes_and_segments_in_different_files_are_mixed(tmp_path: Path) -> None:
    assert codes(yolo(tmp_path / "y", BOX, BOX)) == []
    (finding,) = findings(yolo(tmp_path / "z", SEGMENT, BOX))
    assert (finding.file, finding.code) == ("images/train/0.png", "mixed-labels")


def test_labels_of_a_broken_image_are_not_speckle(tmp_path: Path) -> None:
    root = yolo(tmp_path / "y", BOX, BOX)
    (root / "images/train/0.png").write_bytes(b"")
    assert codes(root) == ["broken-picture"]


@pytest.mark.parametrize("line", ["0 1.2 0.5 0.2 0.2\n", "0 0.9 0.4 1.2 0.4 1.2 0.6 0.9 0.6\n", "0 50 40 20 20\n"])
def test_labels_outside_of_0_to_1_are_outside_the_image(tmp_path: Path, line: str) -> None:
    assert codes(yolo(tmp_path / "y", line, BOX if len(line.split()) == 5 else SEGMENT)) == [
        "outside-image",
        "unreadable-labels",
    ]


def test_values_that_are_not_numbers_are_reported_once(tmp_path: Path) -> None:
    assert (
        codes(yolo(tmp_path / "y", f"0 nan 0.5 0.2 0.2\n0 inf 0.5 0.2 0.2\n{BOX}", BOX))
        == ["unreadable-labels"] * 2
    )


def test_two_splits_of_the_same_folder_share_images_and_not_only_labels(tmp_path: Path) -> None:
    assert codes(yolo(tmp_path / "y", BOX, BOX, "train: images/train\nval: images/train\n")) == [
        "unnamed-split",  # images/val
        "duplicate-across-splits",
    ]


def test_a_tree_that_was_taken_to_labelme_is_a_labelme_folder(coco_folder: Path, tmp_path: Path) -> None:
    coco2labelme(coco_folder, tmp_path / "l", execution=Execution(jobs=1))
    checked = check(tmp_path / "l", LIMITS, jobs=1)
    assert (checked.format, checked.findings) == ("labelme folder", [])
    assert checked.images == check(coco_folder, LIMITS, jobs=1).images


def test_a_mask_of_another_size_is_reported_although_it_is_grey(tmp_path: Path) -> None:
    """Like a mask that was scaled with interpolation."""
    (tmp_path / "test/dent").mkdir(parents=True)
    (tmp_path / "ground_truth/dent").mkdir(parents=True)
    noise(1).save(tmp_path / "test/dent/0.png")
    noise(2).resize((50, 40)).save(tmp_path / "ground_truth/dent/0_mask.png")
    assert codes(tmp_path) == ["bad-mask", "mask-size"]


IMAGE = Image(1, "a.png", 20, 10)


def coco(root: Path, annotation: Annotation, second: str = "scratch") -> Path:
    return write_folder(root, {"train": [IMAGE]}, [annotation], [Category(3, "dent"), Category(7, second)])


@pytest.mark.parametrize(
    "annotation",
    [
        box_annotation(1, 1, 3, (2, 2, 0, 5)),
        box_annotation(1, 1, 3, (2, 2, 5, 5), Rle((10, 20), [200])),
        box_annotation(1, 1, 3, (2, 2, 5, 5), [[2, 2, 7, 7, 4, 4]]),
    ],
)
def test_an_annotation_without_area_is_that_and_no_broken_reference(
    tmp_path: Path, annotation: Annotation
) -> None:
    assert codes(coco(tmp_path / "c", annotation)) == ["zero-area"]


def test_two_categories_of_one_name_are_reported(tmp_path: Path) -> None:
    box = box_annotation(1, 1, 3, (2, 2, 5, 5))
    assert codes(coco(tmp_path / "c", box)) == []
    (finding,) = findings(coco(tmp_path / "d", box, "dent"))
    assert (finding.code, finding.value) == ("near-identical-labels", "two categories are called dent")


def test_masks_of_a_split_that_cannot_be_read_are_not_unpaired(tmp_path: Path) -> None:
    members = {"train": [IMAGE], "val": [Image(2, "b.png", 20, 10)]}
    root = write_folder(tmp_path / "c", members, [box_annotation(1, 1, 3, (2, 2, 5, 5))], [Category(3, "dent")])
    (root / "masks").mkdir()
    for name in ("a", "b"):
        PilImage.new("L", (20, 10)).save(root / f"masks/{name}.png")
    annotation_path(root, "val").write_text("{")
    assert codes(root) == ["unreadable-labels"]


@pytest.mark.parametrize("embedded", ["iVBORw0KGgoAAAANSUhE\u00e9", "iVBO*w0K"])
def test_embedded_image_that_is_not_base64(embedded: str, tmp_path: Path) -> None:
    (finding,) = findings(labelme(tmp_path / "a", [], embedded=embedded))
    assert finding.code == "broken-picture"
    assert "not base64" in finding.value
