"""The images available for pasting: sources of defects by category, and canvases."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from datasets.paste.source import PasteImage
from system.errors import InputError


@dataclass(frozen=True, slots=True)
class Stock:
    """Sources by category id, canvases by product; every source has a canvas of its product."""

    sources: dict[int, list[PasteImage]]
    canvases: dict[str, list[PasteImage]]

    def source(self, category: int, number: int, seed: int) -> PasteImage:
        """The source for the new image `number` (from 0) of a category."""
        return _deal(self.sources[category], number, (seed, 1, category))

    def canvas(self, product: str, number: int, seed: int) -> PasteImage:
        """The canvas for the new image `number` (from 0) of a product."""
        return _deal(self.canvases[product], number, (seed, 2))


def take_stock(given: Sequence[PasteImage], *, one_category: bool = False) -> Stock:
    """The sources and canvases among `given`; with `one_category`, only sources with defects of a single category.

    Raises InputError if there is no canvas or no source.
    """
    canvases: dict[str, list[PasteImage]] = {}
    for g in given:
        if not g.annotations:
            canvases.setdefault(g.product, []).append(g)
    if not canvases:
        raise InputError(
            "paste", f"none of the {len(given)} images is a negative to paste on", "add good images to train"
        )
    sources: dict[int, list[PasteImage]] = {}
    for g in given:
        categories = sorted({a.category_id for a in g.usable})
        if g.product in canvases and not (one_category and len({a.category_id for a in g.annotations}) > 1):
            for category in categories:
                sources.setdefault(category, []).append(g)
    if not sources:
        raise InputError(
            "paste",
            f"none of the {len(given)} images has a defect with a mask and a negative of the same product",
            "add defect images to train",
        )
    return Stock(dict(sorted(sources.items())), canvases)


def _deal(cards: Sequence[PasteImage], number: int, seed: tuple[int, ...]) -> PasteImage:
    """Card `number` (from 0) of an endless deal: every card is dealt once before any card is dealt again."""
    turn, position = divmod(number, len(cards))
    return cards[int(np.random.default_rng((*seed, turn)).permutation(len(cards))[position])]
