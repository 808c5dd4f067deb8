"""What every command shares: run an app, show progress, print tables, end with one line on bad input."""

import errno
import shutil
import signal
import sys
from collections.abc import Iterable, Iterator, Sequence
from types import FrameType
from typing import Any, NoReturn, TypeVar

import typer
from typer.core import TyperArgument, TyperCommand, TyperGroup, TyperOption

from system.errors import DefectlineError
from system.table import format_table

T = TypeVar("T")

USER_ERRORS = {
    errno.ENOSPC: "no space left on the device; free some space or choose another destination",
    errno.EDQUOT: "the disk quota is used up; free some space or choose another destination",
    errno.EROFS: "the file system is read-only; choose another destination",
    errno.EACCES: "permission denied; check who owns it or choose another path",
    errno.EPERM: "operation not permitted; check who owns it or choose another path",
    errno.ENAMETOOLONG: "the name is too long; choose a shorter one",
    errno.EMFILE: "too many open files; raise the limit with ulimit -n",
    errno.EISDIR: "a folder where a file is needed; choose another path",
    errno.ENOTDIR: "a file where a folder is needed; choose another path",
    errno.ENOENT: "no such file or folder; check the path",
}


def new_app(help_text: str) -> typer.Typer:
    """A typer app with this project's settings: several commands, help without arguments, plain tracebacks."""
    app = typer.Typer(help=help_text, no_args_is_help=True, pretty_exceptions_enable=False)
    app.callback()(lambda: None)
    return app


def given(ctx: typer.Context, names: Iterable[str]) -> dict[str, Any]:
    """The values of those parameters among `names` that were typed on the command line."""
    typed = [n for n in names if getattr(ctx.get_parameter_source(n), "name", "") == "COMMANDLINE"]
    return {name: ctx.params[name] for name in typed}


def run(app: typer.Typer, name: str) -> NoReturn:
    """Run `app` as the command `name`; errors the user can fix end in one line on stderr and exit status 2."""
    signal.signal(signal.SIGTERM, _end_on_signal)
    try:
        command = typer.main.get_command(app)
        _keep_brackets(command)
        command(prog_name=name)
    except DefectlineError as error:
        _fail(name, str(error))
    except BrokenPipeError:
        sys.exit(141)
    except OSError as error:
        if error.errno not in USER_ERRORS:
            raise
        _fail(name, f"{error.filename or 'output'}: {USER_ERRORS[error.errno]}")
    sys.exit(0)


def progress(items: Iterable[T], label: str, total: int | None = None) -> Iterator[T]:
    """Yield `items` under a progress bar on stderr; silent where stderr is not a terminal."""
    if not sys.stderr.isatty():
        yield from items
        return
    from rich.console import Console
    from rich.progress import track

    yield from track(items, description=label, total=total, console=Console(stderr=True), transient=True)


def print_table(title: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print a table on stdout, folded to the width of the terminal; not folded where stdout is not a terminal."""
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
    lines = [typer.style(title, bold=True), "", *format_table(columns, rows, width), ""]
    text = "\n".join(lines)
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    typer.echo(text.encode(encoding, "replace").decode(encoding))


def print_status(line: str) -> None:
    """One line of news on stderr, so that stdout stays clean for --json."""
    typer.echo(line, err=True)


def _keep_brackets(command: object) -> None:
    """Escape the help texts of `command` and of its subcommands for rich.

    typer gives them to rich as markup, which removes `[default: ...]` as a style that it does not know.
    """
    if isinstance(command, TyperGroup | TyperCommand):
        for owner in (command, *command.params):
            if isinstance(owner, TyperGroup | TyperCommand | TyperOption | TyperArgument) and owner.help:
                owner.help = owner.help.replace("[", r"\[")
    if isinstance(command, TyperGroup):
        for subcommand in command.commands.values():
            _keep_brackets(subcommand)


def _end_on_signal(_signum: int, _frame: FrameType | None) -> None:
    raise SystemExit(143)


def _fail(name: str, line: str) -> NoReturn:
    typer.echo(f"{name}: {line}", err=True)
    sys.exit(2)
