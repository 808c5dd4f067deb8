"""Run a command of the project in this process, like the console command."""

import json
import sys
from importlib import import_module
from typing import Any
from unittest import mock

import pytest
import typer

TRAINERS = ("train_anomaly", "train_cls", "train_det", "train_seg")
ROOMS = ("datasets", "convert", "annotate", "evaluate", *TRAINERS, "view", "doctor")


def room_app(room: str) -> typer.Typer:
    """The app of a room with all its commands, complete."""
    cli = import_module(f"{room}.cli")
    app = cli.make_app() if hasattr(cli, "make_app") else cli.app
    assert isinstance(app, typer.Typer)
    return app


def run_command(room: str, *arguments: object) -> int:
    """Exit status of `<room> <arguments>`; what it prints goes where pytest captures it."""
    argv = [room, *(str(a) for a in arguments)]
    with mock.patch.object(sys, "argv", argv), pytest.raises(SystemExit) as end:
        import_module(f"{room}.cli").main()
    return int(end.value.code or 0)


def only_line(capsys: pytest.CaptureFixture[str]) -> str:
    """The only line that a command printed on stderr."""
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1, lines
    return lines[0]


def json_document(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    """The document that a command printed with --json: all of its standard output."""
    document = json.loads(capsys.readouterr().out)
    assert set(document) == {"schema", "command", "status", "result", "errors", "more_errors"}
    assert isinstance(document, dict)
    return document


def json_result(capsys: pytest.CaptureFixture[str]) -> Any:
    """The result that a command printed with --json."""
    return json_document(capsys)["result"]
