"""New training images: real defects pasted onto good images. The caller chooses the images."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from datasets.coco import Annotation, Image
from datasets.formats.made_images import PASTED
from datasets.masks.component import Component, mask_to_component
from datasets.masks.edges import component_to_rle
from datasets.paste.blend import Patch, blend, make_patch, misfit, shrunk, shrunk_map
from datasets.paste.place import Matrix, Move, Place, choose_place, draw_moves, settle
from datasets.paste.source import LoadedImage, PasteImage, groups, is_usable, load_paste_image, mask_of
from datasets.paste.stock import Stock, take_stock
from system.errors import InputError, OptionError

MAX_EXAMINED_CANVASES = 16  # canvases in which `auto` detects the part
MAX_PLACEMENTS = 8  # rotations that are tried for a group until one fits
MOVES_PER_PLACEMENT = 12  # scales and shifts compared for each rotation
PATCHES_PER_PLACEMENT = 3  # the best of these moves, which are rendered in full
MIN_KEPT_AREA = 0.9  # fraction of the area of the whole instance
MAX_LOADED_SOURCES = 16  # kept in memory, decoded

Reason = Literal["crowd or no mask", "no place"]


class Origin(msgspec.Struct, frozen=True):
    """The source of a pasted annotation, and the 2 x 3 map from source pixels to new pixels, row by row."""

    annotation: int
    source: str
    source_annotation: int
    move: Move
    matrix: tuple[float, ...]


class LeftOut(msgspec.Struct, frozen=True):
    """An annotation of the source that the pasted image does not show."""

    source: str
    source_annotation: int
    reason: Reason


@dataclass(frozen=True, slots=True)
class Pasted:
    """A new image: its pixels (H x W x 3 uint8 RGB), its annotations and its sources.

    `touched` (H x W bool) marks masks and seams; all other pixels are those of the image `canvas`, a file name.
    """

    image: Image
    rgb: NDArray[np.uint8]
    annotations: list[Annotation]
    touched: NDArray[np.bool_]
    canvas: str
    origins: list[Origin]
    left_out: list[LeftOut]


def paste_images(
    given: Sequence[PasteImage],
    count: int,
    seed: int,
    *,
    place: Place | Literal["auto"] = "auto",
    first_ids: tuple[int, int] | None = None,
    types: Sequence[int] | None = None,
) -> Iterator[Pasted]:
    """`count` new images made only from the images `given`: pass the images of one training split or fold.

    Each new image shows the defects of one given image, each in a new place, on one given image without
    annotations. Defect types alternate. With `types`, the category of each new image, the sources are images with
    defects of one category. Image i depends only on the given images, `seed`, `place` and i. `first_ids` are the
    ids of the first new image and annotation; by default they follow the largest given ids. Raises OptionError for
    invalid `count` or `seed`, InputError if there is no canvas, no defect, or no defect of a category in `types`.
    """
    check_count(count, seed)
    stock = take_stock(given, one_category=types is not None)
    chosen = resolve_place(given) if place == "auto" else place
    image_id, annotation_id = first_ids or (
        1 + max(g.image.id for g in given),
        1 + max(a.id for g in given for a in g.annotations),
    )
    categories = list(stock.sources)
    scheduled = [categories[i % len(categories)] for i in range(count)] if types is None else types
    if absent := [category for category in scheduled if category not in stock.sources]:
        problem = f"no training image shows only defects of category {absent[0]}, with a mask"
        raise InputError("paste", problem, "use another method, or add such an image")
    return _paste_all(stock, scheduled, seed, chosen, image_id, annotation_id)


def check_count(count: int, seed: int) -> None:
    """Raise OptionError if `count` is below 1 or `seed` is negative."""
    if count < 1:
        raise OptionError(f"--count {count}", "nothing to paste", "give 1 or more new images")
    if seed < 0:
        raise OptionError(f"--seed {seed}", "is negative", "give 0 or a positive number")


def resolve_place(given: Sequence[PasteImage]) -> Place:
    """The place for the canvases among `given`, chosen from an evenly spaced sample of them."""
    canvases = [g for g in given if not g.annotations]
    spread = np.unique(np.linspace(0, len(canvases) - 1, min(MAX_EXAMINED_CANVASES, len(canvases))).astype(int))
    return choose_place(load_paste_image(canvases[i]).part for i in spread)


def _paste_all(
    stock: Stock, types: Sequence[int], seed: int, place: Place, image_id: int, annotation_id: int
) -> Iterator[Pasted]:
    by_id = {source.image.id: source for sources in stock.sources.values() for source in sources}
    opened = lru_cache(MAX_LOADED_SOURCES)(lambda source_id: load_paste_image(by_id[source_id]))
    before: Counter[int] = Counter()
    for i, category in enumerate(types):
        left_out: list[LeftOut] = []
        for attempt in range(len(stock.sources[category])):
            source = stock.source(category, before[category] + attempt, seed)
            canvas = load_paste_image(stock.canvas(source.product, i, seed))
            work = _Work(opened(source.image.id), canvas, place, np.random.default_rng((seed, 3, i, attempt)))
            pasted = work.paste(Image(image_id + i, f"{PASTED}/{i:04d}.png", 0, 0), annotation_id, left_out)
            left_out = pasted.left_out
            if pasted.annotations:
                break
        else:
            raise InputError(pasted.canvas, f"no defect of category {category} fits on it", "try another --place")
        before[category] += 1
        annotation_id += len(pasted.annotations)
        yield pasted


@dataclass(frozen=True, slots=True)
class _Work:
    """One source, one canvas, one strategy, one generator."""

    source: LoadedImage
    canvas: LoadedImage
    place: Place
    random: np.random.Generator

    def paste(self, name: Image, annotation_id: int, left_out: list[LeftOut]) -> Pasted:
        """The canvas with all defects of the source that fit; ids count from `name.id` and `annotation_id`."""
        given = self.source.given
        height, width = self.canvas.rgb.shape[:2]
        rgb, touched = self.canvas.rgb.copy(), np.zeros((height, width), np.bool_)
        annotations: list[Annotation] = []
        origins: list[Origin] = []
        left_out = list(left_out)
        for group in groups(given):
            found = self._place(group, touched) if all(is_usable(a) for a in group) else None
            if found is None:
                reason: Reason = "no place" if all(is_usable(a) for a in group) else "crowd or no mask"
                left_out += [LeftOut(given.image.file_name, a.id, reason) for a in group]
                continue
            move, matrix, patch = found
            blend(rgb, patch)
            touched[patch.window] |= patch.alpha > 0
            for annotation, mask in zip(group, patch.masks, strict=True):
                number = annotation_id + len(annotations)
                annotations.append(
                    _annotation(number, name.id, annotation.category_id, mask, patch, (height, width))
                )
                flat = tuple(float(v) for v in matrix.ravel())
                origins.append(Origin(number, given.image.file_name, annotation.id, move, flat))
        image = msgspec.structs.replace(name, width=width, height=height)
        return Pasted(image, rgb, annotations, touched, self.canvas.given.image.file_name, origins, left_out)

    def _place(self, group: list[Annotation], touched: NDArray[np.bool_]) -> tuple[Move, Matrix, Patch] | None:
        """The first rotation with a shift and scale that keep the group complete and outside `touched`."""
        masks = [mask_of(a, self.source.given.image) for a in group]
        union = np.maximum.reduce(masks)
        if not union.any():
            return None
        is_cut = bool(union[0].any() or union[-1].any() or union[:, 0].any() or union[:, -1].any())
        setting = settle(
            self.place, self.source.part, self.canvas.part, mask_to_component(union > 0).box, is_cut=is_cut
        )
        small = shrunk(union)
        for _ in range(MAX_PLACEMENTS):
            moves = draw_moves(self.random, self.place, setting, MOVES_PER_PLACEMENT)
            maps = [move.matrix(setting.source, setting.target).round(6) for move in moves]
            misfits = [misfit(self.source.small, small, self.canvas.small, shrunk_map(m)) for m in maps]
            for best in np.argsort(misfits, kind="stable")[:PATCHES_PER_PLACEMENT]:
                patch = make_patch(self.source.rgb, masks, self.canvas.rgb, maps[best])
                if (
                    patch
                    and _is_whole(patch, masks, maps[best])
                    and not touched[patch.window][patch.alpha > 0].any()
                ):
                    return moves[best], maps[best], patch
        return None


def _is_whole(patch: Patch, masks: Sequence[NDArray[np.uint8]], matrix: Matrix) -> bool:
    growth = abs(float(np.linalg.det(matrix[:, :2])))
    return all(
        moved.sum() >= MIN_KEPT_AREA * growth * np.count_nonzero(mask)
        for moved, mask in zip(patch.masks, masks, strict=True)
    )


def _annotation(
    number: int, image_id: int, category_id: int, mask: NDArray[np.bool_], patch: Patch, size: tuple[int, int]
) -> Annotation:
    component = mask_to_component(mask)
    x, y, w, h = component.box
    rows, columns = patch.window
    moved = Component((x + columns.start, y + rows.start, w, h), component.pixels)
    rle = component_to_rle(moved, *size)
    return Annotation(number, image_id, category_id, moved.box, moved.area, rle)
