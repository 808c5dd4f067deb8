"""Datasets whose image and annotation ids restart in each annotation file, as other tools write them."""

from pathlib import Path

from msgspec.structs import replace

from datasets.coco import SPLITS, CocoFile
from datasets.formats.coco_file import read_coco, write_coco
from datasets.formats.dataset_folder import annotation_path


def restart_ids(root: Path, first: int = 0) -> Path:
    """Number the images and the annotations of each split of the dataset folder `root` again, from `first`."""
    for path in (annotation_path(root, split) for split in SPLITS):
        if path.is_file():
            write_coco(path, restarted(read_coco(path), first))
    return root


def restarted(coco: CocoFile, first: int = 0) -> CocoFile:
    ids = {image.id: number for number, image in enumerate(coco.images, first)}
    return replace(
        coco,
        images=[replace(image, id=ids[image.id]) for image in coco.images],
        annotations=[
            replace(a, id=number, image_id=ids[a.image_id]) for number, a in enumerate(coco.annotations, first)
        ],
    )
