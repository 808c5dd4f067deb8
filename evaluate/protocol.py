"""The protocol of a measurement: how the numbers are made and what each of them means, stored with the numbers."""

from collections.abc import Mapping
from importlib.metadata import version

from datasets.coco import CocoFile
from datasets.formats.dataset_folder import Dataset
from evaluate.bootstrap import RESAMPLES
from evaluate.metrics import METRICS
from evaluate.run_folder import Run
from evaluate.truth import split_size
from evaluate.values import Protocol

IGNORE_REGIONS = (
    "annotations with iscrowd 1, by the rule of COCO: a prediction of which half or more is inside one of its type"
    " counts neither as found nor as false nor as a false alarm, an ignore region is never missed and makes no"
    " image defective, and its pixels are left out"
)


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
    """Key of metrics.json -> how its value is computed on the images of `truth`."""
    sentences = {key: sentence for metric in METRICS for key, sentence in metric.definitions(truth).items()}
    if any(a.iscrowd for a in truth.annotations):
        sentences["ignore_regions"] = IGNORE_REGIONS
    return sentences
