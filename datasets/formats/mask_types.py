"""Determine the defect types of masks: by an option, or else by a rule."""

from collections.abc import Sequence
from pathlib import Path

import msgspec

from datasets.formats.labelmap import parse_colours, read_labelmap
from datasets.formats.mask_folders import has_type_folders
from datasets.formats.mask_layers import MaskMeaning
from datasets.formats.segmentation_export import CLASSES, find_labelmap
from datasets.images.colour_mask import Colour
from system.errors import OptionError


class MaskTypes(msgspec.Struct, frozen=True):
    """The defect types of masks, as in MasksOptions."""

    categories: tuple[str, ...] = ()
    indices: bool = False
    colours: tuple[tuple[str, Colour], ...] = ()
    folders: bool = False

    def names(self, folder_types: Sequence[str]) -> tuple[str, ...]:
        """The categories in the order of their ids; `folder_types` are the types that folders name."""
        if self.folders:
            return tuple(folder_types)
        return tuple(dict.fromkeys(name for name, _ in self.colours)) or self.categories

    def meaning(self, names: Sequence[str], *, threshold: int | None, void: bool, numbered: bool) -> MaskMeaning:
        """What the values of masks mean if the categories are `names`; the other arguments as in MaskMeaning."""
        ids = {name: i for i, name in enumerate(names, 1)}
        return MaskMeaning(
            count=len(names),
            indices=self.indices,
            threshold=threshold,
            colours=tuple((colour, ids[name]) for name, colour in self.colours),
            type_ids=tuple(ids.items()) if self.folders else (),
            void=void,
            numbered=numbered,
        )


def choose_types(
    images: Path,
    masks: Path,
    category: str | None,
    categories: str | None,
    colours: Sequence[str],
    labelmap: Path | None,
    *,
    type_folders: bool,
) -> MaskTypes:
    """The types by the option that is given; with none, by a labelmap.txt, else by folders of types.

    `colours` add to those of a labelmap.txt, and replace its types of the same colours. Raises OptionError for
    several options and if the types are unknown, InputError for a bad labelmap.
    """
    coloured = bool(colours) or labelmap is not None
    given = [category is not None, categories is not None, coloured, type_folders]
    if sum(given) > 1:
        names = ("--category", "--categories", "--colours or --labelmap", "--type-folders")
        several = ", ".join(name for name, is_given in zip(names, given, strict=True) if is_given)
        raise OptionError("masks", f"{several} cannot be combined", "give one of them")
    if category is not None:
        return MaskTypes((category,))
    if categories is not None:
        return MaskTypes(tuple(name.strip() for name in categories.split(",")), indices=True)
    if type_folders:
        return MaskTypes(folders=True)
    path = labelmap if labelmap is not None else find_labelmap(masks)
    if path is not None or colours:
        known = {colour: name for name, colour in read_labelmap(path)} if path is not None else {}
        known |= {colour: name for name, colour in parse_colours(colours)}
        return MaskTypes(colours=tuple((name, colour) for colour, name in known.items()))
    if masks.is_dir() and not (masks / CLASSES).is_dir() and has_type_folders(images, masks):
        return MaskTypes(folders=True)
    remedy = "give --category NAME for binary masks, --categories A,B,C for index masks, or --colours NAME=R,G,B"
    raise OptionError(str(masks), "the defect types of the masks are unknown", remedy)
