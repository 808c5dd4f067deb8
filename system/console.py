"""Functions that every command uses: run an app, show progress, print tables, report bad input in one line."""

import os
import shutil
import sys
import traceback
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Annotated, NoReturn, TypeVar

import typer
from typer.exceptions import TyperException

from system.called_command import without_other_parameters
from system.child_process import end_with_parent
from system.common_options import add_common_options, take_flag
from system.errors import DefectlineError, UnexpectedError
from system.json_output import JSON_FLAG, is_json, json_output, write_document
from system.shown_names import shown
from system.signals import take_signals
from system.startup import end_silently
from system.stored_path import new_places, take_urls
from system.system_fault import system_fault
from system.table import fold, format_table, printable
from system.usage_errors import usage_fault

T = TypeVar("T")

DEBUG_FLAG, DEBUG_VARIABLE = "--debug", "DEFECTLINE_DEBUG"
REPORT_WITH = f"with the output of the same command and {DEBUG_FLAG}"
MAX_QUOTED = 200  # characters of the message of an unexpected error
Debug = Annotated[bool, typer.Option(DEBUG_FLAG, help="Print the traceback of an unexpected error.")]


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
    DEFECTLINE_DEBUG=1, its traceback. Ctrl-C ends with status 130. With `--json` the result and the errors are
    one document on stdout, and nothing else is.
    """
    open_standard_streams()
    silent = take_signals()
    os.environ.setdefault("OPENCV_LOG_LEVEL", "OFF")  # it prints lines of its own about damaged files
    end_with_parent()
    debug = take_flag(sys.argv, DEBUG_FLAG) or os.environ.get(DEBUG_VARIABLE) == "1"
    with json_output(active=take_flag(sys.argv, JSON_FLAG)) as out, new_places():
        called = [name]
        try:
            status, error = _attempt(app, called, silent=silent, debug=debug)
            if is_json():
                write_document(out, " ".join(called), status, error)
        except BrokenPipeError:
            _drop_output()
            status = 141
        except KeyboardInterrupt:
            status = 130
    sys.exit(status)


def _attempt(
    app: typer.Typer, called: list[str], *, silent: bool, debug: bool
) -> tuple[int, BaseException | None]:
    """Run `app`, print its error, and return the exit status and the error; appends the subcommand to `called`.

    Raises BrokenPipeError.
    """
    name = called[0]
    try:
        try:
            command = typer.main.get_command(without_other_parameters(app, sys.argv[1:]))
            add_common_options(command)
            take_urls(command, progress)
            names = getattr(command, "commands", {})
            called += [word for word in sys.argv[1:] if word in names][:1]
            status = command.main(prog_name=name, standalone_mode=False)
        finally:
            sys.stdout.flush()
            if silent:
                end_silently()
    except DefectlineError as error:
        return _failed(name, error)
    except TyperException as error:
        usage = usage_fault(error)
        return _failed(name, usage) if usage else (2, None)  # typer printed the help
    except (KeyboardInterrupt, typer.Abort) as error:
        return 130, error
    except SystemExit as stop:
        return stop.code if isinstance(stop.code, int) else int(stop.code is not None), None
    except BrokenPipeError:
        raise
    except Exception as error:  # noqa: BLE001  the boundary: every error becomes one line
        fault = system_fault(error, debug=debug)
        return _failed(name, fault) if fault else _failed_unexpectedly(name, error, debug=debug)
    return status if isinstance(status, int) else 0, None


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


def print_table(
    title: str, columns: Sequence[str], rows: Iterable[Sequence[object]], piped_width: int | None = None
) -> None:
    """Print a table on stdout, folded to the width of the terminal, or to `piped_width` if stdout is none.

    Nothing with --json.
    """
    width = terminal_width() or piped_width
    plain = bool(os.environ.get("NO_COLOR")) or not sys.stdout.isatty()
    heading = fold(printable(shown(title)), width - 1 if width else None)
    lines = [*(heading if plain else (typer.style(line, bold=True) for line in heading)), ""]
    _write("\n".join([*lines, *format_table(columns, rows, width), "", ""]))


def terminal_width() -> int | None:
    """The columns of the terminal that stdout is; None if it is none."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


def print_text(text: str) -> None:
    """Print text on stdout, unless --json prints a document there.

    On a terminal, escapes replace control characters in its lines; elsewhere, names of files stay what they are.
    """
    _write("\n".join(map(printable, text.split("\n"))) if sys.stdout.isatty() else text)


def _write(text: str) -> None:
    if is_json():
        return
    text = shown(text)
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    typer.echo(text.encode(encoding, "replace").decode(encoding), nl=False)


def print_waiting(images: int) -> None:
    """Print how many images of a labelme folder wait for a review, if any do."""
    if images:
        what = "1 image waits for a review and is" if images == 1 else f"{images} images wait for a review and are"
        print_status(f"{what} left out: correct with annotate open, or confirm with annotate accept")


def print_status(line: str) -> None:
    """Print one line on stderr, so that stdout contains only the output of --json."""
    typer.echo(printable(shown(line)), err=True)


def print_loading() -> None:
    """On a terminal, print a line before PyTorch is imported, which takes seconds."""
    if sys.stderr.isatty():
        print_status("loading PyTorch ...")


def _failed_unexpectedly(name: str, error: BaseException, *, debug: bool) -> tuple[int, UnexpectedError]:
    """Status 3 and one line that names the error and its place.

    With `debug`, print the traceback first.
    """
    if debug:
        traceback.print_exception(error)
    frames = traceback.extract_tb(error.__traceback__)
    place = f" in {Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""
    reason = " ".join(str(error).split())[:MAX_QUOTED]
    what, remedy = f"unexpected {type(error).__name__}{place}", f"please report it {REPORT_WITH}"
    _print_error(printable(f"{name}: {what}{': ' if reason else ''}{reason}; {remedy}"))
    return 3, UnexpectedError(what, reason, remedy)


def _drop_output() -> None:
    """Send the rest of standard output to the null device, so that Python does not fail to flush it at exit."""
    with suppress(OSError, ValueError, AttributeError):
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, sys.stdout.fileno())
        os.close(null)


def _failed(name: str, error: DefectlineError) -> tuple[int, DefectlineError]:
    _print_error(f"{name}: {error}")
    return 2, error


def _print_error(line: str) -> None:
    _drop_unwritable_output()
    with suppress(OSError):
        typer.echo(shown(line), err=True)


def _drop_unwritable_output() -> None:
    try:
        sys.stdout.flush()
    except OSError:
        _drop_output()
