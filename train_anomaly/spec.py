"""A trained anomaly detector as a file: weights and everything needed to rebuild and use it, as safetensors."""

from collections.abc import Mapping
from pathlib import Path

import msgspec
from torch import Tensor

from datasets.coco import Category
from features.encoder import EncoderSpec
from features.input_frame import InputSide
from features.regions import DistanceLimits
from features.score_map import Enlarging
from system.errors import OptionError, WeightsError
from system.files import write_atomic
from system.tensors import check_tensors, is_library_name
from train_anomaly.alarms import Guarantee
from train_anomaly.options import AnomalyOptions

METADATA_KEY = "defectline"


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
    from safetensors.torch import save

    tensors = {name: value.detach().cpu().clone().contiguous() for name, value in state.items()}
    write_atomic(path, save(tensors, {METADATA_KEY: msgspec.json.encode(spec).decode()}))


def read_anomaly_spec(path: Path) -> AnomalySpec:
    """The specification in a weights file. Raises WeightsError."""
    from safetensors import SafetensorError, safe_open

    if not path.is_file():
        raise WeightsError(path, "no such weights", "check whether the training finished its first epoch")
    try:
        with safe_open(path, "pt") as file:
            spec = msgspec.json.decode((file.metadata() or {})[METADATA_KEY], type=AnomalySpec)
        if spec.encoder and not is_library_name(spec.encoder.name):
            raise ValueError(f"no network is called {spec.encoder.name!a}")
        return spec
    except (SafetensorError, OSError, KeyError, ValueError, RecursionError, OptionError) as error:
        problem = f"not weights of train_anomaly ({str(error)[:80]})"
        raise WeightsError(path, problem, "name a run made by train_anomaly fit") from None


def load_anomaly(path: Path) -> tuple[dict[str, Tensor], AnomalySpec]:
    """The tensors of a weights file by name, and its specification. Raises WeightsError."""
    from safetensors.torch import load_file

    spec = read_anomaly_spec(path)
    tensors = load_file(path)
    check_tensors(path, tensors)
    return tensors, spec
