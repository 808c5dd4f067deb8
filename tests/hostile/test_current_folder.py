"""A received folder with modules named like those of Python, in which a command is started."""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from system.child_process import ROOT, module_command, module_environment

SHADOWED = ("random", "json", "typing", "torch", "numpy", "train_det", "system")


@pytest.fixture
def hostile_folder(tmp_path: Path) -> Path:
    """A folder whose modules write a file `ran` when they are imported."""
    folder = tmp_path / "hostile"
    folder.mkdir()
    for name in SHADOWED:
        (folder / f"{name}.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w').write({name!r})\n")
    return folder


def in_folder(folder: Path, room: str, *words: object) -> subprocess.CompletedProcess[str]:
    """Run a command as its console script does: without the current folder on the path."""
    environment: Mapping[str, str] = {**os.environ, "PYTHONPATH": str(ROOT)}
    code = f"from {room}.cli import main; main()"
    return subprocess.run(
        [sys.executable, "-P", "-c", code, *map(str, words)],
        cwd=folder, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip


def test_propose_and_view_run_no_module_of_the_folder(hostile_folder: Path, received: Path, images: Path) -> None:
    proposed = in_folder(hostile_folder, "annotate", "propose", images, "--from", received)
    assert proposed.returncode == 0, proposed.stderr
    shown = in_folder(hostile_folder, "view", received, "--images", images)
    assert shown.returncode == 0, shown.stderr
    assert not (hostile_folder.parent / "ran").exists()


def test_folds_run_no_module_of_the_folder(hostile_folder: Path, coco_folder: Path, tmp_path: Path) -> None:
    words = ["--weights", "none", "--epochs", 1, "--imgsz", 64, "--folds", 2, "--negatives", 0]
    done = in_folder(hostile_folder, "train_det", "fit", coco_folder, "--runs", tmp_path / "runs", *words)
    assert done.returncode == 0, done.stderr
    assert not (tmp_path / "ran").exists()


def test_the_modules_of_this_test_would_run(hostile_folder: Path) -> None:
    command = module_command("train_det", "--help")
    command.remove("-P")
    subprocess.run(command, cwd=hostile_folder, env=module_environment(), check=False, capture_output=True)
    assert (hostile_folder.parent / "ran").exists()
