"""Lists of class names, one on each line: `classes.txt`, `obj.names`, `_darknet.labels`.

The line gives the index. Other programs and people write the index, too (`0: chip`), or a YAML or JSON list.
"""

import re
from collections.abc import Sequence
from pathlib import Path

from datasets.formats.yolo_description import check_names, read_lines
from system.errors import InputError

NUMBERED = re.compile(r"(\d+)(\s*[:.)=,;]\s*|\s+)(\S.*)")
OTHER_FORM = re.compile(r"(names|nc|path|train|val)\s*:|[\[{'\"]|[-#]\s")  # YAML, JSON, quotes, a comment
REMEDY = "write only the names, one on each line, that of class 0 first"


def read_class_list(file: Path) -> tuple[tuple[str, ...], tuple[tuple[str, str], ...]]:
    """The names in a list, and (code, value) of what was not as expected.

    If every line begins with its index, counted from 0, the index is not part of the name (`index-prefix`).
    Raises InputError for other numbers, for YAML and JSON, for several names on the only line, for no name, and
    for a name that occurs twice.
    """
    lines = read_lines(file)
    names, notes = without_index(file, lines)
    _check_form(file, lines)
    check_names(file, names)
    return names, notes


def without_index(file: Path, lines: Sequence[str]) -> tuple[tuple[str, ...], tuple[tuple[str, str], ...]]:
    """The names without indices before them, as in `read_class_list`. Raises InputError for other numbers."""
    found = [match for line in lines if (match := NUMBERED.fullmatch(line)) is not None]
    unchanged = tuple(lines), ()
    if not lines or len(found) < len(lines):
        return unchanged
    numbers = [int(match[1]) for match in found]
    if numbers == list(range(len(lines))):
        names = tuple(match[3] for match in found)
        return names, (("index-prefix", f"{lines[0]}, read as {names[0]}"),)
    has_marks = all(match[2].strip() for match in found)
    lowest = min(numbers)
    if len(lines) > 1 and has_marks and lowest < 2 and sorted(numbers) == list(range(lowest, lowest + len(lines))):
        problem = f"its lines have the numbers {', '.join(map(str, numbers[:5]))}, not their indices 0, 1, 2, ..."
        raise InputError(file, problem, REMEDY)
    return unchanged


def _check_form(file: Path, lines: Sequence[str]) -> None:
    other = next((line for line in lines[:1] if OTHER_FORM.match(line)), None)
    if other is not None:
        raise InputError(file, f"begins with {other[:40]!r}, which is not a class name", REMEDY)
    if len(lines) == 1 and "," in lines[0]:
        raise InputError(file, f"its only line is {lines[0][:40]!r}, which may be several names", REMEDY)
