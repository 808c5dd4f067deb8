"""A part of a COCO dataset for `benchmarks.good_only`: good images to train, some images of test, no val.

    python -m benchmarks.good_only_subset magnetic-tile magnetic-tile-part --train 8 --test 4

Takes every n-th good image of train, and every n-th of the defective and of the good images of test.
"""

import argparse
from pathlib import Path

from datasets.coco import CocoFile, Image
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
    given = parser.parse_args()
    dataset = load_dataset(given.source)
    train, test = dataset.split("train"), dataset.split("test")
    defective = test.defective()
    members = {
        "train": good_names(train)[:: given.train],
        "test": sorted(
            [i.file_name for i in test.images if i.id in defective][:: given.test]
            + good_names(test)[:: given.test]
        ),
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


def good_names(split: CocoFile) -> list[str]:
    """The names of the images without annotations."""
    annotated = {annotation.image_id for annotation in split.annotations}
    return [image.file_name for image in split.images if image.id not in annotated]


if __name__ == "__main__":
    main()
