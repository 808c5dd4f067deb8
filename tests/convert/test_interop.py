"""Our dataset folders in other programs that read COCO: same images, same instances, a perfect score.

pycocotools is always installed. Others belong to the extras `interop` (a part of `dev`) and `datumaro`, which
needs an older Pillow than that in `constraints.txt` and therefore a separate environment. Missing programs are
skipped.
"""

import contextlib
import io
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from datasets.coco import CocoFile
from datasets.formats.dataset_folder import annotation_path, load_dataset
from datasets.masks.rle import decode

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
