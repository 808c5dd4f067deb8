"""Checks of the pixel masks of a COCO dataset folder."""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePath

from datasets.check.codes import Finding
from datasets.formats.listed_image import check_mask_size
from datasets.images.image_file import is_image, read_info
from datasets.masks.pixel_mask import mask_name
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


def find_lonely_masks(root: Path, file_names: Iterable[str]) -> list[Finding]:
    """Findings for the pixel masks of the dataset folder `root` that belong to none of its images."""
    wanted = {os.path.normcase(PurePath(mask_name(name))) for name in file_names}
    lonely = [path for path in _images_below(root / "masks") if os.path.normcase(path) not in wanted]
    return [
        Finding(f"masks/{path.as_posix()}", "", "unpaired-mask", "no image of this name")
        for path in sorted(lonely)
    ]


def _images_below(folder: Path) -> Iterator[PurePath]:
    """The paths of images in `folder`, relative to it. Unlike `rglob`, it does not keep those it has returned."""
    for above, folders, files in os.walk(folder):
        inside = PurePath(above).relative_to(folder)
        for name in (*folders, *files):
            if is_image(name):
                yield inside / name
