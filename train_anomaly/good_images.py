"""The good images of a dataset: those from which a training learns, and those that set its threshold."""

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import numpy as np
from torch import Tensor

from datasets.coco import Image
from datasets.formats.dataset_folder import Dataset
from features.input_frame import InputFrame, choose_frame, to_tensor
from system.console import progress
from system.errors import InputError
from train_anomaly.good_choice import good_images
from train_anomaly.options import AnomalyOptions

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

MIN_IMAGES = 2


def split_good(dataset: Dataset, options: AnomalyOptions) -> tuple[list[Image], list[Image]]:
    """The good images to learn from, and those held out to set the threshold.

    Held out is a share `val` of the good images of train and val: those of val, and if they are fewer than the
    share, images of train, chosen by the seed. With `val` 0, none are held out, because each training image is
    left out in turn. Raises InputError for fewer than 2 good images.
    """
    images = good_images(dataset.split("train"))
    if len(images) < MIN_IMAGES:
        problem = f"{len(images)} good image in the split train, but at least {MIN_IMAGES} are needed"
        raise InputError(dataset.root, problem, "add good images: one to learn from, one to set the threshold")
    if not options.val:
        return images, []
    val = good_images(dataset.splits["val"]) if "val" in dataset.splits else []
    missing = max(round(options.val * (len(images) + len(val))) - len(val), 0 if val else 1)
    order = np.random.default_rng(options.seed).permutation(len(images))
    held_out = set(order[: min(missing, len(images) - 1)].tolist())
    return (
        [image for number, image in enumerate(images) if number not in held_out],
        [image for number, image in enumerate(images) if number in held_out] + val,
    )


def frame_of(images: "Sequence[Image]", options: AnomalyOptions) -> tuple[int, int]:
    """Rows and columns of the network's input for a training on `images`."""
    return choose_frame([(image.height, image.width) for image in images], options.imgsz)


def load_inputs(dataset: Dataset, images: "Sequence[Image]", rows: int, columns: int) -> Tensor:
    """The images as inputs, N x 3 x rows x columns uint8. Raises InputError."""

    def load(image: Image) -> "NDArray[np.uint8]":
        rgb = dataset.read_image(image)
        return InputFrame(rgb.shape[0], rgb.shape[1], rows, columns).to_input(rgb)

    with ThreadPoolExecutor() as pool:
        inputs = list(progress(pool.map(load, images), "reading images", len(images)))
    return to_tensor(np.stack(inputs) if inputs else np.zeros((0, rows, columns, 3), np.uint8))
