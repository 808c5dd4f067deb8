from pathlib import Path

import pytest
import torch

from train_det import ultralytics_api
from train_det.checkpoints import load_detector, save_checkpoint
from train_det.gamma import set_gamma

NAMES = {0: "chip"}


def features(model: torch.nn.Module, pixels: torch.Tensor) -> torch.Tensor:
    """What the first layer gives; random weights make little of it further on."""
    seen: list[torch.Tensor] = []
    hook = model.model[0].register_forward_hook(lambda _, __, output: seen.append(output))  # type: ignore[index]
    with torch.inference_mode():
        model.eval()(pixels)
    hook.remove()
    return seen[0]


@pytest.mark.parametrize("fused", [False, True])
def test_the_model_sees_the_power_of_the_pixels(fused: bool) -> None:
    torch.manual_seed(0)
    model, _ = ultralytics_api.new_model("none", NAMES)
    pixels = torch.rand(1, 3, 64, 64)
    expected = features(model, pixels.sqrt())
    plain = features(model, pixels)
    set_gamma(model, 0.5)
    if fused:
        model.fuse(verbose=False)  # type: ignore[operator]
    assert torch.allclose(features(model, pixels), expected, atol=1e-3)
    assert not torch.allclose(expected, plain, atol=1e-3)


def test_it_is_kept_in_the_checkpoint_and_may_be_changed_by_the_next_training(tmp_path: Path) -> None:
    model, _ = ultralytics_api.new_model("none", NAMES)
    set_gamma(model, 0.5)
    pixels = torch.rand(1, 3, 64, 64)
    save_checkpoint(tmp_path / "a.pt", model, [], 64, None)
    kept, _ = load_detector(tmp_path / "a.pt", torch.device("cpu"))
    assert torch.allclose(features(kept, pixels), features(model, pixels), atol=1e-5)
    again, origin = ultralytics_api.new_model(str(tmp_path / "a.pt"), NAMES)
    tensors = len(again.state_dict())
    assert origin.startswith(f"{tensors} of {tensors} tensors")
    set_gamma(again, 1.0)
    assert torch.allclose(features(again, pixels.sqrt()), features(kept, pixels), atol=1e-3)
