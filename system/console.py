"""Functions that every command uses: run an app, show progress, print tables, report bad input in one line."""

import errno
import os
import re
import shutil
import signal
import sys
import threading
import traceback
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from types import FrameType
from typing import Annotated, NoReturn, TypeVar

import typer
from typer.core import TyperArgument, TyperCommand, TyperGroup, TyperOption

from system.called_command import without_other_parameters
from system.child_process import end_with_parent
from system.errors import DefectlineError
from system.startup import end_silently
from system.table import format_table

T = TypeVar("T")

DEBUG_FLAG, DEBUG_VARIABLE = "--debug", "DEFECTLINE_DEBUG"
LACK_OF_MEMORY = re.compile("can't allocate memory|not enough memory|Insufficient memory|bad_alloc")
MAX_QUOTED = 200  # characters of the message of an unexpected error
Debug = Annotated[bool, typer.Option(DEBUG_FLAG, help="Print the traceback of an unexpected error.")]

USER_ERRORS = {
    errno.ENOSPC: "no space left on the device; free some space or choose another destination",
    errno.EDQUOT: "the disk quota is used up; free some space or choose another destination",
    errno.EFBIG: "the file would be too large; raise the limit with ulimit -f, or choose another file system",
    errno.ELOOP: "a loop of links; remove the link or choose another path",
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
    app.callback()(_accept_debug)
    return app


def _accept_debug(debug: Debug = False) -> None:
    """Only for the help text: `run` takes the flag from anywhere in the command line."""


def given(ctx: typer.Context, names: Iterable[str]) -> dict[str, object]:
    """The values of those parameters among `names` that were typed on the command line."""
    typed = [n for n in names if getattr(ctx.get_parameter_source(n), "name", "") == "COMMANDLINE"]
    return {name: ctx.params[name] for name in typed}


def run(app: typer.Typer, name: str) -> NoReturn:
    """Run `app` as the command `name`; every error ends in one line on stderr.

    An error that the user can fix ends with status 2, an unexpected one with status 3 and, with `--debug` or
    DEFECTLINE_DEBUG=1, its traceback. Ctrl-C ends with status 130.
    """
    open_standard_streams()
    silent = _take_signals()
    os.environ.setdefault("OPENCV_LOG_LEVEL", "OFF")  # it prints lines of its own about damaged files
    end_with_parent()
    debug = os.environ.get(DEBUG_VARIABLE) == "1"
    if DEBUG_FLAG in sys.argv:
        sys.argv.remove(DEBUG_FLAG)
        debug = True
    try:
        try:
            command = typer.main.get_command(without_other_parameters(app, sys.argv[1:]))
            _keep_brackets(command)
            command(prog_name=name)
        finally:
            sys.stdout.flush()
            if silent:
                end_silently()
    except DefectlineError as error:
        _fail(name, str(error))
    except BrokenPipeError:
        _drop_output()
        sys.exit(141)
    except KeyboardInterrupt:
        sys.exit(130)
    except OSError as error:
        if error.errno not in USER_ERRORS:
            _fail_unexpected(name, error, debug=debug)
        _fail(name, f"{error.filename or 'output'}: {USER_ERRORS[error.errno]}")
    except Exception as error:  # noqa: BLE001  the boundary: every error becomes one line
        if debug or not _is_lack_of_memory(error):
            _fail_unexpected(name, error, debug=debug)
        _fail(name, "memory: not enough; close other programs, or give smaller images or fewer --jobs")
    sys.exit(0)


def _is_lack_of_memory(error: Exception) -> bool:
    """Whether memory ran out, also if PyTorch or OpenCV reports it or the system killed a worker process."""
    return isinstance(error, MemoryError) or bool(LACK_OF_MEMORY.search(str(error)))


def _take_signals() -> bool:
    """Turn SIGTERM into an exception, and Ctrl-C if `end_silently` was called; returns whether it was called."""
    signal.signal(signal.SIGTERM, _end_on_signal)
    if signal.getsignal(signal.SIGINT) != signal.SIG_DFL:
        return False
    signal.signal(signal.SIGINT, signal.default_int_handler)
    sys.unraisablehook = _interrupt_again
    return True


def _interrupt_again(failure: "sys.UnraisableHookArgs") -> None:
    """Repeat a Ctrl-C that arrived in a callback, where Python cannot raise it; print no traceback."""
    if not isinstance(failure.exc_value, KeyboardInterrupt):
        sys.__unraisablehook__(failure)
        return
    timer = threading.Timer(0.02, signal.raise_signal, (signal.SIGINT,))
    timer.daemon = True
    with suppress(RuntimeError):  # Python is shutting down
        timer.start()


def open_standard_streams() -> None:
    """Connect closed standard streams to the null device.

    Otherwise the next opened file would get their number.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # gets the lowest free number
    sys.stdout = sys.stdout or open(1, "w", closefd=False)  # noqa: SIM115
    sys.stderr = sys.stderr or open(2, "w", closefd=False)  # noqa: SIM115


def progress(items: Iterable[T], label: str, total: int | None = None) -> Iterator[T]:
    """Yield `items` and show a progress bar on stderr; silent if stderr is not a terminal."""
    if not sys.stderr.isatty():
        yield from items
        return
    from rich.console import Console
    from rich.progress import track

    yield from track(items, description=label, total=total, console=Console(stderr=True), transient=True)


def print_table(title: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print a table on stdout, folded to the width of the terminal; not folded if stdout is not a terminal."""
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
    lines = [typer.style(title, bold=True), "", *format_table(columns, rows, width), ""]
    text = "\n".join(lines)
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    typer.echo(text.encode(encoding, "replace").decode(encoding))


def print_status(line: str) -> None:
    """Print one line on stderr, so that stdout contains only the output of --json."""
    typer.echo(line, err=True)


def _keep_brackets(command: object) -> None:
    """Escape the help texts of `command` and of its subcommands for rich.

    typer passes them to rich as markup. rich takes `[default: ...]` for an unknown style and removes it.
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


def _fail_unexpected(name: str, error: BaseException, *, debug: bool) -> NoReturn:
    """End with status 3 and one line that names the error and its place.

    With `debug`, print the traceback first.
    """
    if debug:
        traceback.print_exception(error)
    frames = traceback.extract_tb(error.__traceback__)
    place = f" in {Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""
    reason = " ".join(str(error).split())[:MAX_QUOTED]
    what = f"unexpected {type(error).__name__}{place}{': ' if reason else ''}{reason}"
    _fail(name, f"{what}; please report it with the output of the same command and {DEBUG_FLAG}", 3)


def _drop_output() -> None:
    """Send the rest of standard output to the null device, so that Python does not fail to flush it at exit."""
    with suppress(OSError, ValueError, AttributeError):
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, sys.stdout.fileno())
        os.close(null)


def _fail(name: str, line: str, status: int = 2) -> NoReturn:
    _drop_unwritable_output()
    with suppress(OSError):
        typer.echo(f"{name}: {line}", err=True)
    sys.exit(status)


def _drop_unwritable_output() -> None:
    try:
        sys.stdout.flush()
    except OSError:
        _drop_output()
