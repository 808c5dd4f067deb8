"""COCO average precision by pycocotools itself, in memory, and the same resampled over images.

Annotations and predictions are numbered again from 1, because COCOeval takes an annotation with id 0 for unmatched
(https://github.com/cocodataset/cocoapi/pull/332). Masks are judged by their own area, as for results without
bbox; otherwise COCO.loadRes sorts a mask into a size range by the area of its box.
"""

import contextlib
import io
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from datasets.coco import CocoFile, Prediction, Rle
from datasets.masks.rle import PycocotoolsRle, rle_area, to_pycocotools, to_rle

if TYPE_CHECKING:
    from numpy.typing import NDArray

IouType = Literal["bbox", "segm"]


def coco_eval(truth: CocoFile, predictions: Sequence[Prediction], iou_type: IouType) -> COCOeval:
    """COCOeval after evaluate, accumulate and summarize, in memory and without its printing."""
    with contextlib.redirect_stdout(io.StringIO()):
        done = COCOeval(_truth_index(truth, iou_type), _prediction_index(truth, predictions, iou_type), iou_type)
        done.evaluate()
        done.accumulate()
        done.summarize()
    return done


def resampled_precision(done: COCOeval, draws: "NDArray[np.int64]") -> "NDArray[np.float64]":
    """AP at each IoU threshold as if the dataset contained each image as often as drawn: resamples x thresholds.

    The mean over types with an annotation in the resample, nan where there is none. Weighting equals COCOeval on
    the images repeated, because only the last of several copies of a prediction has a precision that is picked.
    """
    images = len(done.params.imgIds)
    ranges = len(done.params.areaRng)
    per_type = [
        _resampled_type(done, draws, [(i, e) for i, e in enumerate(done.evalImgs[start : start + images]) if e])
        for start in range(0, len(done.evalImgs), ranges * images)
    ]
    stacked = np.stack(per_type)
    known = ~np.isnan(stacked)
    with np.errstate(invalid="ignore"):
        mean: NDArray[np.float64] = np.nansum(stacked, axis=0) / known.sum(axis=0)
    return mean


def _resampled_type(
    done: COCOeval, draws: "NDArray[np.int64]", evaluated: list[tuple[int, Any]]
) -> "NDArray[np.float64]":
    thresholds = len(done.params.iouThrs)
    result = np.full((len(draws), thresholds), np.nan)
    if not evaluated:
        return result
    annotations = sum(draws[:, i] * np.count_nonzero(e["gtIgnore"] == 0) for i, e in evaluated)
    scores = np.concatenate([e["dtScores"] for _, e in evaluated])
    order = np.argsort(-scores, kind="mergesort")
    home = np.repeat([i for i, _ in evaluated], [len(e["dtScores"]) for _, e in evaluated])[order]
    matched = np.concatenate([e["dtMatches"] for _, e in evaluated], axis=1)[:, order] > 0
    counted = ~np.concatenate([e["dtIgnore"] for _, e in evaluated], axis=1)[:, order].astype(bool)
    exists = np.asarray(annotations) > 0
    times = draws[exists][:, home]
    for t in range(thresholds):
        hits = np.flatnonzero(matched[t] & counted[t])
        all_so_far = np.cumsum(times * counted[t], axis=1)[:, hits]
        hits_so_far = np.cumsum(times[:, hits], axis=1)
        precision = hits_so_far / (all_so_far + np.spacing(1))
        envelope = np.maximum.accumulate(precision[:, ::-1], axis=1)[:, ::-1]
        recall = hits_so_far / np.asarray(annotations)[exists][:, None]
        result[exists, t] = [_picked(r, e, done.params.recThrs) for r, e in zip(recall, envelope, strict=True)]
    return result


def _picked(recall: "NDArray[np.float64]", envelope: "NDArray[np.float64]", at: "NDArray[np.float64]") -> float:
    """Mean precision over the recall points `at`; 0 beyond the highest recall."""
    return float(np.append(envelope, 0.0)[np.searchsorted(recall, at, side="left")].mean())


def _truth_index(truth: CocoFile, iou_type: IouType) -> COCO:
    sizes = {image.id: (image.height, image.width) for image in truth.images}
    rows = []
    for number, a in enumerate(truth.annotations, 1):
        row = {"id": number, "image_id": a.image_id, "category_id": a.category_id, "bbox": list(a.bbox),
               "area": a.area, "iscrowd": a.iscrowd}  # fmt: skip
        if iou_type == "segm":
            row["segmentation"] = _pycocotools(to_rle(a.segmentation, *sizes[a.image_id]))
        rows.append(row)
    return _index(truth, rows)


def _prediction_index(truth: CocoFile, predictions: Sequence[Prediction], iou_type: IouType) -> COCO:
    sizes = {image.id: (image.height, image.width) for image in truth.images}
    rows = []
    for number, p in enumerate(predictions, 1):
        row = {"id": number, "image_id": p.image_id, "category_id": p.category_id, "bbox": list(p.bbox),
               "score": p.score, "area": p.bbox[2] * p.bbox[3], "iscrowd": 0}  # fmt: skip
        mask = to_rle(p.segmentation or [], *sizes[p.image_id]) if iou_type == "segm" else None
        if mask is not None:
            row |= {"segmentation": to_pycocotools(mask), "area": rle_area(mask)}
        rows.append(row)
    return _index(truth, rows)


def _pycocotools(rle: Rle | None) -> PycocotoolsRle | None:
    return None if rle is None else to_pycocotools(rle)


def _index(truth: CocoFile, annotations: list[dict[str, Any]]) -> COCO:
    coco = COCO()
    coco.dataset = {
        "images": [{"id": i.id, "width": i.width, "height": i.height} for i in truth.images],
        "categories": [{"id": c.id, "name": c.name} for c in truth.categories],
        "annotations": annotations,
    }
    coco.createIndex()
    return coco
