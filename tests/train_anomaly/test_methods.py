"""Each method against an independent value, and a real tiny training of it."""

import itertools
import math
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.ndimage import uniform_filter
from scipy.spatial.distance import mahalanobis
from sklearn.svm import OneClassSVM

from datasets.coco import Category
from evaluate.history_file import read_history
from features.coreset import choose_coreset
from features.encoder import load_encoder
from system.errors import OptionError
from tests.command import run_command
from tests.train_anomaly.conftest import SMALL, SPOTS, part
from tests.train_anomaly.test_fit import metrics_of
from train_anomaly.autoencoder import Autoencoder, AutoencoderScorer, ssim
from train_anomaly.deepsvdd import DeepSvddScorer
from train_anomaly.features_method import FeaturesScorer
from train_anomaly.ocsvm import OcsvmScorer
from train_anomaly.options import AnomalyOptions, NearestOptions, settled
from train_anomaly.padim import gaussians
from train_anomaly.remembered import choose_patches, of_two_images, remember_anywhere, remember_places
from train_anomaly.spec import AnomalySpec
from training.epoch_recorder import EpochRecorder

TRAINED = ("autoencoder", "gan", "deepsvdd")


def spec_of(**options: object) -> AnomalySpec:
    return AnomalySpec(64, 64, settled(AnomalyOptions(**options)), Category(1, "defect"))  # type: ignore[arg-type]


def random_images(count: int, side: int = 64) -> torch.Tensor:
    return torch.randint(0, 256, (count, 3, side, side), generator=torch.Generator().manual_seed(1)).byte()


@pytest.mark.parametrize("method", ["padim", "ocsvm", *TRAINED])
def test_a_tiny_training(method: str, parts: Path, tmp_path: Path) -> None:
    flags = ("--method", method, "--runs", tmp_path / "runs", "--epochs", 2, "--alarms", "20%")
    assert run_command("train_anomaly", "fit", parts, *SMALL, *flags) == 0
    run = tmp_path / "runs/anomaly/parts"
    metrics = metrics_of(run)
    rows = read_history(run / "history.csv")
    assert len(rows) == (2 if method in TRAINED else 1)
    assert all(math.isfinite(row["train_loss"]) for row in rows)
    assert 0 <= metrics["score_maps"]["pixel_ap"] <= 1
    assert "5 good images, held out: at most 20.00% false alarms" in metrics["operating_point"]["chosen_on"]
    if method == "padim":
        assert metrics["images"]["auroc"] == 1


def test_padim_is_the_mahalanobis_distance_of_scipy() -> None:
    patches = torch.randn(30, 4, 5, generator=torch.Generator().manual_seed(2))
    means, whitening = gaussians(patches, 0.01)
    new = torch.randn(4, 5, generator=torch.Generator().manual_seed(3))
    for place in range(4):
        samples = patches[:, place].numpy().astype(float)
        inverse = np.linalg.inv(np.cov(samples.T) + 0.01 * np.eye(5))
        wanted = mahalanobis(new[place].numpy(), samples.mean(0), inverse)
        found = float((whitening[place] @ (new[place] - means[place])).norm())
        assert found == pytest.approx(wanted, rel=1e-4)


@pytest.mark.parametrize("pooled", [False, True])
def test_ocsvm_orders_as_scikit_learn(pooled: bool) -> None:
    encoder = load_encoder("resnet18", "none", ("8",))[0]
    options = {"method": "ocsvm", "pooled": pooled, "nu": 0.2, "stride": 8, "layers": "8"}
    scorer = OcsvmScorer(spec_of(**options), encoder)
    images = random_images(20)
    scorer.learn(images[:15])
    found = scorer(images[15:])
    features = scorer.features(images)
    if pooled:
        samples = features.mean((2, 3)).numpy()
    else:
        samples = features.permute(0, 2, 3, 1).reshape(-1, features.shape[1]).numpy()
    learnt = samples[: len(samples) * 15 // 20]
    scaled = (samples - learnt.mean(0)) / np.maximum(learnt.std(0), 1e-6)
    machine = OneClassSVM(nu=0.2, gamma="scale").fit(scaled[: len(learnt)])
    decision = machine.score_samples(scaled[len(learnt) :]) / machine.dual_coef_.sum()
    wanted = 1 - decision
    ours = found[:, 0, 0].numpy() if pooled else found.numpy().ravel()
    assert np.allclose(ours, wanted, atol=1e-3)
    if pooled:
        assert (found == found[:, :1, :1]).all()


def test_ssim_of_equal_and_of_opposite_images() -> None:
    images = torch.rand(2, 3, 40, 48, generator=torch.Generator().manual_seed(1))
    assert torch.allclose(ssim(images, images), torch.ones(2, 1, 40, 48))
    assert float(ssim(images, 1 - images).mean()) < 0
    flat = torch.full((1, 3, 32, 32), 0.5)
    # without structure only the luminance term is left: (2ab + C1) / (a^2 + b^2 + C1)
    wanted = (2 * 0.5 * 0.8 + 1e-4) / (0.25 + 0.64 + 1e-4)
    assert float(ssim(flat, flat + 0.3).mean()) == pytest.approx(wanted, rel=1e-3)


def test_ssim_of_a_window_by_hand() -> None:
    """In the middle of windows that are complete: plain means, variances and covariance of 11 x 11 values."""
    one, two = torch.rand(2, 1, 3, 24, 30, generator=torch.Generator().manual_seed(2)).double()
    found = ssim(one, two)
    for row, column in ((5, 5), (12, 20), (18, 24)):
        values = []
        for channel in range(3):
            window = (0, channel, slice(row - 5, row + 6), slice(column - 5, column + 6))
            a, b = one[window].numpy().ravel(), two[window].numpy().ravel()
            covariance = np.cov(a, b, bias=True)
            luminance = (2 * a.mean() * b.mean() + 1e-4) / (a.mean() ** 2 + b.mean() ** 2 + 1e-4)
            structure = (2 * covariance[0, 1] + 9e-4) / (covariance[0, 0] + covariance[1, 1] + 9e-4)
            values.append(luminance * structure)
        assert float(found[0, 0, row, column]) == pytest.approx(np.mean(values), abs=1e-9)


def test_the_autoencoder_keeps_the_size() -> None:
    assert Autoencoder()(torch.rand(1, 3, 64, 96)).shape == (1, 3, 64, 96)


@pytest.mark.parametrize("compare", ["l2", "ssim"])
def test_the_map_of_the_autoencoder_is_relative_to_good_images(compare: str) -> None:
    scorer = AutoencoderScorer(spec_of(method="autoencoder", compare=compare, batch=4), None)
    images, new = random_images(10), random_images(11)[10:]

    def windows(pixels: torch.Tensor) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
        wanted = pixels.double() / 255
        with torch.inference_mode():
            made = scorer.net(pixels.float() / 255).double()
        if compare == "ssim":
            return (1 - ssim(wanted, made)).clamp(min=0)[:, 0].numpy()
        squares = ((wanted - made) ** 2).mean(1).numpy()
        inside = uniform_filter(np.ones((64, 64)), 11, mode="constant")
        return np.stack([uniform_filter(one, 11, mode="constant") / inside for one in squares])

    scorer.settle(images)
    good = windows(images)
    deviation = good.std(0) + 0.1 * good.std(0).mean()
    wanted = np.maximum(0, (windows(new)[0] - good.mean(0)) / deviation)
    with torch.inference_mode():
        assert np.allclose(scorer(new)[0].numpy(), wanted, rtol=0.01, atol=0.02)
    assert wanted.max() > 1


def test_a_collapsed_network_is_refused() -> None:
    scorer = DeepSvddScorer(spec_of(method="deepsvdd", begin="autoencoder", batch=2), None)
    images = random_images(6)
    scorer.start(images)
    scorer.check_trained(images)
    assert bool((scorer.centre.abs() >= 0.1 - 1e-6).all())
    for parameter in scorer.net.parameters():
        parameter.data.zero_()
    with pytest.raises(OptionError, match=r"the network collapsed: its codes keep .* of their spread"):
        scorer.check_trained(images)


def test_deepsvdd_has_no_bias_that_could_be_the_centre() -> None:
    for begin, encoder in (("autoencoder", None), ("pretrained", load_encoder("resnet18", "none", ("8",))[0])):
        scorer = DeepSvddScorer(spec_of(method="deepsvdd", begin=begin, stride=8, layers="8"), encoder)
        assert not [name for name, _ in scorer.net.named_parameters() if name.endswith("bias")]


def test_places_remember_patches_of_their_neighbourhood() -> None:
    """Each patch is the number of its place, so that its origin can be read from it."""
    rows, columns = 4, 5
    places = (
        torch.arange(rows * columns, dtype=torch.float32).view(1, 1, rows, columns).expand(3, 1, rows, columns)
    )
    bank, owners = remember_places(places, 1, 100, "coreset", 0)
    assert bank.shape == (20, 1, 3 * 9)
    assert sorted(set(owners[0].tolist())) == [0, 1, 2]
    for row, column in itertools.product(range(rows), range(columns)):
        near = {
            r * columns + c
            for r in range(max(0, row - 1), min(rows, row + 2))
            for c in range(max(0, column - 1), min(columns, column + 2))
        }
        assert set(bank[row * columns + column, 0].int().tolist()) == near


def test_layers_have_the_same_variance_times_their_weights() -> None:
    encoder = load_encoder("resnet18", "none", ("4", "8"))[0]
    images = random_images(3)
    scales = []
    for weights in ("", "2,1"):
        spec = spec_of(encoder="resnet18", layers="4,8", nearest=NearestOptions(patches=4, layer_weights=weights))
        scorer = FeaturesScorer(spec, encoder)
        scorer.learn(images)
        scales.append(scorer.net.features.scales)
        with torch.inference_mode():
            found = [scorer.net.features.layers(image[None]) for image in images]
        spread = [float(torch.cat(layer).var((0, 2, 3)).sum()) for layer in zip(*found, strict=True)]
        scaled = [value * float(scale) ** 2 for value, scale in zip(spread, scales[-1], strict=True)]
        assert scaled == pytest.approx([4.0, 1.0] if weights else [1.0, 1.0], rel=1e-4)
    assert scales[1].tolist() == pytest.approx([2 * float(scales[0][0]), float(scales[0][1])])


@pytest.mark.parametrize("sample", ["coreset", "random", "mixed"])
def test_patches_of_all_places(sample: str) -> None:
    features = torch.randn(4, 6, 5, 5, generator=torch.Generator().manual_seed(1))
    bank, owners = remember_anywhere(features, 40, sample, 0)
    assert (bank.shape, owners.shape) == ((1, 6, 40), (1, 40))
    every = features.permute(0, 2, 3, 1).reshape(4, 25, 6)
    for patch, owner in zip(bank[0].T, owners[0], strict=True):
        assert (every[owner] == patch).all(1).any()


def test_each_place_remembers_patches_of_two_images() -> None:
    owner = torch.tensor([0, 0, 0, 1, 1, 2])
    chosen = of_two_images(torch.tensor([[0, 1, 2], [0, 1, 3], [4, 3, 3]]), owner)
    assert [len(set(owner[line].tolist())) for line in chosen] == [2, 2, 2]
    assert chosen[1].tolist() == [0, 1, 3]
    assert chosen[:, :2].tolist() == [[0, 1], [0, 1], [4, 3]]
    assert of_two_images(torch.tensor([[2]]), owner).tolist() == [[2]]
    assert of_two_images(torch.tensor([[0, 1]]), torch.tensor([0, 0])).tolist() == [[0, 1]]


def test_mixed_patches_are_a_coreset_and_others_at_random() -> None:
    patches = torch.randn(3, 50, 6, generator=torch.Generator().manual_seed(1))
    chosen = choose_patches(patches, 21, "mixed", 5)
    assert chosen[:, :10].equal(choose_coreset(patches, 10, 5))
    assert [len(set(line)) for line in chosen.tolist()] == [21] * 3
    assert chosen[:, 10:].tolist() != choose_patches(patches, 21, "mixed", 6)[:, 10:].tolist()
    assert choose_patches(patches, 50, "mixed", 5).tolist() == [list(range(50))] * 3
    alike = choose_patches(torch.ones(1, 50, 6), 20, "mixed", 5)  # the coreset may repeat equal patches
    assert alike.shape == (1, 20)
    assert len(set(alike[0, 10:].tolist())) == 10


@pytest.mark.parametrize("method", ["autoencoder", "gan"])
def test_an_interrupted_training_is_resumed_to_the_same_end(
    method: str, parts: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flags = (*SMALL, "--imgsz", 64, "--method", method, "--epochs", 2, "--alarms", "20%")
    assert run_command("train_anomaly", "fit", parts, *flags, "--runs", tmp_path / "whole") == 0
    epoch = EpochRecorder.epoch

    def stop(self: EpochRecorder, *arguments: object) -> bool:
        epoch(self, *arguments)  # type: ignore[arg-type]
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(EpochRecorder, "epoch", stop)
        assert run_command("train_anomaly", "fit", parts, *flags, "--runs", tmp_path / "runs") == 130
    run = tmp_path / "runs/anomaly/parts"
    assert len(read_history(run / "history.csv")) == 1
    assert run_command("train_anomaly", "fit", parts, "--resume", run) == 0
    assert metrics_of(run) == metrics_of(tmp_path / "whole/anomaly/parts")
    shutil.rmtree(tmp_path / "runs")


def test_a_spot_is_farther_than_good_grain() -> None:
    """What the other tests rely on: stripes differ from grain in features of random weights."""
    encoder = load_encoder("resnet18", "none", ("8",))[0]
    pixels = torch.from_numpy(np.stack([part(1), part(2), part(3, SPOTS[0])])).permute(0, 3, 1, 2).float()
    one, other, bad = (layer.mean((1, 2)) for layer in encoder(pixels)[0])
    assert (one - bad).norm() > 5 * (one - other).norm()
