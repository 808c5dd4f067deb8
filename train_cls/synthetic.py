"""New images of the types with few images, each made from two images of its type by SMOTE or DeepSMOTE."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from train_cls.smote import choose_parents

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from train_cls.codec import Codec
    from train_cls.options import DeepSmoteOptions

Method = Literal["deepsmote", "smote"]


@dataclass(frozen=True, slots=True)
class Synthetic:
    """M new images, M x S x S x 3 RGB, in order of type, with the type and the parents of each.

    `first` and `second` are numbers of given images, `share` (0.5 to 1) is the share of the first one.
    """

    squares: "NDArray[np.uint8]"
    types: "NDArray[np.intp]"
    first: "NDArray[np.intp]"
    second: "NDArray[np.intp]"
    share: "NDArray[np.float64]"

    def __len__(self) -> int:
        return len(self.types)


def images_to_make(types: "NDArray[np.intp]", per_type: int) -> dict[int, int]:
    """The number of new images that each type needs to reach `per_type`.

    Types with fewer than two images get none.
    """
    counts = np.bincount(types)
    return {k: per_type - int(n) for k, n in enumerate(counts) if 2 <= n < per_type}


def make_synthetic(
    squares: "NDArray[np.uint8]",
    types: "NDArray[np.intp]",
    wanted: Mapping[int, int],
    method: Method,
    options: "DeepSmoteOptions",
    seed: int,
) -> Synthetic:
    """`wanted` (type -> count) new images from N x S x S x 3 images and the index of the type of each.

    `smote` blends two images of a type pixel by pixel. `deepsmote` trains an encoder and decoder on all images,
    blends the codes of two images of a type and decodes the result.
    """
    codec: Codec | None = None
    if method == "deepsmote":
        from train_cls.codec import train_codec

        codec = train_codec(squares, types, options, seed)
    parts = [_of_type(squares, np.flatnonzero(types == k), k, wanted[k], codec, seed) for k in sorted(wanted)]
    columns = ("squares", "types", "first", "second", "share")
    return Synthetic(*(np.concatenate([getattr(part, name) for part in parts]) for name in columns))


def _of_type(
    squares: "NDArray[np.uint8]",
    members: "NDArray[np.intp]",
    k: int,
    count: int,
    codec: "Codec | None",
    seed: int,
) -> Synthetic:
    """`count` new images of type `k`; `members` are the numbers of its images."""
    own = squares[members]
    codes = codec.encode(own) if codec else own.reshape(len(own), -1).astype(np.float32)
    parents = choose_parents(codes, count, seed)
    mixed = parents.mix(codes)
    new = codec.decode(mixed) if codec else np.rint(mixed).clip(0, 255).astype(np.uint8)
    return Synthetic(
        new.reshape(count, *squares.shape[1:]),
        np.full(count, k, np.intp),
        members[parents.first],
        members[parents.second],
        parents.share,
    )
