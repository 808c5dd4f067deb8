"""Pasted images of one run: made from its training images, stored in its folder."""

from pathlib import Path

import msgspec

from datasets.coco import CocoFile
from datasets.formats.dataset_folder import Dataset, write_annotations
from datasets.formats.made_images import PASTED as FOLDER
from datasets.formats.provenance import content_hash, make_provenance, write_provenance
from datasets.formats.train_split import first_ids
from datasets.paste.compose import check_count, paste_images, resolve_place
from datasets.paste.dataset import Made, train_images, write_image
from system.files import new_folder
from system.progress import Progress


def pasted_names(count: int) -> list[str]:
    """File names that `write_pasted` gives to `count` images."""
    return [f"{FOLDER}/{i:04d}.png" for i in range(count)]


def write_pasted(dataset: Dataset, dest: Path, count: int, seed: int, progress: Progress) -> None:
    """Write `dest`, a dataset folder with `count` images pasted together from the train split of `dataset`.

    Ids continue after those of `dataset`; dataset.json records the origin of each image. Raises OptionError,
    InputError and OutputError.
    """
    check_count(count, seed)
    given = train_images(dataset)
    place = resolve_place(given)
    made = paste_images(given, count, seed, place=place, first_ids=first_ids(dataset))
    with new_folder(dest) as root:
        new = [write_image(root, dataset, pasted) for pasted in progress(made, "paste", count)]
        images = {"train": [slim.image for slim in new]}
        annotations = [annotation for slim in new for annotation in slim.annotations]
        write_annotations(root, images, annotations, dataset.categories)
        provenance = make_provenance(
            "paste",
            [dataset.name],
            {"count": count, "seed": seed, "place": place},
            images,
            ((a.image_id, a.category_id, a.iscrowd) for a in annotations),
            dataset.categories,
            [],
            content_hash((slim.image.file_name, slim.sha256) for slim in new),
            dataset.intensities,
        )
        pasted = [msgspec.to_builtins(Made(s.image.file_name, s.canvas, s.origins)) for s in new]
        write_provenance(root, msgspec.structs.replace(provenance, pasted=pasted))


def with_pasted(dataset: Dataset, pasted: Dataset) -> Dataset:
    """`dataset` with the images of `pasted`, which `write_pasted` made for it, added to its train split."""
    new, train = pasted.split("train"), dataset.split("train")
    joined = CocoFile([*train.images, *new.images], [*train.annotations, *new.annotations], train.categories)
    return msgspec.structs.replace(
        dataset,
        splits={**dataset.splits, "train": joined},
        elsewhere=dataset.elsewhere | {image.file_name: pasted.image_path(image) for image in new.images},
    )
