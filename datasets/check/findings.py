"""Turn errors of a conversion into findings, so that both use the same words."""

from collections.abc import Iterable
from pathlib import Path

from datasets.check.codes import Finding
from datasets.formats.file_names import find_same_stems
from system.errors import CombinedInputError, InputError
from system.links import check_inside


def place_below(root: Path, where: Path | str) -> str:
    """The place of an error relative to the dataset `root`, with forward slashes; unchanged if it is elsewhere.

    >>> place_below(Path("d"), Path("d/a/b.txt")), place_below(Path("d"), "d/a.json, $[3]")
    ('a/b.txt', 'a.json, $[3]')
    """
    text = str(where)
    if text == str(root):
        return root.name
    return text.removeprefix(f"{root}/")


def as_finding(root: Path, error: InputError, code: str) -> Finding:
    """The finding of an error in the dataset `root`."""
    return Finding(place_below(root, error.where), "", code, error.problem)


def same_stems(names: Iterable[str]) -> list[Finding]:
    """Findings for images whose names in a dataset differ only in the ending: their masks would have one name."""
    errors = find_same_stems(sorted(set(names)))
    return [Finding(str(error.where), "", "ambiguous-pair", error.problem) for error in errors]


def links_outside(root: Path, images: Iterable[Path | str], folders: Iterable[Path]) -> list[Finding]:
    """Findings for images that are links to files outside of all `folders`."""
    allowed = list(folders)
    findings = []
    for image in images:
        try:
            check_inside(image, allowed)
        except InputError as error:
            findings.append(as_finding(root, error, "missing-picture"))
    return findings


def unusable(root: Path, error: InputError) -> list[Finding]:
    """A finding for each fault because of which a conversion refuses the whole dataset `root`."""
    errors = error.errors if isinstance(error, CombinedInputError) else (error,)
    return [as_finding(root, one, "unusable-dataset") for one in errors]
