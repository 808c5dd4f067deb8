"""What is wrong with the labels of a folder: checks of `datasets check` that concern labels, and labelme's own."""

from collections.abc import Iterator, Sequence
from difflib import get_close_matches
from pathlib import Path

from annotate.pictures import Picture, upright_size
from datasets.check.annotations import check_good, check_outside, check_pairs, check_zero_area
from datasets.check.categories import check_names
from datasets.check.codes import CHECK_CODES, Finding
from datasets.check.facts import Entry, Facts, ImageFacts
from datasets.check.read_labelme import list_labelme, read_labelme_entry
from datasets.formats.labelme import LabelmeFile, Shape, read_labelme
from datasets.formats.labelme_flags import BACKGROUND, IGNORE, is_unreviewed, set_flags
from system.errors import InputError

OWN_MEANING = {
    "label-case": "label that is a known one but for case or spaces",
    "unknown-label": "label that is not in labels.txt",
    "self-crossing": "polygon that crosses itself",
    "flagged-good-with-shape": "image flagged good that has a shape a person drew or reviewed",
}
NOT_OF_LABELS = frozenset({"unlabelled"})  # what `annotate status` tells


def meaning(code: str) -> str:
    """What a code says."""
    return OWN_MEANING.get(code) or CHECK_CODES[code].meaning


def find_problems(root: Path, pictures: Sequence[Picture], labels: Sequence[str]) -> list[Finding]:
    """What is wrong in the labelme files of `root`, sorted; `labels`: the known ones, none for any."""
    listing = list_labelme(root)
    if listing is None:
        return []
    images = [_look_at(entry) for entry in listing.entries]
    facts = Facts(listing.categories, images, is_split=False)
    found = [*listing.findings, *(finding for image in images for finding in image.findings)]
    found += [*check_good(facts), *check_zero_area(facts), *check_outside(facts), *check_pairs(facts)]
    found += [*check_names(facts), *_own(pictures, labels)]
    return sorted({finding for finding in found if finding.code not in NOT_OF_LABELS})


def known_spelling(label: str, labels: Sequence[str]) -> str | None:
    """The known label that `label` is, but for case and spaces; None where there is none."""
    spelled = {known.casefold(): known for known in labels}
    return spelled.get(" ".join(label.split()).casefold())


def crosses_itself(shape: Shape) -> bool:
    """Whether a polygon with an area is no simple ring."""
    import shapely

    if shape.kind != "polygon" or len(shape.points) < 3:
        return False
    ring = shapely.Polygon(shape.points)
    return not ring.is_valid and bool(shapely.convex_hull(ring).area)


def _look_at(entry: Entry) -> ImageFacts:
    height, width, broken = 0, 0, []
    if entry.path is not None:
        try:
            height, width = upright_size(Path(entry.path))
        except InputError as error:
            broken = [Finding(entry.name, "", "broken-picture", error.problem)]
    instances, findings = read_labelme_entry(entry, width, height)
    return ImageFacts(entry.name, entry.split, entry.is_good, instances, [*broken, *findings], width, height)


def _own(pictures: Sequence[Picture], labels: Sequence[str]) -> Iterator[Finding]:
    for picture in pictures:
        if not picture.labelled:
            continue
        try:
            file = read_labelme(picture.label_path)
        except InputError:
            continue  # told as unreadable-labels
        yield from _own_of(picture.label_path.relative_to(picture.root).as_posix(), file, labels)


def _own_of(name: str, file: LabelmeFile, labels: Sequence[str]) -> Iterator[Finding]:
    for i, shape in enumerate(file.shapes):
        where = f"$.shapes[{i}]"
        if labels and shape.label not in {*labels, IGNORE, BACKGROUND}:
            yield Finding(name, where, *_label_problem(shape.label, labels))
        if crosses_itself(shape):
            yield Finding(name, where, "self-crossing", shape.label)
    drawn = sum(not is_unreviewed(shape) for shape in file.shapes)
    if drawn and "good" in set_flags(file):
        yield Finding(name, "$.flags.good", "flagged-good-with-shape", f"{drawn} shapes")


def _label_problem(label: str, labels: Sequence[str]) -> tuple[str, str]:
    known = known_spelling(label, labels)
    if known:
        return "label-case", f"{label} for {known}"
    close = get_close_matches(label, labels, n=1)
    return "unknown-label", f"{label} (did you mean {close[0]}?)" if close else label
