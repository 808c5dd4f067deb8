"""What every command has in common: -h, --version, --json, errors of one line, 80 columns, NO_COLOR."""

import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest
from typer import rich_utils

from system import __version__
from tests.command import ROOMS, TRAINERS, json_document, only_line, run_command
from tests.test_help import Command, room_commands

LEAVES = [(path, command) for path, command in room_commands() if not hasattr(command, "commands")]
ids = pytest.mark.parametrize(("path", "command"), LEAVES, ids=lambda v: " ".join(v) if type(v) is tuple else "")
every = pytest.mark.parametrize(
    ("path", "command"), room_commands(), ids=lambda v: " ".join(v) if type(v) is tuple else ""
)


@every
def test_version_and_short_help(
    path: tuple[str, ...], command: Command, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setattr(rich_utils, "MAX_WIDTH", 80)  # of TERMINAL_WIDTH when it was imported
    assert run_command(*path, "--version") == 0
    assert capsys.readouterr().out == f"{path[0]} (defectline) {__version__}\n"
    assert run_command(*path, "-h") == 0
    shown = capsys.readouterr().out
    assert f"Usage: {' '.join(path)}" in shown
    assert {"--version", "-h"} <= set(shown.split())
    assert max(map(len, shown.splitlines())) <= 80


@ids
def test_errors_are_one_line_and_one_document(
    path: tuple[str, ...], command: Command, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_command(*path, "--no-such-option", "--json") == 2
    captured = capsys.readouterr()
    assert len(captured.err.splitlines()) == 1
    document = json.loads(captured.out)
    assert document["schema"] == 1
    assert (document["command"], document["status"], document["result"]) == (" ".join(path), 2, None)
    (error,) = document["errors"]
    assert (error["code"], error["option"], error["file"]) == ("usage", "--no-such-option", None)
    assert set(error) == {"code", "where", "file", "option", "value", "problem", "remedy"}
    assert error["remedy"]


@pytest.mark.parametrize(
    ("words", "fault", "remedy"),
    [
        ("train_det train", "train: not a command of train_det", "did you mean train_det fit?"),
        ("train_cls val", "val: not a command of train_cls", "did you mean train_cls evaluate?"),
        ("train_seg detect", "detect: not a command of train_seg", "did you mean train_seg predict?"),
        ("train_seg fitt", "fitt: not a command of train_seg", "did you mean train_seg fit?"),
        ("datasets stats", "stats: not a command of datasets", "did you mean datasets summary?"),
        ("annotate label", "label: not a command of annotate", "did you mean annotate open?"),
        ("evaluate ls", "ls: not a command of evaluate", "did you mean evaluate list?"),
        ("convert voc2yolo", "voc2yolo: not a command of convert", "did you mean convert coco2yolo?"),
        ("train_det fit", "DATASET: missing", "see train_det fit --help"),
        ("train_det fit d --epochs many", "--epochs many: not a valid int", "see train_det fit --help"),
        ("doctor one two", "one two: more than doctor takes", "see doctor --help"),
        ("train_det fit d --epochss 3", "--epochss: no such option", "did you mean --epochs?"),
        ("datasets check d --imgsz 0", "--imgsz 0: not in the range x>=1", "see datasets check --help"),
    ],
)
def test_faults_of_the_command_line(
    words: str, fault: str, remedy: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_command(*words.split()) == 2
    assert only_line(capsys) == f"{words.split(maxsplit=1)[0]}: {fault}; {remedy}"


def test_an_error_of_an_option_names_option_and_value(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command("train_det", "fit", "d", "--epochs", "-1", "--json") == 2
    (error,) = json_document(capsys)["errors"]
    assert (error["code"], error["option"], error["value"]) == ("option", "--epochs", "-1")
    assert error["remedy"] == "give a whole number of at least 0"


def test_an_error_of_a_recipe_names_its_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    recipe = tmp_path / "r.yaml"
    recipe.write_text("optimisation:\n  lr: 5\n")
    assert run_command("train_det", "fit", "d", "--recipe", recipe, "--json") == 2
    (error,) = json_document(capsys)["errors"]
    assert (error["file"], error["option"], error["value"]) == (str(recipe), "optimisation.lr", "5")


def test_an_error_of_a_file_names_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command("datasets", "summary", tmp_path / "none", "--json") == 2
    (error,) = json_document(capsys)["errors"]
    assert (error["code"], error["file"], error["option"]) == ("input", str(tmp_path / "none"), None)


@pytest.mark.parametrize("trainer", TRAINERS)
def test_the_recipe_as_json(trainer: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command(trainer, "recipe") == 0
    text = capsys.readouterr().out
    assert run_command(trainer, "recipe", "--json") == 0
    assert json_document(capsys)["result"] == {"recipe": text}


def test_nothing_else_on_standard_output(synth_tree: Path, tmp_path: Path) -> None:
    """A real process, because libraries and children write to the descriptor."""
    command = [sys.executable, "-m", "convert", "mvtec2coco", synth_tree, tmp_path / "d", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    document = json.loads(done.stdout)
    assert document["command"] == "convert mvtec2coco"
    assert document["result"]["report"]["written"]["images"] == 40
    again = subprocess.run(command, capture_output=True, text=True, check=False)
    assert again.returncode == 2
    assert json.loads(again.stdout)["errors"][0]["code"] == "output"


def on_terminal(columns: int, *words: object, **variables: str) -> str:
    """What `python -m WORDS` prints on a terminal of so many columns."""
    parent, child = pty.openpty()
    environ = {**os.environ, "COLUMNS": str(columns), "TERM": "xterm-256color", **variables}
    process = subprocess.Popen(
        [sys.executable, "-m", *map(str, words)], stdout=child, stderr=child, stdin=child, env=environ
    )
    os.close(child)
    parts = []
    try:
        while part := os.read(parent, 65536):
            parts.append(part)
    except OSError:  # the end of a terminal on Linux
        pass
    os.close(parent)
    process.wait()
    return b"".join(parts).decode()


def test_no_color_and_80_columns_on_a_terminal(coco_folder: Path) -> None:
    shown = on_terminal(80, "datasets", "summary", coco_folder, NO_COLOR="1")
    assert "per type" in shown
    lines = [line.rpartition("\r")[2] for line in shown.replace("\r\n", "\n").splitlines()]
    assert max(len(line.replace("\x1b[2K", "")) for line in lines if "━" not in line) <= 80
    assert "\x1b[1m" not in shown
    assert "\x1b[3" not in shown
    plain = on_terminal(80, "datasets", "summary", "--help", NO_COLOR="1")
    assert "\x1b[3" not in plain
    assert "\x1b[1m" in on_terminal(80, "datasets", "summary", coco_folder, NO_COLOR="")


def test_all_rooms_are_covered() -> None:
    assert {path[0] for path, _ in LEAVES} == set(ROOMS)
