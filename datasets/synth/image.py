"""One synthetic image of a bottle mouth with its mask, from a seed, a folder and an index."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from datasets.synth.bottle import Bottle, draw_bottle, expose
from datasets.synth.broken import broken_large, broken_small
from datasets.synth.contamination import contamination
from datasets.synth.layer import Layer, Mask, put_layer
from datasets.synth.strip import RgbImage

Draw = Callable[[Bottle, np.random.Generator, int, bool], list[Layer]]

DRAW: dict[str, Draw] = {
    "broken_large": broken_large,
    "broken_small": broken_small,
    "contamination": contamination,
}
# part of the seed of each image: an image does not change if others are added or left out
SPLITS = ("train", "test")
TYPES = ("good", *DRAW)

# of every EVERY images of a defect type, one has two components and one has a hole
EVERY, TWO_COMPONENTS_AT, HOLE_AT = 7, 1, 2


@dataclass(frozen=True)
class SynthImage:
    """`rgb`: (H, W, 3). `mask`: (H, W) bool, where the defect was painted."""

    rgb: RgbImage
    mask: Mask


def synth_image(
    split: str, defect_type: str, index: int, *, size: int, seed: int, intact: bool = False
) -> SynthImage:
    """Draw image `index` of a split and defect type, `size` x `size` pixels.

    With `intact`, the defect is left out and all pixels outside its mask are the same.
    """
    place = SPLITS.index(split), TYPES.index(defect_type), index
    streams = np.random.SeedSequence(seed, spawn_key=place).spawn(3)
    of_bottle, of_defect, of_camera = (np.random.Generator(np.random.Philox(s)) for s in streams)
    bottle = draw_bottle(size, of_bottle)
    rgb = bottle.rgb
    mask = np.zeros(rgb.shape[:2], np.bool_)
    if defect_type in DRAW and not intact:
        components = 2 if index % EVERY == TWO_COMPONENTS_AT else 1
        hole = index % EVERY == HOLE_AT
        for layer in DRAW[defect_type](bottle, of_defect, components, hole):
            rgb = put_layer(rgb, bottle, layer)
            mask |= layer.mask
    return SynthImage(expose(rgb, of_camera), mask)
