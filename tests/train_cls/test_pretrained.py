"""Weights from files: what fits is loaded, what is missing is reported, and the normalisation is theirs."""

import socket
from pathlib import Path

import pytest
import timm
import torch
from safetensors.torch import save_file
from torchvision.models import mobilenet_v2, resnet18

from datasets.coco import Category
from system.errors import WeightsError
from train_cls.options import ClassifierOptions
from train_cls.pretrained import NewClassifier, new_classifier

TYPES = [Category(1, "chip"), Category(2, "crack")]


def new(arch: str, weights: Path | str) -> NewClassifier:
    return new_classifier(TYPES, ClassifierOptions(arch=arch, weights=str(weights), imgsz=64))


@pytest.mark.parametrize("suffix", [".pt", ".safetensors"])
def test_a_torchvision_file_fills_all_but_the_last_layer(suffix: str, tmp_path: Path) -> None:
    torch.manual_seed(5)
    state = resnet18().state_dict()
    path = tmp_path / f"r{suffix}"
    if suffix == ".pt":
        torch.save(state, path)
    else:
        save_file(state, path)
    made = new("resnet18", path)
    assert made.lines == []
    filled = made.network.net.state_dict()
    assert all(torch.equal(filled[k], v) for k, v in state.items() if not k.startswith("fc."))
    assert filled["fc.weight"].shape == (3, 512)
    assert made.pretrained == {f"net.{n}" for n, _ in resnet18().named_parameters() if not n.startswith("fc.")}
    assert (made.spec.library, made.spec.mean) == ("torchvision", (0.485, 0.456, 0.406))


def test_a_timm_file_comes_with_its_own_normalisation(tmp_path: Path) -> None:
    torch.manual_seed(5)
    state = timm.create_model("tf_efficientnet_lite0", num_classes=1000).state_dict()
    save_file(state, tmp_path / "lite0.safetensors")
    made = new("tf_efficientnet_lite0", tmp_path / "lite0.safetensors")
    assert made.lines == []
    assert (made.spec.library, made.spec.mean, made.spec.std) == ("timm", (0.5,) * 3, (0.5,) * 3)
    grey = torch.full((1, 3, 64, 64), 255, dtype=torch.uint8)
    seen: list[torch.Tensor] = []
    made.network.net.register_forward_pre_hook(lambda _, given: seen.append(given[0]))
    made.network.eval()(grey)
    assert seen[0].unique().tolist() == [1.0]  # (1 - 0.5) / 0.5


def test_where_both_libraries_have_the_name_the_file_decides(tmp_path: Path) -> None:
    torch.save(timm.create_model("densenet121", num_classes=10).state_dict(), tmp_path / "t.pt")
    assert new("densenet121", tmp_path / "t.pt").spec.library in {"torchvision", "timm"}
    torch.save(timm.create_model("vgg11", num_classes=10).state_dict(), tmp_path / "v.pt")
    assert new("vgg11", tmp_path / "v.pt").spec.library == "timm"  # its first linear layer is a convolution there


def test_what_a_file_lacks_is_reported(tmp_path: Path) -> None:
    state = {k: v for k, v in resnet18().state_dict().items() if not k.startswith(("layer4", "fc"))}
    torch.save(
        {**state, "neck.weight": torch.zeros(2), "layer1.0.conv1.weight": torch.zeros(2)}, tmp_path / "r.pt"
    )
    made = new("resnet18", tmp_path / "r.pt")
    assert made.lines == [
        "weights: r.pt lacks 25 tensors (layer4), which start random and are trained",
        "weights: 1 tensors of r.pt have other shapes (layer1)",
        "weights: 1 tensors of r.pt are unknown (neck)",
    ]
    assert not any(name.startswith("net.layer4") for name in made.pretrained)
    assert "net.layer1.0.conv1.weight" not in made.pretrained


def test_a_file_of_another_network_is_refused(tmp_path: Path) -> None:
    torch.save(mobilenet_v2().state_dict(), tmp_path / "m.pt")
    with pytest.raises(WeightsError, match=r"none of its \d+ tensors fits the network; give --weights PATH"):
        new("resnet18", tmp_path / "m.pt")


@pytest.mark.parametrize("content", [b"hello", b"", b"\x80\x02}q\x00."])
def test_what_is_not_a_weights_file_is_refused(content: bytes, tmp_path: Path) -> None:
    for name in ("r.pt", "r.safetensors"):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(WeightsError, match="--weights none"):
            new("resnet18", tmp_path / name)


@pytest.mark.parametrize("arch", ["resnet18", "tf_efficientnet_lite0"])
def test_imagenet_without_a_network_ends_in_one_line(
    arch: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def no_network(*_: object, **__: object) -> None:
        raise OSError("no network")

    monkeypatch.setattr(socket, "create_connection", no_network)
    monkeypatch.setattr(socket, "getaddrinfo", no_network)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    for name in ("HTTPS_PROXY", "https_proxy"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(WeightsError) as error:
        new(arch, "imagenet")
    assert str(error.value).startswith(f"--weights imagenet for {arch}: cannot be downloaded")
    assert "\n" not in str(error.value)


def test_the_real_files(real_weights: Path) -> None:
    lines = new("resnet18", real_weights / "resnet18.pt").lines
    assert len(lines) == 1
    assert "(layer4)" in lines[0]
