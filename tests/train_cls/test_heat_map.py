"""The heat map of a classifier, compared with derivatives worked out by hand and with maps of known places."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from datasets.coco import Category
from evaluate.map_folder import MAP_SIDE, read_map
from system.errors import OptionError
from tests.command import only_line, run_command
from train_cls.classifier import Classifier
from train_cls.heat_map import defect_log_odds, grad_cam, patch_map
from train_cls.model import ClassifierNet, ClassifierSpec

CPU = torch.device("cpu")


class Toy(nn.Module):
    """Two channels of 3 x 3 filters, ReLU, the mean of each channel, and two logits."""

    def __init__(self) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(3, 2, 3, stride=2, bias=True)
        self.rectify = nn.ReLU(inplace=True)
        self.head = nn.Linear(2, 2)

    def forward(self, rgb: torch.Tensor) -> torch.Tensor:
        return self.head(self.rectify(self.convolution(rgb / 255)).mean((2, 3)) ** 2)


def test_grad_cam_equals_the_derivatives_worked_out_by_hand() -> None:
    torch.manual_seed(2)
    toy, rgb = Toy(), torch.randint(0, 256, (1, 3, 11, 15), dtype=torch.uint8)
    weight, bias = toy.convolution.weight.detach().numpy(), toy.convolution.bias.detach().numpy()  # type: ignore[union-attr]
    pixels = rgb[0].numpy() / 255
    maps = np.zeros((2, 5, 7))
    for channel in range(2):
        for row in range(5):
            for column in range(7):
                window = pixels[:, 2 * row : 2 * row + 3, 2 * column : 2 * column + 3]
                maps[channel, row, column] = max(0.0, (window * weight[channel]).sum() + bias[channel])
    # log odds = (w1 - w0) . mean^2 + b, so its derivative by each of the 35 places is (w1 - w0) * 2 mean / 35
    head = toy.head.weight.detach().numpy()
    means = maps.mean((1, 2))
    slopes = (head[1] - head[0]) * 2 * means / 35
    wanted = np.maximum(0, (slopes[:, None, None] * maps).sum(0))
    found = grad_cam(toy, rgb, lambda logits: defect_log_odds(logits, several_types=False))
    assert wanted.max() > 0
    np.testing.assert_allclose(found.numpy(), wanted, rtol=1e-4, atol=1e-9)


def test_the_layout_of_the_last_map_may_have_its_channels_last() -> None:
    torch.manual_seed(0)

    class Last(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.convolution, self.rectify, self.head = nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Linear(4, 2)
            self.turn = nn.Identity()

        def forward(self, rgb: torch.Tensor) -> torch.Tensor:
            return self.head(self.turn(self.rectify(self.convolution(rgb)).permute(0, 2, 3, 1)).mean((1, 2)))

    net, rgb = Last(), torch.rand(1, 3, 9, 12)
    features = net.rectify(net.convolution(rgb))[0]
    slopes = (net.head.weight[1] - net.head.weight[0]) / (7 * 10)
    wanted = (slopes[:, None, None] * features).sum(0).clamp(min=0)
    found = grad_cam(net, rgb, lambda logits: defect_log_odds(logits, several_types=False), channels_last=True)
    torch.testing.assert_close(found, wanted.detach())


def test_log_odds_are_against_good_or_of_the_likeliest_type() -> None:
    logits = torch.tensor([[0.5, 1.0, -2.0]])
    probabilities = torch.softmax(logits, 1)[0]
    wanted = torch.log((1 - probabilities[0]) / probabilities[0])
    torch.testing.assert_close(defect_log_odds(logits, several_types=False)[0], wanted)
    assert defect_log_odds(logits, several_types=True).tolist() == [1.0]


@pytest.mark.parametrize("arch", ["resnet18", "swin_t"])
def test_networks_of_torchvision_have_a_map_of_the_size_of_the_image(arch: str) -> None:
    spec = ClassifierSpec(arch, "torchvision", 64, [Category(1, "chip"), Category(2, "dent")])
    torch.manual_seed(0)
    one = Classifier(ClassifierNet(spec).eval(), spec, CPU)
    found = one.heat_map(np.random.default_rng(1).integers(0, 255, (40, 80, 3), dtype=np.uint8))
    assert found.shape == (32, 64)
    assert np.isfinite(found).all()
    assert found.min() >= 0


class Tokens(nn.Module):
    """A feature map that is cut into tokens, as in a vision transformer."""

    def __init__(self) -> None:
        super().__init__()
        self.patches, self.mix, self.head = nn.Conv2d(3, 4, 8, 8), nn.Linear(4, 4), nn.Linear(4, 2)

    def forward(self, rgb: torch.Tensor) -> torch.Tensor:
        return self.head(self.mix(self.patches(rgb).flatten(2).transpose(1, 2))[:, 0])


def test_a_network_of_tokens_is_refused() -> None:
    with pytest.raises(OptionError, match="no feature map near its end; leave out --maps"):
        grad_cam(Tokens(), torch.rand(1, 3, 32, 32), lambda logits: logits[:, 0])


class Corner(nn.Module):
    """A fitted head of one channel, the red of each patch of 8 pixels; a defect where it is bright."""

    symmetries = True

    def __init__(self) -> None:
        super().__init__()
        self.patch_model = nn.Module()
        self.patch_model.mean, self.patch_model.std = torch.zeros(1), torch.ones(1)
        self.patch_model.defect = nn.Linear(1, 1)
        with torch.no_grad():
            self.patch_model.defect.weight.fill_(0.1)
            self.patch_model.defect.bias.fill_(-12.0)

    def maps(self, rgb: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        patches = nn.functional.avg_pool2d(rgb[:, :1].float(), 8)
        turned = patches + torch.arange(4.0).view(1, 1, 4, 1)  # depends on the place, so that views differ
        return turned.flatten(2).transpose(1, 2), rgb


def test_the_patch_map_of_the_eight_views_is_turned_back() -> None:
    square = torch.randint(0, 256, (1, 3, 32, 32), dtype=torch.uint8)
    red = nn.functional.avg_pool2d(square[:, :1].float(), 8)[0, 0].numpy()
    wanted = np.zeros((4, 4))
    for transposed in (False, True):
        for flips in ((), (0,), (1,), (0, 1)):
            view = np.flip(red.T if transposed else red, flips)
            score = 1 / (1 + np.exp(-(0.1 * (view + np.arange(4)[:, None]) - 12)))
            back = np.flip(score, flips)
            wanted += (back.T if transposed else back) / 8
    found = patch_map(Corner(), square)  # type: ignore[arg-type]
    np.testing.assert_allclose(found.numpy(), wanted, atol=1e-6)


def test_predict_writes_the_map_of_each_image(cls_run: Path, coco_folder: Path, tmp_path: Path) -> None:
    images = sorted((coco_folder / "images").rglob("*.png"))[:3]
    maps = tmp_path / "maps"
    assert run_command("train_cls", "predict", cls_run, *images, "--maps", maps) == 0
    listed = json.loads((maps / "maps.json").read_text())
    assert listed["kind"] == "heat"
    assert list(listed["images"]) == [image.as_posix() for image in images]
    values = [read_map(maps / file) for file in listed["images"].values()]
    assert all(max(one.shape) <= MAP_SIDE for one in values)
    assert max(one.max() for one in values) == 255


def test_a_folder_of_other_files_is_kept(
    cls_run: Path, small_image: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "mine.txt").write_text("x")
    assert run_command("train_cls", "predict", cls_run, small_image, "--maps", tmp_path) == 2
    assert str(tmp_path) in only_line(capsys)
    assert (tmp_path / "mine.txt").is_file()
