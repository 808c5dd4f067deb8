"""Crops of large images at their own size, as a dataset folder: around defects, and where there is none."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from datasets.coco import Annotation, Box, Image, Segmentation
from datasets.formats.dataset_folder import Dataset, write_annotations
from datasets.formats.provenance import content_hash, make_provenance, write_provenance
from datasets.masks.component import Component
from datasets.masks.edges import component_to_rle, rle_to_component
from datasets.masks.rle import to_rle
from system.files import new_folder
from system.progress import Progress

if TYPE_CHECKING:
    import numpy as np

MIN_VISIBLE_SHARE = 0.25  # of what a crop can show of an annotation; a smaller rest is an ignore region
ATTEMPTS = 20  # to find a place without an annotation


class TrainingCrop(msgspec.Struct, frozen=True):
    """One crop: the window (x, y, w, h) of the image `source` in pixels, and how many annotations it has."""

    file_name: str
    split: str
    source: str
    window: tuple[int, int, int, int]
    annotations: int


def write_crops(
    dataset: Dataset, dest: Path, *, side: int, empty: float, seed: int, splits: Sequence[str], progress: Progress
) -> list[TrainingCrop]:
    """Write `dest`, a dataset folder with crops of `side` pixels of the images of `splits`, and return the crops.

    Each annotation that is not an ignore region is in a crop of its own, at a random place in it, together with
    its neighbours. Crops without any annotation are added, `empty` for each of those, as far as places are found,
    from all images in turn. An image that is smaller than `side` is not enlarged. An annotation that is cut keeps
    its visible part, or becomes an ignore region if that is less than a quarter of what a crop can show of it: all
    of it, or as much of its box as fits. Raises InputError, OutputError.
    """
    import cv2
    import numpy as np

    crops: list[TrainingCrop] = []
    members: dict[str, list[Image]] = {split: [] for split in splits}
    annotations: list[Annotation] = []
    hashes: list[tuple[str, str]] = []
    with new_folder(dest) as root:
        for split in splits:
            by_image = dataset.splits[split].by_image()
            windows = place_windows(dataset.images(split), by_image, side, empty, np.random.default_rng(seed))
            for image in progress([i for i in dataset.images(split) if i.id in windows], "crops", len(windows)):
                rgb = dataset.read_image(image)
                for window in windows[image.id]:
                    x, y, w, h = window
                    name, number = f"{split}/{len(crops):05d}.png", len(crops) + 1
                    path = root / "images" / name
                    path.parent.mkdir(parents=True, exist_ok=True)
                    _, data = cv2.imencode(
                        ".png", rgb[y : y + h, x : x + w, ::-1], [cv2.IMWRITE_PNG_COMPRESSION, 1]
                    )
                    path.write_bytes(data.tobytes())
                    hashes.append((name, hashlib.sha256(data.tobytes()).hexdigest()))
                    inside = [cut_annotation(a, image, window) for a in by_image[image.id]]
                    kept = [a for a in inside if a is not None]
                    annotations += [
                        msgspec.structs.replace(a, id=len(annotations) + i + 1, image_id=number)
                        for i, a in enumerate(kept)
                    ]
                    members[split].append(Image(number, name, w, h))
                    crops.append(
                        TrainingCrop(name, split, image.file_name, window, sum(not a.iscrowd for a in kept))
                    )
        write_annotations(root, members, annotations, dataset.categories)
        options = {"side": side, "empty": empty, "seed": seed}
        annotated = ((a.image_id, a.category_id, a.iscrowd) for a in annotations)
        write_provenance(
            root,
            make_provenance(
                "crops", [dataset.name], options, members, annotated, dataset.categories, [], content_hash(hashes)
            ),
        )
    return crops


def place_windows(
    images: Sequence[Image],
    annotations: Mapping[int, Sequence[Annotation]],
    side: int,
    empty: float,
    random: "np.random.Generator",
) -> dict[int, list[tuple[int, int, int, int]]]:
    """Windows (x, y, w, h) of each image by its id: one for each annotation, and `empty` times as many without."""
    windows: dict[int, list[tuple[int, int, int, int]]] = {}
    for image in images:
        for annotation in annotations[image.id]:
            if not annotation.iscrowd:
                (x, y), (right, bottom) = _shown_part(annotation, image, side, random)
                left = _start(x, right, image.width, side, random)
                top = _start(y, bottom, image.height, side, random)
                windows.setdefault(image.id, []).append(
                    (left, top, min(side, image.width), min(side, image.height))
                )
    wanted = round(empty * sum(len(found) for found in windows.values()))
    order = [image for image in images if image.width and image.height]
    for _ in range(ATTEMPTS):
        for number in random.permutation(len(order)):
            image = order[number]
            if wanted <= 0:
                return windows
            w, h = min(side, image.width), min(side, image.height)
            window = (int(random.integers(image.width - w + 1)), int(random.integers(image.height - h + 1)), w, h)
            if not any(_overlap(a.bbox, window) for a in annotations[image.id]):
                windows.setdefault(image.id, []).append(window)
                wanted -= 1
    return windows


def cut_annotation(annotation: Annotation, image: Image, window: tuple[int, int, int, int]) -> Annotation | None:
    """The part of an annotation of `image` inside `window`, in its pixels; None if nothing is inside."""
    import numpy as np

    x0, y0, w, h = window
    if not (box := _overlap(annotation.bbox, window)):
        return None
    rle = to_rle(annotation.segmentation, image.height, image.width) if annotation.segmentation else None
    segmentation: Segmentation = []
    left, top, right, bottom = box
    x, y, x_end, y_end = _overlap(annotation.bbox, (0, 0, image.width, image.height)) or box
    share = (right - left) * (bottom - top) / ((x_end - x) * (y_end - y))
    area = (right - left) * (bottom - top)
    if rle is not None:
        whole = rle_to_component(rle)
        cx, cy, cw, ch = whole.box
        a, b, c, d = max(cx, x0), max(cy, y0), min(cx + cw, x0 + w), min(cy + ch, y0 + h)
        pixels = whole.pixels[b - cy : d - cy, a - cx : c - cx]
        if a >= c or b >= d or not pixels.any():
            return None
        part = Component((a - x0, b - y0, c - a, d - b), pixels)
        rows, columns = np.flatnonzero(pixels.any(axis=1)), np.flatnonzero(pixels.any(axis=0))
        left, right = a + int(columns[0]), a + int(columns[-1]) + 1
        top, bottom = b + int(rows[0]), b + int(rows[-1]) + 1
        segmentation, area, share = component_to_rle(part, h, w), part.area, part.area / whole.area
    fitting = min(1.0, w / (x_end - x)) * min(1.0, h / (y_end - y))
    return msgspec.structs.replace(
        annotation,
        bbox=(left - x0, top - y0, right - left, bottom - top),
        area=area,
        segmentation=segmentation,
        iscrowd=annotation.iscrowd if share >= MIN_VISIBLE_SHARE * fitting else 1,
    )


def describe_crops(crops: Iterable[TrainingCrop], split: str) -> str:
    """How many crops of `split` have an annotation, and the share of those without."""
    of_split = [crop for crop in crops if crop.split == split]
    without = sum(crop.annotations == 0 for crop in of_split)
    share = without / len(of_split) if of_split else 0.0
    return f"{split}: {len(of_split) - without} crops with defects, {without} without ({share:.0%})"


def is_larger(annotation: Annotation, side: int) -> bool:
    """Whether no crop of `side` pixels contains all of the annotation."""
    return max(annotation.bbox[2:]) > side


def _shown_part(
    annotation: Annotation, image: Image, side: int, random: "np.random.Generator"
) -> tuple[tuple[float, float], tuple[float, float]]:
    """First and last corner of what a crop is placed around: the box, or in a direction in which it is longer than
    `side`, a random pixel of the mask, because a crop inside the box may have nothing of it."""
    import numpy as np

    x, y, w, h = annotation.bbox
    low, high = (x, y), (x + w, y + h)
    if not is_larger(annotation, side) or not annotation.segmentation:
        return low, high
    rle = to_rle(annotation.segmentation, image.height, image.width)
    part = rle_to_component(rle) if rle is not None else None
    if part is None or not part.pixels.any():
        return low, high
    rows, columns = np.nonzero(part.pixels)
    chosen = int(random.integers(len(rows)))
    px, py = part.box[0] + int(columns[chosen]), part.box[1] + int(rows[chosen])
    return (px if w > side else x, py if h > side else y), (
        px + 1 if w > side else x + w,
        py + 1 if h > side else y + h,
    )


def _start(low: float, high: float, length: int, side: int, random: "np.random.Generator") -> int:
    """A random first pixel of a window of `side` pixels that contains low to high if that fits."""
    if side >= length:
        return 0
    first, last = sorted((int(high + 0.999) - side, int(low)))
    first, last = max(0, first), min(length - side, last)
    return int(random.integers(first, last + 1)) if first <= last else max(0, min(first, length - side))


def _overlap(box: Box, window: tuple[int, int, int, int]) -> tuple[float, float, float, float] | None:
    x, y, w, h = box
    left, top = max(x, window[0]), max(y, window[1])
    right, bottom = min(x + w, window[0] + window[2]), min(y + h, window[1] + window[3])
    return (left, top, right, bottom) if left < right and top < bottom else None
