"""Faults of a labelme folder as a whole: images described twice, names that clash, links that lead outside.

The functions yield every fault; a conversion raises the first one, `datasets check` reports all of them.
"""

import base64
import binascii
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import msgspec

from datasets.formats.labelme import LabelmeFile, embedded_picture
from datasets.formats.labelme_images import Found, Tree, bare_name
from datasets.images.ending import ending_of
from system.errors import InputError


class LabelmeImage(msgspec.Struct, frozen=True):
    """An image of a labelme folder: `file` is its labelme file, None for an unlabelled image.

    `file_name` is its name in a dataset, `path` is None where it is embedded in `file`, `how` is the code of an
    event about where it was found. An `uncertain` image, flagged so, must not become a negative.
    """

    file_name: str
    file: str | None
    path: str | None
    how: str = ""
    uncertain: bool = False


def embedded_suffix(image_data: str | None) -> str | None:
    """The suffix that fits the embedded image `image_data` (base64), None where there is none or it is unknown."""
    try:
        start = base64.b64decode((image_data or "")[:16])
    except (binascii.Error, ValueError):
        return None
    return ending_of(start)


def image_not_found(path: Path, file: LabelmeFile, error: InputError) -> InputError:
    """Why the labelme file at `path` has no image: the `error` of the search, or that of its image data."""
    try:
        embedded_picture(path, file)
    except InputError as of_data:
        return of_data
    return error


def find_clashes(root: Path, images: Iterable[LabelmeImage]) -> Iterator[InputError]:
    """Labelme files that describe an image already described, and images of one name in the dataset."""
    taken: dict[str, LabelmeImage] = {}
    for image in images:
        other = taken.setdefault(image.file_name, image)
        if other is image:
            continue
        where = root / str(image.file or other.file)
        if image.path == other.path:
            problem = f"labels {image.file_name}, as {other.file} does"
            yield InputError(where, problem, "merge the two into one or remove one")
        else:
            problem = f"two images would be {image.file_name} in the dataset: {image.path}, {other.path}"
            yield InputError(where, problem, "rename one of them")


def find_links_outside(images: Iterable[LabelmeImage], trees: Sequence[Tree]) -> Iterator[InputError]:
    """Images that are links to a place outside the folders that were named."""
    links = {f"{tree.root}/{name}" for tree in trees for name in tree.links}
    roots = [tree.root.resolve() for tree in trees]
    for image in images:
        if image.path in links and not any(map(Path(image.path).resolve().is_relative_to, roots)):
            problem = f"a link that leads outside, to {Path(image.path).resolve()}"
            yield InputError(image.path, problem, "copy the image, or name the folder it is in with --images")


def find_embedded_elsewhere(images: Iterable[Found], embedded: Mapping[str, str]) -> Iterator[InputError]:
    """Unlabelled images of the name of an embedded one; `embedded` is bare name -> labelme file."""
    for image in images:
        if file := embedded.get(bare_name(image.file_name)):
            problem = f"would be a negative, but {file} has an image of that name in $.imageData"
            remedy = "if it is the same, name its folder with --images, else rename it"
            yield InputError(str(image.path), problem, remedy)


def unlabelled_images(images: Iterable[LabelmeImage], trees: Sequence[Tree]) -> list[Found]:
    """The images of `trees` that none of `images` is."""
    labelled = {image.path for image in images}
    found = [Found(name, f"{tree.root}/{name}") for tree in trees for name in sorted(tree.pictures)]
    return [image for image in found if image.path not in labelled]


def check_image_size(path: Path | str, file: LabelmeFile, height: int, width: int) -> None:
    """Raise InputError where the labelme file at `path` gives another size than its image has when upright."""
    declared = (file.image_height or height, file.image_width or width)
    if declared != (height, width):
        given = f"$.imageWidth x $.imageHeight is {declared[1]} x {declared[0]}"
        problem = f"{given}, its image {width} x {height} pixels when upright"
        raise InputError(path, problem, "the shapes are of another image; open and save it with labelme")
