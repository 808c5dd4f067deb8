"""The images of a labelme folder in any layout that `convert labelme2coco` reads, and the labelme file of each."""

from pathlib import Path

import msgspec

from annotate.label_folder import check_label_folder
from datasets.formats.labelme import LabelmeFile, read_labelme
from datasets.formats.labelme_folder import LabelmeImage, embedded_suffix, unlabelled_images
from datasets.formats.labelme_images import ImageFinder, list_tree
from datasets.images.no_image import REMEDY, no_image
from system.errors import InputError


class LabelledTree(msgspec.Struct, frozen=True):
    """`files` are the labelme files by image name, `images` the number of images with or without a file.

    `without_image` are the labelme files whose image is not found.
    """

    images: int
    files: dict[str, LabelmeFile]
    without_image: list[str]


def read_labelled_tree(root: Path, images: Path | None = None) -> LabelledTree:
    """Read every labelme file below `root`; its image is beside it, at its path, in `images`, or embedded.

    Raises InputError for a file that cannot be read, for two files of one image, if there is no image, and for a
    folder that `check_label_folder` refuses.
    """
    check_label_folder(root)
    tree = list_tree(root)
    trees = [tree] if images is None else [tree, list_tree(images)]
    finder = ImageFinder(tree, None if images is None else trees[1])
    files: dict[str, LabelmeFile] = {}
    found: list[LabelmeImage] = []
    without: list[str] = []
    for name in tree.files:
        file = read_labelme(root / name)
        try:
            located = finder.find(name, file.image_path, embedded_suffix(file.image_data))
        except InputError:
            without.append(name)
            continue
        if located.file_name in files:
            problem = f"labels {located.file_name}, which another file also labels"
            raise InputError(root / name, problem, "merge the two into one or remove one")
        files[located.file_name] = msgspec.structs.replace(file, image_data=None)
        found.append(LabelmeImage(located.file_name, name, located.path))
    total = len(files) + len(unlabelled_images(found, trees))
    if not total:
        raise no_image(root, f"{REMEDY}, or their folder with --images")
    return LabelledTree(total, files, without)
