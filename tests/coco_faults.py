"""Faults that other programs write into COCO dataset folders, one for each code of `datasets check`."""

import json
from collections.abc import Callable
from pathlib import Path

import msgspec

from datasets.coco import SPLITS, CocoFile
from datasets.formats.coco_file import read_unchecked_coco, write_coco
from datasets.formats.dataset_folder import annotation_path
from tests.restarting_ids import restart_ids


def change_coco(root: Path, change: Callable[[CocoFile], CocoFile], split: str = "train") -> None:
    path = annotation_path(root, split)
    write_coco(path, change(read_unchecked_coco(path).coco))


def with_annotation(coco: CocoFile, **changes: object) -> CocoFile:
    """The file with a changed copy of its largest annotation."""
    largest = max(coco.annotations, key=lambda a: a.area)
    return msgspec.structs.replace(
        coco, annotations=[*coco.annotations, msgspec.structs.replace(largest, id=99_999, **changes)]
    )


def as_crowd(coco: CocoFile) -> CocoFile:
    return msgspec.structs.replace(
        coco, annotations=[msgspec.structs.replace(a, iscrowd=1) for a in coco.annotations]
    )


def second_ending(coco: CocoFile) -> CocoFile:
    other = msgspec.structs.replace(
        coco.images[0], id=99_999, file_name=coco.images[0].file_name.replace(".png", ".bmp")
    )
    return msgspec.structs.replace(coco, images=[*coco.images, other])


def corners_for_box(coco: CocoFile) -> CocoFile:
    largest = max(coco.annotations, key=lambda a: a.area)
    x, y, w, h = largest.bbox
    wrong = msgspec.structs.replace(largest, bbox=(x, y, x + w, y + h))
    return msgspec.structs.replace(coco, annotations=[wrong if a is largest else a for a in coco.annotations])


def reverse_ids(coco: CocoFile) -> CocoFile:
    last = len(coco.categories) + 1
    return msgspec.structs.replace(
        coco,
        categories=[msgspec.structs.replace(c, id=last - c.id) for c in coco.categories],
        annotations=[msgspec.structs.replace(a, category_id=last - a.category_id) for a in coco.annotations],
    )


def without_ending(root: Path, coco: CocoFile) -> CocoFile:
    image = coco.images[0]
    bare = image.file_name.removesuffix(".png")
    (root / "images" / image.file_name).rename(root / "images" / bare)
    return msgspec.structs.replace(coco, images=[msgspec.structs.replace(image, file_name=bare), *coco.images[1:]])


def with_short_ring(coco: CocoFile) -> CocoFile:
    return with_annotation(
        coco, bbox=(2, 2, 40, 30), area=1200, segmentation=[[2, 2, 42, 2, 42, 32, 2, 32], [9.0, 9.0]]
    )


def add_rotated_box(root: Path) -> None:
    path = annotation_path(root, "train")
    content = json.loads(path.read_text())
    added = content["annotations"][0] | {"id": 99_999, "bbox": [20, 40, 40, 20], "area": 800, "segmentation": []}
    content["annotations"].append(added | {"attributes": {"rotation": 90.0}})
    path.write_text(json.dumps(content))


def remove_labels(root: Path) -> None:
    path = annotation_path(root, "val")
    path.write_text(json.dumps({"images": json.loads(path.read_text())["images"]}))
    (root / "dataset.json").unlink()


FOREIGN: dict[str, Callable[[Path], object]] = {
    "all-crowd": lambda root: [change_coco(root, as_crowd, split) for split in SPLITS],
    "ambiguous-pair": lambda root: change_coco(root, second_ending),
    "box-and-mask": lambda root: change_coco(root, corners_for_box),
    "category-order": lambda root: change_coco(root, reverse_ids, "val"),
    "ids-restart": restart_ids,
    "impossible-area": lambda root: change_coco(root, lambda c: with_annotation(c, area=96 * 96)),
    "no-ending": lambda root: change_coco(root, lambda c: without_ending(root, c)),
    "rotated-box": add_rotated_box,
    "short-ring": lambda root: change_coco(root, with_short_ring),
    "unlabelled": remove_labels,
}
ALSO = {  # further faults of the dataset that a case makes
    "impossible-area": {"duplicate-annotation"},
    "unlabelled": {"absent-from-split"},
    "ambiguous-pair": {"missing-picture"},
    "no-ending": {"missing-mask"},
    "short-ring": {"duplicate-annotation", "overlap-of-types"},
    "rotated-box": {"overlap-of-types"},
}
