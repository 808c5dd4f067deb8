"""Unexpected errors, and standard streams that are closed or full: one line in every command."""

import subprocess
import sys
from pathlib import Path
from typing import NoReturn

import pytest
import typer
from typer.core import TyperCommand, TyperGroup

from tests.command import ROOMS, only_line, room_app, run_command


def commands() -> list[tuple[str, ...]]:
    """Every command: the room and, where there are several in it, the name."""
    found: list[tuple[str, ...]] = []
    for room in ROOMS:
        command = typer.main.get_command(room_app(room))
        names = list(command.commands) if isinstance(command, TyperGroup) else []
        found += [(room, name) for name in names] or [(room,)]
    return found


def failing(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
    """Make every command raise `error`, whatever its arguments are."""

    def fail(*_: object) -> NoReturn:
        raise error

    monkeypatch.setattr(TyperCommand, "parse_args", lambda *_: [])
    monkeypatch.setattr(TyperCommand, "invoke", fail)


@pytest.mark.parametrize("command", commands(), ids=" ".join)
def test_every_command_ends_in_one_line(
    command: tuple[str, ...], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    failing(monkeypatch, ZeroDivisionError("first\nsecond"))
    assert run_command(*command) == 3
    line = only_line(capsys)
    assert line.startswith(f"{command[0]}: unexpected ZeroDivisionError in test_boundary.py:")
    assert line.endswith("first second; please report it with the output of the same command and --debug")
    failing(monkeypatch, MemoryError())
    assert run_command(*command) == 2
    assert only_line(capsys).startswith(f"{command[0]}: memory: not enough")
    failing(monkeypatch, OSError(5, "Input/output error"))
    assert run_command(*command) == 3
    assert "Input/output error" in only_line(capsys)


@pytest.mark.parametrize("way", ["flag", "variable"])
def test_the_traceback_is_shown_on_request(
    way: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    failing(monkeypatch, ZeroDivisionError("why"))
    if way == "variable":
        monkeypatch.setenv("DEFECTLINE_DEBUG", "1")
    assert run_command("convert", "coco2masks", *(["--debug"] if way == "flag" else [])) == 3
    text = capsys.readouterr().err
    assert "Traceback (most recent call last)" in text
    assert text.splitlines()[-1].startswith("convert: unexpected ZeroDivisionError")


def shell(script: str, *words: object) -> subprocess.CompletedProcess[str]:
    command = ["bash", "-c", script, "bash", sys.executable, *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_a_closed_output_is_not_an_error(synth_tree: Path, tmp_path: Path) -> None:
    done = shell('"$1" -m convert mvtec2coco "$2" "$3" >&-', synth_tree, tmp_path / "out")
    assert (done.returncode, done.stderr) == (0, "")
    assert (tmp_path / "out" / "dataset.json").is_file()
    done = shell('"$1" -m datasets summary "$2" <&- >&- 2>&-', synth_tree)
    assert done.returncode == 0


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no device that is always full")
def test_a_full_output_is_one_line(synth_tree: Path) -> None:
    done = shell('"$1" -m datasets summary "$2" >/dev/full', synth_tree)
    assert done.returncode == 2
    assert done.stderr.splitlines() == [
        "datasets: output: no space left on the device; free some space or choose another destination"
    ]
