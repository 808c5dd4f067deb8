import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image as PilImage

from convert.coco2labelme import LabelmeExportOptions, coco2labelme
from convert.execution import Execution
from convert.labelme2coco import LabelmeOptions, labelme2coco
from convert.to_shapes import component_to_shapes
from datasets.coco import Annotation, Category, CocoFile, Image
from datasets.formats.coco_file import write_coco
from datasets.masks.component import Component
from datasets.masks.find_components import components
from datasets.masks.rle import encode
from system.errors import InputError, OptionError, OutputError
from tests.labelme_files import instances, iou, pixels

CATEGORIES = [Category(1, "b"), Category(2, "a")]
RING = np.array([[1, 1, 1], [1, 0, 1], [1, 1, 1]], bool)


def write_dataset(root: Path, annotations: list[Annotation], height: int = 40, width: int = 60) -> Path:
    """One image x/p.png and its annotations as a COCO file beside it."""
    (root / "x").mkdir(parents=True)
    PilImage.new("L", (width, height)).save(root / "x/p.png")
    images = [Image(1, "x/p.png", width, height)]
    write_coco(root / "coco.json", CocoFile(images, annotations, CATEGORIES))
    return root / "coco.json"


def annotate(number: int, mask: Any, category: int = 1, **other: Any) -> Annotation:
    y, x = np.nonzero(mask)
    box = (int(x.min()), int(y.min()), int(np.ptp(x)) + 1, int(np.ptp(y)) + 1)
    return Annotation(number, 1, category, box, int(mask.sum()), encode(mask), **other)


def there(path: Path, dest: Path, **options: Any) -> list[dict[str, Any]]:
    coco2labelme(path, dest, LabelmeExportOptions(**options))
    shapes: list[dict[str, Any]] = json.loads((dest / "x/p.json").read_text())["shapes"]
    return shapes


def there_and_back(masks: list[Any], folder: Path, tolerance: float) -> list[Any]:
    height, width = masks[0].shape
    annotations = [annotate(i, mask, 1 + i % 2) for i, mask in enumerate(masks)]
    there(write_dataset(folder / "coco", annotations, height, width), folder / "labelme", tolerance=tolerance)
    labelme2coco(folder / "labelme", folder / "back", LabelmeOptions(labels=folder / "labelme/labels.txt"))
    return instances(folder / "back")["x/p.png"]


blobs = hnp.arrays(np.bool_, st.tuples(st.integers(2, 14), st.integers(2, 14)))


@given(small=blobs, scale=st.integers(1, 4), tolerance=st.sampled_from([0.0, 1.0, 3.0]))
@example(small=RING, scale=1, tolerance=1.0)
@example(small=np.eye(9, dtype=bool), scale=1, tolerance=1.0)
@example(small=RING, scale=5, tolerance=3.0)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_masks_come_back_with_their_holes_and_parts(
    small: Any, scale: int, tolerance: float, tmp_path_factory: pytest.TempPathFactory
) -> None:
    assume(small.any())
    mask = np.kron(small, np.ones((scale, scale), bool))
    parts = []
    for component in components(mask):
        part = np.zeros_like(mask)
        x, y, w, h = component.box
        part[y : y + h, x : x + w] = component.pixels
        parts.append(part)
    masks = [mask, *parts]  # all parts as one instance, and each part as a separate instance
    back = there_and_back(masks, tmp_path_factory.mktemp("trip"), tolerance)
    assert len(back) == len(masks)
    for i, ((category, got, _), mask) in enumerate(zip(back, masks, strict=True)):
        assert category == "ba"[i % 2]
        assert iou(got, mask) >= (0.99 if tolerance else 1)


@given(blobs)
def test_without_tolerance_shapes_are_exact(small: Any) -> None:
    assume(small.any())
    component = Component((3, 5, small.shape[1], small.shape[0]), small)
    shapes = component_to_shapes(component, "a", 7, 0)
    assert {shape.group_id for shape in shapes} == ({7} if len(shapes) > 1 else {None})
    drawn = np.zeros((30, 30), bool)
    for shape in (shape for shape in shapes if shape.kind == "polygon"):
        drawn |= pixels([[v for point in shape.points for v in point]], 30, 30)
    if all(shape.kind == "polygon" for shape in shapes):
        assert (drawn[5 : 5 + small.shape[0], 3 : 3 + small.shape[1]] == small).all()
        assert drawn.sum() == small.sum()


def test_a_hole_makes_a_mask_shape_and_parts_a_group(tmp_path: Path) -> None:
    mask = np.zeros((40, 60), bool)
    mask[2:20, 3:20] = True
    mask[5:9, 5:9] = False
    mask[30:35, 40:50] = True
    shapes = there(write_dataset(tmp_path / "c", [annotate(1, mask)]), tmp_path / "d")
    shapes = sorted(shapes, key=lambda s: s["shape_type"])
    assert [(s["shape_type"], s["group_id"]) for s in shapes] == [("mask", 1), ("polygon", 1)]
    assert shapes[0]["points"] == [[3, 2], [19, 19]]


def test_a_disk_has_few_corners_to_drag(tmp_path: Path) -> None:
    y, x = np.mgrid[:200, :200] + 0.5
    disk = (x - 100) ** 2 + (y - 100) ** 2 <= 80**2
    (shape,) = there(write_dataset(tmp_path / "c", [annotate(1, disk)], 200, 200), tmp_path / "d")
    assert 8 <= len(shape["points"]) <= 40
    radii = [np.hypot(px - 100, py - 100) for px, py in shape["points"]]
    assert max(radii) < 82
    assert min(radii) > 78


def test_polygons_are_unchanged(tmp_path: Path) -> None:
    rings = [[5.25, 5, 20, 6, 15, 30], [40, 5, 50, 6, 45, 30.5]]
    annotation = Annotation(1, 1, 2, (5, 5, 45, 26), 400, rings)
    shapes = there(write_dataset(tmp_path / "c", [annotation]), tmp_path / "d")
    assert [[v for p in s["points"] for v in p] for s in shapes] == rings
    assert {(s["label"], s["group_id"], s["shape_type"]) for s in shapes} == {("a", 1, "polygon")}


def test_a_box_without_a_mask_becomes_a_rectangle(tmp_path: Path) -> None:
    annotation = Annotation(1, 1, 1, (5, 6, 7.5, 8), 60)
    (shape,) = there(write_dataset(tmp_path / "c", [annotation]), tmp_path / "d")
    assert (shape["shape_type"], shape["points"]) == ("rectangle", [[5, 6], [12.5, 14]])


def test_losses_in_labelme_files_are_reported(tmp_path: Path) -> None:
    mask = np.zeros((40, 60), bool)
    mask[3:9, 3:9] = True
    empty = Annotation(2, 1, 1, (1, 1, 1, 1), 0, encode(np.zeros((40, 60), bool)))
    kept = Annotation(3, 1, 1, (1, 1, 9, 9), 81)
    path = write_dataset(tmp_path / "c", [annotate(1, mask, iscrowd=1), empty, kept])
    report = coco2labelme(path, tmp_path / "d")
    assert [(e.code, e.where) for e in report.events] == [("crowd", "annotation 1"), ("no-area", "annotation 2")]
    with pytest.raises(InputError, match="annotation 1: crowd"):
        coco2labelme(path, tmp_path / "e", execution=Execution(strict=True))
    assert not (tmp_path / "e").exists()


def test_an_image_whose_annotations_are_all_lost_is_not_a_negative(tmp_path: Path) -> None:
    flat = Annotation(2, 1, 2, (3, 3, 0, 5), 0)
    path = write_dataset(tmp_path / "c", [annotate(1, np.ones((40, 60), bool), iscrowd=1), flat])
    report = coco2labelme(path, tmp_path / "d")
    assert [e.code for e in report.events] == ["image-left-out", "crowd", "no-area"]
    assert report.written == {"labelme files": 0, "negatives": 0, "shapes": 0}
    assert sorted(p.name for p in (tmp_path / "d").rglob("*") if p.is_file()) == [".defectline", "labels.txt"]


def test_two_categories_of_one_name_are_one_label_and_that_is_reported(tmp_path: Path) -> None:
    one, other = Annotation(1, 1, 1, (3, 3, 5, 5), 25), Annotation(2, 1, 2, (20, 3, 5, 5), 25)
    path = write_dataset(tmp_path / "c", [one, other])
    coco = CocoFile([Image(1, "x/p.png", 60, 40)], [one, other], [Category(1, "b"), Category(2, "b")])
    write_coco(path, coco)
    report = coco2labelme(path, tmp_path / "d")
    assert [(e.code, e.value) for e in report.events] == [("joined-category", "1 and 2 are both called b")]
    assert [shape["label"] for shape in json.loads((tmp_path / "d/x/p.json").read_text())["shapes"]] == ["b", "b"]
    assert (tmp_path / "d/labels.txt").read_text() == "__ignore__\n_background_\nb\n"


def test_labelme_opens_the_folder(coco_folder: Path, tmp_path: Path) -> None:
    report = coco2labelme(coco_folder, tmp_path / "d")
    images = sorted(p for p in (tmp_path / "d").rglob("*.png"))
    assert len(images) == report.written["labelme files"] == report.read["images"]
    for image in images:
        content = json.loads(image.with_suffix(".json").read_text())
        assert content["imagePath"] == image.name
        assert (content["imageWidth"], content["imageHeight"]) == PilImage.open(image).size
        assert content["imageData"] is None
    assert (tmp_path / "d/labels.txt").read_text().splitlines()[:2] == ["__ignore__", "_background_"]


def test_a_whole_dataset_comes_back(coco_folder: Path, tmp_path: Path) -> None:
    coco2labelme(coco_folder, tmp_path / "d")
    labelme2coco(tmp_path / "d", tmp_path / "back", LabelmeOptions(labels=tmp_path / "d/labels.txt"))
    before, after = instances(coco_folder), instances(tmp_path / "back")
    assert before.keys() == after.keys()
    for name, annotations in before.items():
        assert [category for category, _, _ in after[name]] == [category for category, _, _ in annotations]
        for (_, got, _), (_, wanted, _) in zip(after[name], annotations, strict=True):
            assert iou(got, wanted) >= 0.99


def test_dry_run_and_overwrite(coco_folder: Path, tmp_path: Path) -> None:
    dry = coco2labelme(coco_folder, tmp_path / "d", execution=Execution(dry_run=True))
    assert list(tmp_path.iterdir()) == []
    assert dry == coco2labelme(coco_folder, tmp_path / "d")
    with pytest.raises(OutputError):
        coco2labelme(coco_folder, tmp_path / "d")
    (tmp_path / "d/extra").touch()
    coco2labelme(coco_folder, tmp_path / "d", execution=Execution(overwrite=True))
    assert not (tmp_path / "d/extra").exists()
    with pytest.raises(OptionError):
        coco2labelme(coco_folder, tmp_path / "e", LabelmeExportOptions(tolerance=-1))
