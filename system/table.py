"""Tables as text: numbers right-aligned, text and the first column left-aligned, wide cells folded.

rich could do this, but importing it takes longer than most commands need to run.
"""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from itertools import chain, zip_longest

GAP = "   "
MIN_WIDTH = 8  # terminal columns; a column is not folded further
NUMBER = re.compile(r"[-+\u2212]?\.?\d|[-\u2013]?$")  # or a cell without digits: empty or a dash
WIDE = frozenset({"W", "F"})


def format_table(columns: Sequence[str], rows: Iterable[Sequence[object]], width: int | None = None) -> list[str]:
    """The lines of a table, without a header if no column has a name.

    With `width` (terminal columns), the widest columns are folded until the table fits or none can be narrowed.
    """
    cells = [[printable(str(cell)) for cell in row] for row in rows]
    header = [printable(column) for column in columns]
    numeric = [i > 0 and all(NUMBER.match(row[i]) for row in cells) for i in range(len(header))]
    widths = [max(map(display_width, column)) for column in zip(header, *cells, strict=True)]
    if width is not None:
        widths = _fit(widths, width - 1 - len(GAP) * (len(widths) - 1))
    lines = list(chain.from_iterable(_lines(row, widths, numeric) for row in cells))
    if any(header):
        rule = "─" * (sum(widths) + len(GAP) * (len(widths) - 1) + 1)
        lines[:0] = [*_lines(header, widths, numeric), rule]
    return lines


def fold(text: str, width: int | None) -> list[str]:
    """`text` in lines of at most `width` terminal columns, split at blanks where possible; one line without it."""
    return [text] if width is None else _fold(text, max(width, MIN_WIDTH))


def display_width(text: str) -> int:
    """Number of terminal columns that `text` occupies."""
    if text.isascii():
        return len(text)
    return sum(map(_character_width, text))


def printable(text: str) -> str:
    """`text` with escapes in place of control characters, so that no file name can break the terminal.

    >>> printable("a\\x1b[2J.png")
    'a\\\\x1b[2J.png'
    """
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape", "backslashreplace").decode() for c in text)


def _character_width(character: str) -> int:
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in WIDE else 1


def _fit(widths: Sequence[int], room: int) -> list[int]:
    fitted = list(widths)
    while sum(fitted) > room and max(fitted) > MIN_WIDTH:
        fitted[fitted.index(max(fitted))] -= 1
    return fitted


def _lines(row: Sequence[str], widths: Sequence[int], right: Sequence[bool]) -> list[str]:
    folded = [_fold(cell, width) for cell, width in zip(row, widths, strict=True)]
    lines = []
    for parts in zip_longest(*folded, fillvalue=""):
        padded = []
        for part, width, to_right in zip(parts, widths, right, strict=True):
            blank = " " * (width - display_width(part))
            padded.append(blank + part if to_right else part + blank)
        lines.append((" " + GAP.join(padded)).rstrip())
    return lines


def _fold(cell: str, width: int) -> list[str]:
    """The cell in pieces of at most `width` columns, split at blanks where possible."""
    pieces = []
    while display_width(cell) > width:
        end = taken = 0
        while taken + (step := _character_width(cell[end])) <= width:
            taken += step
            end += 1
        end = max(end, 1)
        blank = cell.rfind(" ", 1, end + 1)
        cut = blank if blank > 0 else end
        pieces.append(cell[:cut].rstrip())
        cell = cell[cut:].lstrip()
    return [*pieces, cell]
