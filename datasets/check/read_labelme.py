"""Read a labelme folder for `datasets check`: the labelme files, their images, and images without a file."""

import posixpath
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import msgspec

from datasets.check.codes import Finding
from datasets.check.facts import AnnotationFacts, Entry, Facts, ImageFacts, Listing, Reading
from datasets.check.findings import place_below, same_stems, unusable
from datasets.check.format import has_several_splits
from datasets.check.labelme_annotations import join_annotations, shape_annotations, values_of
from datasets.check.packed import PackedList
from datasets.coco import SPLITS
from datasets.formats.labelme import LabelmeFile, read_labelme
from datasets.formats.labelme_flags import (
    GOOD,
    NOT_CATEGORIES,
    UNCERTAIN,
    all_left_out,
    annotation_key,
    check_label,
    is_unreviewed,
    left_out,
    listed_labels,
    proposed_types,
    set_flags,
    undrawn_types,
)
from datasets.formats.labelme_folder import (
    LabelmeImage,
    check_image_size,
    embedded_suffix,
    find_clashes,
    find_links_outside,
    has_marks,
    image_not_found,
    unlabelled_images,
)
from datasets.formats.labelme_images import Found, ImageFinder, Tree, is_excluded, list_tree
from datasets.formats.labelme_suspicions import check_values
from system.errors import InputError
from system.exclude import NOTHING, Excluder


class LabelmeEntry(Entry, frozen=True, kw_only=True):
    """A labelme file; an embedded image is removed."""

    file: LabelmeFile


class LabelmeFolder(msgspec.Struct, frozen=True):
    """A folder of labelme files."""

    name: str = "labelme folder"
    upright_only: bool = False

    def list_entries(self, root: Path, exclude: Excluder = NOTHING) -> Listing[LabelmeEntry] | None:
        """Every labelme file with its image, None if there is no labelme file.

        Raises InputError for non-Unicode names.
        """
        if not root.is_dir():
            return None
        tree = list_tree(root, exclude)
        lister, is_labelme = _Lister(tree, exclude), False
        for name in tree.files:
            file = _read(root / name)
            is_labelme = is_labelme or isinstance(file, LabelmeFile) or has_marks(root / name)
            lister.add(name, file)
        return lister.list_all() if is_labelme else None

    def read(self, entry: LabelmeEntry, width: int, height: int) -> Reading:
        """The shapes of one file, in pixels.

        Shapes of one label and one group are one annotation, as in a conversion.
        """
        findings: list[Finding] = []
        if width:
            try:
                check_image_size(entry.name, entry.file, height, width)
            except InputError as error:
                findings.append(Finding(entry.name, "$.imageWidth", "size-mismatch", error.problem))
        wanted = [(i, s) for i, s in enumerate(entry.file.shapes) if s.label not in NOT_CATEGORIES]
        drawn, faults = shape_annotations(entry.name, wanted, (height, width))
        if wanted and sum(fault.code == "shape-lost" for fault in faults) == len(wanted):
            value = posixpath.basename(entry.path or entry.name)
            findings.append(Finding(entry.name, "$.shapes", "image-left-out", value))
        groups: defaultdict[tuple[str, int | None, int], list[AnnotationFacts]] = defaultdict(list)
        for i, shape in wanted:
            if i in drawn:
                group = shape.group_id if drawn[i].area > 0 else None
                groups[annotation_key(shape.label, group, i)].append(drawn[i])
        return Reading([join_annotations(parts) for parts in groups.values()], [*findings, *faults])

    def is_split(self, images: Sequence[ImageFacts]) -> bool:
        """Whether the splits are for training; false for MVTec's own, where train has good images only."""
        train = [image.is_good for image in images if image.split == "train"]
        return not (train and all(train)) and has_several_splits(images)

    def check_together(self, facts: Facts) -> list[Finding]:  # noqa: ARG002
        """No findings."""
        return []


class _Read(msgspec.Struct, frozen=True):
    """A file without its embedded image, of which the suffix is known (see `embedded_suffix`), or its error."""

    name: str
    file: LabelmeFile | None = None
    is_embedded: bool = False
    suffix: str | None = None
    error: InputError | None = None


class _Lister:
    """The entries and findings of one folder, by the rules of `convert labelme2coco`.

    `add` each file, then `list_all`. Files stay packed, because the labels of all are needed to list the first.
    """

    def __init__(self, tree: Tree, exclude: Excluder) -> None:
        self._exclude = exclude
        self._tree = tree
        self._finder = ImageFinder(tree, None)
        self._read: PackedList[_Read] = PackedList()
        self._entries: PackedList[LabelmeEntry] = PackedList()
        self._labels: set[str] = set()  # of the entries
        self._findings: list[Finding] = []
        self._images: list[LabelmeImage] = []
        self._files = 0  # that can be read and have an image
        self._left_out: list[str] = []  # codes
        self._types = listed_labels(tree.root)

    def add(self, name: str, file: LabelmeFile | InputError) -> None:
        if isinstance(file, InputError):
            self._read.append(_Read(name, error=file))
        elif not is_excluded(self._tree, name, file.image_path, self._exclude):
            self._types |= proposed_types(file.record) | {shape.label for shape in file.shapes}
            suffix = embedded_suffix(file.image_data)
            light = msgspec.structs.replace(file, image_data=None)
            self._read.append(_Read(name, light, bool(file.image_data), suffix))

    def list_all(self) -> Listing[LabelmeEntry]:
        unreadable = set()
        for one in self._read:
            if one.error is not None:
                self._find(one.name, "", "unreadable-labels", one.error)
                unreadable.add(posixpath.splitext(one.name)[0])
            elif one.file is not None:
                self._list(one.name, one.file, one)
        self._read = PackedList()
        self._check_folder(unreadable)
        if self._files and len(self._left_out) == self._files and not unreadable:
            self._findings += unusable(self._tree.root, all_left_out(self._tree.root, self._left_out))
        self._check_values()
        return Listing(self._entries, sorted(self._labels - NOT_CATEGORIES), self._findings)

    def _list(self, name: str, file: LabelmeFile, read: _Read) -> None:
        try:
            located = self._finder.find(name, file.image_path, read.suffix)
        except InputError as error:
            path, code = self._tree.root / name, "broken-picture" if read.is_embedded else "missing-picture"
            whole = _read(path) if read.is_embedded else file
            reason = whole if isinstance(whole, InputError) else image_not_found(path, whole, error)
            self._find(name, "$.imagePath", code, reason)
            self._append(name, file, None)
            return
        image = LabelmeImage(located.file_name, name, located.path, located.event_code)
        self._images.append(image)
        if self._takes_part(name, file):
            self._append(name, file, located)

    def _takes_part(self, name: str, file: LabelmeFile) -> bool:
        """Whether a conversion uses the image, by its flags."""
        flags = set_flags(file)
        reason = left_out(flags, [(shape.label, is_unreviewed(shape)) for shape in file.shapes])
        reason = reason or undrawn_types(flags, [shape.label for shape in file.shapes], self._types)
        self._files += 1
        if reason is not None:
            where, code, value = reason
            self._left_out.append(code)
            self._findings.append(Finding(name, where, code, value))
            return code not in {"rejected", "flagged-type-without-shape"}
        if UNCERTAIN in flags and all(shape.label in NOT_CATEGORIES for shape in file.shapes):
            self._findings.append(Finding(name, "$.flags.uncertain", "uncertain", "no shape"))
            return False
        return True

    def _append(self, name: str, file: LabelmeFile, located: Found | None) -> None:
        for i, shape in enumerate(file.shapes):
            try:
                check_label(name, shape.label)
            except InputError as error:
                self._find(name, f"$.shapes[{i}].label", "empty-label", error)
        split, folder = name.partition("/")[0], posixpath.basename(posixpath.dirname(name))
        path = located.path if located is not None else None
        image_folder = Path(path).parent.name if path is not None else ""
        self._labels |= {shape.label for shape in file.shapes}
        embedded = str(self._tree.root / name) if located is not None and path is None else None
        self._entries.append(
            LabelmeEntry(
                name=name,
                path=path,
                split=split if split in SPLITS else "",
                is_good=GOOD in {folder, image_folder},
                embedded_in=embedded,
                file=msgspec.structs.replace(file, record=None),
            )
        )

    def _check_folder(self, unreadable: set[str]) -> None:
        root = self._tree.root
        for error in find_clashes(root, self._images):
            self._find(place_below(root, error.where), "$.imagePath", "ambiguous-pair", error)
        for error in find_links_outside(self._images, [self._tree]):
            self._find(place_below(root, error.where), "", "missing-picture", error)
        self._findings += same_stems(image.file_name for image in self._images)
        for located in unlabelled_images(self._images, [self._tree]):
            stem = posixpath.splitext(located.file_name)[0]
            if stem not in unreadable and posixpath.basename(stem) not in self._exclude.stems():
                self._findings.append(Finding(located.file_name, "", "unlabelled", "no JSON"))

    def _check_values(self) -> None:
        try:
            suspicion = check_values(self._tree.root, [values_of(entry.file) for entry in self._entries])
        except InputError as error:
            self._findings += unusable(self._tree.root, error)
        else:
            self._findings += [Finding("(dataset)", "", "box-form", suspicion)] if suspicion else []

    def _find(self, name: str, where: str, code: str, error: InputError) -> None:
        self._findings.append(Finding(name, where, code, error.problem))


def _read(path: Path) -> LabelmeFile | InputError:
    try:
        return read_labelme(path)
    except InputError as error:
        return error
