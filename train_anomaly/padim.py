"""Method `padim`: a Gaussian of patch features for each place, and the Mahalanobis distance from it.

Source: Defard et al., PaDiM: a Patch Distribution Modeling Framework, ICPR 2020.
"""

from typing import ClassVar

import torch
from torch import Tensor

from features.encoder import Encoder
from features.patches import PatchFeatures
from system.console import progress
from train_anomaly.scorer import OnePassScorer
from train_anomaly.spec import AnomalySpec

CHANNELS = 100  # drawn at random from the channels of all layers, as in the paper
REGULARISATION = 0.01  # added to the variance of each channel, as in the paper


class PadimScorer(OnePassScorer):
    """`channels` are the indices of the used channels, `means` P x C, `whitening` P x C x C."""

    learnt: ClassVar[tuple[str, ...]] = ("channels", "means", "whitening")
    channels: Tensor
    means: Tensor
    whitening: Tensor

    def __init__(self, spec: AnomalySpec, encoder: Encoder | None) -> None:
        assert encoder is not None
        super().__init__(spec, encoder)
        self.features = PatchFeatures(encoder, neighbours=1, stride=spec.options.stride)

    def forward(self, pixels: Tensor) -> Tensor:
        """The Mahalanobis distances."""
        features = self.features(pixels)
        count, _, height, width = features.shape
        patches = features.flatten(2).index_select(1, self.channels).permute(2, 1, 0)  # P x C x N
        whitened = torch.bmm(self.whitening, patches - self.means[:, :, None])
        return (whitened * whitened).sum(1).sqrt().T.reshape(count, height, width)

    def learn(self, images: Tensor) -> None:
        """Estimate the Gaussian of each place."""
        random = torch.Generator().manual_seed(self.spec.options.seed)
        found: list[Tensor] = []
        with torch.inference_mode():
            for image in progress(images, "reading good patches", len(images)):
                features = self.features(image[None])[0].flatten(1)
                if not found:
                    self.channels = torch.randperm(len(features), generator=random)[:CHANNELS].sort().values
                found.append(features[self.channels].T)
        self.means, self.whitening = gaussians(torch.stack(found))


def gaussians(patches: Tensor, regularisation: float = REGULARISATION) -> tuple[Tensor, Tensor]:
    """Mean P x C and whitening matrix P x C x C of each place of N x P x C patches.

    |whitening (x - mean)| is the Mahalanobis distance by the sample covariance plus `regularisation` times the
    identity. One image gives the distance by the identity alone.
    """
    count, places, channels = patches.shape
    means = patches.mean(0)
    whitening = torch.empty(places, channels, channels)
    identity = torch.eye(channels) * regularisation
    for place in range(places):
        centred = patches[:, place] - means[place]
        covariance = centred.T @ centred / max(1, count - 1) + identity
        lower = torch.linalg.cholesky(covariance)
        whitening[place] = torch.linalg.solve_triangular(lower, torch.eye(channels), upper=False)
    return means, whitening
