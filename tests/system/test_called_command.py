"""Only the command that is called is loaded and built; the help of an app stays the same."""

import inspect
import subprocess
import sys
from typing import Annotated

import pytest
import typer
from typer.core import TyperGroup

from convert.cli import MODULES, make_app
from system.called_command import without_other_parameters
from system.console import new_app
from tests.command import room_app


def first(source: str, size: Annotated[int, typer.Option(help="A size.")] = 3) -> None:
    """Do the first thing.

    In detail.
    """


def second_command(dest: str) -> None:
    """Do the second thing."""


def two_commands() -> typer.Typer:
    app = new_app("Two things.")
    app.command()(first)
    app.command("second")(second_command)
    return app


def parameters(app: typer.Typer) -> dict[str, list[str | None]]:
    """The parameters of each command."""
    group = typer.main.get_command(app)
    assert isinstance(group, TyperGroup)
    return {name: [p.name for p in command.params] for name, command in group.commands.items()}


def help_of(app: typer.Typer, capsys: pytest.CaptureFixture[str], *words: str) -> str:
    with pytest.raises(SystemExit):
        typer.main.get_command(app)([*words, "--help"], prog_name="program")
    return capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["first", "a.txt"], {"first": ["source", "size"], "second": []}),
        (["--debug", "second", "b"], {"first": [], "second": ["dest"]}),
        (["--help"], {"first": [], "second": []}),
    ],
)
def test_parameters_of_the_called_command(words: list[str], expected: dict[str, list[str]]) -> None:
    app = two_commands()
    assert parameters(without_other_parameters(app, words)) == expected
    assert parameters(app) == {"first": ["source", "size"], "second": ["dest"]}  # unchanged


def test_all_parameters_for_completions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("_PROGRAM_COMPLETE", "complete_bash")
    assert parameters(without_other_parameters(two_commands(), [])) == parameters(two_commands())
    assert [c.callback for c in make_app([]).registered_commands] != []
    assert parameters(make_app([])) == parameters(make_app())


def test_a_single_command_is_complete() -> None:
    app = typer.Typer()
    app.command()(first)
    assert without_other_parameters(app, ["a.txt"]) is app


@pytest.mark.parametrize("words", [(), ("first",), ("second",)])
def test_the_help_is_the_same(words: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    app = two_commands()
    assert help_of(without_other_parameters(app, [*words]), capsys, *words) == help_of(app, capsys, *words)


@pytest.mark.parametrize("room", ["datasets", "convert", "annotate", "train_cls", "train_det", "train_seg"])
def test_the_help_of_a_room_is_the_same(room: str, capsys: pytest.CaptureFixture[str]) -> None:
    app = room_app(room)
    assert help_of(without_other_parameters(app, ["--help"]), capsys) == help_of(app, capsys)


def test_the_help_of_convert_is_that_of_its_modules(capsys: pytest.CaptureFixture[str]) -> None:
    assert help_of(make_app(["--help"]), capsys) == help_of(make_app(), capsys)
    listed = {name: text for commands in MODULES.values() for name, text in commands.items()}
    complete = make_app().registered_commands
    assert [command.name for command in complete] == list(listed)
    for command in complete:
        assert (
            " ".join((inspect.getdoc(command.callback) or "").split("\n\n")[0].split())
            == listed[str(command.name)]
        )


@pytest.mark.parametrize("name", [name for commands in MODULES.values() for name in commands])
def test_a_called_conversion_is_complete(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert help_of(make_app([name, "a", "b"]), capsys, name) == help_of(make_app(), capsys, name)


def test_the_help_of_convert_imports_no_conversion() -> None:
    code = (
        "import sys; from convert.cli import make_app; make_app(['--help']);"
        "print([m for m in sys.modules if m.startswith('convert.cli_')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
