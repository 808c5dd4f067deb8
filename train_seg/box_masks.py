"""Masks for annotations that have a box only, estimated from a map of the good images, or else from colours.

Pixels of a box on which estimates disagree are uncertain: they become an ignore region, from which nothing is
learnt. A mask from a map has its certain pixels only, and without one the box is an ignore region; of a mask from
colours all pixels are learnt as the defect (docs/results.md has the figures of both).
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Literal

import msgspec

from datasets.coco import Annotation, CocoFile, Image
from datasets.formats.dataset_folder import Dataset, annotation_path
from datasets.masks.component import Component
from datasets.masks.edges import component_to_rle
from evaluate.run_folder import Run
from features.good_map import GoodMap
from system.console import print_status, progress
from system.json_file import write_json
from train_seg.colour_masks import corners_of, mask_in_box, uncertain_in_box
from train_seg.map_masks import mask_by_map
from training.boxes import check_inside

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

RECORD = "box_masks.json"
Estimate = tuple[Component, Component, Literal["map", "colours", "ellipse"]]


class BoxMasks(msgspec.Struct, frozen=True):
    """How many masks of a split were estimated, and of those how many are ellipses and how many from the map.

    `uncertain` is the share of the pixels of their boxes from which nothing is learnt.
    """

    split: str
    estimated: int
    ellipses: int
    uncertain: float = 0.0
    by_map: int = 0


def with_box_masks(
    dataset: Dataset, splits: Sequence[str] = ("train", "val"), good_map: GoodMap | None = None
) -> tuple[Dataset, list[BoxMasks]]:
    """`dataset` with a mask for each annotation of `splits` that has a box only; other masks are unchanged.

    That of an ignore region is the whole box, and not counted: nothing in it is known, so nothing is estimated.
    The masks are those of `good_map` where it sees something in the box, or else of the colours. `area` is that of
    the whole estimate, also where a mask has its certain pixels only. Raises InputError for an image that cannot
    be read, and for a box outside its image.
    """
    changed, counts = dict(dataset.splits), []
    for split in splits:
        if dataset.images(split):
            changed[split], count = _with_masks(dataset, dataset.splits[split], split, good_map)
            counts.append(count)
    return msgspec.structs.replace(dataset, splits=changed), counts


def record_box_masks(run: Run, counts: Sequence[BoxMasks]) -> None:
    """Print the counts and write them to box_masks.json in the run."""
    for count in counts:
        estimated = f"{count.split}: {count.estimated} masks are estimated from boxes"
        if count.by_map:
            estimated += f", {count.by_map} of them by the map"
        unsure = f"{count.uncertain:.0%} of the pixels of the boxes are uncertain and ignored"
        print_status(f"{estimated}, {count.ellipses} of them as ellipses; {unsure}")
    write_json(run.root / RECORD, list(counts))


def estimate(rgb: "NDArray[np.uint8]", box: Sequence[float], scores: "NDArray[np.float32] | None") -> Estimate:
    """The mask in `box`, the uncertain pixels of the box, some of them in the mask, and what the mask is from.

    `scores` is an H x W map.
    """
    by_map = mask_by_map(scores, box) if scores is not None else None
    if by_map:
        return *by_map, "map"
    mask, ellipse = mask_in_box(rgb, box)
    return mask, uncertain_in_box(rgb, box, mask), "ellipse" if ellipse else "colours"


def _with_masks(
    dataset: Dataset, coco: CocoFile, split: str, good_map: GoodMap | None
) -> tuple[CocoFile, BoxMasks]:
    by_image: Mapping[int, list[Annotation]] = coco.by_image()
    changed: dict[int, Annotation] = {}
    ignored: list[Annotation] = []
    kinds: Counter[str] = Counter()
    unsure = pixels = 0
    free = 1 + max((a.id for one in dataset.splits.values() for a in one.annotations), default=0)
    lacking = [i for i in coco.images if any(not a.segmentation for a in by_image[i.id])]
    for image in progress(lacking, f"masks from boxes of {split}", len(lacking)):
        rgb = dataset.read_image(image)
        scores = good_map.scores(rgb, dataset.sha256(image)) if good_map else None
        for annotation in by_image[image.id]:
            if not annotation.segmentation:
                check_inside([annotation], image, annotation_path(dataset.root, split))
                if annotation.iscrowd:
                    changed[annotation.id] = _masked(annotation, _whole(annotation.bbox, image), image)
                    continue
                component, band, kind = estimate(rgb, annotation.bbox, scores)
                kinds[kind] += 1
                pixels += band.pixels.size
                mask = _without(component, band) if kind == "map" else component
                band = _without(band, mask)
                unsure += band.area
                region = msgspec.structs.replace(_masked(annotation, band, image), iscrowd=1)
                if not mask.area:
                    changed[annotation.id] = region
                    continue
                masked = _masked(annotation, mask, image)
                changed[annotation.id] = msgspec.structs.replace(masked, area=component.area)
                if band.area:
                    ignored.append(msgspec.structs.replace(region, id=free + len(ignored)))
    annotations = [*(changed.get(a.id, a) for a in coco.annotations), *ignored]
    share = round(unsure / max(1, pixels), 4)
    count = BoxMasks(split, kinds.total(), kinds["ellipse"], share, kinds["map"])
    return CocoFile(coco.images, annotations, coco.categories), count


def _without(one: Component, other: Component) -> Component:
    """The pixels of `one` that are not in `other`, in the box of `one`."""
    (x, y, width, height), (left, top, _, _) = one.box, other.box
    pixels = one.pixels.copy()
    first_row, first_column = max(0, top - y), max(0, left - x)
    part = other.pixels[max(0, y - top) :, max(0, x - left) :][: height - first_row, : width - first_column]
    pixels[first_row : first_row + part.shape[0], first_column : first_column + part.shape[1]] &= ~part
    return Component(one.box, pixels)


def _whole(box: Sequence[float], image: Image) -> Component:
    import numpy as np

    x, y, right, bottom = corners_of(box, image.height, image.width)
    return Component((x, y, right - x, bottom - y), np.ones((bottom - y, right - x), bool))


def _masked(annotation: Annotation, component: Component, image: Image) -> Annotation:
    rle = component_to_rle(component, image.height, image.width)
    return msgspec.structs.replace(annotation, segmentation=rle, area=component.area)
