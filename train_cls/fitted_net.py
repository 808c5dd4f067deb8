"""A classifier without epochs: a pretrained network that stays unchanged, and linear models of its features.

The features of an image are of three kinds:

* evidence: a model of patches, fitted on the pixels of the annotations, gives for each patch how probable a defect
  is and of which type; the evidence is their area, also by type, and the probability of the strongest patches.
* appearance: the mean of the patch features, weighted by the probability of a defect.
* pooled: the largest value of each channel of the last layer.

All of them are averaged over the symmetries of the square before the last linear models.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

from features.encoder import Encoder
from system.errors import OptionError
from train_cls.model import ClassifierSpec

GRID_STRIDE = 8  # pixels of the square that a patch covers
STRONGEST = 20  # patches whose mean probability is part of the evidence
NO_AREA = 1e-3  # keeps the share of types finite in an image without any defect


class PatchModel(nn.Module):
    """Linear models of patches: the log odds of a defect, and the logits of the K types for defective patches."""

    mean: Tensor
    std: Tensor

    def __init__(self, channels: int, types: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(channels))
        self.register_buffer("std", torch.ones(channels))
        self.defect = nn.Linear(channels, 1)
        self.types = nn.Linear(channels, types)

    def forward(self, patches: Tensor) -> tuple[Tensor, Tensor]:
        """N x P x C patches to their evidence, N x evidence_size(K), and their appearance, N x C."""
        patches = (patches - self.mean) / self.std
        defect = self.defect(patches).sigmoid()
        by_type = (defect * self.types(patches).softmax(-1)).sum(1)
        area = defect.sum(1)
        count = min(STRONGEST, int(defect.shape[1]))  # int: while OpenVINO traces, a size is a tensor
        strongest = defect.squeeze(-1).topk(count, 1).values
        evidence = [
            area.log1p(),
            (defect * defect).sum(1).log1p(),
            strongest.mean(1, keepdim=True),
            strongest[:, :1],
            by_type.log1p(),
            by_type / (area + NO_AREA),
        ]
        return torch.cat(evidence, 1), (patches * defect).sum(1) / (area + NO_AREA)


def evidence_size(types: int) -> int:
    """Number of values in the evidence of an image."""
    return 4 + 2 * types


class FittedNet(nn.Module):
    """N x 3 x S x S RGB, 0 to 255, of any number type -> logits, N x `spec.outputs`.

    Without `several_types` they are logarithms of probabilities: of `good`, then of each category. Raises
    OptionError if the encoder has less than two layers: one for patches, and the pooled one.
    """

    def __init__(self, spec: ClassifierSpec, encoder: Encoder) -> None:
        super().__init__()
        self.spec = spec
        self.encoder = encoder
        self.gamma, self.symmetries, self.several_types = spec.gamma, spec.symmetries, spec.several_types
        types = len(spec.categories)
        if len(encoder.spec.layers) < 2:
            raise OptionError("layers", "less than two layers", "give such as 4,8,16,32")
        with torch.inference_mode():
            patches, pooled = self.maps(torch.zeros(1, 3, spec.imgsz, spec.imgsz))
        self.sizes = (evidence_size(types), patches.shape[2], pooled.shape[1])
        self.patch_model = PatchModel(patches.shape[2], types)
        self.detect = nn.Linear(sum(self.sizes), 1)
        self.types = nn.Linear(sum(self.sizes), types)

    @property
    def device(self) -> torch.device:
        """Where its weights are."""
        return self.detect.weight.device

    def maps(self, rgb: Tensor) -> tuple[Tensor, Tensor]:
        """Patches of all layers but the last, N x (S/8)^2 x C, row-major, and the last one pooled, N x D."""
        *fine, last = self.encoder((rgb.float() / 255) ** self.gamma * 255)
        side = int(rgb.shape[-1]) // GRID_STRIDE
        patches = torch.cat([_resized(one, side) for one in fine], 1)
        return patches.flatten(2).transpose(1, 2), last.amax((2, 3))

    def features(self, rgb: Tensor, patch_model: PatchModel | None = None) -> Tensor:
        """Evidence, appearance and pooled features, N x F, by `patch_model` or the network's own."""
        views = eight_views(rgb) if self.symmetries else [rgb]
        found = []
        for view in views:
            patches, pooled = self.maps(view)
            found.append(torch.cat([*(patch_model or self.patch_model)(patches), pooled], 1))
        return torch.stack(found).mean(0)

    def forward(self, rgb: Tensor) -> Tensor:
        """Logits of a batch of images."""
        return self.logits(self.features(rgb))

    def logits(self, features: Tensor) -> Tensor:
        """Logits of N x F features.

        The logarithms are written as softplus: exported, that of a sigmoid is -inf for logits below -17.
        """
        types: Tensor = self.types(features)
        if self.several_types:
            return types
        defect = self.detect(features)
        good, bad = -functional.softplus(defect), -functional.softplus(-defect)
        return torch.cat([good, bad + types.log_softmax(1)], 1)


def eight_views(square: Tensor) -> list[Tensor]:
    """The 8 rotations and mirror images of squares, N x C x S x S each."""
    turned = [square, square.transpose(2, 3)]
    return [view.flip(axes) if axes else view for view in turned for axes in ((), (2,), (3,), (2, 3))]


def _resized(layer: Tensor, side: int) -> Tensor:
    if layer.shape[-1] >= side:
        return functional.adaptive_avg_pool2d(layer, side)
    return functional.interpolate(layer, size=(side, side), mode="bilinear", align_corners=False)
