"""Encoders of both libraries: layers by stride, weights from files, and their normalisation."""

import pickle
from pathlib import Path

import pytest
import timm
import torch
from safetensors.torch import save_file
from torchvision.models import mobilenet_v2, resnet18

from features.encoder import Encoder, load_encoder
from system.errors import OptionError, WeightsError
from tests.features.networks import random_resnet


def load(weights: Path, name: str = "resnet18", layers: tuple[str, ...] = ("8", "16")) -> Encoder:
    return load_encoder(name, str(weights), layers)[0]


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return random_resnet(tmp_path_factory.mktemp("weights") / "resnet18.pt")


def test_weights_that_do_not_do(tmp_path: Path, weights: Path) -> None:
    with pytest.raises(WeightsError, match="no such file"):
        load(tmp_path / "absent.pt")
    text = tmp_path / "text.pt"
    text.write_text("hello")
    with pytest.raises(WeightsError, match="cannot be read as weights"):
        load(text)
    state = torch.load(weights, weights_only=True)
    torch.save({k: v for k, v in state.items() if not k.startswith("layer3.")}, tmp_path / "part.pt")
    with pytest.raises(WeightsError, match=r"lacks \d+ tensors of resnet18 \(layer3"):
        load(tmp_path / "part.pt")
    torch.save({**state, "conv1.weight": torch.zeros(1)}, tmp_path / "other.pt")
    with pytest.raises(WeightsError, match="does not fit resnet18"):
        load(tmp_path / "other.pt")


def test_weights_cannot_run_code(tmp_path: Path) -> None:
    ran = tmp_path / "ran"

    class Attack:
        def __reduce__(self) -> tuple[object, tuple[object, ...]]:
            return (Path.touch, (ran,))

    path = tmp_path / "attack.pt"
    path.write_bytes(pickle.dumps(Attack()))
    with pytest.raises(WeightsError):
        load(path)
    torch.save({"conv1.weight": Attack()}, path)
    with pytest.raises(WeightsError):
        load(path)
    assert not ran.exists()


def test_layers_by_stride_are_the_last_of_their_stride() -> None:
    for name, layers, channels in (
        ("resnet18", ["layer1", "layer2", "layer3"], [64, 128, 256]),
        ("mobilenet_v2", ["features.3", "features.6", "features.13"], [24, 32, 96]),
        ("tf_efficientnet_lite0", ["blocks.1", "blocks.2", "blocks.4"], [24, 40, 112]),
    ):
        encoder, lines = load_encoder(name, "none", ("16", "4", "8"))
        assert encoder.spec.layers == layers
        assert "random weights" in lines[0]
        maps = encoder(torch.zeros(1, 3, 64, 96))
        sides = [(16, 24), (8, 12), (4, 6)]
        assert [tuple(one.shape) for one in maps] == [(1, c, *s) for c, s in zip(channels, sides, strict=True)]


def test_modules_are_layers_too() -> None:
    assert load_encoder("resnet18", "none", ("layer2.0",))[0].spec.layers == ["layer2.0"]


def test_a_torchvision_network_gives_what_its_layers_give(tmp_path: Path) -> None:
    torch.manual_seed(1)
    net = mobilenet_v2().eval()
    torch.save(net.state_dict(), tmp_path / "m.pt")
    encoder = load(tmp_path / "m.pt", "mobilenet_v2", ("8",))
    pixels = torch.rand(1, 3, 64, 64) * 255
    mean, std = (torch.tensor(v).view(1, 3, 1, 1) for v in ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)))
    with torch.inference_mode():
        assert torch.allclose(encoder(pixels)[0], net.features[:7]((pixels / 255 - mean) / std), atol=1e-5)


def test_a_timm_file_brings_its_own_normalisation(tmp_path: Path) -> None:
    torch.manual_seed(1)
    net = timm.create_model("tf_efficientnet_lite0").eval()
    save_file(net.state_dict(), tmp_path / "lite0.safetensors")
    encoder = load(tmp_path / "lite0.safetensors", "tf_efficientnet_lite0", ("8", "16"))
    assert (encoder.spec.library, encoder.spec.mean, encoder.spec.std) == ("timm", (0.5,) * 3, (0.5,) * 3)
    wanted = timm.create_model("tf_efficientnet_lite0", features_only=True, out_indices=(2, 3)).eval()
    wanted.load_state_dict({k: v for k, v in net.state_dict().items() if k in wanted.state_dict()})
    pixels = torch.rand(1, 3, 64, 64) * 255
    with torch.inference_mode():
        for ours, theirs in zip(encoder(pixels), wanted((pixels / 255 - 0.5) / 0.5), strict=True):
            assert torch.allclose(ours, theirs, atol=1e-5)


def test_an_encoder_is_never_trained() -> None:
    encoder = load_encoder("resnet18", "none", ("8",))[0]
    encoder.train()
    assert not any(module.training for module in encoder.modules())
    assert not any(parameter.requires_grad for parameter in encoder.parameters())


@pytest.mark.parametrize(
    ("name", "layers", "message"),
    [
        ("resnet19", ("8",), "--encoder resnet19: neither torchvision nor timm has a network of that name"),
        (
            "resnet18",
            ("7",),
            r"--layers 7: no such layer of resnet18; give strides \(2, 4, 8, 16, 32\) or",
        ),
        ("vit_b_16", ("8",), "--encoder: cannot be used for maps"),
    ],
)
def test_impossible_encoders_end_in_one_line(name: str, layers: tuple[str, ...], message: str) -> None:
    with pytest.raises(OptionError, match=message):
        load_encoder(name, "none", layers)


def test_a_file_of_another_network(tmp_path: Path) -> None:
    torch.save(resnet18().state_dict(), tmp_path / "r.pt")
    with pytest.raises(WeightsError, match=r"lacks \d+ tensors of mobilenet_v2"):
        load(tmp_path / "r.pt", "mobilenet_v2")
