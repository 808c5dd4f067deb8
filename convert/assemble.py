"""From converted images to a dataset folder: numbering, splits, annotation files, provenance.

Whatever a conversion reads, it describes its images as a list of sources and gives a function that converts one.
Annotations go through a spool file, so that memory does not grow with their number.
"""

import posixpath
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from importlib import import_module
from itertools import chain
from pathlib import Path
from typing import IO, Any, Generic, Protocol, TypeVar

import msgspec

from convert.report import Event, Report, check_strict, make_report
from datasets.coco import SPLITS, Box, Category, Image, Segmentation
from datasets.formats.dataset_folder import annotation_path
from datasets.formats.provenance import content_hash, make_provenance, write_provenance
from system.errors import InputError
from system.files import check_destination, new_folder
from system.workers import LARGEST_CHUNK, Pool, map_ordered

MOST_CATEGORIES = 255
TOGETHER = 16  # images that are converted at once where that is quicker
Progress = Callable[[Iterable[Any], str, int], Iterable[Any]]


class Source(Protocol):
    """One image to convert."""

    @property
    def file_name(self) -> str:
        """Its name in the dataset, relative to `images`, with forward slashes."""


S = TypeVar("S", bound=Source)
T = TypeVar("T")
R = TypeVar("R")


class Instance(msgspec.Struct, frozen=True):
    """One annotation that has no number yet: box and area in pixels as in datasets.coco."""

    category_id: int
    bbox: Box
    area: int | float
    segmentation: Segmentation
    iscrowd: int = 0


class Converted(msgspec.Struct, frozen=True):
    """What one image became; images of one `stratum` are shared out over the splits in proportion.

    `category_ids` and `encoded` (JSON, see `encode_instance`) have one item per annotation, `sha256` is over
    everything that was read. An image that is not `kept` is left out of the dataset: only its events count.
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


class _Done(msgspec.Struct, frozen=True, gc=False):
    """What is remembered of a converted image, in as little memory as there may be images many.

    As in Converted; `size` is width and height, `category_ids` has a byte each, `sha256` its 32 bytes.
    """

    file_name: str
    size: tuple[int, int]
    sha256: bytes
    stratum: str
    category_ids: bytes
    events: tuple[Event, ...]
    kept: bool


class Conversion(msgspec.Struct, Generic[S], frozen=True):
    """What to convert and how: `convert_image(source, dest)` converts one of the `sources`, sorted by file name.

    `dest` is the dataset folder to put picture and pixel mask into, None in a dry run; the folders for them
    exist. `share_out` gives the split of each file name from its stratum. `read` and `events` go to the report.
    `pool_pays` is whether there is enough work for several processes, `masks` whether there are pixel masks.
    `inherited` are modules that processes need: loaded once, before they are forked. Where it is quicker to
    convert several images at once, `convert_images` does, and gives and raises what one after the other would.
    """

    tool: str
    origins: list[str]
    options: dict[str, Any]
    categories: list[Category]
    sources: Sequence[S]
    convert_image: Callable[[S, Path | None], Converted]
    share_out: Callable[[dict[str, str]], Mapping[str, str]]
    read: dict[str, int]
    events: list[Event]
    pool_pays: bool
    masks: bool = True
    inherited: tuple[str, ...] = ()
    convert_images: Callable[[Sequence[S], Path | None], list[Converted]] | None = None


class Execution(msgspec.Struct, frozen=True):
    """What every conversion can be asked: `jobs` is the number of processes, 0 chooses, without a `pool`."""

    overwrite: bool = False
    dry_run: bool = False
    strict: bool = False
    jobs: int = 0
    progress: Progress = lambda items, _label, _total: items
    pool: Pool | None = None


def encode_instance(instance: Instance) -> bytes:
    """The instance as JSON object without its numbers, which `assemble` gives."""
    return msgspec.json.encode(instance)


def assemble(dest: Path, conversion: Conversion[S], execution: Execution) -> Report:
    """Convert all sources into the dataset folder `dest` and report; a dry run writes nothing.

    Raises InputError for what cannot be converted and, with `strict`, for the first loss; OutputError for `dest`.
    """
    check_destination(dest, overwrite=execution.overwrite)
    check_mask_names(source.file_name for source in conversion.sources)
    if len(conversion.categories) > MOST_CATEGORIES:
        problem = f"{len(conversion.categories)} categories, and a pixel mask holds {MOST_CATEGORIES}"
        raise InputError(dest, problem, "join some labels")
    if execution.dry_run:
        return _report(list(_remembered(_convert_all(None, conversion, execution))), conversion, execution)
    with new_folder(dest, overwrite=execution.overwrite) as root:
        spool = root / "annotations.spool"
        with spool.open("wb") as file:
            done = list(_remembered(_spooled(_convert_all(root, conversion, execution), file)))
        report = _report(done, conversion, execution)
        _write_dataset(root, spool, [converted for converted in done if converted.kept], conversion, report)
        spool.unlink()
    return report


def check_mask_names(file_names: Iterable[str], what: str = "pixel mask") -> None:
    """Raise InputError where two images would share one pixel mask, as a.jpg and a.png of one folder do.

    `what` names it, where it is another file with an ending of its own that belongs to the image.
    """
    seen: dict[str, str] = {}
    for file_name in file_names:
        stem = posixpath.splitext(file_name)[0]
        if stem in seen:
            raise InputError(
                file_name, f"its {what} cannot be told from that of {seen[stem]}", "rename one of them"
            )
        seen[stem] = file_name


def _convert_all(dest: Path | None, conversion: Conversion[S], execution: Execution) -> Iterator[Converted]:
    sources = conversion.sources
    if dest is not None:
        for kind in ("images", "masks") if conversion.masks else ("images",):
            for folder in sorted({posixpath.dirname(source.file_name) for source in sources}):
                (dest / kind / folder).mkdir(parents=True, exist_ok=True)
    if conversion.pool_pays and execution.pool is None:
        for module in conversion.inherited:
            import_module(module)
    yield from execution.progress(_converted(dest, conversion, execution), "convert", len(sources))


def _converted(dest: Path | None, conversion: Conversion[S], execution: Execution) -> Iterator[Converted]:
    sources, pays = conversion.sources, conversion.pool_pays
    if conversion.convert_images is None:
        work = _Work(conversion.convert_image, dest)
        return map_ordered(work, sources, execution.jobs, pool_pays=pays, pool=execution.pool)
    groups = [sources[i : i + TOGETHER] for i in range(0, len(sources), TOGETHER)]
    many = _Work(conversion.convert_images, dest)
    chunk = LARGEST_CHUNK // TOGETHER
    return chain.from_iterable(
        map_ordered(many, groups, execution.jobs, pool_pays=pays, largest_chunk=chunk, pool=execution.pool)
    )


class _Work(msgspec.Struct, Generic[T, R], frozen=True):
    """`convert` with its destination, as processes can take it."""

    convert: Callable[[T, Path | None], R]
    dest: Path | None

    def __call__(self, source: T) -> R:
        return self.convert(source, self.dest)


def _spooled(images: Iterable[Converted], file: IO[bytes]) -> Iterator[Converted]:
    for converted in images:
        if converted.kept:
            file.writelines(line + b"\n" for line in converted.encoded)
        yield converted


def _remembered(images: Iterable[Converted]) -> Iterator[_Done]:
    sizes: dict[tuple[int, int], tuple[int, int]] = {}
    for converted in images:
        size = (converted.width, converted.height)
        yield _Done(
            converted.file_name,
            sizes.setdefault(size, size),
            bytes.fromhex(converted.sha256),
            sys.intern(converted.stratum),
            bytes(converted.category_ids),
            tuple(converted.events),
            converted.kept,
        )


def _report(done: Sequence[_Done], conversion: Conversion[S], execution: Execution) -> Report:
    kept = [converted for converted in done if converted.kept]
    written = {
        "images": len(kept),
        "negatives": sum(not converted.category_ids for converted in kept),
        "annotations": sum(len(converted.category_ids) for converted in kept),
    }
    events = chain(conversion.events, chain.from_iterable(converted.events for converted in done))
    report = make_report(conversion.read, written, events)
    if execution.strict:
        check_strict(report)
    return report


def _write_dataset(
    root: Path, spool: Path, done: Sequence[_Done], conversion: Conversion[S], report: Report
) -> None:
    split_of = conversion.share_out({converted.file_name: converted.stratum for converted in done})
    members: dict[str, list[Image]] = {split: [] for split in SPLITS}
    for image_id, converted in enumerate(done, 1):
        image = Image(image_id, converted.file_name, *converted.size)
        members[split_of[converted.file_name]].append(image)
    _write_annotations(root, spool, done, members, split_of, conversion.categories)
    annotated = ((i, category) for i, converted in enumerate(done, 1) for category in converted.category_ids)
    write_provenance(
        root,
        make_provenance(
            conversion.tool,
            conversion.origins,
            conversion.options,
            members,
            annotated,
            conversion.categories,
            report.summary(),
            content_hash((converted.file_name, converted.sha256.hex()) for converted in done),
        ),
    )


def _write_annotations(
    root: Path,
    spool: Path,
    done: Sequence[_Done],
    members: Mapping[str, list[Image]],
    split_of: Mapping[str, str],
    categories: list[Category],
) -> None:
    """The bytes that datasets.coco.write_coco would write, without holding all annotations."""
    (root / "annotations").mkdir()
    written: Counter[str] = Counter()
    with ExitStack() as stack:
        lines = stack.enter_context(spool.open("rb"))
        files = {split: stack.enter_context(annotation_path(root, split).open("wb")) for split in members}
        for split, file in files.items():
            file.write(b'{"images":' + msgspec.json.encode(members[split]) + b',"annotations":[')
        annotation_id = 0
        for image_id, converted in enumerate(done, 1):
            split = split_of[converted.file_name]
            for _ in converted.category_ids:
                annotation_id += 1
                comma = b"," if written[split] else b""
                numbers = b'{"id":%d,"image_id":%d,' % (annotation_id, image_id)
                files[split].write(comma + numbers + lines.readline()[1:-1])
                written[split] += 1
        for file in files.values():
            file.write(b'],"categories":' + msgspec.json.encode(categories) + b',"info":{},"licenses":[]}\n')
