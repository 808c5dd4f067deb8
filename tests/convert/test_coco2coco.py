"""COCO of other tools to our dataset folder; the expected values are worked out from the input of each tool."""

import json
import unicodedata
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as PillowImage

from convert.coco2coco import CocoOptions, coco2coco
from convert.coco2labelme import coco2labelme
from convert.coco2yolo import YoloExportOptions, coco2yolo
from convert.execution import Execution
from convert.yolo2coco import yolo2coco
from convert.yolo_labels import Style
from datasets.coco import Annotation, Rle
from datasets.formats.dataset_folder import load_dataset
from datasets.masks.rle import encode
from system.errors import InputError, OptionError
from tests.command import only_line, run_command
from tests.foreign_coco import BOX, CHIP, SQUARE, annotation, coco_json, draw, image, single


def found(root: Path) -> dict[str, list[tuple[str, list[float], float, int]]]:
    """File name -> split, box, area and crowd of each annotation."""
    dataset = load_dataset(root)
    names = {c.id: c.name for c in dataset.categories}
    return {
        each.file_name: [
            (f"{split} {names[a.category_id]}", list(a.bbox), a.area, a.iscrowd) for a in coco.by_image()[each.id]
        ]
        for split, coco in dataset.splits.items()
        for each in coco.images
    }


def only(root: Path) -> Annotation:
    (one,) = [a for coco in load_dataset(root).splits.values() for a in coco.annotations]
    return one


def brush_mask() -> dict[str, object]:
    mask = np.zeros((48, 64), np.uint8)
    mask[8:20, 10:30] = 1
    mask[12:15, 15:20] = 0
    rle = encode(mask)
    return {"size": list(rle.size), "counts": rle.counts}


CASES: dict[str, tuple[dict[str, object], list[str], tuple[list[float], float]]] = {
    "plain": ({}, [], (BOX, 240)),
    "short ring": ({"segmentation": [SQUARE, [12.0, 12.0]]}, ["short-ring"], (BOX, 240)),
    "null segmentation": ({"segmentation": None}, [], (BOX, 240)),
    "empty ring": ({"segmentation": [[]]}, [], (BOX, 240)),
    "flat ring": ({"segmentation": SQUARE}, [], (BOX, 240)),
    "x1 y1 x2 y2": ({"bbox": [10, 8, 30, 20]}, ["box-from-mask"], (BOX, 240)),
    "no box": ({"bbox": None}, [], (BOX, 240)),
    "area of the image": ({"area": 3072}, ["area-recomputed"], (BOX, 240)),
    "area zero": ({"area": 0}, [], (BOX, 240)),
    "rotated box": (
        {"bbox": [12, 19, 40, 10], "area": 400, "segmentation": [], "attributes": {"rotation": 90.0}},
        ["rotated-box"], ([27, 4, 10, 40], 400),
    ),
    "partly outside": ({"bbox": [-5, 8, 20, 12], "segmentation": []}, ["clipped"], ([0, 8, 15, 12], 180)),
    "polygon partly outside": (
        {"bbox": [54, 8, 20, 12], "segmentation": [[54, 8, 74, 8, 74, 20, 54, 20]]},
        ["clipped"], ([54, 8, 10, 12], 120),
    ),
    "mask with a hole": ({"area": 225, "segmentation": brush_mask()}, [], (BOX, 225)),
}  # fmt: skip


@pytest.mark.parametrize("case", list(CASES))
def test_annotations_of_other_tools(tmp_path: Path, case: str) -> None:
    changes, codes, expected = CASES[case]
    report = coco2coco(single(tmp_path / "s", **changes), tmp_path / "d")
    assert [e.code for e in report.events if e.code != "split-made"] == codes
    one = only(tmp_path / "d")
    assert (list(one.bbox), one.area) == expected
    assert report.written == {"images": 1, "negatives": 0, "annotations": 1}


def test_polygons_stay_and_run_lengths_are_packed(tmp_path: Path) -> None:
    source = single(tmp_path / "s")
    coco2coco(source, tmp_path / "d")
    assert only(tmp_path / "d").segmentation == [SQUARE]
    coco2coco(source, tmp_path / "e", CocoOptions(segmentation="rle"))
    square = np.zeros((48, 64), np.uint8)
    square[8:20, 10:30] = 1
    assert only(tmp_path / "e").segmentation == encode(square)
    plain = {"size": [48, 64], "counts": [10 * 48 + 8, *([12, 36] * 19), 12, 34 * 48 + 28]}
    coco2coco(single(tmp_path / "t", segmentation=plain), tmp_path / "f")
    assert only(tmp_path / "f").segmentation == encode(square)


REFUSED: dict[str, tuple[dict[str, object], str]] = {
    "half a point": ({"segmentation": [[1, 2, 3, 4, 5, 6, 7]]}, "x, y pairs"),
    "NaN": ({"area": float("nan")}, r"\$\.annotations\[0\]\.area is NaN"),
    "Infinity": ({"bbox": [1, 2, float("inf"), 4]}, r"\$\.annotations\[0\]\.bbox\[2\] is Infinity"),
    "mask of another size": ({"segmentation": {"size": [10, 10], "counts": [100]}}, "10 x 10 pixels"),
    "unknown category": ({"category_id": 9}, "category_id 9 is unknown"),
}


@pytest.mark.parametrize("case", list(REFUSED))
def test_impossible_values_are_refused_with_their_place(tmp_path: Path, case: str) -> None:
    changes, words = REFUSED[case]
    with pytest.raises(InputError, match=words):
        coco2coco(single(tmp_path / "s", **changes), tmp_path / "d")
    assert not (tmp_path / "d").exists()


def test_an_image_of_another_size_is_refused(tmp_path: Path) -> None:
    source = single(tmp_path / "s")
    draw(tmp_path / "s/a.png", 128, 96)
    with pytest.raises(InputError, match=r"a\.png: 128 x 96 pixels, listed as 64 x 48"):
        coco2coco(source, tmp_path / "d")


@pytest.mark.parametrize(
    ("crowd", "iscrowd", "code"), [("instance", 0, "crowd-as-instance"), ("ignore", 1, "crowd-kept")]
)
def test_crowd_only_is_refused_unless_its_meaning_is_given(
    tmp_path: Path, crowd: str, iscrowd: int, code: str
) -> None:
    source = single(tmp_path / "s", segmentation=brush_mask(), area=225, iscrowd=1)
    with pytest.raises(InputError, match=r"all 1 annotations are ignore regions .* --crowd instance"):
        coco2coco(source, tmp_path / "d")
    report = coco2coco(source, tmp_path / "d", CocoOptions(crowd=crowd))
    assert code in {e.code for e in report.events}
    assert (only(tmp_path / "d").iscrowd, only(tmp_path / "d").area) == (iscrowd, 225)
    pixels = np.asarray(PillowImage.open(tmp_path / "d/masks/a.png"))
    assert (pixels > 0).sum() == (225 if crowd == "instance" else 0)


def test_a_crowd_among_instances_is_kept_or_refused(tmp_path: Path) -> None:
    draw(tmp_path / "a.png")
    both = [annotation(1, 1), annotation(2, 1, iscrowd=1, bbox=[40, 30, 10, 10], area=100, segmentation=[])]
    source = coco_json(tmp_path / "c.json", [image(1, "a.png")], both)
    coco2coco(source, tmp_path / "d")
    assert [crowd for *_, crowd in found(tmp_path / "d")["a.png"]] == [0, 1]
    with pytest.raises(InputError, match="annotation 2: a crowd annotation"):
        coco2coco(source, tmp_path / "e", CocoOptions(crowd="refuse"))


def roboflow(root: Path) -> Path:
    categories = [
        {"id": 0, "name": "defects", "supercategory": "none"},
        {"id": 1, "name": "chip", "supercategory": "defects"},
    ]
    for split in ("train", "valid", "test"):
        draw(root / split / f"{split}.rf.0a.jpg")
        entry = {**image(0, f"{split}.rf.0a.jpg"), "license": 1}
        coco_json(
            root / split / "_annotations.coco.json", [entry], [annotation(0, 0, segmentation=[])], categories
        )
    return root


def restarting_ids(root: Path) -> Path:
    for split, box in (("train", [1, 2, 10, 10]), ("val", [30, 20, 10, 10])):
        images = [image(i, f"{split}{i}.png") for i in range(2)]
        for one in images:
            draw(root / "images" / one["file_name"])
        found = [annotation(0, 1, bbox=box, area=100, segmentation=[])]
        coco_json(root / f"annotations/instances_{split}.json", images, found)
    return root


def same_names(root: Path) -> Path:
    for split in ("train", "val"):
        draw(root / "images" / split / "p.png", 64, 48)
        coco_json(root / f"annotations/instances_{split}.json", [image(1, "p.png")], [annotation(1, 1)])
    return root


def other_order(root: Path) -> Path:
    names = {"train": ["chip", "scratch"], "val": ["scratch", "chip"]}
    for split, order in names.items():
        draw(root / f"images/{split}.png")
        categories = [{"id": i, "name": name} for i, name in enumerate(order, 1)]
        chip = annotation(3, 3, category_id=order.index("chip") + 1)
        coco_json(root / f"annotations/instances_{split}.json", [image(3, f"{split}.png")], [chip], categories)
    return root


SQUARE_OF = (BOX, 240, 0)
Rows = list[tuple[str, list[float], float, int]]
EXPORTS: dict[str, tuple[Callable[[Path], Path], dict[str, Rows], set[str]]] = {
    "Roboflow": (
        roboflow,
        {f"{name}.rf.0a.jpg": [(f"{split} chip", *SQUARE_OF)]
         for name, split in (("train", "train"), ("valid", "val"), ("test", "test"))},
        {"root-category", "split-kept"},
    ),
    "ids that restart": (
        restarting_ids,
        {"train0.png": [], "train1.png": [("train chip", [1, 2, 10, 10], 100, 0)],
         "val0.png": [], "val1.png": [("val chip", [30, 20, 10, 10], 100, 0)]},
        {"split-kept"},
    ),
    "same names in images/<split>": (
        same_names,
        {"train/p.png": [("train chip", *SQUARE_OF)], "val/p.png": [("val chip", *SQUARE_OF)]},
        {"split-kept"},
    ),
    "categories in another order": (
        other_order,
        {"train.png": [("train chip", *SQUARE_OF)], "val.png": [("val chip", *SQUARE_OF)]},
        {"category-order", "split-kept"},
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", list(EXPORTS))
def test_exports_with_splits(tmp_path: Path, case: str) -> None:
    make, expected, codes = EXPORTS[case]
    report = coco2coco(make(tmp_path / "s"), tmp_path / "d")
    assert found(tmp_path / "d") == expected
    assert {e.code for e in report.events} == codes
    ids = [each.id for coco in load_dataset(tmp_path / "d").splits.values() for each in coco.images]
    assert sorted(ids) == list(range(1, len(expected) + 1))


def test_two_categories_of_one_name_in_either_unicode_form_are_one(tmp_path: Path) -> None:
    draw(tmp_path / "a.png")
    names = [unicodedata.normalize(form, "Größe") for form in ("NFC", "NFD")]
    categories = [{"id": i, "name": name} for i, name in enumerate(names, 1)]
    both = [annotation(1, 1), annotation(2, 1, category_id=2, bbox=[40, 8, 10, 12], area=120, segmentation=[])]
    report = coco2coco(coco_json(tmp_path / "c.json", [image(1, "a.png")], both, categories), tmp_path / "d")
    assert [name for name, *_ in found(tmp_path / "d")["a.png"]] == ["train Größe"] * 2
    assert "joined-category" in {e.code for e in report.events}


@pytest.mark.parametrize("convert", ["coco2coco", "coco2yolo", "coco2labelme", "coco2masks"])
def test_unlabelled_images_are_not_negatives(tmp_path: Path, convert: str, capsys) -> None:
    draw(tmp_path / "s/a.png")
    coco_json(tmp_path / "s/image_info_test.json", [image(1, "a.png")], [], [])
    assert run_command("convert", convert, tmp_path / "s/image_info_test.json", tmp_path / "d") == 2
    assert "labelled" in only_line(capsys)
    assert not (tmp_path / "d").exists()


def test_unlabelled_images_beside_labelled_ones(tmp_path: Path) -> None:
    for name in ("a.png", "b.png"):
        draw(tmp_path / "s/images" / name)
    coco_json(tmp_path / "s/annotations/instances_train.json", [image(1, "a.png")], [annotation(1, 1)])
    (tmp_path / "s/annotations/image_info_test.json").write_text(json.dumps({"images": [image(1, "b.png")]}))
    report = coco2coco(tmp_path / "s", tmp_path / "d")
    assert ("b.png", "unlabelled") in {(e.file, e.code) for e in report.events}
    assert set(found(tmp_path / "d")) == {"a.png"}
    coco2coco(tmp_path / "s", tmp_path / "e", CocoOptions(unlabelled="negative"))
    assert found(tmp_path / "e") == {"a.png": [("train chip", *SQUARE_OF)], "b.png": []}


def test_names_without_an_ending_survive_yolo_and_labelme(tmp_path: Path) -> None:
    names = ["part_1", "part_2.png", "part_3.v2"]
    for name in names:
        draw(tmp_path / "s/images" / name, kind="PNG")
    images = [image(i, name) for i, name in enumerate(names, 1)]
    coco_json(tmp_path / "s/annotations/instances_train.json", images, [annotation(i, i) for i in (1, 2, 3)])
    coco2yolo(tmp_path / "s", tmp_path / "y", YoloExportOptions(style=Style()))
    report = yolo2coco(tmp_path / "y", tmp_path / "c")
    assert report.written == {"images": 3, "negatives": 0, "annotations": 3}
    expected = {"part_1.png", "part_2.png", "part_3.v2.png"}
    assert set(found(tmp_path / "c")) == expected
    coco2labelme(tmp_path / "s", tmp_path / "l")
    assert {p.name for p in (tmp_path / "l").glob("*.png")} == expected
    coco2coco(tmp_path / "s", tmp_path / "d")
    assert set(found(tmp_path / "d")) == expected


def test_files_named_by_option(tmp_path: Path, capsys) -> None:
    for name in ("a", "b"):
        draw(tmp_path / f"s/{name}.png")
        coco_json(tmp_path / f"s/{name}.json", [image(1, f"{name}.png")], [annotation(1, 1)])
    named = ["--splits", "train=b.json", "--splits", "test=a.json"]
    assert run_command("convert", "coco2coco", tmp_path / "s", tmp_path / "d", *named) == 0
    assert {name: rows[0][0] for name, rows in found(tmp_path / "d").items()} == {
        "a.png": "test chip", "b.png": "train chip"
    }  # fmt: skip
    options = json.loads((tmp_path / "d/dataset.json").read_text())["options"]
    assert options["splits"] == ["train=b.json", "test=a.json"]
    assert "images" not in options
    capsys.readouterr()


def test_one_file_is_divided_by_defect_type_and_that_is_reported(tmp_path: Path) -> None:
    images, annotations = [], []
    categories = [{"id": i, "name": name} for i, name in ((4, "scratch"), (7, "dent"))]
    for i in range(30):
        draw(tmp_path / f"s/{i:02}.png")
        images.append(image(i, f"{i:02}.png"))
        if i % 3:
            annotations.append(annotation(i, i, category_id=4 if i % 3 == 1 else 7))
    source = coco_json(tmp_path / "s/instances_train.json", images, annotations, categories)
    report = coco2coco(source, tmp_path / "d", CocoOptions(ratios=(0.6, 0.2, 0.2), seed=3))
    (stated,) = [e for e in report.events if e.code.startswith("split")]
    assert (stated.code, stated.value) == ("split-made", "train 18, val 6, test 6, seed 3")
    for split, size in (("train", 6), ("val", 2), ("test", 2)):
        coco = load_dataset(tmp_path / "d").splits[split]
        names = [c.name for c in coco.categories]
        assert names == ["scratch", "dent"]
        assert [sum(a.category_id == i for a in coco.annotations) for i in (1, 2)] == [size, size]
    coco2coco(source, tmp_path / "e", CocoOptions(split="original"))
    assert len(load_dataset(tmp_path / "e").splits["train"].images) == 30
    source.rename(tmp_path / "s/all.json")
    with pytest.raises(OptionError, match=r"the name all\.json contains no split"):
        coco2coco(tmp_path / "s/all.json", tmp_path / "f", CocoOptions(split="original"))


@pytest.mark.parametrize(("orientation", "width", "height"), [(6, 48, 64), (6, 64, 48)])
def test_exif_is_applied_by_the_size_that_the_annotations_have(
    tmp_path: Path, orientation: int, width: int, height: int
) -> None:
    """An image stored as 64 x 48 and shown as 48 x 64."""
    exif = PillowImage.Exif()
    exif[0x0112] = orientation
    (tmp_path / "s").mkdir()
    PillowImage.new("RGB", (64, 48)).save(tmp_path / "s/a.png", exif=exif)
    source = coco_json(tmp_path / "s/c.json", [image(1, "a.png", width, height)], [annotation(1, 1)])
    report = coco2coco(source, tmp_path / "d")
    assert "exif-upright" in {e.code for e in report.events}
    assert PillowImage.open(tmp_path / "d/images/a.png").size == (width, height)


def test_our_own_dataset_stays_the_same(coco_folder: Path, tmp_path: Path) -> None:
    coco2coco(coco_folder, tmp_path / "d", execution=Execution(jobs=1))
    ours, again = load_dataset(coco_folder), load_dataset(tmp_path / "d")
    assert again.splits == ours.splits
    assert all(isinstance(a.segmentation, Rle) for coco in again.splits.values() for a in coco.annotations)
    masks = sorted((coco_folder / "masks").rglob("*.png"))
    for mask in masks:
        assert (tmp_path / "d/masks" / mask.relative_to(coco_folder / "masks")).read_bytes() == mask.read_bytes()


def test_images_of_one_stem_are_refused(tmp_path: Path) -> None:
    for name in ("a.jpg", "a.png"):
        draw(tmp_path / name)
    source = coco_json(
        tmp_path / "c.json", [image(1, "a.jpg"), image(2, "a.png")], [annotation(1, 1), annotation(2, 2)], CHIP
    )
    with pytest.raises(InputError, match=r"differs from a\.jpg only in the extension"):
        coco2coco(source, tmp_path / "d")


def test_a_missing_image_and_an_image_listed_twice_are_refused(tmp_path: Path) -> None:
    source = single(tmp_path / "s")
    coco_json(tmp_path / "s/d.json", [image(1, "a.png")], [])
    with pytest.raises(InputError, match=r"a\.png is also listed in c\.json"):
        coco2coco(tmp_path / "s", tmp_path / "d")
    (tmp_path / "s/a.png").unlink()
    with pytest.raises(InputError, match=r"listed in c\.json but missing; name the folder of the images"):
        coco2coco(source, tmp_path / "d")


def test_a_box_that_vanishes_when_it_is_clipped_is_lost(tmp_path: Path) -> None:
    """Thinner than the precision of a coordinate: found with random files."""
    source = single(tmp_path / "s", bbox=[0, 0, 7e-25, 49], segmentation=[], area=1)
    report = coco2coco(source, tmp_path / "d")
    assert [(event.code, event.where) for event in report.events][:2] == [
        ("image-left-out", ""),
        ("no-area", "annotation 1"),
    ]
