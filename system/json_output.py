"""`--json`: the result and the errors of a command as one JSON document on standard output (docs/json.md)."""

import os
import re
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import TextIO

from system.errors import CombinedInputError, DefectlineError
from system.shown_names import shown

JSON_FLAG = "--json"
SCHEMA = 1
# `--lr 5`, or in a recipe `recipe.yaml: optimisation.lr = 5`
OPTION = re.compile(r"(?:(?P<file>.+?): )?(?P<option>--[\w-]+|(?<=: )[\w.]+)(?: (?:= )?(?P<value>.*))?", re.DOTALL)


class _State:
    """Whether this command prints JSON, and the result that it reported."""

    active = False
    result: object = None
    despite_errors = False


_STATE = _State()


def is_json() -> bool:
    """Whether the command was called with --json."""
    return _STATE.active


def report(result: object, *, despite_errors: bool = False) -> None:
    """Set the result that --json prints; does nothing without --json. Any value that msgspec can encode.

    If the command fails afterwards, the result is printed only with `despite_errors`.
    """
    if _STATE.active:
        _STATE.result, _STATE.despite_errors = result, despite_errors


@contextmanager
def json_output(*, active: bool) -> Iterator[TextIO]:
    """Yield the standard output; with `active`, everything else that is printed on it goes to standard error.

    This includes what libraries and child processes print there.
    """
    _STATE.active, _STATE.result, _STATE.despite_errors = active, None, False
    stdout = sys.stdout
    if not active:
        yield stdout
        return
    stdout.flush()
    kept = os.dup(1) if _is_descriptor(stdout, 1) else None
    try:
        if kept is None:
            with redirect_stdout(sys.stderr):
                yield stdout
        else:
            os.dup2(2, 1)
            with open(kept, "w", encoding="utf-8", closefd=False) as real, redirect_stdout(sys.stderr):
                yield real
    finally:
        if kept is not None:
            os.dup2(kept, 1)
            os.close(kept)
        _STATE.active, _STATE.result = False, None


def write_document(out: TextIO, command: str, status: int, error: BaseException | None) -> None:
    """Write the document: the reported result, and the entries of `error` if the command failed."""
    import msgspec

    errors, hidden = _entries(error)
    result = None if errors and not _STATE.despite_errors else _STATE.result
    document = {
        "schema": SCHEMA, "command": command, "status": status, "result": result, "errors": errors,
        "more_errors": hidden,
    }  # fmt: skip
    text = msgspec.json.format(msgspec.json.encode(document, enc_hook=_encode), indent=2).decode()
    out.write(shown(text) + "\n")
    out.flush()


def error_entry(error: DefectlineError) -> dict[str, str | None]:
    """One error as --json prints it; `option` and `value` are those of the command line or of a recipe."""
    where = _printable(str(error.where))
    parts: Mapping[str, str | None] = {"file": where, "option": None, "value": None}
    if error.of_option:
        match = OPTION.fullmatch(where)
        parts = match.groupdict() if match else {"file": None, "option": None, "value": None}
    return {
        "code": error.code, "where": where, **parts, "problem": _printable(error.problem),
        "remedy": _printable(error.remedy),
    }  # fmt: skip


def _entries(error: BaseException | None) -> tuple[list[dict[str, str | None]], int]:
    if error is None:
        return [], 0
    if isinstance(error, CombinedInputError):
        return [error_entry(one) for one in error.errors], error.hidden
    if isinstance(error, DefectlineError):
        return [error_entry(error)], 0
    return [{"code": "interrupted", "where": None, "file": None, "option": None, "value": None,
             "problem": "interrupted", "remedy": "start it again"}], 0  # fmt: skip


def _printable(text: str) -> str:
    return "".join(c if c.isprintable() else " " for c in text)


def _encode(value: object) -> object:
    if isinstance(value, Path):
        return str(value)
    raise TypeError(f"{type(value).__name__} in a result of --json")


def _is_descriptor(stream: TextIO, number: int) -> bool:
    try:
        return stream.fileno() == number
    except (OSError, ValueError, AttributeError):
        return False
