"""Method `autoencoder`: finds pixels that a convolutional autoencoder of good images cannot reconstruct.

Source: Bergmann et al., Improving Unsupervised Defect Segmentation by Applying Structural Similarity to
Autoencoders, 2018. The loss is the squared difference, or 1 - SSIM in windows of 11 pixels. Unlike the source,
the map is the difference in windows of 11 pixels by either, less what is usual at that place of good images and
divided by its deviation there: edges of a good part are hard to reconstruct, too.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

from features.encoder import Encoder
from train_anomaly.scorer import TrainedScorer
from train_anomaly.spec import AnomalySpec

LATENT = 128  # channels at a stride of 32 pixels
WIDTHS = (32, 32, 64, 64, 128)
WINDOW = 11  # side of the windows of SSIM in pixels
LEAST_DEVIATION, TINY = 0.1, 1e-8  # added to the deviation: a share of its mean, and for images without any
C1, C2 = 0.01**2, 0.03**2  # constants of SSIM for pixel values from 0 to 1 (Wang et al. 2004)


class Autoencoder(nn.Module):
    """Images N x 3 x H x W, 0 to 1, to images of the same size through LATENT channels at stride 32."""

    def __init__(self, latent: int = LATENT) -> None:
        super().__init__()
        self.encoder = convolutions(latent)
        layers: list[nn.Module] = [nn.Conv2d(latent, WIDTHS[-1], 1), nn.LeakyReLU(0.2)]
        for before, after in zip(WIDTHS[::-1], [*WIDTHS[-2::-1], WIDTHS[0]], strict=True):
            layers += [nn.ConvTranspose2d(before, after, 4, 2, 1), nn.LeakyReLU(0.2)]
        self.decoder = nn.Sequential(*layers, nn.Conv2d(WIDTHS[0], 3, 3, 1, 1), nn.Sigmoid())
        self.to(memory_format=torch.channels_last)  # convolutions on a CPU take half the time

    def forward(self, images: Tensor) -> Tensor:
        """The reconstruction."""
        found: Tensor = self.decoder(self.encoder(images.contiguous(memory_format=torch.channels_last)))
        return found.contiguous()


def convolutions(latent: int, *, bias: bool = True) -> nn.Sequential:
    """Five convolutions of stride 2, then one to `latent` channels."""
    layers: list[nn.Module] = []
    for before, after in zip((3, *WIDTHS[:-1]), WIDTHS, strict=True):
        layers += [nn.Conv2d(before, after, 4, 2, 1, bias=bias), nn.LeakyReLU(0.2)]
    return nn.Sequential(*layers, nn.Conv2d(WIDTHS[-1], latent, 1, bias=bias))


def window_mean(values: Tensor) -> Tensor:
    """The mean of the window of 11 x 11 pixels around each pixel, without what is beyond the border."""
    rows = functional.avg_pool2d(values, (WINDOW, 1), 1, (WINDOW // 2, 0), count_include_pad=False)
    return functional.avg_pool2d(rows, (1, WINDOW), 1, (0, WINDOW // 2), count_include_pad=False)


def ssim(first: Tensor, second: Tensor) -> Tensor:
    """Structural similarity of windows of 11 x 11 pixels, N x 1 x H x W, mean of the channels; images 0 to 1."""
    a, b = window_mean(first), window_mean(second)
    var_a, var_b = window_mean(first * first) - a * a, window_mean(second * second) - b * b
    together = window_mean(first * second) - a * b
    similar = (2 * a * b + C1) * (2 * together + C2) / ((a * a + b * b + C1) * (var_a + var_b + C2))
    return similar.mean(1, keepdim=True)


class AutoencoderScorer(TrainedScorer):
    """The autoencoder, its optimizer, and mean and deviation of the difference at each place of good images."""

    usual: Tensor
    deviation: Tensor

    def __init__(self, spec: AnomalySpec, encoder: Encoder | None) -> None:
        super().__init__(spec, encoder)
        torch.manual_seed(spec.options.seed)
        self.net = Autoencoder()
        self.register_buffer("usual", torch.zeros(spec.rows, spec.columns))
        self.register_buffer("deviation", torch.ones(spec.rows, spec.columns))
        self._optimizer = torch.optim.Adam(self.net.parameters(), lr=spec.options.lr, weight_decay=1e-5)

    def forward(self, pixels: Tensor) -> Tensor:
        """How far the difference at each pixel is above the usual one, in deviations."""
        return ((self._in_windows(pixels) - self.usual) / self.deviation).clamp(min=0)

    def start(self, images: Tensor) -> None:
        """Nothing to prepare."""

    def step(self, batch: Tensor) -> float:
        """Reconstruct better."""
        loss = self._difference(batch.float() / 255).mean()
        self._optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        self._optimizer.step()
        return float(loss.detach())

    def loss(self, batch: Tensor) -> float:
        """The mean difference."""
        with torch.inference_mode():
            return float(self._difference(batch.float() / 255).mean())

    def settle(self, images: Tensor) -> None:
        """Measure the usual difference; `LEAST_DEVIATION` of the mean deviation is added to each deviation."""
        total, squares = torch.zeros(2, *self.usual.shape, dtype=torch.float64)
        with torch.inference_mode():
            for begin in range(0, len(images), self.spec.options.batch):
                part = images[begin : begin + self.spec.options.batch]
                found = self._in_windows(part).double().cpu()
                total += found.sum(0)
                squares += found.square().sum(0)
        mean = total / len(images)
        deviation = (squares / len(images) - mean.square()).clamp(min=0).sqrt()
        self.usual.copy_(mean)
        self.deviation.copy_(deviation + LEAST_DEVIATION * deviation.mean() + TINY)

    def optimizers(self) -> list[torch.optim.Optimizer]:
        """Adam."""
        return [self._optimizer]

    def _in_windows(self, pixels: Tensor) -> Tensor:
        found = self._difference(pixels.float() / 255)
        return (found if self.spec.options.compare == "ssim" else window_mean(found))[:, 0]

    def _difference(self, images: Tensor) -> Tensor:
        made: Tensor = self.net(images)
        if self.spec.options.compare == "ssim":
            return (1 - ssim(images, made)).clamp(min=0)
        return ((images - made) ** 2).mean(1, keepdim=True)
