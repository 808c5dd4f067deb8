import pickle
import socket
from pathlib import Path

import huggingface_hub.constants as hub
import pytest
import torch
from torch import nn
from torchvision.models import resnet18

from datasets.coco import Category
from system.errors import WeightsError
from train_seg import encoder_weights
from train_seg.encoder_weights import load_encoder_weights
from train_seg.model import ModelSpec, SegmentationModel


@pytest.fixture
def encoder() -> nn.Module:
    torch.manual_seed(1)
    found = SegmentationModel(ModelSpec("resnet18", 5, 64, [Category(1, "chip")])).net.encoder
    assert isinstance(found, nn.Module)
    return found


@pytest.fixture
def torchvision_state() -> dict[str, torch.Tensor]:
    torch.manual_seed(2)
    return dict(resnet18().state_dict())


def write(path: Path, state: object) -> str:
    torch.save(state, path)
    return str(path)


def test_a_whole_file_fills_the_encoder_without_a_word(
    encoder: nn.Module, torchvision_state: dict[str, torch.Tensor], tmp_path: Path
) -> None:
    lines = load_encoder_weights(encoder, "resnet18", 5, write(tmp_path / "r.pt", torchvision_state))
    assert lines == []
    filled = encoder.state_dict()
    assert all(torch.equal(filled[k], v) for k, v in torchvision_state.items() if not k.startswith("fc."))


@pytest.mark.parametrize(("depth", "reported"), [(5, True), (4, False)])
def test_a_file_without_layer4_is_reported_where_layer4_is_used(
    encoder: nn.Module, torchvision_state: dict[str, torch.Tensor], tmp_path: Path, depth: int, reported: bool
) -> None:
    partial = {k: v for k, v in torchvision_state.items() if not k.startswith(("layer4", "fc"))}
    lines = load_encoder_weights(encoder, "resnet18", depth, write(tmp_path / "r.pt", partial))
    assert bool(lines) == reported
    if reported:
        assert "layer4 stays random" in lines[0]
        assert "--encoder-depth 4" in lines[0]
    assert torch.equal(encoder.state_dict()["conv1.weight"], torchvision_state["conv1.weight"])


def test_misfits_and_strangers_are_reported(
    encoder: nn.Module, torchvision_state: dict[str, torch.Tensor], tmp_path: Path
) -> None:
    before = encoder.state_dict()["layer1.0.conv1.weight"].clone()
    torchvision_state["layer1.0.conv1.weight"] = torch.zeros(2, 2, 3, 3)
    torchvision_state["neck.weight"] = torch.zeros(2)
    lines = load_encoder_weights(encoder, "resnet18", 5, write(tmp_path / "r.pt", torchvision_state))
    assert any("1 tensors of r.pt have other shapes (layer1)" in line for line in lines)
    assert any("1 tensors of r.pt are unknown (neck)" in line for line in lines)
    assert torch.equal(encoder.state_dict()["layer1.0.conv1.weight"], before)


def test_nothing_is_reported(encoder: nn.Module) -> None:
    assert "random" in load_encoder_weights(encoder, "resnet18", 4, "none")[0]


class Evil:
    def __reduce__(self) -> tuple[object, ...]:
        return (Path.touch, (Path("evil-was-here"),))


@pytest.mark.parametrize("content", ["text", "truncated", "pickle", "list", "other"])
def test_what_is_not_a_state_dict_is_refused(
    encoder: nn.Module,
    torchvision_state: dict[str, torch.Tensor],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    content: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "r.pt"
    if content == "text":
        path.write_text("hello, these are not weights")
    elif content == "truncated":
        write(path, torchvision_state)
        path.write_bytes(path.read_bytes()[:5000])
    elif content == "pickle":
        path.write_bytes(pickle.dumps({"conv1.weight": Evil()}))
    elif content == "list":
        write(path, [1, 2])
    else:
        write(path, {"conv1.weight": torch.zeros(1), "x": torch.zeros(2)})
    with pytest.raises(WeightsError, match="--encoder-weights none") as error:
        load_encoder_weights(encoder, "resnet18", 5, str(path))
    assert str(path) in str(error.value)
    assert not (tmp_path / "evil-was-here").exists()


def test_half_precision_is_read_and_whole_numbers_are_refused(
    encoder: nn.Module, torchvision_state: dict[str, torch.Tensor], tmp_path: Path
) -> None:
    path = tmp_path / "weights.pt"
    half = {k: v.half() if v.is_floating_point() else v for k, v in torchvision_state.items()}
    torch.save(half, path)
    assert load_encoder_weights(encoder, "resnet18", 5, str(path)) == []
    loaded = encoder.state_dict()["conv1.weight"]
    assert loaded.dtype == torch.float32
    assert torch.equal(loaded, half["conv1.weight"].float())
    torch.save({k: (10 * v).to(torch.int8) for k, v in torchvision_state.items()}, path)
    with pytest.raises(WeightsError, match=r"its tensor conv1\.weight has whole numbers, as quantised"):
        load_encoder_weights(encoder, "resnet18", 5, str(path))
    assert torch.equal(encoder.state_dict()["conv1.weight"], loaded)  # nothing was loaded


def test_weights_of_a_smaller_network_of_the_same_family_are_refused(
    torchvision_state: dict[str, torch.Tensor], tmp_path: Path
) -> None:
    larger = SegmentationModel(ModelSpec("resnet34", 4, 64, [Category(1, "chip")])).net.encoder
    assert isinstance(larger, nn.Module)
    before = larger.state_dict()["conv1.weight"].clone()
    with pytest.raises(
        WeightsError, match=r"fills \d+ of the \d+ tensors of resnet34, so it is of another network"
    ):
        load_encoder_weights(larger, "resnet34", 4, write(tmp_path / "r.pt", torchvision_state))
    assert torch.equal(larger.state_dict()["conv1.weight"], before)


def test_a_missing_file_is_named(encoder: nn.Module, tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="no such file"):
        load_encoder_weights(encoder, "resnet18", 4, str(tmp_path / "r.pt"))


def test_imagenet_without_a_network_fails_at_once_and_names_the_ways_out(
    encoder: nn.Module, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def no_network(*_: object, **__: object) -> None:
        raise OSError("no network")

    monkeypatch.setattr(socket, "create_connection", no_network)
    monkeypatch.setattr(hub, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(hub, "HF_HUB_CACHE", str(tmp_path))
    monkeypatch.delenv("HTTPS_PROXY", raising=False)
    monkeypatch.delenv("https_proxy", raising=False)
    with pytest.raises(WeightsError) as error:
        load_encoder_weights(encoder, "resnet18", 4, "imagenet")
    assert "--encoder-weights PATH" in str(error.value)
    assert "\n" not in str(error.value)


def test_imagenet_takes_what_the_hub_gives(
    encoder: nn.Module, monkeypatch: pytest.MonkeyPatch, torchvision_state: dict[str, torch.Tensor]
) -> None:
    body = {k: v for k, v in torchvision_state.items() if not k.startswith("fc.")}
    monkeypatch.setattr(encoder_weights, "_from_hub", lambda *_: body)
    assert load_encoder_weights(encoder, "resnet18", 5, "imagenet") == []
    assert torch.equal(encoder.state_dict()["conv1.weight"], body["conv1.weight"])


def test_the_real_file_lacks_layer4(encoder: nn.Module, real_weights: Path) -> None:
    assert load_encoder_weights(encoder, "resnet18", 4, str(real_weights / "resnet18.pt")) == []
    lines = load_encoder_weights(encoder, "resnet18", 5, str(real_weights / "resnet18.pt"))
    assert len(lines) == 1
    assert "layer4" in lines[0]
