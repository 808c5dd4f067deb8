"""`fit --balance deepsmote`: the dataset of a run with new training images, made from its own training images."""

from itertools import chain

import msgspec
import numpy as np

from datasets.formats.dataset_folder import Dataset, load_dataset, write_annotations
from datasets.formats.provenance import content_hash, make_provenance, write_provenance
from evaluate.run_folder import Run
from evaluate.type_of_image import type_names
from system.console import print_status
from system.files import new_folder
from train_cls.options import ClassifierOptions
from train_cls.oversampled import ParentImages, left_out_lines, parent_images, write_new_images
from train_cls.synthetic import images_to_make
from training.pasted_images import with_pasted

FOLDER = "oversampled"  # in the run


def with_new_images(run: Run, dataset: Dataset, options: ClassifierOptions) -> Dataset:
    """`dataset`, as the run sees it, with new images so that each type has as many as the most frequent one.

    They are in the folder `oversampled` of the run, whose `dataset.json` records their parents; a resumed run uses
    them again. Only training images of the run (in a fold, of this fold) are parents. Raises InputError.
    """
    folder = run.root / FOLDER
    if not folder.is_dir():
        parents = parent_images(dataset)
        most = int(np.bincount(parents.types, minlength=1).max())
        names = type_names(category.name for category in dataset.categories)
        wanted = images_to_make(parents.types, most)
        lines = left_out_lines(parents, names, most)
        made = ", ".join(f"{names[k]} {count}" for k, count in wanted.items())
        for line in [
            *lines,
            f"deepsmote: new training images: {made or 'none, no type needs any'}",
        ]:
            print_status(line)
        if not wanted:
            return dataset
        _write(run, dataset, parents, wanted, options)
    return with_pasted(dataset, load_dataset(folder))


def _write(
    run: Run, dataset: Dataset, parents: ParentImages, wanted: dict[int, int], options: ClassifierOptions
) -> None:
    codec = options.deepsmote
    with new_folder(run.root / FOLDER) as root:
        new = write_new_images(
            root, dataset, parents, wanted, method="deepsmote", imgsz=codec.codec_imgsz, options=codec,
            seed=options.seed,
        )  # fmt: skip
        images = {"train": [one.image for one in new]}
        annotations = list(chain.from_iterable(one.annotations for one in new))
        write_annotations(root, images, annotations, dataset.categories)
        provenance = make_provenance(
            "oversample",
            [dataset.name],
            {"method": "deepsmote", "seed": options.seed, **msgspec.to_builtins(codec)},
            images,
            ((a.image_id, a.category_id, a.iscrowd) for a in annotations),
            dataset.categories,
            [],
            content_hash((one.image.file_name, one.sha256) for one in new),
        )
        records = [msgspec.to_builtins(one.record) for one in new]
        write_provenance(root, msgspec.structs.replace(provenance, oversampled=records))
