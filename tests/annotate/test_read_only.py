"""Read-only folders: one line, exit status 2, and nothing changes."""

from collections.abc import Callable
from pathlib import Path

import pytest

from annotate.project import init_project
from datasets.coco import Category, CocoFile, Image, Prediction
from datasets.formats.coco_file import write_coco, write_predictions
from tests.annotate.conftest import HEIGHT, WIDTH, box
from tests.command import only_line, run_command
from tests.nobody import only_reading


@pytest.fixture
def root(folder: Callable[..., Path]) -> Path:
    made = folder(a=[box("Dent", 1, 1, 9, 9)], b=None)
    init_project(made, ["dent"], overwrite=False)
    return made


def everything(root: Path) -> dict[str, bytes]:
    return {p.name: p.read_bytes() for p in root.rglob("*") if p.is_file()}


def test_looking_works(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with only_reading(root):
        assert run_command("annotate", "status", root) == 0
        assert run_command("annotate", "check", root) == 1
        assert run_command("annotate", "agree", root, root) == 0
    assert "label-case" in capsys.readouterr().out


@pytest.mark.parametrize("command", ["propose", "check", "init"])
def test_writing_ends_in_one_line(
    command: str, root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    images = [Image(1, "a.png", WIDTH, HEIGHT), Image(2, "b.png", WIDTH, HEIGHT)]
    write_coco(tmp_path / "coco.json", CocoFile(images, [], [Category(1, "dent")]))
    found = [Prediction(1, 1, (40, 20, 10, 10), 0.9), Prediction(2, 1, (40, 20, 10, 10), 0.9)]
    write_predictions(tmp_path / "found.json", found)
    options = {
        "propose": ("--predictions", tmp_path / "found.json", "--coco", tmp_path / "coco.json"),
        "check": ("--fix",),
        "init": ("--labels", "chip", "--overwrite"),
    }
    before = everything(root)
    with only_reading(root):
        assert run_command("annotate", command, root, *options[command]) == 2
    assert "permission" in only_line(capsys).lower()
    assert everything(root) == before
