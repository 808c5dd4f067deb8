"""A part of a COCO dataset for `benchmarks.good_only`: good images to train, some images of test, no val.

    python -m benchmarks.good_only_subset magnetic-tile magnetic-tile-part --train 4 --test 1

Takes every n-th good image of train, and every n-th of the defective and of the good images of test. With
`--test-split val` the good images of test are those of val, and the defective ones those of all splits.
"""

import argparse
from pathlib import Path

from datasets.coco import SPLITS, CocoFile, Image
from datasets.formats.dataset_folder import load_dataset, write_annotations
from datasets.formats.members import select_images
from system.files import new_folder


def main() -> None:
    """Write the dataset folder."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("source", type=Path)
    parser.add_argument("dest", type=Path)
    parser.add_argument("--train", type=int, default=8)
    parser.add_argument("--test", type=int, default=4)
    parser.add_argument("--test-split", choices=("test", "val"), default="test")
    given = parser.parse_args()
    dataset = load_dataset(given.source)
    sources = [name for name in SPLITS if given.test_split == "val" and dataset.images(name)] or ["test"]
    defective = [name for split in sources for name in defective_names(dataset.split(split))]
    good = good_names(dataset.split(given.test_split))
    members = {
        "train": good_names(dataset.split("train"))[:: given.train],
        "test": sorted(defective[:: given.test] + good[:: given.test]),
    }
    splits = select_images(dataset, members)
    with new_folder(given.dest) as root:
        for split in splits.values():
            for image in split.images:
                link = root / "images" / image.file_name
                link.parent.mkdir(parents=True, exist_ok=True)
                link.hardlink_to(dataset.image_path(image).resolve())
        images: dict[str, list[Image]] = {name: split.images for name, split in splits.items()}
        annotations = [annotation for split in splits.values() for annotation in split.annotations]
        write_annotations(root, images, annotations, dataset.categories)


def defective_names(split: CocoFile) -> list[str]:
    """The names of the images with a defect."""
    defective = split.defective()
    return [image.file_name for image in split.images if image.id in defective]


def good_names(split: CocoFile) -> list[str]:
    """The names of the images without annotations."""
    annotated = {annotation.image_id for annotation in split.annotations}
    return [image.file_name for image in split.images if image.id not in annotated]


if __name__ == "__main__":
    main()
