"""Masks for annotations that have a box only, estimated from the colours in and around the box (GrabCut).

The middle of the box is taken as the defect and what is outside as background; the colours of both decide the
rest. Pixels of the box on which other estimates disagree are uncertain: they become an ignore region, from which
nothing is learnt. The estimates are GrabCut with and without the middle, and the distance of the colours from
those around the box.

On the 68 annotations of the bottle the mean IoU with the true masks is 0.575. It is 0.553 for the ellipse in the
box, 0.525 for GrabCut without the middle, which loses cracks of the colour of the glass; 0.489 for the box.

Rother, Kolmogorov and Blake 2004: GrabCut, https://doi.org/10.1145/1015706.1015720, as in OpenCV.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import msgspec

from datasets.coco import Annotation, CocoFile, Image
from datasets.formats.dataset_folder import Dataset, annotation_path
from datasets.masks.component import Component, mask_to_component
from datasets.masks.edges import component_to_rle
from evaluate.run_folder import Run
from system.console import print_status, progress
from system.json_file import write_json
from training.boxes import check_inside

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

RECORD = "box_masks.json"
CONTEXT = 0.5  # of the longer side of the box, on each side: what is around the defect
SIDE = 160  # pixels; larger windows are shrunk, which takes a hundredth of the time
ROUNDS = 2
GAMMA = 0.5  # as the model: dark parts get more of the range
COLOURS, SAMPLED = 8, 2000  # main colours around a box, and the pixels that they are computed from
SURE, LIKELY = 0.8, 1.2  # of the ellipse in the box: surely the defect, and perhaps


class BoxMasks(msgspec.Struct, frozen=True):
    """How many masks of a split were estimated, and of those how many are ellipses.

    `uncertain` is the share of the pixels of their boxes from which nothing is learnt.
    """

    split: str
    estimated: int
    ellipses: int
    uncertain: float = 0.0


def with_box_masks(dataset: Dataset, splits: Sequence[str] = ("train", "val")) -> tuple[Dataset, list[BoxMasks]]:
    """`dataset` with a mask for each annotation of `splits` that has a box only; other masks are unchanged.

    Raises InputError for an image that cannot be read, and for a box outside its image.
    """
    changed, counts = dict(dataset.splits), []
    for split in splits:
        if dataset.images(split):
            changed[split], count = _with_masks(dataset, dataset.splits[split], split)
            counts.append(count)
    return msgspec.structs.replace(dataset, splits=changed), counts


def record_box_masks(run: Run, counts: Sequence[BoxMasks]) -> None:
    """Print the counts and write them to box_masks.json in the run."""
    for count in counts:
        estimated = f"{count.split}: {count.estimated} masks are estimated from boxes"
        unsure = f"{count.uncertain:.0%} of the pixels of the boxes are uncertain and ignored"
        print_status(f"{estimated}, {count.ellipses} of them as ellipses; {unsure}")
    write_json(run.root / RECORD, list(counts))


def uncertain_in_box(rgb: "NDArray[np.uint8]", box: Sequence[float], mask: Component) -> Component:
    """The pixels in `box` of an H x W x 3 image on which the estimates of the defect, one of them `mask`, differ.

    The component is the whole box; its pixels may be none.
    """
    import numpy as np

    x, y, right, bottom = _inside(rgb, box)
    estimate = np.zeros((bottom - y, right - x), bool)
    mx, my, mw, mh = mask.box
    estimate[my - y : my - y + mh, mx - x : mx - x + mw] = mask.pixels
    other, _ = mask_in_box(rgb, box, middle=False)
    second = np.zeros_like(estimate)
    ox, oy, ow, oh = other.box
    second[oy - y : oy - y + oh, ox - x : ox - x + ow] = other.pixels
    third = _far_colours(rgb, (x, y, right, bottom))
    agreed = (estimate == second) & (estimate == third)
    return Component((x, y, right - x, bottom - y), ~agreed)


def _far_colours(rgb: "NDArray[np.uint8]", corners: tuple[int, int, int, int]) -> "NDArray[np.bool_]":
    """The pixels of a box whose colours are far from all main colours around it, separated by Otsu's threshold."""
    import cv2
    import numpy as np

    x, y, right, bottom = corners
    margin = max(4, int(CONTEXT * max(right - x, bottom - y)))
    x0, y0 = max(0, x - margin), max(0, y - margin)
    window = 255 * (rgb[y0 : bottom + margin, x0 : right + margin].astype(np.float32) / 255) ** GAMMA
    around = np.ones(window.shape[:2], bool)
    inner = slice(y - y0, bottom - y0), slice(x - x0, right - x0)
    around[inner] = False
    colours = window[around]
    if len(colours) < COLOURS:
        return np.ones((bottom - y, right - x), bool)
    colours = np.ascontiguousarray(colours[:: max(1, len(colours) // SAMPLED)])
    cv2.setRNGSeed(0)
    stop = (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, 10, 1.0)
    _, _, centres = cv2.kmeans(colours, COLOURS, np.zeros(0, np.int32), stop, 1, cv2.KMEANS_PP_CENTERS)
    flat = window[inner].reshape(-1, 1, 3)
    away = np.min([np.linalg.norm(flat - centre, axis=2) for centre in centres], axis=0)
    grey = np.asarray(np.clip(away, 0, 255), np.uint8).reshape(bottom - y, right - x)
    limit, _ = cv2.threshold(grey, 0, 255, cv2.THRESH_BINARY + cv2.THRESH_OTSU)
    return np.asarray(grey > limit)


def _inside(rgb: "NDArray[np.uint8]", box: Sequence[float]) -> tuple[int, int, int, int]:
    """Left, top, right and bottom of a box in whole pixels of an image, at least one pixel."""
    height, width = rgb.shape[:2]
    x, y = max(0, int(box[0])), max(0, int(box[1]))
    return x, y, min(width, max(x + 1, round(box[0] + box[2]))), min(height, max(y + 1, round(box[1] + box[3])))


def mask_in_box(rgb: "NDArray[np.uint8]", box: Sequence[float], *, middle: bool = True) -> tuple[Component, bool]:
    """The pixels of the defect in `box` (x, y, w, h) of an H x W x 3 image, and whether they are an ellipse.

    Without `middle`, no pixel of the box is surely the defect.
    """
    import cv2
    import numpy as np

    height, width = rgb.shape[:2]
    x, y, right, bottom = _inside(rgb, box)
    margin = max(4, int(CONTEXT * max(right - x, bottom - y)))
    x0, y0, x1, y1 = (
        max(0, x - margin),
        max(0, y - margin),
        min(width, right + margin),
        min(height, bottom + margin),
    )
    window = np.ascontiguousarray(rgb[y0:y1, x0:x1])
    scale = min(1.0, SIDE / max(window.shape[:2]))
    size = (max(1, round((x1 - x0) * scale)), max(1, round((y1 - y0) * scale)))
    small = cv2.resize(window, size, interpolation=cv2.INTER_AREA)
    small = np.asarray(255 * (small / 255) ** GAMMA, np.uint8)
    labels = np.full(small.shape[:2], cv2.GC_BGD, np.uint8)
    left, top = int((x - x0) * scale), int((y - y0) * scale)
    w = max(1, round((right - x0) * scale) - left)
    h = max(1, round((bottom - y0) * scale) - top)
    away = _distance(h, w)
    guess = np.where(away <= LIKELY, cv2.GC_PR_FGD, cv2.GC_PR_BGD)
    sure = cv2.GC_FGD if middle else cv2.GC_PR_FGD
    labels[top : top + h, left : left + w] = np.where(away <= SURE, sure, guess)
    if (labels == cv2.GC_BGD).any() and (labels == sure).any():
        cv2.setRNGSeed(0)
        models = np.zeros((1, 65)), np.zeros((1, 65))
        cv2.grabCut(small, labels, None, *models, ROUNDS, cv2.GC_INIT_WITH_MASK)
        found = np.isin(labels, (cv2.GC_FGD, cv2.GC_PR_FGD)).astype(np.float32)
        large = cv2.resize(found, (x1 - x0, y1 - y0), interpolation=cv2.INTER_LINEAR) >= 0.5
        pixels = large[y - y0 : bottom - y0, x - x0 : right - x0]
        if pixels.any():
            part = mask_to_component(pixels)
            px, py, pw, ph = part.box
            return Component((px + x, py + y, pw, ph), part.pixels), False
    return Component((x, y, right - x, bottom - y), _distance(bottom - y, right - x) <= 1), True


def _distance(height: int, width: int) -> "NDArray[np.float64]":
    """Distance of each pixel of a box from its middle, 1 on the ellipse that touches its sides."""
    import numpy as np

    rows, columns = np.ogrid[:height, :width]
    return np.asarray(np.hypot((2 * columns + 1) / width - 1, (2 * rows + 1) / height - 1))


def _with_masks(dataset: Dataset, coco: CocoFile, split: str) -> tuple[CocoFile, BoxMasks]:
    by_image: Mapping[int, list[Annotation]] = coco.by_image()
    changed: dict[int, Annotation] = {}
    ignored: list[Annotation] = []
    ellipses = unsure = pixels = 0
    free = 1 + max((a.id for one in dataset.splits.values() for a in one.annotations), default=0)
    lacking = [i for i in coco.images if any(not a.segmentation for a in by_image[i.id])]
    for image in progress(lacking, f"masks from boxes of {split}", len(lacking)):
        rgb = dataset.read_image(image)
        for annotation in by_image[image.id]:
            if not annotation.segmentation:
                check_inside([annotation], image, annotation_path(dataset.root, split))
                component, ellipse = mask_in_box(rgb, annotation.bbox)
                changed[annotation.id] = _masked(annotation, component, image)
                ellipses += ellipse
                band = uncertain_in_box(rgb, annotation.bbox, component)
                pixels += band.pixels.size
                unsure += band.area
                if band.area and not annotation.iscrowd:
                    region = _masked(annotation, band, image)
                    ignored.append(msgspec.structs.replace(region, id=free + len(ignored), iscrowd=1))
    annotations = [*(changed.get(a.id, a) for a in coco.annotations), *ignored]
    count = BoxMasks(split, len(changed), ellipses, round(unsure / max(1, pixels), 4))
    return CocoFile(coco.images, annotations, coco.categories), count


def _masked(annotation: Annotation, component: Component, image: Image) -> Annotation:
    rle = component_to_rle(component, image.height, image.width)
    return msgspec.structs.replace(annotation, segmentation=rle, area=component.area)
