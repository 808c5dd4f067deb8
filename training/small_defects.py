"""Defects that are nearly lost when large images are shrunk into the square of a network."""

from datasets.formats.dataset_folder import Dataset
from system.console import print_status
from training.locating_options import LocatingOptions
from training.options import SharedOptions

MIN_SIDE = 4.0  # pixels in the network's square, as in datasets check: half a cell of a detector's finest grid


def report_small_defects(dataset: Dataset, options: SharedOptions) -> None:
    """Print one line if boxes have a side under MIN_SIDE pixels in the network's square, with the remedy.

    Ignore regions do not count. Trainers that judge whole images print nothing.
    """
    if isinstance(options, LocatingOptions) and (line := small_defects(dataset, options)):
        print_status(line)


def small_defects(dataset: Dataset, options: LocatingOptions) -> str:
    """The line of `report_small_defects`, empty if all defects are large enough."""
    sides = _sides(dataset, options)
    small = [pair for pair in sides if pair[0] < MIN_SIDE]
    if not small:
        return ""
    side, scale = min(small)
    verb = "has" if len(small) == 1 else "have"
    return (
        f"{len(small)} of {len(sides)} defects {verb} a side under {MIN_SIDE:g} pixels in the network's square of "
        f"{options.imgsz} (the smallest {side:.1f}) and may not be learnt: {_remedy(options, scale)} "
        "(docs/models.md)"
    )


def _sides(dataset: Dataset, options: LocatingOptions) -> list[tuple[float, float]]:
    """Of each defect, the shorter side of its box in the network's square, and how many times larger that is."""
    sides = []
    for coco in dataset.splits.values():
        longer = {image.id: max(image.width, image.height) for image in coco.images}
        for annotation in coco.annotations:
            seen = longer[annotation.image_id]
            scale = options.imgsz / (min(seen, options.tile) if options.tile else seen)
            if not annotation.iscrowd and min(annotation.bbox[2:]) > 0:
                sides.append((min(annotation.bbox[2:]) * scale, scale))
    return sides


def _remedy(options: LocatingOptions, scale: float) -> str:
    """`scale`: of the smallest defect."""
    if scale >= 1 or options.good_map:
        return "give a larger --imgsz"
    if options.tile:
        return "give a smaller --tile or a larger --imgsz"
    return f"--tile {options.imgsz} learns from crops that are not shrunk"
