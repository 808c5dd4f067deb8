"""Whether an image is one of a dataset, by its content: with another name or format, or compressed again."""

import hashlib
from typing import TYPE_CHECKING

from datasets.check.images import MIN_BITS, NEAR_THRESHOLD
from datasets.check.perceptual_hash import perceptual_hash
from datasets.formats.dataset_folder import Dataset, load_dataset
from evaluate.run_dataset import open_run_dataset
from evaluate.run_folder import Run, read_split
from system.console import print_status, progress
from system.errors import InputError
from training.run_dataset import UNLABELLED

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class SeenImages:
    """The pixels of the images of val and test, and of those of train, as SHA-256 of the decoded images."""

    def __init__(self, dataset: Dataset) -> None:
        import numpy as np

        self.measured: dict[bytes, str] = {}
        self.train: set[bytes] = set()
        hashes = [np.empty((0, 256), np.uint8)]
        images = [(split, image) for split in ("val", "test", "train") for image in dataset.images(split)]
        for split, image in progress(images, "comparing", len(images)):
            rgb = dataset.read_image(image)
            if split == "train":
                self.train.add(pixel_digest(rgb))
            else:
                self.measured[pixel_digest(rgb)] = image.file_name
                hashes.append(_hash(rgb))
        self._hashes = np.concatenate(hashes)

    def is_near_measured(self, rgb: "NDArray[np.uint8]") -> bool:
        """Whether an H x W x 3 image is almost one of val or test, as a copy that was compressed again is.

        The rule is that of `datasets check`; images with too little structure are near none.
        """
        import numpy as np

        own = _hash(rgb)
        return bool(len(own)) and bool((np.bitwise_count(self._hashes ^ own).sum(axis=1) <= NEAR_THRESHOLD).any())


def pixel_digest(rgb: "NDArray[np.uint8]") -> bytes:
    """SHA-256 of the size and the pixels of an H x W x 3 image."""
    return hashlib.sha256(f"{rgb.shape}".encode() + rgb.tobytes()).digest()


def check_teacher_unseen(run: Run, dataset: Dataset, teacher: Run) -> None:
    """Raise InputError if `teacher` learnt a file with the bytes of an image of val or test under another name.

    These are the images without labels that it learnt, and those of its dataset if that is another one than of
    `run`. If its dataset no longer exists, names alone are compared, and a line is printed.
    """
    learnt: list[Dataset] = []
    if (teacher.root / UNLABELLED).is_dir():
        learnt.append(load_dataset(teacher.root / UNLABELLED))
    content = read_split(teacher).content_sha256
    names = set(read_split(teacher).images.get("train", []))
    if content is None or content != read_split(run).content_sha256:
        try:
            learnt.append(open_run_dataset(teacher))
        except InputError as error:
            print_status(f"the images that {teacher.root.name} learnt are compared by name alone: {error.problem}")
    measured = {dataset.sha256(image): image.file_name for s in ("val", "test") for image in dataset.images(s)}
    for one in learnt:
        for coco in one.splits.values():
            for image in coco.images:
                if image.file_name in names and (seen := measured.get(one.sha256(image))):
                    problem = f"trained on {image.file_name}, which is {seen} of val or test of {run.root.name}"
                    raise InputError(teacher.root, problem, "give a run that has not seen it")


def _hash(rgb: "NDArray[np.uint8]") -> "NDArray[np.uint8]":
    """The perceptual hash of an image, 1 x 256; 0 x 256 if it has too little structure to be compared."""
    import cv2
    import numpy as np

    bits = np.frombuffer(perceptual_hash(cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)), np.uint8)[None]
    return bits if int(np.bitwise_count(bits).sum()) >= MIN_BITS else bits[:0]
