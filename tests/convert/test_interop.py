"""Our dataset folders in other programs that read COCO: same images, same instances, a perfect score.

pycocotools is always installed. Others belong to the extras `interop` (a part of `dev`) and `datumaro`, which
needs an older Pillow than that in `constraints.txt`. Missing programs are skipped;
`make interop` runs the tests in an environment with all of them.
"""

import contextlib
import io
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from convert.coco2coco import coco2coco
from convert.cvat2coco import cvat2coco
from convert.report import Report
from convert.voc2coco import voc2coco
from datasets.coco import CocoFile, Image
from datasets.formats.dataset_folder import annotation_path, load_dataset
from datasets.masks.rle import decode
from tests.small_coco import mask_annotation, write_folder

SPLITS = ("train", "val", "test")


def need(name: str, extra: str = "interop") -> ModuleType:
    return pytest.importorskip(name, reason=f"{name} is not installed (extra {extra})")


def perfect(coco: CocoFile) -> list[dict[str, Any]]:
    """The ground truth as COCO results with a score of 1."""
    return [
        {
            "image_id": a.image_id,
            "category_id": a.category_id,
            "bbox": list(a.bbox),
            "score": 1.0,
            "segmentation": {"size": list(a.segmentation.size), "counts": a.segmentation.counts},
        }
        for a in coco.annotations
    ]


def score(module: ModuleType, evaluator: str, path: Path, results: list[dict[str, Any]], kind: str) -> list[float]:
    with contextlib.redirect_stdout(io.StringIO()):
        truth = module.COCO(str(path))
        evaluation = getattr(module, evaluator)(truth, truth.loadRes(results), kind)
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return [float(value) for value in evaluation.stats[:3]]


@pytest.mark.parametrize(
    ("name", "evaluator"),
    [("pycocotools", "COCOeval"), ("faster_coco_eval", "COCOeval_faster"), ("hotcoco", "COCOeval")],
)
@pytest.mark.parametrize("split", SPLITS)
def test_evaluators_count_the_same_and_give_a_perfect_score(
    coco_folder: Path, name: str, evaluator: str, split: str
) -> None:
    module = need(name)
    if name == "pycocotools":
        module = ModuleType("pycocotools")
        module.COCO, module.COCOeval = need("pycocotools.coco").COCO, need("pycocotools.cocoeval").COCOeval
    path = annotation_path(coco_folder, split)
    ours = load_dataset(coco_folder).splits[split]
    with contextlib.redirect_stdout(io.StringIO()):
        theirs = module.COCO(str(path))
    assert sorted(theirs.getImgIds()) == [image.id for image in ours.images]
    assert sorted(theirs.getAnnIds()) == [annotation.id for annotation in ours.annotations]
    assert sorted(theirs.getCatIds()) == [category.id for category in ours.categories]
    for kind in ("bbox", "segm"):
        assert score(module, evaluator, path, perfect(ours), kind) == pytest.approx([1, 1, 1])


@pytest.mark.parametrize("split", SPLITS)
def test_supervision_sees_every_image_and_every_pixel(coco_folder: Path, split: str) -> None:
    supervision = need("supervision")
    ours = load_dataset(coco_folder)
    theirs = supervision.DetectionDataset.from_coco(
        images_directory_path=str(coco_folder / "images"),
        annotations_path=str(annotation_path(coco_folder, split)),
        force_masks=True,
    )
    assert len(theirs) == len(ours.splits[split].images)
    assert theirs.classes == [category.name for category in ours.categories]
    annotations = ours.splits[split].by_image()
    by_path = {str(ours.image_path(image)): image for image in ours.splits[split].images}
    for path, _, detections in theirs:
        image = by_path[path]
        assert len(detections) == len(annotations[image.id])
        for mask, class_index, annotation in zip(
            detections.mask if len(detections) else (),
            detections.class_id if len(detections) else (),
            annotations[image.id],
            strict=True,
        ):
            assert class_index == annotation.category_id - 1
            np.testing.assert_array_equal(mask, decode(annotation.segmentation, image.height, image.width) > 0)


def test_datumaro_sees_every_image_and_no_crowd(coco_folder: Path) -> None:
    datumaro = need("datumaro", "datumaro")
    theirs = datumaro.Dataset.import_from(str(coco_folder), "coco_instances")
    ours = load_dataset(coco_folder)
    for split in SPLITS:
        items = list(theirs.subsets()[split])
        assert len(items) == len(ours.splits[split].images)
        annotations = [annotation for item in items for annotation in item.annotations]
        masks = [
            a for a in annotations if a.type in {datumaro.AnnotationType.mask, datumaro.AnnotationType.polygon}
        ]
        assert len(masks) == len(ours.splits[split].annotations)
        assert not any(annotation.attributes.get("is_crowd") for annotation in masks)


WRITTEN: dict[str, Callable[[Path, Path], Report]] = {
    "voc_detection": voc2coco,
    "cvat": cvat2coco,
    "coco_instances": coco2coco,
}


def squares(root: Path) -> Path:
    """Two images in each split, each with a square of its own size, and a good image."""
    members: dict[str, list[Image]] = {"train": [], "val": [], "test": []}
    annotations = []
    for number in range(1, 7):
        split = SPLITS[number % 3]
        members[split].append(Image(number, f"part_{number}.png", 60, 40))
        mask = np.zeros((40, 60), np.uint8)
        mask[5 : 8 + number, 10 : 20 + number] = 1
        annotations.append(mask_annotation(number, number, 3 if number % 2 else 7, mask))
    members["train"].append(Image(7, "part_7.png", 60, 40))
    return write_folder(root, members, annotations)


@pytest.mark.parametrize("name", list(WRITTEN))
def test_exports_of_datumaro_are_read(tmp_path: Path, name: str) -> None:
    datumaro = need("datumaro", "datumaro")
    source = squares(tmp_path / "s")
    datumaro.Dataset.import_from(str(source), "coco_instances").export(str(tmp_path / name), name, save_media=True)
    WRITTEN[name](tmp_path / name, tmp_path / "c")
    expected = boxes_by_name(source)
    if name == "coco_instances":  # its polygons run through the centres of the outermost pixels
        expected = {
            image: [(category, [x, y, w - 1, h - 1]) for category, (x, y, w, h) in boxes]
            for image, boxes in expected.items()
        }
    assert boxes_by_name(tmp_path / "c") == expected


def boxes_by_name(folder: Path) -> dict[str, list[tuple[str, list[float]]]]:
    """Category and box of each annotation of the defective images, by the name of the image."""
    found = {}
    for coco in load_dataset(folder).splits.values():
        names, annotations = coco.names(), coco.by_image()
        for image in coco.images:
            own = [(names[a.category_id], [float(value) for value in a.bbox]) for a in annotations[image.id]]
            found |= {Path(image.file_name).name: own} if own else {}
    return found
