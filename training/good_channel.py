"""`--good-map RUN`: the distance from good images, by a run of train_anomaly, as a fourth input channel.

A run keeps a copy of the weights that give the map, so it can be used without the other run. `--box-map RUN` is
copied alike.
"""

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import nn

from datasets.formats.dataset_folder import Dataset
from evaluate.run_folder import Run, load_run_of
from features.good_map import GoodMap, GoodMapSpec, load_good_map, read_good_map_spec
from system.errors import InputError, OptionError, WeightsError
from system.files import MAX_WEIGHTS_BYTES, read_file, write_atomic
from training.cross_validation import folds_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

COPY = "good-map.safetensors"  # beside the weights of the run
BOX_COPY = "box-map.safetensors"
SOURCE = "best.safetensors"  # of train_anomaly
GAIN = 4.0  # the map is 0 to 1, about 0.3 on good parts; pixels are about -2 to 2 after normalisation


def copy_good_map(run: Run, dataset: Dataset, source: Path, name: str = COPY) -> None:
    """Copy the weights of `source`, a run of train_anomaly, into `run`, which learns from `dataset`, as `name`.

    Of a cross-validation, the first fold is taken that has seen no image on which `run` is tested. Raises
    InputError if there is none, and WeightsError.
    """
    anomaly = load_run_of(source, "anomaly")
    problem = ""
    for one in folds_of(anomaly) or [anomaly]:
        weights = one.weights / SOURCE
        problem = seen_in_test(read_good_map_spec(weights), dataset)
        if not problem:
            write_atomic(run.weights / name, read_file(weights, MAX_WEIGHTS_BYTES))
            return
    remedy = "train it on the same splits, for --folds with the same --folds, --val and --seed"
    raise InputError(source, f"has seen {problem}", remedy)


def seen_in_test(spec: GoodMapSpec, dataset: Dataset) -> str:
    """An image of val or test, in words, that a map has seen; empty if there is none.

    No image of val or test may be learnt. The threshold of the map may come from images of val.
    """
    learnt = {*spec.learnt, *spec.pasted}
    for split, seen in (("test", {*learnt, *spec.held_out}), ("val", learnt)):
        for image in dataset.images(split):
            if dataset.sha256(image) in seen:
                return f"{image.file_name}, which is in the split {split} here"
    return ""


def load_copy(folder: Path, sha256: str) -> GoodMap:
    """The map in a folder of weights, which must have this hash. Raises WeightsError."""
    path = folder / COPY
    if path.is_file() and hashlib.sha256(read_file(path, MAX_WEIGHTS_BYTES)).hexdigest() != sha256:
        raise WeightsError(path, "not the map with which the model was trained", "copy the whole run again")
    return load_good_map(path)


def with_map(rgb: "NDArray[np.uint8]", good_map: GoodMap, sha256: str | None = None) -> "NDArray[np.uint8]":
    """An H x W x 3 image as H x W x 4: its scores, 0 to 255, are the last channel.

    `sha256` is that of the image file if it may be one that the map learnt.
    """
    scores = np.rint(255 * good_map.scores(rgb, sha256)).astype(np.uint8)
    return np.dstack([rgb, scores])


def widen(net: nn.Module) -> None:
    """Give the first convolution of RGB in `net` a fourth channel with weights of 0: the output stays the same.

    Raises OptionError if there is none.
    """
    for one in net.modules():
        if isinstance(one, nn.Conv2d) and one.in_channels == 3 and one.groups == 1:
            one.weight = nn.Parameter(torch.cat([one.weight.detach(), torch.zeros_like(one.weight[:, :1])], 1))
            one.in_channels = 4
            return
    raise OptionError("--good-map", "the network has no convolution of three channels", "give another network")
