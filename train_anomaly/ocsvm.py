"""Method `ocsvm`: scikit-learn's OneClassSVM, of the features of patches or of the mean features of an image.

Source: Schölkopf et al., Estimating the Support of a High-Dimensional Distribution, Neural Computation 2001.
"""

from typing import ClassVar

import torch
from torch import Tensor

from features.encoder import Encoder
from features.patches import PatchFeatures
from system.console import progress
from train_anomaly.scorer import OnePassScorer
from train_anomaly.spec import AnomalySpec

PATCHES = 4000  # drawn from all good images; the time of a fit is quadratic


class OcsvmScorer(OnePassScorer):
    """`vectors` M x C are the support vectors, `weights` M their coefficients, divided by their sum.

    With `pooled` the features of an image are averaged over its places: the map is the same everywhere.
    """

    learnt: ClassVar[tuple[str, ...]] = ("vectors", "weights", "gamma", "shift", "scale")
    vectors: Tensor
    weights: Tensor
    gamma: Tensor
    shift: Tensor
    scale: Tensor

    def __init__(self, spec: AnomalySpec, encoder: Encoder | None) -> None:
        assert encoder is not None
        super().__init__(spec, encoder)
        self.features = PatchFeatures(encoder, stride=spec.options.stride)
        self.pooled = spec.options.pooled

    def forward(self, pixels: Tensor) -> Tensor:
        """1 minus the decision function, scaled so that 1 is the farthest possible."""
        features = self.features(pixels)
        count, channels, height, width = features.shape
        samples = features.mean((2, 3)) if self.pooled else features.permute(0, 2, 3, 1).reshape(-1, channels)
        samples = (samples - self.shift) / self.scale
        squared = (samples * samples).sum(1, keepdim=True) + (self.vectors * self.vectors).sum(1)
        squared = (squared - 2 * samples @ self.vectors.T).clamp(min=0)
        distances = 1 - torch.exp(-self.gamma * squared) @ self.weights
        if self.pooled:
            return distances[:, None, None].expand(-1, height, width)
        return distances.view(count, height, width)

    def learn(self, images: Tensor) -> None:
        """Fit the support vector machine."""
        from sklearn.svm import OneClassSVM

        random = torch.Generator().manual_seed(self.spec.options.seed)
        each = -(-PATCHES // len(images))
        found = []
        with torch.inference_mode():
            for image in progress(images, "reading good patches", len(images)):
                features = self.features(image[None])[0].flatten(1)
                if self.pooled:
                    found.append(features.mean(1, keepdim=True).T)
                else:
                    found.append(features.T[torch.randperm(features.shape[1], generator=random)[:each]])
        samples = torch.cat(found)
        self.shift, self.scale = samples.mean(0), samples.std(0, correction=0).clamp(min=1e-6)
        samples = (samples - self.shift) / self.scale
        machine = OneClassSVM(kernel="rbf", gamma="scale", nu=self.spec.options.nu).fit(samples.numpy())
        self.vectors = torch.from_numpy(machine.support_vectors_).float()
        weights = torch.from_numpy(machine.dual_coef_[0])
        self.weights = (weights / weights.sum()).float()
        variance = float(samples.numpy().var())
        self.gamma = torch.tensor(1.0 / (samples.shape[1] * variance) if variance else 1.0)
