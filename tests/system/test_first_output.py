"""On a terminal, a command that needs PyTorch prints a line before it imports it; nothing is measured in seconds.

A module named torch stands in for PyTorch: importing it ends the process.
"""

import json
import os
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from datasets.formats.dataset_folder import annotation_path
from system.child_process import module_environment
from tests.view.fakes import make_dataset

pty = pytest.importorskip("pty", reason="no pseudo-terminals on this system")
IMPORTED = "<torch>"
STAND_IN = f"import os, sys\nsys.stderr.write({IMPORTED!r})\nsys.stderr.flush()\nos._exit(7)\n"


def at_a_terminal(command: list[str], folder: Path, environ: dict[str, str]) -> str:
    """What a command prints on a terminal of 80 columns."""
    number, terminal = pty.fork()
    if number == 0:  # the child, which becomes the command
        os.chdir(folder)
        os.execvpe(command[0], command, environ)
    printed = b""
    try:
        while part := os.read(terminal, 65_536):
            printed += part
    except OSError:  # how Linux reports that the child has ended
        pass
    os.waitpid(number, 0)
    os.close(terminal)
    return printed.decode()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dataset, good images, runs with empty weights, and the stand-in for PyTorch."""
    root = tmp_path_factory.mktemp("first")
    make_dataset(root / "data", images=8)
    annotation_path(root / "data", "val").rename(annotation_path(root / "data", "train"))
    for name in ("good", "new"):
        (root / name).mkdir()
        for i in range(5):
            Image.fromarray(np.full((32, 32, 3), 90 + i, np.uint8)).save(root / name / f"{i}.png")
    for task, name in (("seg", "run"), ("det", "run-det"), ("cls", "run-cls")):
        (root / name / "weights").mkdir(parents=True)
        (root / name / "weights/best.pt").touch()
        config = f"kind: {task}\ndataset: {root / 'data'}\noptions: {{}}\n"
        (root / name / "config.yaml").write_text(config)
        split = {"dataset": "data", "content_sha256": None, "images": {"test": ["test/kind_0/000.png"]}}
        (root / name / "split.json").write_text(json.dumps(split))
    torch.save({"layer1.0.conv1.weight": torch.zeros(1)}, root / "weights.pt")
    (root / "stand-in/torch").mkdir(parents=True)
    (root / "stand-in/torch/__init__.py").write_text(STAND_IN)
    return root


@pytest.mark.parametrize(
    ("command", "first"),
    [
        ("train_seg fit data --encoder-weights none", "loading PyTorch ..."),
        ("train_det fit data --weights none", "loading PyTorch ..."),
        ("train_cls fit data --weights none", "loading PyTorch ..."),
        ("train_anomaly fit data --encoder-weights none", "loading PyTorch ..."),
        ("train_seg evaluate run", "loading PyTorch ..."),
        ("train_seg export run --format onnx", "loading PyTorch ..."),
        ("train_seg fuse run run", "loading PyTorch ..."),
        ("train_cls predict run-cls new", "loading PyTorch ..."),
        ("train_det predict run-det new", "loading PyTorch ..."),
        ("annotate propose new --from-good good --weights weights.pt", "weights of resnet18: the file weights.pt"),
        ("annotate propose new --from run", "loading PyTorch ..."),
        ("view run --images new", "loading PyTorch ..."),
    ],
)
def test_a_line_is_printed_before_pytorch_is_imported(command: str, first: str, folder: Path) -> None:
    environ = dict(module_environment())
    environ["PYTHONPATH"] = f"{folder / 'stand-in'}{os.pathsep}{Path(__file__).parents[2]}"
    printed = at_a_terminal([sys.executable, "-m", *command.split()], folder, environ)
    before, imported, _ = printed.partition(IMPORTED)
    assert imported, printed
    assert before.splitlines()[0] == first
