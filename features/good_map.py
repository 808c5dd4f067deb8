"""The score map of a trained comparison with good images, from the weights file of `train_anomaly` alone.

A trainer whose model is given this map as a further input keeps a copy of the file in its run.
"""

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import msgspec

from features.encoder import Encoder, EncoderSpec
from features.good_distance import BUFFERS, GoodDistance
from features.input_frame import InputSide
from features.regions import DistanceLimits
from features.safetensors_file import read_stored_spec, read_tensors
from features.score_map import Enlarging, score_map
from features.weights import check_fits, check_runs
from system.errors import OptionError, WeightsError, first_line
from system.files import MAX_WEIGHTS_BYTES, read_file
from system.tensors import check_tensors, is_library_name, raise_lack_of_memory

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

PREFIX = "net."  # of the tensors of the network in the weights file
METHOD = "features"
REMEDY = "name a finished run of train_anomaly fit --method features"


class GoodMapOptions(msgspec.Struct, frozen=True):
    """The options of the training that the map depends on; see train_anomaly/options.py."""

    method: str
    stride: Literal[4, 8, 16, 32]
    smoothing: Annotated[float, msgspec.Meta(ge=0, le=0.1)]
    synthetic: int = 0


class GoodMapSpec(msgspec.Struct, frozen=True):
    """What the map needs of the specification in a weights file of train_anomaly.

    `learnt`, `held_out` and `pasted` are the SHA-256 of the image files from which it learnt, which set its
    threshold, and from which defects were pasted.
    """

    rows: InputSide
    columns: InputSide
    options: GoodMapOptions
    encoder: EncoderSpec | None = None
    limits: DistanceLimits | None = None
    learnt: list[str] = []
    held_out: list[str] = []
    pasted: list[str] = []
    enlarging: Enlarging = "linear"


class GoodMap:
    """The scores of pixels by their distance from good images. `sha256` is that of the weights file."""

    def __init__(self, network: GoodDistance, spec: GoodMapSpec, sha256: str) -> None:
        self.network = network
        self.spec = spec
        self.sha256 = sha256
        self._numbers = {digest: number for number, digest in enumerate(spec.learnt)}

    def scores(self, rgb: "NDArray[np.uint8]", sha256: str | None = None) -> "NDArray[np.float32]":
        """H x W float32, 0 to 1, 0.5 at the threshold, of an H x W x 3 image.

        `sha256` is that of the image file: an image that was learnt is compared with the other good images only,
        otherwise it would be nearer to them than any new image.
        """
        number = self._numbers.get(sha256 or "")
        return score_map(lambda pixels: self.network(pixels, number), rgb, self.spec)


def read_good_map_spec(path: Path) -> GoodMapSpec:
    """The specification in a weights file of train_anomaly. Raises WeightsError if it can give no map."""
    if not path.is_file():
        raise WeightsError(path, "no such weights", REMEDY)
    spec = read_stored_spec(path, GoodMapSpec, "train_anomaly", lambda _: None, REMEDY)
    if spec.options.method != METHOD or spec.encoder is None:
        raise WeightsError(path, f"of the method {spec.options.method}, which remembers no good patches", REMEDY)
    if not is_library_name(spec.encoder.name):
        raise WeightsError(path, f"no network is called {spec.encoder.name!a}", REMEDY)
    if spec.limits is None or not spec.learnt:
        raise WeightsError(path, "has no threshold or does not name the images it learnt", "train it again")
    return spec


def load_good_map(path: Path) -> GoodMap:
    """The map of a weights file of train_anomaly. Raises WeightsError."""
    spec = read_good_map_spec(path)
    encoder = spec.encoder
    assert encoder is not None
    tensors = read_tensors(path)
    check_tensors(path, tensors)
    state = {name.removeprefix(PREFIX): value for name, value in tensors.items()}

    def build() -> GoodDistance:
        return GoodDistance(Encoder(encoder), spec.options.stride, weighted=spec.options.synthetic > 0)

    try:
        check_fits(path, state, build, any_shape=BUFFERS)
        network = build()
        network.restore(state)
    except (RuntimeError, KeyError, OptionError) as error:
        raise_lack_of_memory(path, error)
        line = first_line(error, 80)
        raise WeightsError(path, f"the weights do not fit their network ({line})", "train it again") from None
    check_runs(path, network.eval(), spec.rows, spec.columns)
    return GoodMap(network, spec, hashlib.sha256(read_file(path, MAX_WEIGHTS_BYTES)).hexdigest())
