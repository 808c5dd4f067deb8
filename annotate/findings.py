"""Problems in the labels of a folder: the label checks of `datasets check`, and further ones for labelme files."""

from collections.abc import Iterator, Sequence
from difflib import get_close_matches
from pathlib import Path

from annotate.folder_images import FolderImage, upright_size
from datasets.check.annotations import check_good, check_outside, check_pairs, check_zero_area
from datasets.check.categories import check_names
from datasets.check.codes import CHECK_CODES, Finding
from datasets.check.facts import Facts, ImageFacts
from datasets.check.read_labelme import LabelmeEntry, LabelmeFolder
from datasets.formats.labelme import LabelmeFile, Shape, read_labelme
from datasets.formats.labelme_flags import BACKGROUND, IGNORE
from system.errors import InputError

MEANING_OF_OWN_CODE = {
    "label-case": "label that differs from a known one only in case or spaces",
    "unknown-label": "label that is not in labels.txt",
    "self-crossing": "polygon that crosses itself",
}
NOT_OF_LABELS = frozenset(  # reported by `annotate status`
    {"unlabelled", "rejected", "uncertain", "unreviewed", "unusable-dataset"}
)


def meaning(code: str) -> str:
    """The meaning of a code."""
    return MEANING_OF_OWN_CODE.get(code) or CHECK_CODES[code].meaning


def find_problems(root: Path, images: Sequence[FolderImage], labels: Sequence[str]) -> list[Finding]:
    """Problems in the labelme files of `root`, sorted; `labels` are the known ones, empty to accept any.

    Files that cannot be read are reported, not raised.
    """
    listing = LabelmeFolder().list_entries(root)
    if listing is None:
        return []
    image_facts = [_read_facts(entry) for entry in listing.entries]
    facts = Facts(listing.categories, image_facts, is_split=False)
    findings = [*listing.findings, *(finding for image in image_facts for finding in image.findings)]
    findings += [*check_good(image_facts), *check_zero_area(image_facts)]
    findings += [*check_outside(image_facts), *check_pairs(image_facts)]
    findings += [*check_names(facts), *_own(images, labels)]
    return sorted({finding for finding in findings if finding.code not in NOT_OF_LABELS})


def known_spelling(label: str, labels: Sequence[str]) -> str | None:
    """The known label that equals `label` except for case and spaces, or None."""
    spelled = {known.casefold(): known for known in labels}
    return spelled.get(" ".join(label.split()).casefold())


def crosses_itself(shape: Shape) -> bool:
    """Whether `shape` is a polygon with an area whose outline crosses or touches itself."""
    import shapely

    if shape.kind != "polygon" or len(shape.points) < 3:
        return False
    ring = shapely.Polygon(shape.points)
    return not ring.is_valid and bool(shapely.convex_hull(ring).area)


def _read_facts(entry: LabelmeEntry) -> ImageFacts:
    height, width, broken = 0, 0, []
    if entry.path is not None:
        try:
            height, width = upright_size(Path(entry.path))
        except InputError as error:
            broken = [Finding(entry.name, "", "broken-picture", error.problem)]
    reading = LabelmeFolder().read(entry, width, height)
    findings = [*broken, *reading.findings]
    return ImageFacts(entry.name, entry.split, entry.is_good, reading.annotations, findings, width, height)


def _own(images: Sequence[FolderImage], labels: Sequence[str]) -> Iterator[Finding]:
    for image in images:
        if not image.labelled:
            continue
        try:
            file = read_labelme(image.label_path)
        except InputError:
            continue  # already reported as unreadable-labels
        yield from _own_of(image.label_path.relative_to(image.root).as_posix(), file, labels)


def _own_of(name: str, file: LabelmeFile, labels: Sequence[str]) -> Iterator[Finding]:
    for i, shape in enumerate(file.shapes):
        where = f"$.shapes[{i}]"
        if labels and shape.label not in {*labels, IGNORE, BACKGROUND}:
            yield Finding(name, where, *_label_problem(shape.label, labels))
        if crosses_itself(shape):
            yield Finding(name, where, "self-crossing", shape.label)


def _label_problem(label: str, labels: Sequence[str]) -> tuple[str, str]:
    known = known_spelling(label, labels)
    if known:
        return "label-case", f"{label} for {known}"
    close = get_close_matches(label, labels, n=1)
    return "unknown-label", f"{label} (did you mean {close[0]}?)" if close else label
