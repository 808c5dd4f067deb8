"""Checkpoints that would run code, in every way in, and those that must be read."""

import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest
import torch
from torch import nn

from system.errors import WeightsError
from tests.command import only_line, run_command
from train_det import ultralytics_api
from train_det.checkpoint_classes import TRUST
from train_det.checkpoints import load_detector, save_checkpoint
from train_det.gamma import TonedConv, set_gamma
from train_det.safe_checkpoint import MAX_LAYERS

CPU = torch.device("cpu")


class Payload:
    """Writes a file when it is unpickled."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return exec, (f"open({str(self.marker)!r}, 'w').close()",)


def poison(path: Path, marker: Path, *, hidden: bool) -> None:
    """Put a payload into the checkpoint `path`: in place of everything, or beside a model that works."""
    payload = Payload(marker)
    content = {**torch.load(path, weights_only=False), "extra": payload} if hidden else {"model": payload}
    torch.save(content, path)


WAYS: dict[str, Callable[[Path, Path, Path], list[object]]] = {
    "weights": lambda run, _, data: [
        "train_det", "fit", data, "--weights", run / "weights/best.pt", "--epochs", 1, "--imgsz", 64,
        "--runs", run / "runs",
    ],
    "resume": lambda run, _, data: ["train_det", "fit", data, "--resume", run],
    "predict": lambda run, images, _: ["train_det", "predict", run, images],
    "evaluate": lambda run, *_: ["train_det", "evaluate", run],
    "export": lambda run, *_: ["train_det", "export", run, "--format", "onnx"],
    "view": lambda run, images, _: ["view", run, "--images", images],
    "propose": lambda run, images, _: ["annotate", "propose", images, "--from", run],
}  # fmt: skip


@pytest.mark.parametrize("hidden", [False, True])
@pytest.mark.parametrize("way", WAYS)
def test_a_payload_runs_in_no_way(
    way: str,
    hidden: bool,
    received: Path,
    images: Path,
    coco_folder: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    marker = tmp_path / "marker"
    for name in ("best.pt", "last.pt"):
        poison(received / "weights" / name, marker, hidden=hidden)
    if way == "resume":
        (received / "metrics.json").unlink()
    assert run_command(*map(str, WAYS[way](received, images, coco_folder))) == 2
    assert not marker.exists()
    assert "exec" in only_line(capsys)


def test_the_payload_of_these_tests_works(received: Path, tmp_path: Path) -> None:
    poison(received / "weights/best.pt", tmp_path / "marker", hidden=True)
    torch.load(received / "weights/best.pt", weights_only=False)
    assert (tmp_path / "marker").exists()


def test_a_trusted_checkpoint_may_contain_other_classes(
    received: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = received / "weights/best.pt"
    poison(path, tmp_path / "marker", hidden=True)
    with pytest.raises(WeightsError, match="--trust-weights"):
        ultralytics_api.new_model(str(path), {0: "chip"})
    monkeypatch.setenv(TRUST, "1")
    ultralytics_api.new_model(str(path), {0: "chip"})
    assert (tmp_path / "marker").exists()


def test_only_the_command_line_trusts_and_not_a_recipe(
    coco_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text("trust_weights: true\n")
    assert run_command("train_det", "fit", coco_folder, "--recipe", recipe, "--runs", tmp_path / "runs") == 2
    assert "trust_weights" in only_line(capsys)


def test_the_published_checkpoint_needs_no_trust_and_predicts_the_same(real_weights: Path) -> None:
    from ultralytics.nn.tasks import load_checkpoint  # noqa: PLC0415 - after ultralytics_api

    path = real_weights / "yolo11n.pt"
    model, _ = ultralytics_api.load_model(path)
    theirs, _ = load_checkpoint(str(path), device=CPU)
    pixels = torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        assert torch.equal(model(pixels)[0], theirs(pixels)[0])


def test_a_run_from_before_the_modules_moved_is_read(
    received: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    kept, categories = load_detector(received / "weights/best.pt", CPU)
    content = torch.load(received / "weights/best.pt", weights_only=False)
    monkeypatch.setattr(TonedConv, "__module__", "train_det.tone")
    module = ModuleType("train_det.tone")
    module.TonedConv = TonedConv  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "train_det.tone", module)
    torch.save(content, tmp_path / "old.pt")
    monkeypatch.undo()
    assert b"train_det.tone" in zipfile.ZipFile(tmp_path / "old.pt").read("old/data.pkl")
    old, same = load_detector(tmp_path / "old.pt", CPU)
    assert same == categories
    pixels = torch.rand(1, 3, 64, 64)
    with torch.inference_mode():
        assert torch.equal(old(pixels)[0], kept(pixels)[0])


def saved(tmp_path: Path, change: Callable[[nn.Module], object]) -> Path:
    """A checkpoint with random weights, changed."""
    model, _ = ultralytics_api.new_model("none", {0: "chip"})
    set_gamma(model, 0.5)
    change(model)
    save_checkpoint(tmp_path / "a.pt", model, [], 64, None)
    return tmp_path / "a.pt"


ARCHITECTURES: dict[str, Callable[[dict[str, object]], object]] = {
    "activation": lambda d: d.update(activation="open('marker', 'w').close() or nn.SiLU()"),
    "function": lambda d: d["backbone"][0].__setitem__(2, "torch_safe_load"),  # type: ignore[index]
    "download": lambda d: d["backbone"][0].__setitem__(2, "TorchVision"),  # type: ignore[index]
    "repeats": lambda d: d["backbone"][2].__setitem__(1, 10**9),  # type: ignore[index]
    "rows": lambda d: d["head"].extend(d["head"][:1] * MAX_LAYERS),  # type: ignore[attr-defined,index]
    "kernel": lambda d: d["backbone"][1][3].__setitem__(1, 999),  # type: ignore[index]
    "depth": lambda d: d.update(depth_multiple=float("inf")),
    "none": lambda d: d.clear(),
}


@pytest.mark.parametrize("change", ARCHITECTURES)
def test_an_architecture_runs_no_code_and_is_not_larger_than_its_weights(
    change: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    path = saved(tmp_path, lambda model: ARCHITECTURES[change](model.yaml))  # type: ignore[arg-type]
    with pytest.raises(WeightsError, match="describes a"):
        ultralytics_api.new_model(str(path), {0: "chip"})
    assert [file.name for file in tmp_path.iterdir()] == ["a.pt"]


def test_weights_that_are_not_numbers_are_refused(tmp_path: Path) -> None:
    path = saved(tmp_path, lambda model: next(model.parameters()).data.view(-1)[3].fill_(float("nan")))
    with pytest.raises(WeightsError, match=r"model\.0\.conv\.weight has values that are not numbers"):
        load_detector(path, CPU)


def test_a_tensor_larger_than_its_data_is_refused(tmp_path: Path) -> None:
    def grow(model: nn.Module) -> None:
        model.model[0].conv.weight.data = torch.zeros(1).expand(100_000, 100_000)  # type: ignore[index,union-attr]

    path = saved(tmp_path, lambda _: None)
    content = torch.load(path, weights_only=False)
    grow(content["model"])
    torch.save(content, path)
    with pytest.raises(WeightsError, match="larger than its data"):
        load_detector(path, CPU)


def test_a_compressed_bomb_is_refused_before_it_is_unpacked(tmp_path: Path) -> None:
    path = saved(tmp_path, lambda _: None)
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("archive/data/9999", bytes(100_000_000))
    with pytest.raises(WeightsError, match="unpacks to"):
        load_detector(path, CPU)
