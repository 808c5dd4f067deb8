"""Load and build only the command that is called; the help of an app lists the others by name and help text.

typer builds the parameters of every command before it parses the command line, which takes about 1 ms for each
command.
"""

import os
from collections.abc import Callable, Collection, Mapping
from copy import copy
from importlib import import_module

import typer
from typer.models import CommandInfo

COMPLETION_SUFFIX = "_COMPLETE"  # of the variable with which a shell asks for completions


def add_modules(
    app: typer.Typer, modules: Mapping[str, Mapping[str, str]], words: Collection[str] | None = None
) -> None:
    """Add the commands of `modules` to `app`: name of a module with a function `register` -> command -> its help.

    `words` are the words of the command line. If they contain no command of a module, the module is not imported
    and its commands are only listed. Without `words`, and when a shell asks for completions, all are imported.
    """
    for module, commands in modules.items():
        if words is None or _is_completing() or not commands.keys().isdisjoint(words):
            import_module(module).register(app)
        else:
            for name, help_text in commands.items():
                app.command(name)(_listed(name, help_text))


def without_other_parameters(app: typer.Typer, words: Collection[str]) -> typer.Typer:
    """A copy of `app` in which commands whose name is not among `words` have a help text, but no parameters.

    Returns `app` itself if it has a single command, because its name is not typed. Also returns `app` when a shell
    asks for completions, because the words to complete are not on the command line.
    """
    if len(app.registered_commands) < 2 or _is_completing():
        return app
    lean = copy(app)
    lean.registered_commands = [
        info if _name(info) in words else _without_parameters(info) for info in app.registered_commands
    ]
    return lean


def _is_completing() -> bool:
    return any(name.endswith(COMPLETION_SUFFIX) for name in os.environ)


def _name(info: CommandInfo) -> str:
    """The name by which a command is called, as typer derives it from its function."""
    return info.name or typer.main.get_command_name(getattr(info.callback, "__name__", ""))


def _without_parameters(info: CommandInfo) -> CommandInfo:
    lean = copy(info)
    lean.callback = _listed(getattr(info.callback, "__name__", ""), info.callback.__doc__ or "")
    return lean


def _listed(name: str, help_text: str) -> Callable[[], None]:
    def listed() -> None:
        pass

    listed.__name__ = name
    listed.__doc__ = help_text
    return listed
