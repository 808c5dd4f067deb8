"""Images and masks that tests of conversions from masks draw."""

from pathlib import Path

import msgspec
import numpy as np
from PIL import Image as Pillow

from convert.masks2coco import MasksOptions
from datasets.formats.dataset_folder import load_dataset

BINARY = MasksOptions(Path("masks"), ("crack",), ratios=(1, 0, 0))
INDEX = MasksOptions(Path("masks"), ("dent", "crack"), indices=True, ratios=(1, 0, 0))


def at(masks: Path, options: MasksOptions) -> MasksOptions:
    return msgspec.structs.replace(options, masks=masks)


def save(path: Path, values: np.ndarray, mode: str = "L") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    image = Pillow.fromarray(values.astype(np.uint8))
    if mode == "P":
        image.putpalette([0, 0, 0, 255, 0, 0, 0, 255, 0])
    image.save(path)
    return path


def write_images(root: Path, *names: str) -> Path:
    for i, name in enumerate(names, 1):
        save(root / name, np.full((8, 12), 20 * i))
    return root


def spots(*spots: tuple[slice, slice, int]) -> np.ndarray:
    mask = np.zeros((8, 12), np.uint8)
    for rows, columns, value in spots:
        mask[rows, columns] = value
    return mask


TWO = spots((slice(1, 3), slice(1, 4), 255), (slice(5, 7), slice(6, 11), 255))


def boxes(folder: Path) -> dict[str, list[tuple[int, tuple]]]:
    coco = load_dataset(folder).splits["train"]
    found = coco.by_image()
    return {i.file_name: [(a.category_id, a.bbox) for a in found[i.id]] for i in coco.images}
