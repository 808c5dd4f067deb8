"""Run a conversion from the command line: the options of all conversions, and the report."""

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from system.console import print_waiting, progress
from system.errors import CombinedInputError, OptionError
from system.json_output import report as report_json
from system.on_cluster import On, pool_on

if TYPE_CHECKING:
    from convert.execution import Execution
    from convert.report import Report

Src = TypeVar("Src")
Opt = TypeVar("Opt")


@dataclass(frozen=True, kw_only=True, slots=True)
class ExecutionFlags:
    """The options of every conversion, as given on the command line."""

    overwrite: bool
    dry_run: bool
    strict: bool
    max_errors: int
    skip_bad: bool
    exclude: tuple[str, ...]
    report: Path | None
    jobs: int
    on: str | None


def execution_flags(
    *,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace a destination that defectline wrote.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Read and check everything and print the table, but write nothing.")
    ] = False,
    strict: Annotated[bool, typer.Option("--strict", help="Treat every loss as an error.")] = False,
    max_errors: Annotated[
        int, typer.Option("--max-errors", min=1, help="Stop after this many faults in the input.")
    ] = 50,
    skip_bad: Annotated[
        bool, typer.Option("--skip-bad", help="Leave out bad images, report them, and exit with status 1.")
    ] = False,
    exclude: Annotated[
        list[str] | None,
        typer.Option(
            "--exclude",
            metavar="GLOB",
            help="Do not read files whose name or path below SRC matches, such as 'drafts/*'; repeatable.",
        ),
    ] = None,
    report: Annotated[
        Path | None, typer.Option("--report", help="Write every repair, loss and note to this JSON file.")
    ] = None,
    jobs: Annotated[
        int,
        typer.Option("--jobs", min=0, help="Number of processes, at most 4 per processor (0: automatic)."),
    ] = 0,
    on: On = None,
) -> ExecutionFlags:
    """Collect the shared options in one value."""
    return ExecutionFlags(
        overwrite=overwrite,
        dry_run=dry_run,
        strict=strict,
        max_errors=max_errors,
        skip_bad=skip_bad,
        exclude=tuple(exclude or ()),
        report=report,
        jobs=jobs,
        on=on,
    )


def with_options(
    name: str, collect: Callable[..., object]
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Replace the parameter `name` of a command by those of `collect`, which returns its value."""
    group = inspect.signature(collect).parameters

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        own = inspect.signature(command)
        every = [q for key, p in own.parameters.items() for q in (group.values() if key == name else (p,))]
        parameters = [p.replace(kind=inspect.Parameter.KEYWORD_ONLY) for p in every]

        @wraps(command)
        def complete(**values: object) -> None:
            value = collect(**{key: values.pop(key) for key in group})
            command(**values, **{name: value})

        complete.__signature__ = own.replace(parameters=parameters)  # type: ignore[attr-defined]
        complete.__annotations__ = {p.name: p.annotation for p in parameters} | {"return": None}
        return complete

    return decorate


with_execution = with_options("flags", execution_flags)


def run_conversion(
    convert: Callable[[Src, Path, Opt, "Execution"], "Report"],
    source: Src,
    dest: Path,
    options: Opt,
    flags: ExecutionFlags,
) -> None:
    """Run a conversion as the command line asks, print its table, and write the report if one is requested.

    Ends with status 1 if bad files were left out. Raises OptionError for a report that cannot be written, before
    anything is converted, and what `convert` raises.
    """
    from convert.execution import Execution
    from convert.report import print_report, write_report

    _check_report(flags.report, dest, dry_run=flags.dry_run)
    with pool_on(flags.on, flags.jobs) as pool:
        execution = Execution(
            overwrite=flags.overwrite,
            dry_run=flags.dry_run,
            strict=flags.strict,
            max_errors=flags.max_errors,
            skip_bad=flags.skip_bad,
            exclude=flags.exclude,
            jobs=flags.jobs,
            progress=progress,
            pool=pool,
        )
        try:
            result = convert(source, dest, options, execution)
        except CombinedInputError as error:
            raise error.limited(flags.max_errors) from None
    report_json({"folder": dest, "dry_run": flags.dry_run, "report": result})
    print_report(f"{dest} (dry run, nothing written)" if flags.dry_run else str(dest), result)
    if flags.report is not None:
        write_report(flags.report, result)
    print_waiting(sum(event.code == "unreviewed" for event in result.events))
    if any(event.code == "bad-input" for event in result.events):
        raise typer.Exit(1)


def _check_report(report: Path | None, dest: Path, *, dry_run: bool) -> None:
    """Raise OptionError if `--report` cannot be written, before anything is converted; `dest` may contain it."""
    from system.files import may_write

    if report is None:
        return
    if report.is_dir():
        raise OptionError(f"--report {report}", "is a folder", "name a file")
    becomes = not dry_run and report.parent.resolve() == dest.resolve()
    if not report.parent.is_dir() and not becomes:
        raise OptionError(
            f"--report {report}", f"the folder {report.parent} does not exist", "create it or name another"
        )
    if not becomes and not may_write(report.parent):
        raise OptionError(
            f"--report {report}", f"no permission to write in {report.parent}", "name another folder"
        )
