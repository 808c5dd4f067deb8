"""Map labels to categories: alphabetically or in the order of a labels file, with renames."""

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from pathlib import Path

from convert.report import Event
from datasets.coco import Category
from datasets.formats.category_names import category_name, joined_labels
from datasets.formats.labelme_flags import BACKGROUND, NOT_CATEGORIES, check_label
from system.errors import InputError, OptionError
from system.files import read_text


def parse_renames(pairs: Iterable[str]) -> dict[str, str]:
    """Parse texts like old=new into {old: new}. Raises OptionError for another form or a contradiction."""
    renames: dict[str, str] = {}
    for pair in pairs:
        old, equals, new = pair.partition("=")
        if not (old and equals and new):
            raise OptionError(f"--rename {pair}", "not of the form old=new", "for example: scrach=scratch")
        if renames.get(old, new) != new:
            raise OptionError(
                f"--rename {pair}", f"{old} is already renamed to {renames[old]}", "rename each label once"
            )
        renames[old] = new
    return renames


def read_labels_file(path: Path) -> list[str]:
    """The categories of a labelme labels file, one per line, in its order.

    Raises InputError if it does not exist, is not UTF-8 or repeats a label.
    """
    try:
        lines = read_text(path).splitlines()
    except FileNotFoundError:
        raise InputError(path, "no such file", "name labelme's labels file") from None
    except UnicodeDecodeError as error:
        raise InputError(path, f"not UTF-8 text: {error}", "save it as UTF-8") from None
    labels = [line.strip() for line in lines if line.strip()]
    seen: set[str] = set()
    for label in labels:
        if label in seen:
            raise InputError(path, f"the label {label} occurs twice", "keep one of them")
        seen.add(label)
    return [label for label in labels if label not in NOT_CATEGORIES]


def make_categories(
    seen: Mapping[str, str], labels: list[str] | None, renames: Mapping[str, str]
) -> tuple[list[Category], dict[str, int]]:
    """The categories, and label -> category id; background labels have id 0, ignored labels have none.

    `seen` is label -> place where it occurs. Labels with one `category_name` are one category. Raises InputError
    for an empty label and for one that is not in `labels`, OptionError for a rename of a label that does not
    occur.
    """
    for old in renames:
        if old not in seen:
            raise OptionError(f"--rename {old}={renames[old]}", f"no shape is labelled {old}", _nearest(old, seen))
    labels = labels and [category_name(label) for label in labels]
    named = {label: category_name(renames.get(label, label)) for label in seen}
    for label, name in named.items():
        check_label(seen[label], name)
        if labels is not None and name not in labels and name not in NOT_CATEGORIES:
            raise InputError(seen[label], f"the label {name} is not in --labels", _nearest(name, labels))
    names = labels if labels is not None else sorted(set(named.values()) - NOT_CATEGORIES)
    ids = {name: i for i, name in enumerate(names, 1)}
    known = ids | {BACKGROUND: 0}
    return [Category(i, name) for name, i in ids.items()], {
        label: known[name] for label, name in named.items() if name in known
    }


def joined_events(seen: Mapping[str, str]) -> list[Event]:
    """An event for each category of several labels that look the same; `seen` as in `make_categories`."""
    return [
        Event(
            seen[labels[-1]].partition(", ")[0].rpartition("/")[2],
            "",
            "joined-category",
            f"{len(labels)} spellings of {name}",
        )
        for name, labels in joined_labels(seen)
    ]


def _nearest(label: str, known: Iterable[str]) -> str:
    by_case = {name.casefold(): name for name in known}
    close = get_close_matches(label.casefold(), by_case, n=1)
    if close:
        return f"did you mean {by_case[close[0]]}?"
    return f"known: {', '.join(sorted(by_case.values())) or 'none'}"
