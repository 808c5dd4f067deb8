"""One small file of each kind that is read, and a command that reads it."""

import json
from pathlib import Path

from PIL import Image

# The file that is replaced, below the folder that `prepare` fills, and the command that reads it.
CASES: dict[str, tuple[str, list[str]]] = {
    "coco json": ("coco/annotations/instances_train.json", ["datasets", "check", "coco"]),
    "coco file": ("a.json", ["convert", "coco2coco", "a.json", "out"]),
    "labelme json": ("labelme/a.json", ["convert", "labelme2coco", "labelme", "out"]),
    "labels.txt": ("labels.txt", ["convert", "labelme2coco", "labelme", "out", "--labels", "labels.txt"]),
    "data.yaml": ("yolo/data.yaml", ["convert", "yolo2coco", "yolo/data.yaml", "out"]),
    "voc xml": ("voc/a.xml", ["convert", "voc2coco", "voc", "out"]),
    "cvat xml": ("cvat/annotations.xml", ["convert", "cvat2coco", "cvat/annotations.xml", "out"]),
    "csv": ("a.csv", ["convert", "csv2coco", "a.csv", "out"]),
    "via": ("via.json", ["convert", "via2coco", "via.json", "out"]),
    "labelstudio": ("ls.json", ["convert", "labelstudio2coco", "ls.json", "out"]),
    "image": ("tree/test/dent/0.png", ["convert", "mvtec2coco", "tree", "out"]),
    "mask": ("tree/ground_truth/dent/0_mask.png", ["convert", "mvtec2coco", "tree", "out"]),
    "image of check": ("tree/test/dent/0.png", ["datasets", "check", "tree"]),
    "labelmap": ("labelmap.txt", ["convert", "masks2coco", "i", "m", "out", "--labelmap", "labelmap.txt"]),
    "config.yaml": ("run/config.yaml", ["view", "run"]),
    "recipe": ("r.yaml", ["train_seg", "fit", "coco", "--recipe", "r.yaml"]),
}


def prepare(root: Path) -> None:
    """A folder of each kind with one image."""
    grey, mask = Image.new("L", (40, 40)), Image.new("L", (40, 40), 255)
    for path, pixels in (
        ("tree/test/dent/0.png", grey), ("tree/test/dent/1.png", grey), ("tree/test/good/0.png", grey),
        ("tree/train/good/0.png", grey), ("tree/ground_truth/dent/0_mask.png", mask),
        ("tree/ground_truth/dent/1_mask.png", mask), ("i/0.png", grey), ("m/0.png", mask),
        ("coco/images/a.png", grey), ("labelme/a.png", grey), ("voc/a.png", grey), ("cvat/a.png", grey),
        ("yolo/images/a.png", grey),
    ):  # fmt: skip
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        pixels.save(root / path)
    (root / "run").mkdir()
    (root / "coco/annotations").mkdir()
    listed: dict[str, object] = {
        "images": [{"id": 1, "file_name": "a.png", "width": 40, "height": 40}],
        "annotations": [],
    }
    listed["categories"] = [{"id": 1, "name": "a"}]
    for split, content in (("train", listed), ("val", {**listed, "images": []})):
        (root / f"coco/annotations/instances_{split}.json").write_text(json.dumps(content))
    shape = {"label": "a", "points": [[1, 1], [9, 9], [1, 9]], "shape_type": "polygon", "flags": {}}
    labelme = {"imagePath": "a.png", "imageData": None, "imageHeight": 40, "imageWidth": 40, "shapes": [shape]}
    (root / "labelme/a.json").write_text(json.dumps(labelme))
