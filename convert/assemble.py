"""Write converted images as a dataset folder: ids, splits, annotation files, provenance.

A converter describes its images as a Conversion. Annotations are spooled to a file, so that memory use does not
grow with their number.
"""

import posixpath
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from importlib import import_module
from itertools import chain
from pathlib import Path
from typing import IO, Generic

import msgspec
from msgspec.structs import replace

from convert.conversion import Conversion, Converted, S
from convert.distinct_names import category_events, with_distinct_names
from convert.execution import Execution
from convert.faults import Fault, Faults
from convert.report import Event, Report, check_strict, make_report
from datasets.coco import SPLITS, Category, Image
from datasets.formats.dataset_folder import annotation_path, mask_path
from datasets.formats.provenance import Annotated, content_hash, make_provenance, write_provenance
from datasets.images.bit_depth import measure_ranges
from datasets.masks.pixel_mask import check_category_count
from system.errors import InputError
from system.files import check_destination, new_folder
from system.workers import MAX_CHUNK, map_ordered

BATCH_SIZE = 16  # images per call of `convert_images`


class _Done(msgspec.Struct, frozen=True, gc=False):
    """A converted image in little memory, because there may be many.

    The fields are those of Converted; `size` is (width, height) in pixels, `category_ids` has one byte per
    annotation, `sha256` has 32 bytes.
    """

    file_name: str
    size: tuple[int, int]
    sha256: bytes
    stratum: str
    category_ids: bytes
    events: tuple[Event, ...]
    kept: bool
    mask_values: tuple[tuple[int, int], ...]
    ignored: tuple[int, ...]

    def annotated(self, image_id: int) -> Iterator[Annotated]:
        """Image id, category id and iscrowd of each annotation."""
        return ((image_id, k, int(n in self.ignored)) for n, k in enumerate(self.category_ids))


def assemble(dest: Path, conversion: Conversion[S], execution: Execution) -> Report:
    """Convert all sources into the dataset folder `dest`; a dry run writes nothing.

    Raises one InputError for all faults of the source and all images that cannot be converted, unless `skip_bad`
    leaves them out, and with `strict` for the first loss; OutputError if `dest` exists or cannot be written.
    """
    check_destination(dest, overwrite=execution.overwrite)
    check_category_count(", ".join(conversion.origins), len(conversion.categories))
    faults = Faults(limit=execution.max_errors, skip=execution.skip_bad)
    faults.add_all(conversion.faults)
    conversion = replace(conversion, sources=with_distinct_names(conversion.sources, faults))
    if execution.dry_run or faults.are_fatal():
        done = list(_remembered(faults.sift(_convert_all(None, conversion, execution))))
        return _report(done, conversion, execution, faults)
    with new_folder(dest, overwrite=execution.overwrite) as root:
        spool = root / "annotations.spool"
        with spool.open("wb") as file:
            done = list(_remembered(_spooled(faults.sift(_convert_all(root, conversion, execution)), file)))
        report = _report(done, conversion, execution, faults)
        _write_dataset(root, spool, [converted for converted in done if converted.kept], conversion, report)
        spool.unlink()
    return report


def _convert_all(
    dest: Path | None, conversion: Conversion[S], execution: Execution
) -> Iterator[Converted | Fault]:
    sources = conversion.sources
    if dest is not None:
        for kind in ("images", "masks") if conversion.masks else ("images",):
            for folder in sorted({posixpath.dirname(source.file_name) for source in sources}):
                (dest / kind / folder).mkdir(parents=True, exist_ok=True)
    if conversion.pool_pays and execution.pool is None:
        for module in conversion.preload:
            import_module(module)
    yield from execution.progress(_converted(dest, conversion, execution), "convert", len(sources))


def _converted(dest: Path | None, conversion: Conversion[S], execution: Execution) -> Iterator[Converted | Fault]:
    sources, pays = conversion.sources, conversion.pool_pays
    work = _Work(conversion.convert_image, dest)
    if conversion.convert_images is None:
        return map_ordered(work, sources, execution.jobs, pool_pays=pays, pool=execution.pool)
    groups = [sources[i : i + BATCH_SIZE] for i in range(0, len(sources), BATCH_SIZE)]
    many = _BatchWork(conversion.convert_images, work, dest)
    chunk = MAX_CHUNK // BATCH_SIZE
    return chain.from_iterable(
        map_ordered(many, groups, execution.jobs, pool_pays=pays, largest_chunk=chunk, pool=execution.pool)
    )


class _Work(msgspec.Struct, Generic[S], frozen=True):
    """Convert one image to `dest`; picklable. A bad image becomes a fault, and its files are removed."""

    convert: Callable[[S, Path | None], Converted]
    dest: Path | None

    def __call__(self, source: S) -> Converted | Fault:
        try:
            return self.convert(source, self.dest)
        except InputError as error:
            self.remove(source.file_name)
            return Fault(source.file_name, error)

    def remove(self, file_name: str) -> None:
        """Remove the files of one image."""
        if self.dest is not None:
            (self.dest / "images" / file_name).unlink(missing_ok=True)
            mask_path(self.dest, file_name).unlink(missing_ok=True)


class _BatchWork(msgspec.Struct, Generic[S], frozen=True):
    """Convert several images at once; if one of them is bad, convert them one by one with `single`."""

    convert: Callable[[Sequence[S], Path | None], list[Converted]]
    single: _Work[S]
    dest: Path | None

    def __call__(self, sources: Sequence[S]) -> list[Converted | Fault]:
        try:
            return list(self.convert(sources, self.dest))
        except InputError:
            for source in sources:
                self.single.remove(source.file_name)
            return [self.single(source) for source in sources]


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
            converted.mask_values,
            converted.ignored,
        )


def _report(done: Sequence[_Done], conversion: Conversion[S], execution: Execution, faults: Faults) -> Report:
    faults.check()
    if conversion.check_mask_values is not None:
        conversion.check_mask_values([(converted.file_name, converted.mask_values) for converted in done])
    kept = [converted for converted in done if converted.kept]
    written = {
        "images": len(kept),
        "negatives": sum(not converted.category_ids for converted in kept),
        "annotations": sum(len(converted.category_ids) - len(converted.ignored) for converted in kept),
    }
    if regions := sum(len(converted.ignored) for converted in kept):
        only = sum(0 < len(converted.ignored) == len(converted.category_ids) for converted in kept)
        written |= {"ignore regions": regions, "images with only ignore regions": only}
    known = [*conversion.events, *category_events(conversion.categories), *faults.events()]
    events = chain(known, chain.from_iterable(c.events for c in done))
    report = make_report(conversion.read, written, events)
    if execution.strict:
        check_strict(report)
    return report


def _write_dataset(
    root: Path, spool: Path, done: Sequence[_Done], conversion: Conversion[S], report: Report
) -> None:
    split_of = conversion.assign_splits({converted.file_name: converted.stratum for converted in done})
    members: dict[str, list[Image]] = {split: [] for split in SPLITS}
    for image_id, converted in enumerate(done, 1):
        image = Image(image_id, converted.file_name, *converted.size)
        members[split_of[converted.file_name]].append(image)
    _write_annotations(root, spool, done, members, split_of, conversion.categories)
    annotated = chain.from_iterable(converted.annotated(i) for i, converted in enumerate(done, 1))
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
            measure_ranges(root / "images" / converted.file_name for converted in done),
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
    """Write the same bytes as `write_coco`, without all annotations in memory."""
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
