"""The description of a conversion: its sources, a function that converts one of them, and a rule for splits."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Generic, Protocol, TypeVar, get_type_hints

import msgspec

from convert.faults import Fault
from convert.report import Event
from datasets.coco import Box, Category, Segmentation
from datasets.formats.mask_layers import MaskValues


class Source(Protocol):
    """One image to convert."""

    @property
    def file_name(self) -> str:
        """The name in the dataset, relative to `images`, with forward slashes."""


S = TypeVar("S", bound=Source)


class Instance(msgspec.Struct, frozen=True):
    """One annotation without its ids; box and area in pixels as in datasets.coco."""

    category_id: int
    bbox: Box
    area: int | float
    segmentation: Segmentation
    iscrowd: int = 0


class Converted(msgspec.Struct, frozen=True):
    """One converted image; width and height in pixels.

    A stratified split divides the images of each `stratum` in the same proportions. `category_ids` and `encoded`
    (JSON, see `encode_instance`) have one item per annotation. `sha256` is the hash of everything that was read.
    An image that is not `kept` is left out of the dataset; only its events count. `mask_values` are the grey
    values that mark a defect in its binary masks, each with its category id. `ignored` has the positions of the
    ignore regions among the annotations.
    """

    file_name: str
    width: int
    height: int
    sha256: str
    stratum: str
    category_ids: list[int]
    encoded: list[bytes]
    events: list[Event]
    kept: bool = True
    mask_values: tuple[tuple[int, int], ...] = ()
    ignored: tuple[int, ...] = ()


class Conversion(msgspec.Struct, Generic[S], frozen=True, kw_only=True):
    """A conversion: `convert_image(source, dest)` converts one of the `sources`, which are sorted by file name.

    `dest` is the dataset folder for image and pixel mask, with existing subfolders, or None in a dry run.
    `assign_splits` maps file name -> stratum to file name -> split. `read` and `events` go to the report.
    `pool_pays` is whether there is enough work for several processes, `masks` whether pixel masks are written.
    `preload` are modules that are imported before worker processes are forked. `check_mask_values` raises
    InputError if the values of all images (file name, values) contradict each other. `convert_images`, if given,
    converts several sources faster, with the same results and errors as `convert_image` for each. `faults` are
    those of the source itself, found before any image is converted; what they concern is not in `sources`.
    """

    tool: str
    origins: list[str]
    options: dict[str, object]
    categories: list[Category]
    sources: Sequence[S]
    convert_image: Callable[[S, Path | None], Converted]
    assign_splits: Callable[[dict[str, str]], Mapping[str, str]]
    read: dict[str, int]
    events: list[Event]
    pool_pays: bool
    masks: bool = True
    preload: tuple[str, ...] = ()
    convert_images: Callable[[Sequence[S], Path | None], list[Converted]] | None = None
    check_mask_values: Callable[[MaskValues], None] | None = None
    faults: Sequence[Fault] = ()


def recorded_options(options: msgspec.Struct) -> dict[str, object]:
    """The options for `dataset.json`, without paths of this machine."""
    types = get_type_hints(type(options))
    fields = msgspec.structs.asdict(options).items()
    return {name: value for name, value in fields if types[name] not in (Path, Path | None)}


def ignored_positions(instances: Sequence[Instance]) -> tuple[int, ...]:
    """The positions of the ignore regions among the instances of an image."""
    return tuple(position for position, instance in enumerate(instances) if instance.iscrowd)


def encode_instance(instance: Instance) -> bytes:
    """The instance as a JSON object without its ids, which `assemble` adds."""
    return msgspec.json.encode(instance)
