"""Received runs of the classifier and of the anomaly detector: payloads, specifications and tensors."""

import io
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save
from torch import Tensor

from features.good_map import load_good_map
from system.errors import WeightsError
from system.files import write_atomic
from tests.command import only_line, run_command
from tests.hostile.allocations import note_allocations
from tests.hostile.test_checkpoints import Payload
from tests.tiny_runs import TinyRuns
from train_anomaly.detector import load_detector

CPU = torch.device("cpu")
WAYS: dict[str, Callable[[str, Path, Path, Path], list[object]]] = {
    "resume": lambda room, run, _, data: [room, "fit", data, "--resume", run],
    "predict": lambda room, run, images, _: [room, "predict", run, images],
    "evaluate": lambda room, run, *_: [room, "evaluate", run],
    "export": lambda room, run, *_: [room, "export", run, "--format", "onnx"],
    "view": lambda _, run, images, __: ["view", run, "--images", images],
    "propose": lambda _, run, images, __: ["annotate", "propose", images, "--from", run],
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("task", ["cls", "anomaly"])
def test_a_payload_in_any_file_of_weights_does_not_run(
    task: str,
    way: str,
    tiny_runs: TinyRuns,
    images: Path,
    coco_folder: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    run, marker = Path(shutil.copytree(tiny_runs(task), tmp_path / "run")), tmp_path / "marker"
    capsys.readouterr()
    for name in ("best.safetensors", "last.ckpt"):
        torch.save({"network": {}, "epoch": 1, "extra": Payload(marker)}, run / "weights" / name)
    if way == "resume":
        (run / "metrics.json").unlink()
    assert run_command(*map(str, WAYS[way](f"train_{task}", run, images, coco_folder))) == 2
    assert "weights" in only_line(capsys)
    assert not marker.exists()


@pytest.mark.parametrize(("room", "option"), [("train_cls", "--weights"), ("train_anomaly", "--encoder-weights")])
def test_a_payload_in_pretrained_weights_does_not_run(
    room: str, option: str, coco_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    torch.save({"fc.weight": Payload(tmp_path / "marker")}, tmp_path / "w.pth")
    assert run_command(room, "fit", coco_folder, option, tmp_path / "w.pth", "--runs", tmp_path / "runs") == 2
    assert "contains more than tensors" in capsys.readouterr().err
    assert not (tmp_path / "marker").exists()


STATES: list[dict[str, object]] = [
    {"network": {"a": torch.zeros(2)}},
    {"network": 3},
    {"optimizers": [], "optimizer": {}},
    {"optimizers": [{"a": 1}], "optimizer": {"param_groups": [1]}},
    {"epoch": "x"},
    {"best": "x"},
]


@pytest.mark.parametrize("task", ["cls", "anomaly"])
def test_a_state_that_does_not_fit_the_training_is_one_line(
    task: str, coco_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = {"cls": ("--weights", "none"), "anomaly": ("--method", "autoencoder", "--alarms", "20%")}[task]
    common = (*options, "--imgsz", 64, "--epochs", 2, "--device", "cpu", "--runs", tmp_path)
    kept: list[bytes] = []

    def keep(path: Path, data: bytes) -> None:
        write_atomic(path, data)
        if path.name == "last.ckpt":
            kept.append(data)

    with pytest.MonkeyPatch.context() as patch:
        for module in ("train_anomaly.state", "train_cls.loop"):
            patch.setattr(f"{module}.write_atomic", keep)
        assert run_command(f"train_{task}", "fit", coco_folder, *common) == 0
    run = tmp_path / task / coco_folder.name
    (run / "metrics.json").unlink()
    state = torch.load(io.BytesIO(kept[0]), weights_only=True)
    for change in STATES:
        torch.save({**state, **{k: v for k, v in change.items() if k in state}}, run / "weights" / "last.ckpt")
        capsys.readouterr()
        assert run_command(f"train_{task}", "fit", coco_folder, "--resume", run) == 2, change
        assert "last.ckpt" in capsys.readouterr().err.splitlines()[-1]
    torch.save(state, run / "weights" / "last.ckpt")
    assert run_command(f"train_{task}", "fit", coco_folder, "--resume", run) == 0


Tensors = dict[str, Tensor]
Specification = dict[str, object]


def rewritten(run: Path, dest: Path, spec: Specification | str, tensors: Tensors) -> Path:
    """The weights of a run of the anomaly detector with other values in its specification, and other tensors."""
    source = run / "weights" / "best.safetensors"
    with safe_open(source, "pt") as file:
        stored = json.loads(file.metadata()["defectline"])
    text = spec if isinstance(spec, str) else json.dumps({**stored, **spec})
    target = dest / "best.safetensors"
    target.write_bytes(save({**load_file(source), **tensors}, {"defectline": text}))
    return target


LIMITS = {"usual": 0.1, "floor": 0.2, "peak": 0.3}
LARGE = {"name": "vit_h_14", "library": "torchvision", "layers": ["encoder"]}
BANK, AROUND = "net.nearest.bank", "net.nearest.neighbours"
WRONG: dict[str, tuple[Specification | str, Tensors]] = {
    "rows": ({"rows": 10**9}, {}),
    "no rows": ({"columns": 0}, {}),
    "limit": ({"limits": {**LIMITS, "peak": 0}}, {}),
    "deep": ("[" * 100_000, {}),
    "address": ({"encoder": {**LARGE, "name": "hf-hub:someone/model"}}, {}),
    "large network": ({"encoder": {**LARGE, "name": "regnet_y_128gf", "layers": ["trunk_output"]}}, {}),
    "no encoder": ({"encoder": None}, {}),
    "NaN": ({}, {BANK: torch.full((1, 192, 4), float("nan"))}),
    "no dimension": ({}, {BANK: torch.tensor(1.0)}),
    "integers": ({}, {BANK: torch.zeros(64, 192, 4, dtype=torch.int64)}),
    "neighbour outside of the bank": ({}, {AROUND: torch.full((64, 4, 2), 4)}),
    "negative neighbour": ({}, {AROUND: torch.full((64, 4, 2), -1)}),
    "neighbours of another bank": ({}, {AROUND: torch.zeros(64, 3, 2, dtype=torch.int64)}),
    "neighbours with fractions": ({}, {AROUND: torch.zeros(64, 4, 2)}),
    "owners of another bank": ({}, {"net.nearest.owners": torch.zeros(64, 3, dtype=torch.int64)}),
    "other places": ({}, {BANK: torch.zeros(7, 192, 4)}),
}


@pytest.mark.parametrize("case", WRONG)
def test_damaged_weights_of_the_anomaly_detector_are_refused_as_a_run_and_as_a_good_map(
    case: str, tiny_runs: TinyRuns, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, (spec, tensors) = tiny_runs("anomaly"), WRONG[case]
    load_good_map(rewritten(run, tmp_path, {}, {}))
    load_detector(rewritten(run, tmp_path, {}, {}), CPU)
    path = rewritten(run, tmp_path, spec, tensors)
    allocated = note_allocations(monkeypatch)
    for load in (load_good_map, lambda file: load_detector(file, CPU)):
        with pytest.raises(WeightsError):
            load(path)
    assert sum(allocated) < 40_000_000  # resnet18 has 11 million; the large network 640 million


def test_a_good_map_must_be_a_run_of_the_anomaly_detector(
    tiny_runs: TinyRuns, coco_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = tiny_runs("cls")
    capsys.readouterr()
    words = ["train_seg", "fit", coco_folder, "--good-map", other, "--runs", tmp_path / "runs"]
    assert run_command(*words, "--encoder-weights", "none", "--epochs", 1) == 2
    assert "cls" in only_line(capsys)
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize("task", ["cls", "anomaly"])
@pytest.mark.parametrize(
    "content", ["[" * 100_000, '[{"image_id": 1}]', '[{"image_id": [1], "category_id": 1, "score": 2}]', "[1e999]"]
)
def test_damaged_predictions_are_one_line_in_view(
    task: str, content: str, tiny_runs: TinyRuns, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = Path(shutil.copytree(tiny_runs(task), tmp_path / "run"))
    capsys.readouterr()
    (run / "predictions" / "test.json").write_text(content)
    assert run_command("view", run, "--out", tmp_path / "page.html") == 2
    assert "test.json" in only_line(capsys)
    assert not (tmp_path / "page.html").exists()


@pytest.mark.parametrize("content", ['[{"file_name": "a.png", "parents": []}]', "[[1]]", '"x"', "[" * 50_000])
def test_a_damaged_record_of_oversampled_images_is_one_line_or_unused(
    content: str, coco_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    dataset = Path(shutil.copytree(coco_folder, tmp_path / "data"))
    text = (dataset / "dataset.json").read_text().rstrip().removesuffix("}").rstrip()
    (dataset / "dataset.json").write_text(f'{text}, "oversampled": {content}}}')
    for words in (["datasets", "split", dataset, tmp_path / "new"], ["datasets", "summary", dataset]):
        assert run_command(*words) in {0, 2}
        printed = capsys.readouterr().err
        assert "unexpected" not in printed
        assert "Traceback" not in printed
