"""Check that an image fits annotations that are stored in another file."""

from pathlib import Path

from system.errors import InputError


class MaskSizeError(InputError):
    """A mask is not as large as its image."""


def check_upright(path: Path | str, orientation: int) -> None:
    """Raise InputError if the EXIF `orientation` rotates or mirrors the image."""
    if orientation != 1:
        problem = f"EXIF orientation {orientation}: its annotations may refer to the stored or the shown image"
        raise InputError(path, problem, "save it upright")


def check_listed_size(path: Path, size: tuple[int, int], listed: tuple[int, int]) -> None:
    """Raise InputError if the image has another size than listed; both are (width, height) in pixels."""
    if size != listed:
        problem = f"{size[0]} x {size[1]} pixels, listed as {listed[0]} x {listed[1]}"
        raise InputError(path, problem, "correct the COCO file or the image")


def check_mask_size(path: Path, mask: tuple[int, int], image: tuple[int, int]) -> None:
    """Raise MaskSizeError if the mask at `path` is not as large as its image; both are (width, height)."""
    if mask != image:
        problem = f"{mask[0]} x {mask[1]} pixels, but its image has {image[0]} x {image[1]}"
        raise MaskSizeError(path, problem, "make the mask as large as the image")
