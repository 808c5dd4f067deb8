"""Read a folder of images and a folder of masks for `datasets check`, as `convert masks2coco` reads them."""

from collections.abc import Sequence
from pathlib import Path

import msgspec

from datasets.check.codes import Finding
from datasets.check.facts import AnnotationFacts, Entry, Facts, ImageFacts, Listing, Reading
from datasets.check.findings import as_finding, links_outside, same_stems, unusable
from datasets.check.format import has_several_splits
from datasets.formats.listed_image import MaskSizeError
from datasets.formats.mask_folders import MaskedImage, pair_masks
from datasets.formats.mask_layers import MaskContent, MaskMeaning, check_same_values, read_mask_content
from datasets.formats.mask_pattern import STEM, parse_pattern
from datasets.formats.mask_types import MaskTypes
from datasets.formats.segmentation_export import find_mask_source, with_objects
from datasets.formats.split_names import split_of_folder
from datasets.images.mask_file import looks_inverted
from datasets.masks.component import Component, mask_to_component
from datasets.masks.edges import component_to_rle
from datasets.masks.find_components import components
from system.errors import InputError
from system.exclude import NOTHING, Excluder


class MaskEntry(Entry, frozen=True, kw_only=True):
    """An image with its masks and what their values mean; `names` are the categories in the order of their ids."""

    image: MaskedImage
    meaning: MaskMeaning
    names: tuple[str, ...]


class MaskFolders(msgspec.Struct, frozen=True):
    """The masks of a folder of images, and the options of `convert masks2coco` that state what they mean."""

    masks: Path
    types: MaskTypes
    pattern: str = STEM
    threshold: int | None = None
    void: bool = False
    name: str = "folders of images and masks"
    upright_only: bool = True

    def list_entries(self, root: Path, exclude: Excluder = NOTHING) -> Listing[MaskEntry]:
        """The images below `root` with their masks. Raises InputError if nothing pairs, OptionError."""
        try:
            source = find_mask_source(self.masks)
        except InputError as error:  # of its lists of splits
            return Listing([], [], unusable(self.masks, error))
        pattern = parse_pattern(self.pattern)
        pairing = pair_masks(root, source.masks, pattern, exclude, type_folders=self.types.folders)
        names = self.types.names(pairing.types)
        meaning = self.types.meaning(names, threshold=self.threshold, void=self.void, numbered=pattern.several)
        entries = [
            MaskEntry(
                name=image.file_name,
                path=str(image.path),
                split=split_of_folder(image.file_name) or "",
                is_good=False,
                image=with_objects(image, source),
                meaning=meaning,
                names=names,
            )
            for image in pairing.images
        ]
        findings = [as_finding(source.masks, fault, "unpaired-mask") for fault in pairing.faults]
        findings += same_stems(entry.name for entry in entries)
        findings += links_outside(root, (image.path for image in pairing.images), [root])
        return Listing(entries, list(names), findings)

    def read(self, entry: MaskEntry, width: int, height: int) -> Reading:
        """The annotations of one image: the components of its masks, or the masks where they are instances."""
        annotations: list[AnnotationFacts] = []
        findings: list[Finding] = []
        if not entry.image.masks:
            findings.append(Finding(entry.name, "", "unlabelled", "no mask"))
        for mask in entry.image.masks:
            name = mask.path.name
            try:
                content = read_mask_content(mask, entry.meaning, (width, height) if width else None)
            except InputError as error:
                code = "mask-size" if isinstance(error, MaskSizeError) else "bad-mask"
                findings.append(Finding(entry.name, name, code, error.problem))
                continue
            for layer in content.layers:
                if looks_inverted(layer.pixels):
                    share = f"{layer.pixels.mean():.0%} of the image"
                    findings.append(Finding(entry.name, name, "looks-inverted", share))
            first = len(annotations) + 1
            annotations += [
                AnnotationFacts(
                    f"component {i}",
                    entry.names[category_id - 1],
                    component.box,
                    component.area,
                    component_to_rle(component, *content.size) if len(entry.image.masks) > 1 else None,
                )
                for i, (category_id, component) in enumerate(_components(content), first)
            ]
        return Reading(annotations, findings)

    def is_split(self, images: Sequence[ImageFacts]) -> bool:
        """Whether the images are in folders named like splits."""
        return has_several_splits(images)

    def check_together(self, facts: Facts) -> list[Finding]:  # noqa: ARG002
        """No findings."""
        return []


def find_mask_values(entries: Sequence[MaskEntry]) -> list[Finding]:
    """A finding if binary masks mark defects by different values; reads every mask again."""
    values = []
    for entry in entries:
        if entry.meaning.indices or entry.meaning.colours or entry.meaning.threshold is not None:
            return []
        for mask in entry.image.masks:
            try:
                values.append((entry.name, read_mask_content(mask, entry.meaning).mask_values))
            except InputError:
                continue
    try:
        check_same_values(values)
    except InputError as error:
        return [Finding(str(error.where), "", "mask-values", error.problem)]
    return []


def _components(content: MaskContent) -> list[tuple[int, Component]]:
    parts = []
    for layer in content.layers:
        pieces = [mask_to_component(layer.pixels)] if layer.whole else components(layer.pixels)
        parts += [(layer.category_id, component) for component in pieces]
    return parts
