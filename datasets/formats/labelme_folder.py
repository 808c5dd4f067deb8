"""Faults of a whole labelme folder: images described twice, names that clash, links that point outside the folder.

The functions yield every fault; a conversion raises the first one, `datasets check` reports all of them.
"""

import base64
import binascii
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import msgspec

from datasets.formats.labelme import LabelmeFile, embedded_image, read_json
from datasets.formats.labelme_images import Found, Tree, bare_name
from datasets.images.ending import ending_of
from system.errors import InputError

MARKS = (b'"shapes"', b'"imagePath"')  # labelme writes both


class LabelmeImage(msgspec.Struct, frozen=True):
    """An image of a labelme folder: `file` is its labelme file, None for an unlabelled image.

    `file_name` is its name in the dataset; `path` is None if it is embedded in `file`. `event_code` is the code of
    an event about where it was found, or empty. An image flagged `uncertain` must not become a negative.
    """

    file_name: str
    file: str | None
    path: str | None
    event_code: str = ""
    uncertain: bool = False


def embedded_suffix(image_data: str | None) -> str | None:
    """The suffix that fits the embedded image `image_data` (base64), None if there is none or it is unknown."""
    try:
        start = base64.b64decode((image_data or "")[:16])
    except (binascii.Error, ValueError):
        return None
    return ending_of(start)


def image_not_found(path: Path, file: LabelmeFile, error: InputError) -> InputError:
    """Why the labelme file at `path` has no image: a fault of its image data, else `error` of the search."""
    try:
        embedded_image(path, file)
    except InputError as of_data:
        return of_data
    return error


def has_marks(path: Path) -> bool:
    """Whether labelme wrote the file at `path`, even if it cannot be read."""
    try:
        data = read_json(path)
    except InputError:
        return False
    return any(mark in data for mark in MARKS)


def find_clashes(root: Path, images: Iterable[LabelmeImage]) -> Iterator[InputError]:
    """Yield an error for each image that is described twice, and for each image name that occurs twice."""
    taken: dict[str, LabelmeImage] = {}
    for image in images:
        other = taken.setdefault(image.file_name, image)
        if other is image:
            continue
        where = root / str(image.file or other.file)
        if image.path == other.path:
            problem = f"labels {image.file_name}, which {other.file} also labels"
            yield InputError(where, problem, "merge the two into one or remove one")
        else:
            problem = f"two images would be named {image.file_name} in the dataset: {image.path}, {other.path}"
            yield InputError(where, problem, "rename one of them")


def without_clashes(images: Sequence[LabelmeImage], others: Iterable[LabelmeImage]) -> list[LabelmeImage]:
    """The images that do not clash with each other nor with `others`: all that share a name are left out."""
    times = Counter(image.file_name for image in (*images, *others))
    return [image for image in images if times[image.file_name] == 1]


def find_links_outside(images: Iterable[LabelmeImage], trees: Sequence[Tree]) -> Iterator[InputError]:
    """Yield an error for each image that is a link to a file outside the given folders."""
    links = {f"{tree.root}/{name}" for tree in trees for name in tree.links}
    roots = [tree.root.resolve() for tree in trees]
    for image in images:
        if image.path in links and not any(map(Path(image.path).resolve().is_relative_to, roots)):
            problem = f"a link that points outside the folder, to {Path(image.path).resolve()}"
            yield InputError(image.path, problem, "copy the image, or name the folder it is in with --images")


def find_embedded_elsewhere(images: Iterable[Found], embedded: Mapping[str, str]) -> Iterator[InputError]:
    """Yield an error for each unlabelled image with the name of an embedded one.

    `embedded` is bare name -> file.
    """
    for image in images:
        if file := embedded.get(bare_name(image.file_name)):
            problem = f"would be a negative, but {file} has an image of that name in $.imageData"
            remedy = "if it is the same image, name its folder with --images, otherwise rename it"
            yield InputError(str(image.path), problem, remedy)


def unlabelled_images(images: Iterable[LabelmeImage], trees: Sequence[Tree]) -> list[Found]:
    """The images of `trees` that are not among `images`."""
    labelled = {image.path for image in images}
    listed = [Found(name, f"{tree.root}/{name}") for tree in trees for name in sorted(tree.images)]
    return [image for image in listed if image.path not in labelled]


def check_image_size(path: Path | str, file: LabelmeFile, height: int, width: int) -> None:
    """Raise InputError if the size in the labelme file differs from the upright image, height x width pixels."""
    declared = (file.image_height or height, file.image_width or width)
    if declared != (height, width):
        given = f"$.imageWidth x $.imageHeight is {declared[1]} x {declared[0]}"
        problem = f"{given}, but its image has {width} x {height} pixels when upright"
        raise InputError(path, problem, "the shapes are of another image; open and save it with labelme")
