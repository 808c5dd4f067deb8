"""A trained anomaly detector as a file: weights and everything needed to rebuild and use it, as safetensors."""

from collections.abc import Mapping
from pathlib import Path

import msgspec
from torch import Tensor

from datasets.coco import Category
from features.encoder import EncoderSpec
from features.input_frame import InputSide
from features.regions import DistanceLimits
from features.safetensors_file import read_stored_spec, read_tensors, save_with_spec
from features.score_map import Enlarging
from system.tensors import check_library_name, check_tensors
from train_anomaly.alarms import Guarantee
from train_anomaly.options import AnomalyOptions


class AnomalySpec(msgspec.Struct, frozen=True):
    """`rows` and `columns` of the network input, the options of the training, and the encoder, if there is one.

    `category` is the category of all predictions. `good_scores` are the scores, in rising order, of good images
    that were not used for learning; `limits` and `guarantee` are set after the training. `epoch` counts from 1.
    `learnt`, `held_out` and `pasted` (sources of made defects) are the SHA-256 of the image files, in the order in
    which they were learnt, so that no other training tests on them. `enlarging` is the interpolation of the
    distances; files from before there was a choice do not name it.
    """

    rows: InputSide
    columns: InputSide
    options: AnomalyOptions
    category: Category
    encoder: EncoderSpec | None = None
    good_scores: list[float] = []
    limits: DistanceLimits | None = None
    guarantee: Guarantee | None = None
    epoch: int = 0
    learnt: list[str] = []
    held_out: list[str] = []
    pasted: list[str] = []
    enlarging: Enlarging = "linear"


def save_anomaly(path: Path, state: Mapping[str, Tensor], spec: AnomalySpec) -> None:
    """Write weights and specification atomically."""
    save_with_spec(path, state, spec)


def read_anomaly_spec(path: Path) -> AnomalySpec:
    """The specification in a weights file. Raises WeightsError."""

    def check(spec: AnomalySpec) -> None:
        if spec.encoder:
            check_library_name(spec.encoder.name)

    return read_stored_spec(path, AnomalySpec, "train_anomaly", check, "name a run made by train_anomaly fit")


def load_anomaly(path: Path) -> tuple[dict[str, Tensor], AnomalySpec]:
    """The tensors of a weights file by name, and its specification. Raises WeightsError."""
    spec = read_anomaly_spec(path)
    tensors = read_tensors(path)
    check_tensors(path, tensors)
    return tensors, spec
