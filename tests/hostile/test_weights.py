"""Weights of the segmenter and the classifier, pretrained tensors and resume states that were received."""

import json
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from datasets.coco import Category
from evaluate.run_folder import load_run
from features.weights import read_state_dict
from system.errors import InputError, WeightsError
from tests.command import only_line, run_command
from tests.hostile.allocations import note_allocations
from tests.tiny_runs import TinyRuns
from train_cls.model import ClassifierSpec, read_classifier_spec, save_classifier
from train_cls.state import TrainingState, read_state
from train_cls.stored_net import load_classifier_net
from train_seg.model import ModelSpec, load_model, read_spec, save_model
from training.early_stopping import Best

WRONG_NUMBERS = (float("nan"), float("inf"))
Change = Callable[[dict[str, Tensor]], object]


def with_value(value: float) -> Change:
    def change(tensors: dict[str, Tensor]) -> None:
        name = min(name for name, tensor in tensors.items() if tensor.is_floating_point())
        tensors[name].view(-1)[0] = value

    return change


def rewritten(run: Path, dest: Path, change: Change, **spec: object) -> Path:
    """The best weights of a run with other tensors or another specification, in place in a copy."""
    path = run / "weights" / "best.safetensors"
    tensors = {name: tensor.clone() for name, tensor in load_file(path).items()}
    change(tensors)
    target = dest / "best.safetensors"
    if run.parent.name == "seg":
        save_model(target, tensors, msgspec.structs.replace(read_spec(path), **spec))
    else:
        save_classifier(target, tensors, msgspec.structs.replace(read_classifier_spec(path), **spec))
    return target


LOAD: dict[str, Callable[[Path], tuple[torch.nn.Module, ModelSpec | ClassifierSpec]]] = {
    "seg": load_model,
    "cls": load_classifier_net,
}


@pytest.mark.parametrize("task", LOAD)
def test_weights_that_are_not_numbers_or_of_other_sizes_are_refused(
    task: str, tiny_runs: TinyRuns, tmp_path: Path
) -> None:
    run = tiny_runs(task)
    LOAD[task](rewritten(run, tmp_path, lambda _: None))
    for value in WRONG_NUMBERS:
        with pytest.raises(WeightsError, match="values that are not numbers; train again"):
            LOAD[task](rewritten(run, tmp_path, with_value(value)))
    with pytest.raises(WeightsError, match="do not fit their model"):
        LOAD[task](rewritten(run, tmp_path, lambda tensors: tensors.pop(max(tensors))))


@pytest.mark.parametrize("task", LOAD)
def test_a_specification_of_a_large_model_takes_no_memory(
    task: str, tiny_runs: TinyRuns, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    large = {"encoder": "resnet152"} if task == "seg" else {"arch": "vit_h_14"}  # of 630 million parameters
    path = rewritten(tiny_runs(task), tmp_path, lambda _: None, **large)
    allocated = note_allocations(monkeypatch)
    with pytest.raises(WeightsError, match="do not fit their model"):
        LOAD[task](path)
    assert len(allocated) > 100  # the layers of the large model, without memory
    assert sum(allocated) < 1_000_000


WRONG_SPECS: dict[str, list[dict[str, object]]] = {
    "seg": [
        {"encoder": "tu-hf-hub:someone/model"},
        {"imgsz": 10**6},
        {"imgsz": 33},
        {"encoder_depth": 9},
        {"gamma": 0.0},
        {"pixel_threshold": 7.0},
        {"decoder_channels": (10**6, 1, 1)},
    ],
    "cls": [
        {"arch": "hf-hub:someone/model"},
        {"arch": "../model"},
        {"imgsz": 10**6},
        {"gamma": -1.0},
        {"temperature": 0.0},
        {"std": (0.0, 1.0, 1.0)},
    ],
}


@pytest.mark.parametrize("task", LOAD)
def test_a_specification_with_impossible_values_or_an_address_is_refused(
    task: str, tiny_runs: TinyRuns, tmp_path: Path
) -> None:
    for spec in WRONG_SPECS[task]:
        with pytest.raises(WeightsError, match=f"not weights of train_{task}"):
            LOAD[task](rewritten(tiny_runs(task), tmp_path, lambda _: None, **spec))


@pytest.mark.parametrize("task", LOAD)
def test_a_command_ends_in_one_line(
    task: str, tiny_runs: TinyRuns, small_image: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = Path(shutil.copytree(tiny_runs(task), tmp_path / task / "run"))
    capsys.readouterr()
    rewritten(run, run / "weights", with_value(float("nan")))
    assert run_command(f"train_{task}", "predict", run, small_image) == 2
    assert "values that are not numbers" in only_line(capsys)


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_pretrained_tensors_must_be_numbers(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"w{suffix}"
    tensors = {"conv.weight": torch.full((2, 2), float("nan"))}
    torch.save(tensors, path) if suffix == ".pth" else save_file(tensors, path)
    with pytest.raises(WeightsError, match=r"conv\.weight has values that are not numbers"):
        read_state_dict(path, "give another")


def test_a_compressed_bomb_of_pretrained_tensors_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "w.pth"
    torch.save({"a": torch.zeros(3)}, path)
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("w/data/9", bytes(100_000_000))
    with pytest.raises(WeightsError, match="unpacks to"):
        read_state_dict(path, "")


def test_a_resume_state_must_be_numbers(tmp_path: Path) -> None:
    spec = ClassifierSpec("resnet18", "torchvision", 64, [Category(1, "dent")])
    tensors = {"conv.weight": torch.zeros(2, 2)}
    torch.save(TrainingState(1, Best(), spec, frozenset(), tensors, {}).to_dict(), tmp_path / "last.ckpt")
    assert read_state(tmp_path / "last.ckpt").epoch == 1
    with_value(float("nan"))(tensors)
    torch.save(TrainingState(1, Best(), spec, frozenset(), tensors, {}).to_dict(), tmp_path / "last.ckpt")
    with pytest.raises(WeightsError, match="values that are not numbers; start again without --resume"):
        read_state(tmp_path / "last.ckpt")


@pytest.mark.parametrize("task", ["x; rm", "../evil", "os", "", "pose"])
def test_an_unknown_task_never_becomes_the_name_of_a_module(
    task: str, tmp_path: Path, images: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "config.yaml").write_text(f"kind: {json.dumps(task)}\ndataset: /a\noptions: {{}}\n")
    with pytest.raises(InputError, match="unknown task"):
        load_run(tmp_path)
    for words in (["view", tmp_path, "--images", images], ["annotate", "propose", images, "--from", tmp_path]):
        assert run_command(*words) == 2
        assert "unknown task" in only_line(capsys)
