"""Every help text of every command is printed completely."""

import re
from collections.abc import Iterator

import pytest
import typer
from typer import rich_utils
from typer.core import TyperArgument, TyperCommand, TyperGroup

from tests.command import ROOMS, TRAINERS, room_app, run_command

Command = TyperCommand | TyperGroup


def commands(command: object, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Command]]:
    """Each command below `command` with the words that it is called by, itself included."""
    assert isinstance(command, Command)
    yield path, command
    for name, subcommand in getattr(command, "commands", {}).items():
        yield from commands(subcommand, (*path, name))


def room_commands() -> list[tuple[tuple[str, ...], Command]]:
    apps = {room: room_app(room) for room in ROOMS}
    return [found for room, app in apps.items() for found in commands(typer.main.get_command(app), (room,))]


def words(text: str) -> str:
    """`text` without frames, line ends and indentation."""
    return re.sub(r"[\s│]+", " ", text)


@pytest.mark.parametrize(
    ("path", "command"), room_commands(), ids=lambda v: " ".join(v) if type(v) is tuple else ""
)
def test_help_is_printed_completely(
    path: tuple[str, ...],
    command: Command,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("COLUMNS", "400")
    monkeypatch.setattr(rich_utils, "MAX_WIDTH", 400)  # of TERMINAL_WIDTH when it was imported
    assert run_command(*path, "--help") == 0
    shown = words(capsys.readouterr().out)
    texts = [command.help, *(getattr(parameter, "help", None) for parameter in command.params)]
    for text in texts:
        assert text is None or words(text.split("\f")[0]).strip() in shown
    for parameter in command.params:
        if isinstance(parameter, TyperArgument):
            assert (parameter.metavar or parameter.human_readable_name) in shown


def test_all_commands_are_tested() -> None:
    """All rooms, and at least the verbs of the four trainers."""
    paths = {path for path, _ in room_commands()}
    assert {(room,) for room in ROOMS} <= paths
    assert {(t, v) for t in TRAINERS for v in ("fit", "recipe", "predict", "evaluate", "export")} <= paths
