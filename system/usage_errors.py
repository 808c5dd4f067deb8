"""Faults of the command line itself, such as a misspelt command, as errors of one line with a remedy."""

import difflib
import re
from collections.abc import Mapping, Sequence
from typing import Any

from typer.core import TyperArgument, TyperGroup
from typer.exceptions import TyperException

from system.errors import DefectlineError

# Commands of other programs -> ours with the same purpose; the first that a program has is suggested.
SYNONYMS: Mapping[str, Sequence[str]] = {
    "train": ("fit",), "learn": ("fit",), "finetune": ("fit",), "resume": ("fit",),
    "val": ("evaluate", "check"), "validate": ("evaluate", "check"), "test": ("evaluate", "check"),
    "eval": ("evaluate",), "score": ("evaluate",), "metrics": ("evaluate", "list"),
    "detect": ("predict",), "infer": ("predict",), "inference": ("predict",), "segment": ("predict",),
    "config": ("recipe", "init"), "options": ("recipe",), "onnx": ("export",), "openvino": ("export",),
    "stats": ("summary", "status"), "info": ("summary", "status"), "describe": ("summary",),
    "verify": ("check",), "lint": ("check",), "generate": ("synth",), "augment": ("paste", "oversample"),
    "label": ("open",), "labelme": ("open",), "start": ("open",), "edit": ("open",), "install": ("setup",),
    "next": ("queue",), "prelabel": ("propose",), "predict": ("propose",), "review": ("accept", "status"),
    "kappa": ("agree",), "diff": ("compare",), "ls": ("list",), "show": ("list", "summary"), "top": ("best",),
}  # fmt: skip
EXTRA = re.compile(r"Got unexpected extra argument(?:s|\(s\))? \((.*)\)")
BAD_VALUE = re.compile(r"'?(?P<value>.*?)'? is (?P<problem>not .*?)\.?", re.DOTALL)


class UsageError(DefectlineError):
    """The command line cannot be understood."""

    code = "usage"
    of_option = True


def usage_fault(raised: TyperException) -> UsageError | None:
    """The error of typer's parser as ours; None where the help was asked for by giving no argument.

    typer contains its own copy of click, whose classes are private, so they are recognised by their attributes.
    """
    error: Any = raised
    kind = type(error).__name__
    context = getattr(error, "ctx", None)
    called = context.command_path if context else ""
    remedy = f"see {called} --help".replace("  ", " ")
    if kind == "NoArgsIsHelpError":
        return None
    unknown = re.match(r"No such command '([^']*)'", error.message)
    if unknown and context and isinstance(context.command, TyperGroup):
        names = list(context.command.commands)
        return UsageError(f"{unknown[1]}", f"not a command of {called}", _suggestion(unknown[1], names, called))
    if kind == "NoSuchOption":
        near = " or ".join(error.possibilities or ())
        return UsageError(error.option_name, "no such option", f"did you mean {near}?" if near else remedy)
    if kind == "MissingParameter":
        return UsageError(_name(error.param), "missing", remedy)
    if kind == "BadParameter":
        match = BAD_VALUE.fullmatch(error.message)
        name = _name(error.param) or str(error.param_hint or "")
        where = f"{name} {match['value']}" if match else name
        return UsageError(where.strip(), match["problem"] if match else error.message.rstrip("."), remedy)
    if extra := EXTRA.match(error.message):
        where, problem = extra[1], f"more than {called} takes"
    else:
        where, problem = called or "command line", _one_line(error.format_message()).rstrip(".")
    return UsageError(where, problem, remedy)


def _suggestion(word: str, names: Sequence[str], called: str) -> str:
    meant = [name for name in SYNONYMS.get(word.lower(), ()) if name in names]
    near = meant or difflib.get_close_matches(word, names, 1, 0.5)
    return f"did you mean {called} {near[0]}?" if near else f"the commands are {', '.join(names)}"


def _name(parameter: Any) -> str:
    if parameter is None:
        return ""
    if isinstance(parameter, TyperArgument):
        return str(parameter.metavar or parameter.human_readable_name)
    return str(max(parameter.opts, key=len))


def _one_line(text: str) -> str:
    return " ".join(text.split())
