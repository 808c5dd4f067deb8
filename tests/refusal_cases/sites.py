"""The places in the code that refuse input, and which of them a block of code reaches."""

import ast
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from system.errors import CombinedInputError, InputError
from tests.import_graph import ROOT, import_graph, modules

Line = tuple[str, int]  # file, line
Site = str  # "path/of/module.py: function"; see `sites`
UNKNOWN = "?"
CLASSES = frozenset({"InputError", "MaskSizeError"})  # whose construction is looked for
HELPER = "add"  # TreeReading.add(where, problem, remedy): its callers state the words


def converting_modules() -> dict[str, Path]:
    """Every module of convert/ and every module that one of them imports, directly or not."""
    graph, files = import_graph(), modules()
    reached: set[str] = set()
    todo = [name for name in graph if name.split(".")[0] == "convert"]
    while todo:
        name = todo.pop()
        if name not in reached:
            reached.add(name)
            todo += graph[name]
    return {name: files[name] for name in sorted(reached)}


def sites() -> dict[Site, tuple[str, range]]:
    """Every construction of an InputError in these modules: its file and its lines.

    A site is named by its module and function, and numbered in the order of lines where a function has several.
    """
    found: dict[Site, tuple[str, range]] = {}
    for path in converting_modules().values():
        places = [(call, f"{path.relative_to(ROOT).as_posix()}: {function}") for call, function in _calls(path)]
        times = Counter(name for _, name in places)
        numbers: Counter[str] = Counter()
        for call, name in places:
            numbers[name] += 1
            site = f"{name} ({numbers[name]})" if times[name] > 1 else name
            found[site] = (str(path), range(call.lineno, (call.end_lineno or call.lineno) + 1))
    return found


def _calls(path: Path) -> list[tuple[ast.Call, str]]:
    """Each call that constructs an InputError, in the order of lines, with the qualified name of its function."""
    found: list[tuple[ast.Call, str]] = []

    def walk(node: ast.AST, function: str) -> None:
        for child in ast.iter_child_nodes(node):
            inner = function
            if isinstance(child, ast.FunctionDef | ast.ClassDef):
                inner = f"{function}.{child.name}".lstrip(".")
            if isinstance(child, ast.Call) and _constructs(child) and function.rpartition(".")[2] != HELPER:
                found.append((child, function))
            walk(child, inner)

    walk(ast.parse(path.read_text()), "")
    return sorted(found, key=lambda pair: pair[0].lineno)


def _constructs(call: ast.Call) -> bool:
    """Whether a call constructs an InputError, itself or by the one method that is given the words."""
    if isinstance(call.func, ast.Name):
        return call.func.id in CLASSES
    return isinstance(call.func, ast.Attribute) and call.func.attr == HELPER and len(call.args) == 3


@contextmanager
def recorded() -> Iterator[dict[int, Line]]:
    """Record where each InputError of the block is constructed, by the id of the error.

    The errors are kept alive, so that no id is used twice.
    """
    lines: dict[int, Line] = {}
    kept: list[InputError] = []
    plain = InputError.__init__

    def construct(error: InputError, where: Path | str, problem: str, remedy: str) -> None:
        frame = sys._getframe(1)
        if frame.f_code.co_qualname == f"TreeReading.{HELPER}" and frame.f_back is not None:
            frame = frame.f_back
        plain(error, where, problem, remedy)
        kept.append(error)
        lines[id(error)] = (frame.f_code.co_filename, frame.f_lineno)

    InputError.__init__ = construct  # type: ignore[method-assign]
    try:
        yield lines
    finally:
        del InputError.__init__


def site_of(line: Line, known: dict[Site, tuple[str, range]]) -> Site:
    """The site at a line, UNKNOWN if there is none."""
    file, number = line
    return next((site for site, (path, lines) in known.items() if path == file and number in lines), UNKNOWN)


def single(error: InputError) -> tuple[InputError, ...]:
    """The errors that are combined in `error`, or the error itself."""
    return error.errors if isinstance(error, CombinedInputError) else (error,)
