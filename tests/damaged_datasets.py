"""Ways to damage a clean dataset of each format, one for each code of `datasets check`."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import msgspec
import numpy as np
import yaml
from PIL import Image as PilImage
from PIL import ImageFilter

from datasets.coco import Annotation, CocoFile
from datasets.formats.coco_file import read_coco, write_coco
from datasets.formats.dataset_folder import annotation_path


def shape(label: str, points: list, kind: str = "polygon") -> dict:
    return {"label": label, "points": points, "group_id": None, "shape_type": kind, "flags": {}}


def write_labelme(path: Path, image: str, shapes: list, **changes: object) -> None:
    content = {"version": "4.5.6", "flags": {}, "shapes": shapes, "imagePath": image, "imageData": None}
    path.write_text(json.dumps({**content, "imageHeight": 96, "imageWidth": 96, **changes}))


def copy(source: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(source, tmp_path / "copy"))


def first(folder: Path) -> Path:
    return min(folder.rglob("*.png"))


def turn(path: Path) -> None:
    with PilImage.open(path) as opened:
        image = opened.copy()
    exif = image.getexif()
    exif[0x0112] = 6
    image.save(path, exif=exif)


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-40])


def blur_copy(source: Path, dest: Path) -> None:
    with PilImage.open(source) as opened:
        opened.convert("RGB").filter(ImageFilter.GaussianBlur(0.6)).save(dest, quality=80)


def repaint(path: Path, change: Callable[[np.ndarray], np.ndarray]) -> None:
    with PilImage.open(path) as opened:
        values = np.asarray(opened).copy()
    PilImage.fromarray(change(values)).save(path)


def grey(values: np.ndarray) -> np.ndarray:
    return (np.arange(values.size).reshape(values.shape) % 200).astype(np.uint8)


def add_speckle(values: np.ndarray) -> np.ndarray:
    values[0, 0] = values.max()
    return values


def a_mask(root: Path) -> Path:
    return first(root / "ground_truth")


def a_defect(root: Path) -> Path:
    kind = a_mask(root).parent.name
    return first(root / "test" / kind)


def good(root: Path, i: int = 0) -> Path:
    return sorted((root / "train/good").glob("*.png"))[i]


TREE: dict[str, Callable[[Path], object]] = {
    "unlabelled-defect": lambda root: a_mask(root).unlink(),
    "unpaired-mask": lambda root: a_defect(root).unlink(),
    "mask-size": lambda root: repaint(a_mask(root), lambda v: v[:-2]),
    "bad-mask": lambda root: repaint(a_mask(root), grey),
    "looks-inverted": lambda root: repaint(a_mask(root), lambda v: 255 - v),
    "empty-mask": lambda root: repaint(a_mask(root), lambda v: v * 0),
    "ambiguous-pair": lambda root: shutil.copy(a_mask(root), a_mask(root).with_suffix(".bmp")),
    "broken-picture": lambda root: cut(good(root)),
    "exif-rotated": lambda root: turn(good(root)),
    "speckle": lambda root: repaint(a_mask(root), add_speckle),
    "duplicate-picture": lambda root: shutil.copy(good(root), root / "train/good/zz.png"),
    "duplicate-across-splits": lambda root: shutil.copy(good(root), root / "test/good/zz.png"),
    "near-duplicate-picture": lambda root: blur_copy(good(root), root / "train/good/zz.jpg"),
    "near-duplicate-across-splits": lambda root: blur_copy(good(root), root / "test/good/zz.jpg"),
    "defect-in-train": lambda root: shutil.move(root / "train/good", root / "train/scratch"),
}


def change_coco(root: Path, change: Callable[[CocoFile], CocoFile], split: str = "train") -> None:
    path = annotation_path(root, split)
    write_coco(path, change(read_coco(path)))


def with_annotation(coco: CocoFile, **changes: object) -> CocoFile:
    """The file with a changed copy of its largest annotation."""
    largest = max(coco.annotations, key=lambda a: a.area)
    added = msgspec.structs.replace(largest, id=99_999, **changes)
    return msgspec.structs.replace(coco, annotations=[*coco.annotations, added])


def other_category(coco: CocoFile) -> int:
    largest: Annotation = max(coco.annotations, key=lambda a: a.area)
    return next(c.id for c in coco.categories if c.id != largest.category_id)


def without_category(coco: CocoFile) -> CocoFile:
    gone = coco.annotations[0].category_id
    return msgspec.structs.replace(coco, annotations=[a for a in coco.annotations if a.category_id != gone])


def rename_category(coco: CocoFile) -> CocoFile:
    spelt = [
        msgspec.structs.replace(c, name=n) for c, n in zip(coco.categories, ("Scratch", "scrach"), strict=False)
    ]
    return msgspec.structs.replace(coco, categories=[*spelt, *coco.categories[2:]])


def rename_everywhere(root: Path) -> None:
    for split in ("train", "val", "test"):
        change_coco(root, rename_category, split)


def add_to_good(coco: CocoFile) -> CocoFile:
    image = next(image for image in coco.images if "/good/" in image.file_name)
    return with_annotation(coco, image_id=image.id)


COCO: dict[str, Callable[[Path], object]] = {
    "missing-picture": lambda root: first(root / "images").unlink(),
    "missing-mask": lambda root: first(root / "masks").unlink(),
    "unpaired-mask": lambda root: shutil.copy(first(root / "masks"), root / "masks/zz.png"),
    "mask-size": lambda root: repaint(first(root / "masks"), lambda v: v[:-1]),
    "bad-mask": lambda root: cut(first(root / "masks")),
    "size-mismatch": lambda root: change_coco(
        root,
        lambda c: msgspec.structs.replace(
            c, images=[msgspec.structs.replace(c.images[0], width=95), *c.images[1:]]
        ),
    ),
    "unreadable-labels": lambda root: annotation_path(root, "val").write_text("{"),
    "broken-reference": lambda root: change_coco(root, lambda c: with_annotation(c, image_id=99_999)),
    "good-with-shapes": lambda root: change_coco(root, add_to_good),
    "inner-ring": lambda root: change_coco(
        root,
        lambda c: with_annotation(
            c, bbox=(1, 1, 30, 30), area=884, segmentation=[[1, 1, 31, 1, 31, 31, 1, 31], [5, 5, 9, 5, 9, 9, 5, 9]]
        ),
    ),
    "zero-area": lambda root: change_coco(root, lambda c: with_annotation(c, area=0)),
    "duplicate-annotation": lambda root: change_coco(root, with_annotation),
    "overlap-of-types": lambda root: change_coco(
        root, lambda c: with_annotation(c, category_id=other_category(c))
    ),
    "outside-image": lambda root: change_coco(
        root, lambda c: with_annotation(c, bbox=(80, 80, 20, 10), area=200, segmentation=[])
    ),
    "small-at-training-size": lambda root: change_coco(
        root, lambda c: with_annotation(c, bbox=(1, 1, 30, 3), area=90, segmentation=[])
    ),
    "absent-from-split": lambda root: change_coco(root, without_category, "val"),
    "near-identical-labels": rename_everywhere,
}


def labels(root: Path) -> Path:
    return next(path for path in sorted((root / "labels/train").rglob("*.txt")) if path.stat().st_size)


def make_boxes_large(root: Path) -> None:
    """Boxes that are inside their images also if they are read as corners."""
    for path in root.glob("labels/**/*.txt"):
        lines = path.read_text().splitlines()
        path.write_text("".join(f"{line.split()[0]} 0.5 0.5 0.6 0.7\n" for line in lines[:1]))


def number_names(root: Path) -> None:
    described = yaml.safe_load((root / "data.yaml").read_text())
    described["names"] = [f"{index}: {name}" for index, name in described["names"].items()]
    (root / "data.yaml").write_text(yaml.safe_dump(described))


YOLO: dict[str, Callable[[Path], object]] = {
    "unlabelled": lambda root: labels(root).unlink(),
    "labels-without-picture": lambda root: (root / "labels/train/test/good/zz.txt").write_text(""),
    "unreadable-labels": lambda root: labels(root).write_text("0 0.5 0.5 0.2 0.2\n9 0.5 0.5 0.1 0.1\n0 0 0\n"),
    "mixed-labels": lambda root: labels(root).write_text("0 .5 .5 .2 .2\n0 .1 .1 .3 .1 .3 .3\n"),
    "outside-image": lambda root: labels(root).write_text("0 0.02 0.5 0.2 0.2\n"),
    "unknown-split": lambda root: (root / "data.yaml").write_text(
        (root / "data.yaml").read_text().replace("test:", "holdout:")
    ),
    "unnamed-split": lambda root: shutil.copytree(root / "images/val", root / "images/valid"),
    "zero-area": lambda root: labels(root).write_text("0 0.5 0.5 0.2 0\n"),
    "duplicate-annotation": lambda root: labels(root).write_text("0 0.5 0.5 0.2 0.2\n0 0.5 0.5 0.2 0.2\n"),
    "overlap-of-types": lambda root: labels(root).write_text("0 0.5 0.5 0.2 0.2\n1 0.5 0.5 0.21 0.2\n"),
    "small-at-training-size": lambda root: labels(root).write_text("0 0.5 0.5 0.2 0.03\n"),
    "ambiguous-pair": lambda root: blur_copy(
        first(root / "images/train"), first(root / "images/train").with_suffix(".jpg")
    ),
    "duplicate-across-splits": lambda root: shutil.copy(
        first(root / "images/train/train"), root / "images/val/zz.png"
    ),
    "unusable-dataset": lambda root: (root / "data.yaml").write_text("train: images/train"),
    "box-form": make_boxes_large,
    "index-prefix": number_names,
}


def bad(root: Path) -> Path:
    return min((root / "bad").glob("*.json"))


def relabel(root: Path, shapes: list, **changes: object) -> None:
    write_labelme(bad(root), bad(root).with_suffix(".png").name, shapes, **changes)


TRIANGLE = [[20, 20], [60, 20], [20, 50]]
CUBOID = [[20, 20], [60, 20], [60, 50], [20, 50], [25, 15], [65, 15], [65, 45], [25, 45]]
LABELME: dict[str, Callable[[Path], object]] = {
    "labelled-and-negative": lambda root: shutil.copy(bad(root).with_suffix(".png"), first(root / "good")),
    "shape-lost": lambda root: relabel(root, [shape("scratch", TRIANGLE), shape("scratch", CUBOID, "cuboid")]),
    "unlabelled": lambda root: bad(root).unlink(),
    "missing-picture": lambda root: bad(root).with_suffix(".png").unlink(),
    "unreadable-labels": lambda root: bad(root).write_text('{"shapes": [{"label": 3}]}'),
    "ambiguous-pair": lambda root: write_labelme(
        root / "bad/second.json", bad(root).with_suffix(".png").name, [shape("scratch", TRIANGLE)]
    ),
    "good-with-shapes": lambda root: shutil.move(root / "bad", root / "bad2/good"),
    "size-mismatch": lambda root: relabel(root, [], imageWidth=97),
    "zero-area": lambda root: relabel(root, [shape("scratch", [[3, 3], [9, 9]], "line")]),
    "near-identical-labels": lambda root: relabel(root, [shape("Scratch", TRIANGLE)]),
    "overlap-of-types": lambda root: relabel(
        root, [shape("scratch", TRIANGLE), shape("dent", [[30, 28], [36, 28]], "circle")]
    ),
    "outside-image": lambda root: relabel(root, [shape("scratch", [[90, 90], [120, 60]], "rectangle")]),
    "duplicate-annotation": lambda root: relabel(
        root, [shape("scratch", TRIANGLE), shape("scratch", [[20, 20], [60, 20.5], [20, 50]])]
    ),
    "speckle": lambda root: relabel(root, [shape("scratch", [[20, 20], [22, 22]], "rectangle")]),
    "broken-picture": lambda root: cut(bad(root).with_suffix(".png")),
    "empty-label": lambda root: relabel(root, [shape(" ", TRIANGLE)]),
    "unreviewed": lambda root: relabel(root, [shape("scratch", TRIANGLE) | {"flags": {"unreviewed": True}}]),
    "rejected": lambda root: relabel(root, [shape("scratch", TRIANGLE)], flags={"reject": True}),
    "uncertain": lambda root: relabel(root, [shape("_background_", TRIANGLE)], flags={"uncertain": True}),
    "flagged-type-without-shape": lambda root: relabel(
        root, [], flags={"scratch": True}, defectline={"types": {"names": ["scratch"]}}
    ),
    "flagged-good-with-shape": lambda root: relabel(root, [shape("scratch", TRIANGLE)], flags={"good": True}),
    "exif-rotated": lambda root: turn(bad(root).with_suffix(".png")),
}
