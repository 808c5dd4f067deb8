from pathlib import Path

import msgspec
import pytest
import torch
from safetensors import safe_open

from datasets.coco import Category
from features.library import IMAGENET_MEAN
from features.safetensors_file import METADATA_KEY
from system.errors import OptionError, WeightsError
from train_seg.model import ModelSpec, SegmentationModel, load_model, read_spec, save_model

SPEC = ModelSpec("resnet18", 4, 64, [Category(3, "chip"), Category(7, "dirt")], pixel_threshold=0.37, epoch=5)


def test_a_model_is_rebuilt_from_its_file_alone(tmp_path: Path) -> None:
    torch.manual_seed(0)
    model = SegmentationModel(SPEC).eval()
    save_model(tmp_path / "w.safetensors", model.state_dict(), SPEC)
    again, spec = load_model(tmp_path / "w.safetensors")
    assert spec == SPEC
    example_image = torch.randint(0, 256, (1, 3, 64, 64), dtype=torch.uint8)
    with torch.no_grad():
        assert torch.equal(model(example_image), again(example_image))


def test_logits_are_those_of_background_and_each_category() -> None:
    with torch.no_grad():
        assert SegmentationModel(SPEC).eval()(torch.zeros(2, 3, 32, 64, dtype=torch.uint8)).shape == (2, 3, 32, 64)


def test_normalisation_is_inside() -> None:
    """The mean colour of ImageNet reaches the network as zero."""
    model = SegmentationModel(SPEC).eval()
    seen: list[torch.Tensor] = []
    model.net.register_forward_pre_hook(lambda _, arguments: seen.append(arguments[0]))
    mean = 255 * torch.tensor(IMAGENET_MEAN).view(1, 3, 1, 1).expand(1, 3, 32, 32)
    with torch.no_grad():
        model(mean)
    assert seen[0].abs().max() < 1e-5


def test_the_tone_curve_is_inside_and_absent_from_files_that_do_not_name_it(tmp_path: Path) -> None:
    torch.manual_seed(0)
    toned, plain = (
        SegmentationModel(msgspec.structs.replace(SPEC, gamma=0.5)).eval(),
        SegmentationModel(SPEC).eval(),
    )
    plain.load_state_dict(toned.state_dict())
    example_image = torch.rand(1, 3, 64, 64)
    with torch.no_grad():
        assert torch.allclose(toned(255 * example_image), plain(255 * example_image.sqrt()), atol=1e-5)
        assert not torch.allclose(toned(255 * example_image), plain(255 * example_image), atol=1e-3)
    save_model(tmp_path / "w.safetensors", plain.state_dict(), SPEC)
    assert read_spec(tmp_path / "w.safetensors").gamma == 1.0


@pytest.mark.parametrize("content", [b"", b"not weights at all", b"\x08\x00\x00\x00\x00\x00\x00\x00{}      "])
def test_a_file_without_weights_is_named(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "w.safetensors"
    path.write_bytes(content)
    with pytest.raises(WeightsError, match="not weights of train_seg") as error:
        load_model(path)
    assert str(path) in str(error.value)


def test_missing_weights_are_named(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="no such weights"):
        read_spec(tmp_path / "best.safetensors")


def test_weights_of_another_model_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "w.safetensors"
    save_model(
        path, SegmentationModel(SPEC).state_dict(), msgspec.structs.replace(SPEC, categories=[Category(1, "chip")])
    )
    with pytest.raises(WeightsError, match="do not fit"):
        load_model(path)


def test_the_metadata_is_plain_json(tmp_path: Path) -> None:
    save_model(tmp_path / "w.safetensors", {"x": torch.zeros(1)}, SPEC)
    with safe_open(tmp_path / "w.safetensors", "pt") as file:
        stored = msgspec.json.decode(file.metadata()[METADATA_KEY])
    assert stored["pixel_threshold"] == 0.37
    assert [c["name"] for c in stored["categories"]] == ["chip", "dirt"]


def test_an_unknown_encoder_is_an_option_error() -> None:
    with pytest.raises(OptionError, match="--encoder resnet19"):
        SegmentationModel(msgspec.structs.replace(SPEC, encoder="resnet19"))
