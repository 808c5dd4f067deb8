"""Method `features`: the distance of each patch to the nearest good patch of a pretrained network (PatchCore).

Source: Roth et al., Towards Total Recall in Industrial Anomaly Detection, CVPR 2022. With `search: place`, a patch
is compared only with good patches of about the same place, which requires parts at the same place in each image.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import ClassVar

import torch
from torch import Tensor

from features.encoder import Encoder
from features.good_distance import BUFFERS, GoodDistance
from features.good_map import PREFIX
from features.nearest import NearestPatches, neighbours_in
from features.patches import PatchFeatures
from features.score_map import Enlarging
from system.console import progress
from train_anomaly.head import train_head
from train_anomaly.made_defects import MadeDefect, blended_defects
from train_anomaly.remembered import remember_anywhere, remember_places
from train_anomaly.scorer import LeaveOneOutScorer
from train_anomaly.spec import AnomalySpec

SCALED_BY = 16  # images from which the scales of the layers are computed
PastedDefects = Callable[[int], Iterator[MadeDefect]]


class FeaturesScorer(LeaveOneOutScorer):
    """Patch features and the memory of good ones.

    `pasted` gives pasted defects, a half of the made ones (from their number); all are blends of noise without it.
    """

    learnt: ClassVar[tuple[str, ...]] = tuple(PREFIX + name for name in BUFFERS)
    enlarging: ClassVar[Enlarging] = "cubic"  # other methods have no higher, some a lower pixel AP with it

    def __init__(self, spec: AnomalySpec, encoder: Encoder | None) -> None:
        assert encoder is not None
        super().__init__(spec, encoder)
        self.net = GoodDistance(encoder, spec.options.stride, weighted=spec.options.synthetic > 0)
        self.pasted: PastedDefects | None = None
        self._good: Tensor | None = None

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Load the tensors of a weights file. Raises RuntimeError if they do not fit, or not together."""
        super().restore(state)
        self.net.nearest.check()

    def forward(self, pixels: Tensor) -> Tensor:
        """The distances to the nearest good patches."""
        found: Tensor = self.net(pixels)
        return found

    def learn(self, images: Tensor) -> None:
        """Choose the patches to remember."""
        options = self.spec.options.nearest
        scales = equal_scales(self.net.features, images[:: max(1, len(images) // SCALED_BY)])
        self.spec.options.check_layer_weights(len(scales))
        self.net.features.scales = scales * torch.tensor(options.factors or [1.0])
        found = torch.cat(list(self.extracted(images)))
        if options.search == "place":
            bank, owners = remember_places(found, options.radius, options.patches, options.sample, self._seed)
        else:
            bank, owners = remember_anywhere(found, options.patches, options.sample, self._seed)
        around = neighbours_in(bank, options.reweight + 1) if options.reweight else None
        self.net.nearest = NearestPatches(bank, owners, around)
        self._good = found
        if self.net.head:
            count = self.spec.options.synthetic
            train_head(self.net, self._made(images, count), count, self._seed)

    def leave_one_out(self, images: Tensor) -> list[Tensor]:
        """With the patches of the image itself left out of the memory."""
        assert self._good is not None
        numbered = enumerate(self._good)
        with torch.inference_mode():
            return [
                self.net.distances(features[None], without=number)[0]
                for number, features in progress(numbered, "leaving out each good image", len(images))
            ]

    def extracted(self, images: Tensor) -> Iterator[Tensor]:
        """The features of each image, 1 x C x h x w."""
        with torch.inference_mode():
            for image in progress(images, "reading good patches", len(images)):
                yield self.net.features(image[None])

    def _made(self, images: Tensor, count: int) -> Iterator[MadeDefect]:
        pasted = count // 2 if self.pasted else 0
        yield from blended_defects(images, count - pasted, self._seed)
        if self.pasted and pasted:
            yield from self.pasted(pasted)

    @property
    def _seed(self) -> int:
        return self.spec.options.seed


def equal_scales(features: PatchFeatures, images: Tensor) -> Tensor:
    """Factors that give all layers the same variance, summed over channels, on some images."""
    with torch.inference_mode():
        layers = zip(*(features.layers(image[None]) for image in images), strict=True)
        spreads = [torch.cat(layer).var(dim=(0, 2, 3)).sum() for layer in layers]
    return torch.stack(spreads).clamp(min=1e-12).rsqrt().clone()
