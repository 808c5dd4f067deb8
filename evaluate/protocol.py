"""How the numbers are made and what each group of them means, in sentences that travel with the numbers."""

from collections.abc import Mapping
from importlib.metadata import version

from datasets.coco import CocoFile
from datasets.formats.dataset_folder import Dataset
from evaluate.bootstrap import RESAMPLES
from evaluate.boundary import TOLERANCE, tolerance_pixels
from evaluate.matching import IOU_THRESHOLD
from evaluate.metrics import Protocol
from evaluate.run_folder import Run
from evaluate.truth import split_size


def protocol_of(
    run: Run, dataset: Dataset, truth: Mapping[str, CocoFile], *, operating_point: str, seed: int
) -> Protocol:
    """The protocol of measuring `run` on the images of `truth`, of which test is the one measured."""
    return Protocol(
        dataset=dataset.name,
        content_sha256=dataset.provenance.content_sha256 if dataset.provenance else None,
        task=run.task,
        tool=f"defectline {version('defectline')}",
        splits={name: split_size(coco) for name, coco in truth.items()},
        operating_point=operating_point,
        bootstrap=f"{RESAMPLES} resamples of the test images with replacement, seed {seed}, 95 % percentiles",
        definitions=definitions(truth["test"]),
    )


def definitions(truth: CocoFile) -> dict[str, str]:
    """Group of metrics.json -> how it is computed on the images of `truth`."""
    reach = sorted({round(tolerance_pixels(i.height, i.width), 1) for i in truth.images})
    pixels = f"{reach[0]:g}" if len(reach) == 1 else f"{reach[0]:g} to {reach[-1]:g}"
    return {
        "boxes": "COCO AP by pycocotools over all scores, IoU of boxes, mean over IoU 0.50 to 0.95 and types",
        "masks": "the same with the IoU of instance masks",
        "pixels": "predictions at the operating point painted, the higher score on top, against annotations"
        " painted, the smaller on top; pixels counted over all images, then divided once; a defect type without"
        " annotation has no value and is left out of the mean",
        "boundary": f"outline pixels of the defect within {TOLERANCE:.2%} of the image diagonal ({pixels} pixels),"
        " counted over all images",
        "score_maps": "probability of a defect per pixel over all thresholds; AUPRO up to a false positive rate of"
        " 0.3, each annotation with the same weight",
        "images": "score of an image is that of its highest prediction; a defective image below the threshold is"
        " missed, a good one at or above it is a false alarm; exact binomial 95 % intervals of the rates",
        "instances": f"greedy matching by score at the operating point, box IoU {IOU_THRESHOLD}, same type",
        "type_confusion": f"greedy matching by score at the operating point, box IoU {IOU_THRESHOLD}, any type",
    }
