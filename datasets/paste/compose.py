"""New training images: real defects pasted onto good images. The caller chooses the images."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
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
from datasets.paste.pasted import LeftOut, Origin, Pasted, PasteOrder, Reason, renumbered
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
    paster, orders = plan_pasting(
        given, count, seed, place=place, first_image_id=first_ids[0] if first_ids else None, types=types
    )
    annotation_id = first_ids[1] if first_ids else 1 + max(a.id for g in given for a in g.annotations)
    return _numbered(map(paster, orders), annotation_id)


def plan_pasting(
    given: Sequence[PasteImage],
    count: int,
    seed: int,
    *,
    place: Place | Literal["auto"],
    first_image_id: int | None,
    types: Sequence[int] | None,
) -> tuple["Paster", list[PasteOrder]]:
    """What makes the new images, and an order for each; see `paste_images`."""
    check_count(count, seed)
    stock = take_stock(given, one_category=types is not None)
    chosen = resolve_place(given) if place == "auto" else place
    image_id = 1 + max(g.image.id for g in given) if first_image_id is None else first_image_id
    categories = list(stock.sources)
    scheduled = [categories[i % len(categories)] for i in range(count)] if types is None else types
    if absent := [category for category in scheduled if category not in stock.sources]:
        problem = f"no training image shows only defects of category {absent[0]}, with a mask"
        raise InputError("paste", problem, "use another method, or add such an image")
    before: Counter[int] = Counter()
    orders = []
    for number, category in enumerate(scheduled):
        orders.append(PasteOrder(number, category, before[category]))
        before[category] += 1
    return Paster(stock, seed, chosen, image_id), orders


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


class Paster:
    """Makes a new image, which depends only on what is given here and its order. Picklable."""

    def __init__(self, stock: Stock, seed: int, place: Place, image_id: int) -> None:
        self._given = (stock, seed, place, image_id)
        self._opened = lru_cache(MAX_LOADED_SOURCES)(self._open)
        self._by_id = {source.image.id: source for sources in stock.sources.values() for source in sources}

    def __reduce__(self) -> tuple[type["Paster"], tuple[Stock, int, Place, int]]:
        """Pickled without the images that it keeps open."""
        return Paster, self._given

    def __call__(self, order: PasteOrder) -> Pasted:
        """The new image; its annotations are numbered from 1. Raises InputError if no defect fits."""
        stock, seed, place, image_id = self._given
        left_out: list[LeftOut] = []
        for attempt in range(len(stock.sources[order.category])):
            source = stock.source(order.category, order.before + attempt, seed)
            canvas = load_paste_image(stock.canvas(source.product, order.number, seed))
            random = np.random.default_rng((seed, 3, order.number, attempt))
            work = _Work(self._opened(source.image.id), canvas, place, random)
            name = f"{PASTED}/{order.number:04d}.png"
            pasted = work.paste(Image(image_id + order.number, name, 0, 0), 1, left_out)
            left_out = pasted.left_out
            if pasted.annotations:
                return pasted
        problem = f"no defect of category {order.category} fits on it"
        raise InputError(pasted.canvas, problem, "try another --place")

    def _open(self, source_id: int) -> LoadedImage:
        return load_paste_image(self._by_id[source_id])


def _numbered(made: Iterable[Pasted], annotation_id: int) -> Iterator[Pasted]:
    for pasted in made:
        annotations, origins = renumbered(pasted.annotations, pasted.origins, annotation_id)
        yield replace(pasted, annotations=annotations, origins=origins)
        annotation_id += len(annotations)


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
