"""An image that has only ignore regions (iscrowd 1) is neither defective nor good, wherever images are counted."""

import json
from pathlib import Path

import msgspec
import numpy as np
import pytest
from PIL import Image as PilImage

from convert.coco2coco import CocoOptions, coco2coco
from convert.coco2masks import coco2masks
from convert.coco2yolo import coco2yolo
from convert.conversion import Instance
from convert.labelme2coco import labelme2coco
from convert.report import Report
from convert.split_assignment import instance_stratum, split_by_type
from convert.voc2coco import VocOptions, voc2coco
from datasets.check.check import check
from datasets.check.facts import Limits
from datasets.coco import Category, Image
from datasets.formats.dataset_folder import load_dataset
from datasets.paste.dataset import train_images
from datasets.resplit import Options, resplit
from datasets.splits import ONLY_IGNORED, strata_by_type
from datasets.summary import NEGATIVE, summarise
from evaluate.type_of_image import types_of_images
from tests.labelme_files import shape, write_case
from tests.small_coco import mask_annotation, write_folder
from tests.tool_exports import draw_image, voc_object, write_voc
from training.negatives import choose_negatives, only_ignored

DENT = Category(1, "dent")


def squares(root: Path) -> Path:
    """In train: 1 a dent, 2 a dent and an ignore region, 3 only an ignore region, 4 good; in test 5 as 3."""
    mask, region = np.zeros((2, 20, 30), np.uint8)
    mask[2:8, 3:9] = 1
    region[2:12, 3:20] = 1
    shown = {1: [(mask, 0)], 2: [(mask, 0), (region, 1)], 3: [(region, 1)], 4: [], 5: [(region, 1)]}
    annotations = []
    for image_id, masks in shown.items():
        for pixels, iscrowd in masks:
            made = mask_annotation(len(annotations) + 1, image_id, 1, pixels)
            annotations.append(msgspec.structs.replace(made, iscrowd=iscrowd))
    members = {"train": [Image(k, f"{k}.png", 30, 20) for k in range(1, 5)], "test": [Image(5, "5.png", 30, 20)]}
    return write_folder(root, members, annotations, (DENT,))


def counts_of(dest: Path) -> dict[str, dict[str, object]]:
    content = json.loads((dest / "dataset.json").read_text())
    return {split: count for split, count in content["counts"].items() if count["images"]}


TRAIN = {"images": 4, "negatives": 1, "annotations": {"dent": 2}, "ignore_regions": 2, "only_ignored": 1}
TEST = {"images": 1, "negatives": 0, "annotations": {"dent": 0}, "ignore_regions": 1, "only_ignored": 1}


def test_a_dataset_folder_counts_them_apart(tmp_path: Path) -> None:
    report = coco2coco(squares(tmp_path / "s"), tmp_path / "d", CocoOptions())
    assert counts_of(tmp_path / "d") == {"train": TRAIN, "test": TEST}
    assert report.written == {
        "images": 5,
        "negatives": 1,
        "annotations": 2,
        "ignore regions": 3,
        "images with only ignore regions": 2,
    }


def test_crowds_made_instances_are_defects(tmp_path: Path) -> None:
    options = CocoOptions(crowd="instance", split="stratified", ratios=(1, 0, 0))
    report = coco2coco(squares(tmp_path / "s"), tmp_path / "d", options)
    assert report.written == {"images": 5, "negatives": 1, "annotations": 5}
    assert counts_of(tmp_path / "d")["train"] == {"images": 5, "negatives": 1, "annotations": {"dent": 5}}


def test_a_split_divides_them_apart_from_the_good_images(tmp_path: Path) -> None:
    source = squares(tmp_path / "s")
    strata = strata_by_type(load_dataset(source).splits.values())
    assert list(strata.values()) == ["dent", "dent", ONLY_IGNORED, "good", ONLY_IGNORED]
    counted = resplit(source, tmp_path / "d", Options(ratios=(1, 0, 0)))
    assert counted[""]["train"] == {"dent": 2, ONLY_IGNORED: 2, "good": 1}
    counts = {"images": 5, "negatives": 1, "annotations": {"dent": 2}, "ignore_regions": 3, "only_ignored": 2}
    assert counts_of(tmp_path / "d")["train"] == counts


def test_training_and_pasting_use_them_neither_as_defects_nor_as_negatives(tmp_path: Path) -> None:
    dataset = load_dataset(squares(tmp_path / "s"))
    train = dataset.split("train")
    assert [image.id for image in choose_negatives(train, "all", 0)] == [1, 2, 4]
    assert [image.id for image in only_ignored(train)] == [3]
    canvases = [given.image.id for given in train_images(dataset) if not given.annotations]
    sources = [given.image.id for given in train_images(dataset) if given.usable]
    assert (canvases, sources) == ([4], [1, 2])
    images, types = types_of_images(train)
    assert ([image.id for image in images], types.tolist()) == ([1, 2, 4], [1, 1, 0])


def test_the_summary_has_a_row_for_them(tmp_path: Path) -> None:
    source = squares(tmp_path / "s")
    for path in (source, source / "annotations/instances_train.json"):
        types = summarise(path).types
        assert {name: sum(t.images.values()) for name, t in types.items()} == {
            "dent": 2,
            NEGATIVE: 1,
            ONLY_IGNORED: 1 + (path == source),
        }
        assert {name: t.instances for name, t in types.items()} == {"dent": 2, NEGATIVE: 0, ONLY_IGNORED: 0}


def test_the_check_compares_no_defect_with_a_region_over_it(tmp_path: Path) -> None:
    codes = {(f.code, f.file, f.where) for f in check(squares(tmp_path / "s"), Limits(), jobs=1).findings}
    assert ("absent-from-split", "(dataset)", "test") in codes  # a region is not a dent
    assert not [code for code, *_ in codes if code in {"duplicate-annotation", "overlap-of-types", "split-skew"}]


def losses(report: Report) -> list[tuple[str, str]]:
    return [(event.file, event.code) for event in report.events if event.code in {"crowd", "image-left-out"}]


@pytest.mark.parametrize("convert", [coco2masks, coco2yolo])
def test_where_there_are_no_ignore_regions_such_an_image_is_left_out(tmp_path: Path, convert: object) -> None:
    report = convert(squares(tmp_path / "s"), tmp_path / "d")  # type: ignore[operator]
    lost = [(name, code) for name in ("3.png", "5.png") for code in ("crowd", "image-left-out")]
    assert sorted(losses(report)) == [("2.png", "crowd"), *lost]
    assert counts_of(tmp_path / "d")["train"] == {"images": 3, "negatives": 1, "annotations": {"dent": 2}}


def test_a_pixel_mask_has_no_ignore_region(tmp_path: Path) -> None:
    coco2masks(squares(tmp_path / "s"), tmp_path / "m")
    with PilImage.open(tmp_path / "m/2.png") as mask:
        assert np.count_nonzero(np.asarray(mask)) == 36


def test_difficult_objects_of_labelme_and_voc_are_counted_and_drawn_alike(tmp_path: Path) -> None:
    hard = shape("dent", "rectangle", [[10, 8], [30, 20]]) | {"difficult": True}
    write_case(tmp_path / "l", hard)
    report = labelme2coco(tmp_path / "l", tmp_path / "c")
    draw_image(tmp_path / "v/a.png")
    write_voc(tmp_path / "v/a.xml", voc_object("dent", (2, 3, 9, 9), "<difficult>1</difficult>"), filename="a.png")
    other = voc2coco(tmp_path / "v", tmp_path / "e", VocOptions())
    for made, dest in ((report, tmp_path / "c"), (other, tmp_path / "e")):
        assert made.written["negatives"] == made.written["annotations"] == 0
        assert made.written["images with only ignore regions"] == 1
        assert counts_of(dest)["train"]["only_ignored"] == 1
    with PilImage.open(tmp_path / "c/masks/a.png") as mask:
        assert not np.asarray(mask).any()


def test_the_stratum_of_a_conversion_is_that_of_the_split() -> None:
    region = Instance(1, (0, 0, 2, 2), 4, [], 1)
    strata = {f"{k}.png": instance_stratum([region]) for k in range(10)} | {"g.png": instance_stratum([])}
    assert len({*strata.values()}) == 2
    assert sorted(split_by_type(strata, (0.7, 0.1, 0.2), 0, [DENT]).values()).count("train") == 8
