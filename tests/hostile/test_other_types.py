"""Weights of other types than the dataset: refused before anything is predicted, and the run is unchanged."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from tests.command import only_line, run_command
from tests.tiny_runs import TinyRuns


def exchange(categories: list[dict[str, Any]]) -> None:
    categories[0]["name"], categories[1]["name"] = categories[1]["name"], categories[0]["name"]


def renumber(categories: list[dict[str, Any]]) -> None:
    categories[0]["id"] = 77


@pytest.mark.parametrize("task", ["cls", "seg"])
@pytest.mark.parametrize("change", [exchange, renumber])
def test_types_under_other_ids_are_refused(
    task: str,
    change: Callable[[list[dict[str, Any]]], None],
    tiny_runs: TinyRuns,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    run = Path(shutil.copytree(tiny_runs(task), tmp_path / task / "run"))
    weights = run / "weights/best.safetensors"
    with safe_open(weights, "pt") as file:
        ((key, text),) = file.metadata().items()
    spec = json.loads(text)
    change(spec["categories"])
    save_file(load_file(weights), weights, {key: json.dumps(spec)})
    capsys.readouterr()
    before = {path: path.read_bytes() for path in run.rglob("*") if path.is_file()}
    assert run_command(f"train_{task}", "evaluate", run, "--device", "cpu") == 2
    line = only_line(capsys)
    assert f"{run}: the weights find " in line
    assert "name the dataset on which the run was made, or fit again" in line
    assert {path: path.read_bytes() for path in run.rglob("*") if path.is_file()} == before


def test_scores_of_other_types_than_the_run_states_are_refused(
    tiny_runs: TinyRuns, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Probabilities of one type measured as those of several, after an edit of config.yaml."""
    run = Path(shutil.copytree(tiny_runs("cls"), tmp_path / "cls" / "run"))
    config = run / "config.yaml"
    config.write_text(config.read_text().replace("several: largest", "several: multi"))
    before = {path: path.read_bytes() for path in run.rglob("*") if path.is_file()}
    capsys.readouterr()
    assert run_command("train_cls", "evaluate", run, "--device", "cpu") == 2
    assert "config.yaml: states several types of an image (several), and the weights find one" in only_line(capsys)
    assert {path: path.read_bytes() for path in run.rglob("*") if path.is_file()} == before
