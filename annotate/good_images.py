"""The good images and weights of `propose --from-good`, checked before PyTorch is imported."""

from collections.abc import Sequence
from pathlib import Path

from datasets.images.image_file import find_images
from system.errors import InputError, WeightsError

ENCODER = "resnet18"
IMAGENET = "imagenet"  # the weights of torchvision
MIN_GOOD_IMAGES = 5


def find_good_images(good: Path, weights: str) -> list[Path]:
    """The images in the folder `good`. Raises InputError if they are too few, WeightsError for wrong weights."""
    from features.names import PUBLISHED, RESNET_WEIGHTS_REMEDY, check_weights_file

    if not good.is_dir():
        raise InputError(good, "no such folder", "name a folder of good images")
    if weights != IMAGENET and weights in PUBLISHED:
        raise WeightsError(Path(weights), "no such file", RESNET_WEIGHTS_REMEDY)
    check_weights_file(weights, ENCODER, RESNET_WEIGHTS_REMEDY)
    found = find_images([good])
    check_enough(found, good)
    return found


def check_enough(good: Sequence[Path], folder: Path | str) -> None:
    """Raise InputError if there are too few good images to learn from."""
    if len(good) < MIN_GOOD_IMAGES:
        raise InputError(folder, f"{len(good)} good images, but at least {MIN_GOOD_IMAGES} are needed", "add more")
