"""The images of each split of a run or a fold, with their annotations and with unique ids.

Ids may restart in each annotation file of a dataset: COCO allows it, and supervision, Roboflow and FiftyOne do it.
An image is therefore identified by its split and id, or by its file name, which is unique.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from msgspec.structs import replace

from datasets.coco import Annotation, CocoFile
from datasets.formats.dataset_folder import Dataset


def home_splits(dataset: Dataset) -> dict[str, str]:
    """The split that lists each file name."""
    return {image.file_name: split for split, coco in dataset.splits.items() for image in coco.images}


def select_images(dataset: Dataset, members: Mapping[str, Sequence[str]]) -> dict[str, CocoFile]:
    """The images named in `members` (split -> file names) with their annotations, from any split of the dataset.

    Images keep their order. If all images of a split are in the dataset's split of the same name, they keep the
    ids of its annotation file; otherwise they get the ids of `numbered`. Raises KeyError for a name that is not in
    the dataset.
    """
    homes = home_splits(dataset)
    mixed = {split for split, names in members.items() if any(homes[name] != split for name in names)}
    together = numbered(dataset) if mixed else {}
    return {
        split: _select(together if split in mixed else dataset.splits, dataset, homes, names)
        for split, names in members.items()
    }


def numbered(dataset: Dataset) -> dict[str, CocoFile]:
    """The splits with ids that are unique across all splits.

    Ids are unchanged where they are unique; otherwise they count from 1 in the order of the splits and of their
    files. Images and annotations are numbered independently.
    """
    image_ids = _unique({(s, i.id): i.id for s, coco in dataset.splits.items() for i in coco.images})
    annotation_ids = _unique({(s, a.id): a.id for s, coco in dataset.splits.items() for a in coco.annotations})
    return {
        split: replace(
            coco,
            images=[replace(i, id=image_ids[split, i.id]) for i in coco.images],
            annotations=[
                replace(a, id=annotation_ids[split, a.id], image_id=image_ids[split, a.image_id])
                for a in coco.annotations
            ],
        )
        for split, coco in dataset.splits.items()
    }


def annotations_by_name(dataset: Dataset) -> dict[str, list[Annotation]]:
    """The annotations of each file name, negatives with an empty list."""
    return _by_name(dataset.splits)


def shares_image_ids(dataset: Dataset) -> bool:
    """Whether two splits use the same image id."""
    return bool(repeated(image.id for coco in dataset.splits.values() for image in coco.images))


def repeated(ids: Iterable[int]) -> list[int]:
    """The ids that occur more than once, in the order of their first occurrence."""
    return [value for value, times in Counter(ids).items() if times > 1]


def _unique(ids: Mapping[tuple[str, int], int]) -> dict[tuple[str, int], int]:
    if not repeated(ids.values()):
        return dict(ids)
    return {key: number for number, key in enumerate(ids, 1)}


def _select(
    splits: Mapping[str, CocoFile], dataset: Dataset, homes: Mapping[str, str], names: Sequence[str]
) -> CocoFile:
    sources = {split: splits[split] for split in {homes[name] for name in names}}
    images = {image.file_name: image for coco in sources.values() for image in coco.images}
    annotations = _by_name(sources)
    return CocoFile(
        [images[name] for name in names], [a for name in names for a in annotations[name]], dataset.categories
    )


def _by_name(splits: Mapping[str, CocoFile]) -> dict[str, list[Annotation]]:
    annotations = ((coco, coco.by_image()) for coco in splits.values())
    return {image.file_name: by_image[image.id] for coco, by_image in annotations for image in coco.images}
