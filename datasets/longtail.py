"""`datasets longtail`: a dataset whose train split has few images of some types, for experiments with methods."""

import random
from collections import Counter
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from pathlib import Path

import msgspec

from datasets.coco import CocoFile
from datasets.formats.dataset_folder import Dataset, load_dataset
from datasets.formats.made_images import check_none_made
from datasets.formats.provenance import write_provenance
from datasets.formats.train_split import describe_copy, link_images, write_train
from datasets.splits import ONLY_IGNORED, strata_by_type
from system.errors import InputError, OptionError
from system.files import check_apart, check_destination, new_folder


class TypeCount(msgspec.Struct, frozen=True):
    """The training images of one type before, and those that are kept."""

    type: str
    images: int
    kept: int


def longtail(
    source: Path, dest: Path, *, ratio: float, seed: int = 0, overwrite: bool = False, dry_run: bool = False
) -> list[TypeCount]:
    """Write the dataset `source` to `dest` with the train split cut to an exponential profile; images are links.

    Returns the counts of each type, the most frequent first. Images with only ignore regions have no type and are
    kept. val and test are copied byte by byte. Raises OptionError for invalid `ratio` or `seed`, InputError for a
    train split with only one type or with images made from others, and OutputError.
    """
    if not 1 <= ratio < float("inf"):
        raise OptionError(
            f"--ratio {ratio:g}", "not a ratio of most to fewest images", "give 1 or more, such as 100"
        )
    if seed < 0:
        raise OptionError(f"--seed {seed}", "is negative", "give 0 or a positive number")
    check_apart(dest, [source])
    check_destination(dest, overwrite=overwrite)
    dataset = load_dataset(source)
    check_none_made(
        dataset,
        "which a shorter train split would leave without their sources",
        "cut the dataset that it was made from",
    )
    train = dataset.split("train")
    strata = {name: type_ for name, type_ in strata_by_type([train]).items() if type_ != ONLY_IGNORED}
    if len(set(strata.values())) < 2:
        raise InputError(
            dataset.root, "its train split has images of one type only", "a long tail needs two or more types"
        )
    counts = profile(Counter(strata.values()), ratio)
    if not dry_run:
        left_out = strata.keys() - _draw(strata, counts, seed)
        with new_folder(dest, overwrite=overwrite) as root:
            _write(root, dataset, _without(train, left_out), {"ratio": ratio, "seed": seed})
    return counts


def profile(images: "Counter[str]", ratio: float) -> list[TypeCount]:
    """The number of images of each type that are kept, the most frequent type first; equal types in order of name.

    Type i of K keeps n * ratio ** (-i / (K - 1)) images, rounded, at least 1 and at most all, where n is the
    number of images of the most frequent type. This is the profile of Cui et al., Class-Balanced Loss, CVPR 2019.

    >>> [one.kept for one in profile(Counter(good=100, dent=100, hole=100), 100)]
    [100, 10, 1]
    """
    ordered = sorted(images, key=lambda name: (-images[name], name))
    most, steps = images[ordered[0]], len(ordered) - 1
    wanted = [most * ratio ** (-i / steps) if steps else most for i in range(len(ordered))]
    return [
        TypeCount(name, images[name], min(images[name], max(1, round(count))))
        for name, count in zip(ordered, wanted, strict=True)
    ]


def unreached(counts: Sequence[TypeCount], ratio: float) -> str | None:
    """A sentence about a ratio of most to fewest kept images that is not the one asked for, within rounding.

    Types that have fewer images than the profile keeps, and types of which less than one would be kept, change it.
    """
    fewest = min(counts, key=lambda one: one.kept)
    most = max(one.kept for one in counts)
    if len(counts) > 1 and not most / (fewest.kept + 0.51) <= ratio <= most / max(fewest.kept - 0.51, 0.01):
        cause = (
            f"{fewest.type} had {fewest.images}" if fewest.kept == fewest.images else "of each type one is kept"
        )
        return f"the ratio of most to fewest images is {most / fewest.kept:.3g}, not {ratio:g}: {cause}"
    return None


def _draw(strata: dict[str, str], counts: list[TypeCount], seed: int) -> set[str]:
    """The file names that are kept. Each type has its own random generator."""
    kept: set[str] = set()
    for one in counts:
        members = sorted(name for name, type_ in strata.items() if type_ == one.type)
        kept |= set(random.Random(f"{seed}/{one.type}").sample(members, one.kept))  # noqa: S311
    return kept


def _without(train: CocoFile, names: AbstractSet[str]) -> CocoFile:
    images = [image for image in train.images if image.file_name not in names]
    ids = {image.id for image in images}
    annotations = [a for a in train.annotations if a.image_id in ids]
    return msgspec.structs.replace(train, images=images, annotations=annotations)


def _write(root: Path, dataset: Dataset, train: CocoFile, options: dict[str, object]) -> None:
    splits = write_train(root, dataset, train)
    hashes = list(link_images(root, dataset, (image for coco in splits.values() for image in coco.images)))
    lost = dataset.provenance.lost if dataset.provenance else []
    write_provenance(root, describe_copy("longtail", dataset, splits, options, hashes, lost))
