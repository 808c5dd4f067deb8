"""Method `gan`: GANomaly, an autoencoder with a second encoder, trained against a discriminator.

Source: Akcay et al., GANomaly: Semi-Supervised Anomaly Detection via Adversarial Training, ACCV 2018. The networks
are convolutional: the distance at a place is that of its pixels from their reconstruction, plus that of the codes
of both.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

from features.encoder import Encoder
from train_anomaly.autoencoder import Autoencoder, convolutions
from train_anomaly.scorer import TrainedScorer
from train_anomaly.spec import AnomalySpec

LATENT = 100
ADVERSARIAL, CONTEXT, CODE = 1.0, 50.0, 1.0  # weights of the losses, as in the paper
GRID = 4  # pixels; the map is averaged over squares of this side


class GanScorer(TrainedScorer):
    """The generator, the second encoder and the discriminator with their optimizers."""

    def __init__(self, spec: AnomalySpec, encoder: Encoder | None) -> None:
        super().__init__(spec, encoder)
        torch.manual_seed(spec.options.seed)
        self.generator = Autoencoder(LATENT)
        self.second = convolutions(LATENT)
        self.critic = convolutions(1)
        made = [*self.generator.parameters(), *self.second.parameters()]
        rates = {"lr": spec.options.lr, "betas": (0.5, 0.999)}
        self._makers = torch.optim.Adam(made, **rates)  # type: ignore[arg-type]
        self._critics = torch.optim.Adam(self.critic.parameters(), **rates)  # type: ignore[arg-type]

    def forward(self, pixels: Tensor) -> Tensor:
        """The difference of pixels and of codes, on a grid of 4 pixels."""
        images = pixels.float() / 255
        made, code, again = self._reconstruct(images)
        difference = functional.avg_pool2d((images - made).abs().mean(1, keepdim=True), GRID)
        codes = (code - again).square().mean(1, keepdim=True).sqrt()
        codes = functional.interpolate(codes, size=difference.shape[-2:], mode="bilinear", align_corners=False)
        return (difference + codes)[:, 0]

    def start(self, images: Tensor) -> None:
        """Nothing to prepare."""

    def step(self, batch: Tensor) -> float:
        """One update of the discriminator, one of the generator."""
        images = batch.float() / 255
        made, code, again = self._reconstruct(images)
        judged = [self.critic(images), self.critic(made.detach())]
        wanted = [torch.ones_like(judged[0]), torch.zeros_like(judged[1])]
        critic = sum(
            functional.binary_cross_entropy_with_logits(found, want)
            for found, want in zip(judged, wanted, strict=True)
        )
        assert isinstance(critic, Tensor)
        self._update(self._critics, critic)
        inside = self.critic[:-1]
        adversarial = functional.mse_loss(inside(made), inside(images).detach())
        total = ADVERSARIAL * adversarial + CONTEXT * (images - made).abs().mean()
        total = total + CODE * functional.mse_loss(again, code)
        self._update(self._makers, total)
        return float(total.detach())

    def loss(self, batch: Tensor) -> float:
        """The weighted differences of pixels and codes."""
        images = batch.float() / 255
        with torch.inference_mode():
            made, code, again = self._reconstruct(images)
            pixels = CONTEXT * (images - made).abs().mean()
            return float(pixels + CODE * functional.mse_loss(again, code))

    def optimizers(self) -> list[torch.optim.Optimizer]:
        """Of the generator with the second encoder, and of the discriminator."""
        return [self._makers, self._critics]

    def _reconstruct(self, images: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        code = self.generator.encoder(images)
        made = self.generator.decoder(code)
        return made, code, self.second(made)

    @staticmethod
    def _update(optimizer: torch.optim.Optimizer, loss: Tensor) -> None:
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_([p for group in optimizer.param_groups for p in group["params"]], 5.0)
        optimizer.step()
