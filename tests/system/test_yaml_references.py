"""References in YAML (`*NAME`): read, but not if they turn a small file into many values."""

from pathlib import Path

import pytest

from system.errors import InputError
from system.yaml_file import read_yaml, read_yaml_options
from tests.command import only_line, run_command


def bomb(levels: int) -> str:
    """Lists of eight references to the list before, 8^levels values."""
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x]"]
    lines += [f"a{k}: &a{k} [{', '.join([f'*a{k - 1}'] * 8)}]" for k in range(1, levels)]
    return "\n".join([*lines, f"names: *a{levels - 1}", "train: images", ""])


def test_references_are_read(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_text("base: &b {epochs: 3}\nfirst: *b\nsecond:\n  <<: *b\n  lr: 0.1\n")
    expected = {"base": {"epochs": 3}, "first": {"epochs": 3}, "second": {"epochs": 3, "lr": 0.1}}
    assert read_yaml(path, "")[0] == expected
    assert read_yaml_options(path, "") == expected


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (bomb(12), "line 7: references make it larger than 1000000 values"),
        ("names: &a [*a]\n", "line 1: a reference to what contains it"),
        ("a: &a\n  <<: *a\n", "line 2: a reference to what contains it"),
    ],
)
def test_references_do_not_make_a_file_large(
    text: str, problem: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "images").mkdir()
    path = tmp_path / "data.yaml"
    path.write_text(text)
    with pytest.raises(InputError, match=problem):
        read_yaml(path, "")
    with pytest.raises(InputError, match=problem):
        read_yaml_options(path, "")
    assert run_command("convert", "yolo2coco", path, tmp_path / "out") == 2
    assert problem in only_line(capsys)
