"""Method `deepsvdd`: a network that maps good images close to one point; the distance from it is the score.

Source: Ruff et al., Deep One-Class Classification, ICML 2018. The network has no biases and the centre is not
close to zero, so weights of zero cannot map everything to the centre. The network is applied at each place.
"""

from typing import ClassVar

import torch
from torch import Tensor, nn

from features.encoder import Encoder
from features.patches import PatchFeatures
from system.errors import OptionError
from train_anomaly.autoencoder import Autoencoder, convolutions
from train_anomaly.scorer import TrainedScorer
from train_anomaly.spec import AnomalySpec

CODE = 32  # channels of the point
MIN_CENTRE = 0.1  # as in the paper: a coordinate near zero is reached too easily
WEIGHT_DECAY = 1e-6
WARMUP_STEPS = 200  # of the autoencoder
COLLAPSED = 1e-3  # share of the initial spread below which the codes count as one point
PROBED = 16  # images on which the spread is measured


class DeepSvddScorer(TrainedScorer):
    """`centre` is the point, C; `spread` the standard deviation of the codes before the training."""

    learnt: ClassVar[tuple[str, ...]] = ("centre", "spread", "shift", "scale")
    centre: Tensor
    spread: Tensor
    shift: Tensor
    scale: Tensor

    def __init__(self, spec: AnomalySpec, encoder: Encoder | None) -> None:
        super().__init__(spec, encoder)
        torch.manual_seed(spec.options.seed)
        self.features = PatchFeatures(encoder, stride=spec.options.stride) if encoder else None
        if encoder:
            channels = sum(layer.shape[1] for layer in encoder(torch.zeros(1, 3, 64, 64)))
            self.net: nn.Module = nn.Sequential(
                nn.Conv2d(channels, 64, 1, bias=False), nn.LeakyReLU(0.1), nn.Conv2d(64, CODE, 1, bias=False)
            )
        else:
            self.net = convolutions(CODE, bias=False)
        self._optimizer = torch.optim.Adam(self.net.parameters(), lr=spec.options.lr, weight_decay=WEIGHT_DECAY)

    def forward(self, pixels: Tensor) -> Tensor:
        """The distance of each place from the centre."""
        return (self._codes(pixels) - self.centre[:, None, None]).square().sum(1).sqrt()

    def start(self, images: Tensor) -> None:
        """Train the autoencoder if requested, then set the centre to the mean code."""
        self.shift, self.scale = torch.zeros(1), torch.ones(1)
        if self.features:
            with torch.inference_mode():
                found = torch.cat([self.features(image[None]) for image in images[:PROBED]])
            self.shift = found.mean((0, 2, 3)).clone()
            self.scale = found.std((0, 2, 3)).clamp(min=1e-6).clone()
        else:
            self._begin_as_autoencoder(images)
        centre = self._probe(images).mean((0, 2, 3))
        near = centre.abs() < MIN_CENTRE
        self.centre = torch.where(near, torch.where(centre < 0, -MIN_CENTRE, MIN_CENTRE), centre)
        self.spread = self._probe(images).std((0, 2, 3)).mean()

    def inputs(self, images: Tensor) -> Tensor:
        """The pretrained features, which do not change, or the images."""
        if self.features is None:
            return images
        with torch.inference_mode():
            return torch.cat([self.features(image[None]) for image in images]).clone()

    def step(self, batch: Tensor) -> float:
        """Move the codes towards the centre."""
        loss = (self._codes_of(batch) - self.centre[:, None, None]).square().sum(1).mean()
        self._optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        self._optimizer.step()
        return float(loss.detach())

    def loss(self, batch: Tensor) -> float:
        """The mean squared distance."""
        with torch.inference_mode():
            return float((self._codes_of(batch) - self.centre[:, None, None]).square().sum(1).mean())

    def optimizers(self) -> list[torch.optim.Optimizer]:
        """Adam."""
        return [self._optimizer]

    def check_trained(self, images: Tensor) -> None:
        """Raise OptionError if all codes have become one point."""
        left = float(self._probe(images).std((0, 2, 3)).mean())
        if not left > COLLAPSED * float(self.spread):
            share = left / max(float(self.spread), 1e-12)
            problem = f"the network collapsed: its codes keep {share:.1e} of their spread"
            raise OptionError("--method deepsvdd", problem, "give a lower --lr or fewer --epochs")

    def _codes(self, pixels: Tensor) -> Tensor:
        return self._codes_of(pixels if self.features is None else self.features(pixels))

    def _codes_of(self, inputs: Tensor) -> Tensor:
        """The codes of images, or with an encoder of their features."""
        if self.features is None:
            codes: Tensor = self.net(inputs.float() / 255)
            return codes
        found: Tensor = self.net((inputs - self.shift[:, None, None]) / self.scale[:, None, None])
        return found

    def _probe(self, images: Tensor) -> Tensor:
        with torch.inference_mode():
            return torch.cat([self._codes(image[None]) for image in images[:PROBED]]).clone()

    def _begin_as_autoencoder(self, images: Tensor) -> None:
        """Give the network the encoder of an autoencoder of the good images."""
        options = self.spec.options
        whole = Autoencoder(CODE)
        whole.encoder = self.net  # type: ignore[assignment]
        optimizer = torch.optim.Adam(whole.parameters(), lr=options.lr)
        random = torch.Generator().manual_seed(options.seed)
        for _ in range(WARMUP_STEPS):
            batch = images[torch.randint(len(images), (options.batch,), generator=random)].float() / 255
            loss = (whole(batch) - batch).square().mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
