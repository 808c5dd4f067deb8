"""A received folder of corrections: whatever its files contain, one line, and the dataset does not change."""

import os
import shutil
from pathlib import Path

import pytest

from tests.command import only_line, run_command

CONTENTS = [b"", b"null", b"[" * 100_000, b'{"shapes": 9' + b"9" * 5000 + b"}", b"\xff\xfe{", b'{"a": NaN}']


@pytest.fixture
def opened(coco_folder: Path, tmp_path: Path) -> tuple[Path, Path]:
    """A copy of the dataset, and the labelme file of one image that was opened for correction."""
    dataset = Path(shutil.copytree(coco_folder, tmp_path / "coco"))
    assert run_command("annotate", "correct", dataset, "test/*", "--no-open") == 0
    folder = tmp_path / "coco-correction"
    return dataset, min(path for path in folder.rglob("*.json") if not path.name.startswith("."))


def content_of(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("name", ["a labelme file", ".correction.json"])
def test_damaged_files_of_a_correction_are_one_line(
    name: str, opened: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    dataset, file = opened
    target = tmp_path / "coco-correction" / name if name.startswith(".") else file
    before = content_of(dataset)
    for content in CONTENTS:
        target.write_bytes(content)
        capsys.readouterr()
        assert run_command("annotate", "correct", dataset, "--apply") == 2
        assert target.name in only_line(capsys)
    assert content_of(dataset) == before


@pytest.mark.parametrize("kind", ["pipe", "device"])
def test_a_labelme_file_must_be_a_file(
    kind: str, opened: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    dataset, file = opened
    file.unlink()
    os.mkfifo(file) if kind == "pipe" else file.symlink_to("/dev/zero")
    capsys.readouterr()
    assert run_command("annotate", "correct", dataset, "--apply") == 2
    assert "a pipe or a device" in only_line(capsys)
