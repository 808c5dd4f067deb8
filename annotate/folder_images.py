"""The images of a folder that people label, and the labelme file of each."""

from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase
from pathlib import Path

import msgspec

from annotate.label_folder import check_label_folder
from datasets.formats.labelme import SUFFIX, LabelmeFile, read_labelme
from datasets.formats.labelme_document import Document, new_document, read_document
from datasets.formats.labelme_images import list_tree
from datasets.images.image_file import read_info
from datasets.images.no_image import no_image
from system.errors import InputError
from system.files import read_text
from system.links import check_inside

LIST_SUFFIX = ".txt"


class FolderImage(msgspec.Struct, frozen=True, order=True):
    """An image: `name` is relative to the folder `root`, with forward slashes; `labelled`: has a labelme file."""

    root: Path
    name: str
    labelled: bool

    @property
    def path(self) -> Path:
        """The image file."""
        return self.root / self.name

    @property
    def label_path(self) -> Path:
        """The labelme file: next to the image, with the same name and the suffix .json."""
        return self.path.with_suffix(SUFFIX)


def list_folder_images(root: Path) -> list[FolderImage]:
    """The images below `root`, sorted by name.

    Raises InputError if there is no image, if two images would share one labelme file, and for a folder that
    `check_label_folder` refuses.
    """
    check_label_folder(root)
    tree = list_tree(root)
    if not tree.images:
        raise no_image(root)
    files = set(tree.files)
    owner: dict[str, str] = {}
    images = []
    for name in sorted(tree.images):
        label = _label_name(name)
        if label in owner:
            problem = f"labelme would write its shapes into the file of {owner[label]}"
            raise InputError(root / name, problem, "rename one of them")
        owner[label] = name
        images.append(FolderImage(root, name, label in files))
    return images


def check_label_links(images: Iterable[FolderImage]) -> None:
    """Raise InputError if the labelme file of an image is, or is in, a link that leads out of its folder.

    The file need not exist. A program that saves labels writes to the target of a link.
    """
    for image in images:
        check_inside(image.label_path, [image.root])


def read_labels(images: Iterable[FolderImage]) -> dict[str, LabelmeFile]:
    """The labelme file of each labelled image, by image name. Raises InputError if one cannot be read."""
    return {image.name: read_labelme(image.label_path) for image in images if image.labelled}


def open_document(image: FolderImage) -> Document:
    """The labelme file of `image` for editing, a new one if it has none.

    Raises InputError if the file or the image cannot be read.
    """
    if image.label_path.exists():
        return read_document(image.label_path)
    height, width = upright_size(image.path)
    return new_document(image.label_path, image.path.name, height, width)


def upright_size(path: Path) -> tuple[int, int]:
    """Height and width in pixels of an image file as labelme shows it: upright by its EXIF orientation.

    Raises InputError if the file cannot be read.
    """
    return read_info(path).upright_size


def image_size(image: FolderImage, file: LabelmeFile) -> tuple[int, int]:
    """Height and width in pixels from the labelme file, or from the image if the file has none.

    Raises InputError if the image is needed but cannot be read.
    """
    if file.image_height and file.image_width:
        return file.image_height, file.image_width
    return upright_size(image.path)


def choose_images(only: str, images: Sequence[FolderImage]) -> list[FolderImage]:
    """The images that --only selects: one image by name or path, those of a list file, or those of a pattern.

    A pattern such as `night/*` is compared with the whole name. Raises InputError if `only` is none of these or
    selects nothing, and if the list cannot be used.
    """
    by_name = {image.name: image for image in images}
    name = only if only in by_name else _name_below(Path(only), images)
    if name in by_name:
        return [by_name[name]]
    if not Path(only).is_file():
        if chosen := [image for image in images if fnmatchcase(image.name, only)]:
            return chosen
        raise unknown_image(only, "the folder", "name an image, or make a list with annotate queue")
    return read_list(Path(only), images)


def unknown_image(word: str, place: str, remedy: str) -> InputError:
    """The error for a word that is none of the images of `place`: a list or a file that does not exist, a pattern
    without a match, or another file."""
    if Path(word).exists():
        return InputError(word, f"not an image of {place}", remedy)
    if any(letter in word for letter in "*?["):
        return InputError(word, f"matches no image of {place}", remedy)
    if Path(word).suffix.lower() == LIST_SUFFIX:
        return InputError(word, "no such list of images", "check the path")
    return InputError(word, f"neither an image of {place} nor an existing file", remedy)


def read_list(path: Path, images: Sequence[FolderImage]) -> list[FolderImage]:
    """The images that the list `path` names, in its order. Raises InputError as `read_names`, and for an unknown
    name."""
    by_name = {image.name: image for image in images}
    chosen = []
    for line in read_names(path):
        if line not in by_name:
            raise InputError(path, f"{line} is not an image of the folder", "repeat annotate queue")
        chosen.append(by_name[line])
    return chosen


def read_names(path: Path) -> list[str]:
    """The lines of a text file, one name each, without blank ones.

    Raises InputError if the file does not exist, is not UTF-8 or has no name.
    """
    try:
        names = [line.strip() for line in read_text(path).splitlines()]
    except FileNotFoundError:
        raise InputError(path, "no such file", "make it with annotate queue") from None
    except UnicodeDecodeError as error:
        raise InputError(path, f"not UTF-8 text: {error}", "save it as UTF-8") from None
    if not any(names):
        raise InputError(path, "the list is empty", "there is nothing to open")
    return [name for name in names if name]


def _name_below(path: Path, images: Sequence[FolderImage]) -> str:
    root = images[0].root.resolve() if images else Path()
    absolute = path.resolve()
    return absolute.relative_to(root).as_posix() if absolute.is_relative_to(root) else ""


def _label_name(name: str) -> str:
    folder, slash, file = name.rpartition("/")
    return f"{folder}{slash}{file.rpartition('.')[0]}{SUFFIX}"
