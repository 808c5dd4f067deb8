"""Options that every command has: -h, --version and --json."""

import sys
from collections.abc import Callable, MutableSequence

import typer
from typer.core import TyperArgument, TyperCommand, TyperGroup, TyperOption

from system import __version__
from system.json_output import JSON_FLAG, is_json, report

HELP_NAMES = ["-h", "--help"]


def take_flag(words: MutableSequence[str], flag: str) -> bool:
    """Remove `flag` from the words of a command line, up to `--`; returns whether it was there."""
    end = words.index("--") if "--" in words else len(words)
    places = [k for k, word in enumerate(words[:end]) if word == flag]
    for place in reversed(places):
        del words[place]
    return bool(places)


def add_common_options(command: object, *, top: bool = True) -> None:
    """Add the options to `command` and its subcommands, and escape the help texts for rich.

    typer passes help texts to rich as markup. rich takes `[default: ...]` for an unknown style and removes it.
    """
    if not isinstance(command, TyperGroup | TyperCommand):
        return
    if top:
        command.context_settings["help_option_names"] = HELP_NAMES
    if not isinstance(command, TyperGroup):
        command.params.append(_flag(JSON_FLAG, "Print one JSON document, with errors, too (docs/json.md)."))
    command.params.append(_flag("--version", "Print the version and exit.", _print_version))
    for owner in (command, *command.params):
        if isinstance(owner, TyperGroup | TyperCommand | TyperOption | TyperArgument) and owner.help:
            owner.help = owner.help.replace("[", r"\[")
    if isinstance(command, TyperGroup):
        for subcommand in command.commands.values():
            add_common_options(subcommand, top=False)


def _flag(name: str, help_text: str, callback: Callable[..., None] | None = None) -> TyperOption:
    return TyperOption(
        param_decls=[name],
        is_flag=True,
        default=False,
        is_eager=callback is not None,
        expose_value=False,
        callback=callback,
        help=help_text,
    )


def _print_version(context: typer.Context, _parameter: object, value: bool) -> None:
    if not value:
        return
    program = context.find_root().info_name
    report({"program": program, "version": __version__})
    if not is_json():
        sys.stdout.write(f"{program} (defectline) {__version__}\n")
    raise typer.Exit
