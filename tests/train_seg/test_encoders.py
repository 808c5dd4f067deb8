"""Encoders of timm: their own state dicts, tensor by tensor, and the normalisation of their weights."""

import os
import re
from pathlib import Path

import msgspec
import pytest
import timm
import torch
from safetensors.torch import load_file, save_file
from torch import nn
from torchvision.models import densenet121

from datasets.coco import Category
from features.library import IMAGENET_MEAN, IMAGENET_STD
from features.safetensors_file import METADATA_KEY
from system.errors import WeightsError
from train_seg.encoder_weights import encoder_normalisation, load_encoder_weights
from train_seg.model import ModelSpec, SegmentationModel, read_spec

LITE = "tu-tf_efficientnet_lite0"
WEIGHTS = Path(os.environ.get("DEFECTLINE_WEIGHTS", "nowhere")) / "tf_efficientnet_lite0.safetensors"


def encoder(name: str, depth: int = 5) -> nn.Module:
    found = SegmentationModel(ModelSpec(name, depth, 64, [Category(1, "chip")])).net.encoder
    assert isinstance(found, nn.Module)
    return found


def check_every_tensor(loaded: nn.Module, given: dict[str, torch.Tensor]) -> None:
    state = {
        name: value for name, value in loaded.state_dict().items() if not name.endswith("num_batches_tracked")
    }
    assert len(state) > 100
    for name, value in state.items():
        assert torch.equal(value, given[name.removeprefix("model.")]), name


@pytest.mark.parametrize("suffix", [".pt", ".safetensors"])
def test_every_tensor_of_timms_own_state_dict_is_loaded(tmp_path: Path, suffix: str) -> None:
    torch.manual_seed(7)
    given = timm.create_model(LITE.removeprefix("tu-"), pretrained=False).state_dict()
    path = tmp_path / f"weights{suffix}"
    save_file(given, path) if suffix == ".safetensors" else torch.save(given, path)
    target = encoder(LITE)
    assert load_encoder_weights(target, LITE, 5, str(path)) == []
    check_every_tensor(target, given)


@pytest.mark.parametrize(
    ("name", "depth", "reported"),
    [
        ("convnext_atto", 5, []),  # timm joins the outer levels of its names with _ in the encoder
        ("convnext_atto", 4, ["22 tensors of w.pt are unknown or not used at --encoder-depth 4 (stages)"]),
        ("regnetx_002", 5, []),
    ],
)
def test_every_tensor_of_a_network_with_other_names_is_loaded(
    tmp_path: Path, name: str, depth: int, reported: list[str]
) -> None:
    torch.manual_seed(7)
    given = timm.create_model(name, pretrained=False).state_dict()
    for value in given.values():  # no two tensors are equal
        value.copy_(torch.rand_like(value.float()))
    torch.save(given, tmp_path / "w.pt")
    target = encoder(f"tu-{name}", depth)
    lines = load_encoder_weights(target, f"tu-{name}", depth, str(tmp_path / "w.pt"))
    assert lines == [f"encoder weights: {line}" for line in reported]
    for own, value in target.state_dict().items():
        if not own.endswith("num_batches_tracked"):
            plain = own.removeprefix("model.").replace("stages_", "stages.").replace("stem_", "stem.")
            assert torch.equal(value, given[plain]), own


def test_torchvisions_densenet_and_its_old_names_are_loaded(tmp_path: Path) -> None:
    given = {name: value for name, value in densenet121().state_dict().items() if "tracked" not in name}
    old = {re.sub(r"(denselayer\d+\.(?:norm|conv))(\d)", r"\1.\2", name): value for name, value in given.items()}
    assert old.keys() != given.keys()
    for state in (given, old):
        torch.save({"state_dict": state}, tmp_path / "w.pt")
        target = encoder("densenet121")
        assert load_encoder_weights(target, "densenet121", 5, str(tmp_path / "w.pt")) == []
        check_every_tensor(target, given)


def test_the_encoder_of_a_whole_segmenter_is_loaded(tmp_path: Path) -> None:
    whole = SegmentationModel(ModelSpec("resnet18", 5, 64, [Category(1, "chip")]))
    save_file({name: value.contiguous() for name, value in whole.state_dict().items()}, tmp_path / "w.safetensors")
    target = encoder("resnet18")
    lines = load_encoder_weights(target, "resnet18", 5, str(tmp_path / "w.safetensors"))
    assert lines == ["encoder weights: the 120 tensors of w.safetensors below net.encoder"]
    for name, value in target.state_dict().items():
        assert torch.equal(value, whole.state_dict()[f"net.encoder.{name}"]), name


@pytest.mark.skipif(not WEIGHTS.is_file(), reason="DEFECTLINE_WEIGHTS has no tf_efficientnet_lite0.safetensors")
def test_every_pretrained_tensor_is_loaded() -> None:
    target = encoder(LITE)
    assert load_encoder_weights(target, LITE, 5, str(WEIGHTS)) == []
    check_every_tensor(target, load_file(WEIGHTS))


def test_normalisation_is_that_of_the_weights() -> None:
    half = (0.5, 0.5, 0.5)
    assert encoder_normalisation(LITE) == (half, half)
    assert encoder_normalisation("timm-tf_efficientnet_lite0") == (half, half)
    for name in ("resnet18", "mobilenet_v2", "tu-resnet18"):
        assert encoder_normalisation(name) == (IMAGENET_MEAN, IMAGENET_STD)
    for name in ("xception", "inceptionv4", "inceptionresnetv2"):  # TensorFlow's, in smp as in timm
        assert encoder_normalisation(name) == (half, half)
    mean, std = encoder_normalisation("dpn68")  # MXNet's, in values of 0 to 255: minus 124, 117, 104, times 0.0167
    assert [255 * v for v in mean] == pytest.approx([124, 117, 104])
    assert [255 * v for v in std] == pytest.approx([1 / 0.0167] * 3)


def test_the_model_applies_the_normalisation_of_its_specification() -> None:
    half = (0.5, 0.5, 0.5)
    spec = ModelSpec("resnet18", 3, 32, [Category(1, "chip")], mean=half, std=half)
    assert SegmentationModel(spec).mean.flatten().tolist() == pytest.approx([127.5] * 3)
    assert SegmentationModel(spec).std.flatten().tolist() == pytest.approx([127.5] * 3)


def test_padding_is_the_mean_of_the_weights() -> None:
    half = ModelSpec(LITE, 3, 32, [Category(1, "chip")], mean=(0.5, 0.5, 0.5), std=(0.5, 0.5, 0.5))
    assert half.padding == (128, 128, 128)
    assert ModelSpec("resnet18", 3, 32, [Category(1, "chip")]).padding == (124, 116, 104)


@pytest.mark.parametrize(
    ("name", "values"), [("mean", [0.5, 1.5, 0.5]), ("std", [0.2, 0.0, 0.2]), ("std", [9, 9, 9])]
)
def test_a_weights_file_with_an_impossible_normalisation_is_refused(
    tmp_path: Path, name: str, values: list[float]
) -> None:
    spec = msgspec.to_builtins(ModelSpec("resnet18", 3, 32, [Category(1, "chip")])) | {name: values}
    path = tmp_path / "best.safetensors"
    save_file({"x": torch.zeros(1)}, path, {METADATA_KEY: msgspec.json.encode(spec).decode()})
    with pytest.raises(WeightsError, match=rf"not weights of train_seg.*{name}"):
        read_spec(path)
