"""`labelmap.txt`, in which CVAT and Datumaro name the colours of the defect types of their masks."""

from collections.abc import Sequence
from pathlib import Path

from datasets.images.colour_mask import BACKGROUND, VOID_COLOUR, Colour, format_colour
from system.errors import InputError, OptionError
from system.files import read_text

LABELMAP = "labelmap.txt"
BACKGROUND_NAME = "background"  # as CVAT calls it
IGNORED_NAME = "ignored"  # as Datumaro calls the void pixels of Pascal VOC


def read_labelmap(path: Path) -> list[tuple[str, Colour]]:
    """The name and colour of each defect type of a `labelmap.txt`, in its order, without background and void.

    A line is `name:R,G,B:parts:actions`. If no line has a colour, as Datumaro writes it by default, the colours
    are those of Pascal VOC's palette in the order of the lines, from black for background. Raises InputError for a
    line in another form, for a colour with two types, and if there are no types.
    """
    try:
        lines = read_text(path).splitlines()
    except OSError as error:
        raise InputError(
            path, f"cannot be read ({error.strerror})", "name the labelmap.txt of the export"
        ) from None
    except UnicodeDecodeError as error:
        raise InputError(path, f"not UTF-8 text: {error}", "save it as UTF-8") from None
    types = []
    rows = [(number, line.strip()) for number, line in enumerate(lines, 1)]
    rows = [(number, text) for number, text in rows if text and not text.startswith("#")]
    has_colours = any(text.split(":")[1:2] not in ([], [""]) for _, text in rows)
    for index, (number, text) in enumerate(rows):
        name, separator, rest = text.partition(":")
        colour = _parse_colour(rest.split(":")[0]) if has_colours or not separator else palette_colour(index)
        if colour is None or not name.strip():
            raise InputError(f"{path}, line {number}", f"{text!r} has no colour", "write NAME:R,G,B::")
        is_background = name.strip().casefold() == BACKGROUND_NAME
        if is_background and colour != BACKGROUND:
            problem = f"the background has the colour {format_colour(colour)}, and only black is background"
            raise InputError(f"{path}, line {number}", problem, "make it black in the masks and here")
        if is_background or (name.strip(), colour) == (IGNORED_NAME, VOID_COLOUR):
            continue
        types.append((name.strip(), colour))
    if not types:
        raise InputError(path, "contains no defect type", "write a line NAME:R,G,B:: for each")
    if repeated := _repeated(types):
        raise InputError(path, repeated, "give each type a colour of its own")
    return types


def parse_colours(texts: Sequence[str]) -> list[tuple[str, Colour]]:
    """The name and colour of each NAME=R,G,B; a type may have several colours. Raises OptionError."""
    types = []
    for text in texts:
        name, _, rest = text.rpartition("=")
        colour = _parse_colour(rest)
        if colour is None or not name.strip():
            raise OptionError(
                f"--colours {text}", "not a name and a colour", "give NAME=R,G,B, as in chip=250,50,83"
            )
        types.append((name.strip(), colour))
    if repeated := _repeated(types):
        raise OptionError("--colours", repeated, "give each type a colour of its own")
    return types


def palette_colour(index: int) -> Colour:
    """The colour of an index in Pascal VOC's palette: each three bits of the index are bits of R, G and B.

    Source: VOClabelcolormap.m of the VOC development kit.

    >>> palette_colour(1), palette_colour(255)
    ((128, 0, 0), (224, 224, 192))
    """
    red = green = blue = 0
    for bit in range(8):
        red |= (index >> (3 * bit) & 1) << (7 - bit)
        green |= (index >> (3 * bit + 1) & 1) << (7 - bit)
        blue |= (index >> (3 * bit + 2) & 1) << (7 - bit)
    return red, green, blue


def _repeated(types: list[tuple[str, Colour]]) -> str | None:
    names: dict[Colour, str] = {}
    for name, colour in types:
        if colour in names:
            return f"{format_colour(colour)} is the colour of {names[colour]} and of {name}"
        names[colour] = name
    return None


def _parse_colour(text: str) -> Colour | None:
    parts = text.split(",")
    if len(parts) != 3 or not all(part.strip().isascii() and part.strip().isdigit() for part in parts):
        return None
    red, green, blue = (int(part) for part in parts)
    return (red, green, blue) if max(red, green, blue) <= 255 else None
