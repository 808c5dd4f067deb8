"""Names that differ only in Unicode form, case or spaces at the end: files and categories, in every format."""

import unicodedata
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as PilImage

from convert.coco2coco import coco2coco
from convert.coco2yolo import coco2yolo
from convert.execution import Execution
from convert.labelme2coco import labelme2coco
from convert.masks2coco import MasksOptions, masks2coco
from convert.mvtec2coco import MvtecOptions, mvtec2coco
from convert.report import Report
from convert.voc2coco import voc2coco
from convert.yolo2coco import yolo2coco
from datasets.check.check import check
from datasets.check.facts import Limits
from datasets.formats.category_names import category_name, joined_labels, names_of_other_case
from datasets.formats.dataset_folder import load_dataset
from datasets.formats.file_names import find_ambiguous_names, fold_stem
from system.errors import InputError
from tests.foreign_coco import coco_json, draw, image
from tests.labelme_files import shape, write_case
from tests.tool_exports import draw_image, voc_object, write_voc

NFC, NFD = (unicodedata.normalize(form, "größe") for form in ("NFC", "NFD"))
PAIRS = {
    "Unicode form": (f"{NFC}.png", f"{NFD}.png", "the Unicode form"),
    "case": ("Part.png", "part.png", "upper and lower case"),
    "space at the end": ("part .png", "part.png", "spaces at the end"),
    "space and case": ("Part .png", "part.png", "spaces at the end and case"),
    "ending": ("part.bmp", "part.png", "the extension"),
    "case of the ending": ("part.PNG", "part.png", "the extension"),
    "folder": ("A/part.png", "a/part.png", "upper and lower case"),
}


@pytest.mark.parametrize("kind", list(PAIRS))
def test_two_names_that_look_alike_are_ambiguous(kind: str) -> None:
    one, other, difference = PAIRS[kind]
    ((first, error),) = find_ambiguous_names([one, "else.png", other])
    assert (first, str(error.where)) == (one, other)
    assert error.problem.startswith(f"its name differs from {one} only in {difference}")


@pytest.mark.parametrize(
    ("one", "other"), [("a.png", "b.png"), ("a/x.png", "b/x.png"), ("a .png", " a.png"), ("1.png", "01.png")]
)
def test_other_names_are_not(one: str, other: str) -> None:
    assert fold_stem(one) != fold_stem(other)
    assert not list(find_ambiguous_names([one, other]))


def coco_of(root: Path, names: tuple[str, str]) -> Callable[[Path], Report]:
    for name in names:
        draw(root / name, kind="PNG")
    coco_json(root / "c.json", [image(1, names[0]), image(2, names[1])], [])
    return lambda dest: coco2coco(root, dest)


def yolo_of(root: Path, names: tuple[str, str]) -> Callable[[Path], Report]:
    for name in names:
        draw(root / "images" / name, kind="PNG")
        (root / "labels").mkdir(exist_ok=True)
        (root / "labels" / name).with_suffix(".txt").write_text("0 .5 .5 .2 .2\n")
    (root / "classes.txt").write_text("chip\n")
    return lambda dest: yolo2coco(root, dest)


def tree_of(root: Path, names: tuple[str, str]) -> Callable[[Path], Report]:
    for name in (*names, "z.png"):
        draw(root / "test/dent" / name, kind="PNG")
        mask = np.zeros((48, 64), np.uint8)
        mask[4:9, 5:11] = 255
        (root / "ground_truth/dent").mkdir(parents=True, exist_ok=True)
        PilImage.fromarray(mask).save(root / f"ground_truth/dent/{Path(name).stem}_mask.png")
    return lambda dest: mvtec2coco([root], dest, MvtecOptions())


def masks_of(root: Path, names: tuple[str, str]) -> Callable[[Path], Report]:
    tree_of(root, names)
    options = MasksOptions(root / "ground_truth/dent", ("dent",), pattern="{stem}_mask")
    return lambda dest: masks2coco(root / "test/dent", dest, options)


FORMATS = {"coco": coco_of, "yolo": yolo_of, "tree": tree_of, "masks": masks_of}


@pytest.mark.parametrize("kind", ["case", "space at the end"])
@pytest.mark.parametrize("name", list(FORMATS))
def test_conversions_refuse_such_images_and_the_check_finds_them(tmp_path: Path, name: str, kind: str) -> None:
    one, other, difference = PAIRS[kind]
    convert = FORMATS[name](tmp_path / "s", (one, other))
    with pytest.raises(InputError, match=f"its name differs from .* only in {difference}"):
        convert(tmp_path / "d")
    assert not (tmp_path / "d").exists()
    if name != "masks":
        codes = [f.code for f in check(tmp_path / "s", Limits(), jobs=1).findings]
        assert codes.count("ambiguous-pair") == 1


def test_the_same_name_in_two_splits_is_kept_apart_by_the_split(tmp_path: Path) -> None:
    for split, name in (("train", "A.png"), ("valid", "a.png")):
        draw(tmp_path / "s" / split / name, kind="PNG")
        coco_json(tmp_path / f"s/{split}/_annotations.coco.json", [image(1, name)], [])
    coco2coco(tmp_path / "s", tmp_path / "d")
    listed = {i.file_name for coco in load_dataset(tmp_path / "d").splits.values() for i in coco.images}
    assert listed == {"train/A.png", "val/a.png"}


def test_the_rule_of_categories() -> None:
    assert category_name(f" {NFD} ") == NFC
    assert joined_labels(["chip", "chip ", "dent", NFC, NFD]) == [("chip", ["chip", "chip "]), (NFC, [NFD, NFC])]
    assert names_of_other_case(["dent", "Dent", "DENT", "crack"]) == [["DENT", "Dent", "dent"]]


def categories_and_codes(report: Report, dest: Path) -> tuple[list[str], list[str]]:
    listed = [category.name for category in load_dataset(dest).categories]
    codes = [event.code for event in report.events if event.code in {"joined-category", "similar-categories"}]
    return listed, sorted(codes)


def labelme_with(root: Path, labels: tuple[str, ...]) -> Callable[[Path], Report]:
    write_case(root, *(shape(label, "rectangle", [[10, 8], [30, 20 + k]]) for k, label in enumerate(labels)))
    return lambda dest: labelme2coco(root, dest)


def voc_with(root: Path, labels: tuple[str, ...]) -> Callable[[Path], Report]:
    draw_image(root / "a.png")
    write_voc(root / "a.xml", *(voc_object(f"{label}", (2, 3, 9, 9)) for label in labels), filename="a.png")
    return lambda dest: voc2coco(root, dest)


def coco_with(root: Path, labels: tuple[str, ...]) -> Callable[[Path], Report]:
    draw(root / "a.png", kind="PNG")
    kinds = [{"id": k, "name": label} for k, label in enumerate(labels, 1)]
    drawn = [
        {"id": k, "image_id": 1, "category_id": k, "bbox": [2, 3, 9, 9 + k], "area": 81, "iscrowd": 0}
        for k in range(1, len(labels) + 1)
    ]
    coco_json(root / "c.json", [image(1, "a.png")], drawn, kinds)
    return lambda dest: coco2coco(root, dest)


def tree_with(root: Path, labels: tuple[str, ...]) -> Callable[[Path], Report]:
    for k, label in enumerate(labels):
        draw(root / "test" / label / f"{k}.png", kind="PNG")
        mask = np.zeros((48, 64), np.uint8)
        mask[4:9, 5:11] = 255
        (root / "ground_truth" / label).mkdir(parents=True)
        PilImage.fromarray(mask).save(root / f"ground_truth/{label}/{k}_mask.png")
    return lambda dest: mvtec2coco([root], dest, MvtecOptions())


LABELLED = {"labelme": labelme_with, "voc": voc_with, "coco": coco_with, "tree": tree_with}


@pytest.mark.parametrize("name", list(LABELLED))
def test_categories_that_look_the_same_are_one_and_those_of_other_case_are_two(tmp_path: Path, name: str) -> None:
    same = LABELLED[name](tmp_path / "one", (NFC, NFD))
    assert categories_and_codes(same(tmp_path / "c"), tmp_path / "c") == ([NFC], ["joined-category"])
    other = LABELLED[name](tmp_path / "two", ("Chip", "chip"))
    assert categories_and_codes(other(tmp_path / "d"), tmp_path / "d") == (
        ["Chip", "chip"],
        ["similar-categories"],
    )
    for source in ("one", "two"):
        codes = {finding.code for finding in check(tmp_path / source, Limits(), jobs=1).findings}
        assert "near-identical-labels" in codes


def test_classes_of_yolo_that_look_the_same_are_refused(tmp_path: Path) -> None:
    yolo_of(tmp_path / "s", ("a.png", "b.png"))
    (tmp_path / "s/classes.txt").write_text(f"{NFC}\n{NFD}\n")
    with pytest.raises(InputError, match="a class name occurs twice"):
        yolo2coco(tmp_path / "s", tmp_path / "d")


def test_case_is_also_reported_in_exports(tmp_path: Path) -> None:
    coco_with(tmp_path / "s", ("Chip", "chip"))
    report = coco2yolo(tmp_path / "s", tmp_path / "d", execution=Execution(dry_run=True))
    assert [event.value for event in report.events if event.code == "similar-categories"] == ["Chip and chip"]


@pytest.mark.parametrize("name", list(LABELLED))
def test_a_category_called_like_no_defect_is_reported(tmp_path: Path, name: str) -> None:
    report = LABELLED[name](tmp_path / "s", ("Normal", "dent"))(tmp_path / "d")
    assert [event.value for event in report.events if event.code == "category-of-no-defect"] == ["Normal"]
