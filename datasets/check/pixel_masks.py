"""Checks of the pixel masks of a COCO dataset folder."""

from collections.abc import Sequence
from pathlib import Path

from datasets.check.codes import Finding
from datasets.formats.dataset_folder import mask_path
from datasets.formats.listed_image import check_mask_size
from datasets.images.image_file import is_image, read_info
from system.errors import InputError


def check_pixel_mask(name: str, mask: Path, image: str, size: tuple[int, int]) -> list[Finding]:
    """Findings for the pixel mask `name` at `mask` of an image of `size` (width, height)."""
    if not mask.is_file():
        return [Finding(image, "", "missing-mask", name)]
    try:
        info = read_info(mask)
    except InputError as error:
        return [Finding(name, "", "bad-mask", error.problem)]
    try:
        check_mask_size(mask, (info.width, info.height), size)
    except InputError as error:
        return [Finding(name, "", "mask-size", error.problem)]
    return []


def find_lonely_masks(root: Path, file_names: Sequence[str]) -> list[Finding]:
    """Findings for the pixel masks of the dataset folder `root` that belong to none of its images."""
    wanted = {mask_path(root, name) for name in file_names}
    masks = sorted(path for path in (root / "masks").rglob("*") if is_image(path))
    lonely = [path.relative_to(root).as_posix() for path in masks if path not in wanted]
    return [Finding(name, "", "unpaired-mask", "no image of this name") for name in lonely]
