"""Whole files that the fuzzing of each target starts from, drawn and written here."""

import base64
import io
import json
from pathlib import Path

import msgspec
import numpy as np
from PIL import Image

from evaluate.run_folder import RunSplit

MODES = {
    "png": ("L", "RGB", "P", "RGBA", "1", "I;16"),
    "tiff": ("L", "RGB", "F", "I;16"),
    "bmp": ("L", "RGB", "P"),
}


def seeds(name: str) -> list[bytes]:
    """The seeds of a target."""
    return {"image": _images, "labelme": _labelme}.get(name, lambda: _others(name))()


def _images() -> list[bytes]:
    random = np.random.default_rng(1)
    pixels = Image.fromarray(random.integers(0, 2, (7, 9), dtype=np.uint8) * 255)
    made = []
    for kind, modes in MODES.items():
        for mode in modes:
            buffer = io.BytesIO()
            deep = Image.fromarray(np.asarray(pixels, np.uint16) * 200)
            (deep if mode == "I;16" else pixels.convert(mode)).save(buffer, kind)
            made.append(buffer.getvalue())
    for kind in ("jpeg", "webp", "gif"):
        buffer = io.BytesIO()
        pixels.convert("RGB").save(buffer, kind)
        made.append(buffer.getvalue())
    pages = io.BytesIO()
    pixels.save(pages, "tiff", save_all=True, append_images=[pixels], compression="tiff_lzw")
    exif = Image.Exif()
    exif[0x0112] = 6
    turned = io.BytesIO()
    pixels.save(turned, "png", exif=exif)
    return [*made, pages.getvalue(), turned.getvalue()]


def _labelme() -> list[bytes]:
    buffer = io.BytesIO()
    Image.fromarray(np.ones((4, 5), np.uint8)).save(buffer, "png")
    png = base64.b64encode(buffer.getvalue()).decode()
    points: dict[str, object] = {
        "polygon": [[1, 1], [20, 2], [10, 30]],
        "rectangle": [[1, 1], [20, 20]],
        "circle": [[10, 10], [15, 10]],
        "line": [[1, 1], [9, 9]],
        "linestrip": [[1, 1], [9, 9], [1, 9]],
        "point": [[3, 3]],
        "mask": [[2, 2], [6, 5]],
        "oriented_rectangle": [[1, 1], [20, 1], [20, 9], [1, 9]],
    }
    common = {"version": "5.5.0", "flags": {}, "imagePath": "a.png", "imageData": None}
    sizes = {"imageHeight": 40, "imageWidth": 60}
    files = []
    for kind, place in points.items():
        shape = {"label": "dent", "shape_type": kind, "points": place, "group_id": None, "flags": {}}
        shape |= {"mask": png} if kind == "mask" else {}
        files.append(json.dumps({**common, **sizes, "shapes": [shape]}).encode())
    return files


def _others(name: str) -> list[bytes]:
    prediction = {"image_id": 1, "category_id": 1, "bbox": [1, 1, 2, 2], "score": 0.5}
    rle = {"size": [40, 60], "counts": "d0X13"}
    plain = {"size": [8, 8], "counts": [10, 4, 50]}
    options = {"epochs": 1, "imgsz": 64, "batch": 4, "seed": 0, "optimisation": {"lr": 0.01}}
    content: dict[str, list[bytes]] = {
        "config": [b"kind: seg\ndataset: /a\nfolds: 0\noptions:\n  epochs: 3\n  imgsz: 64\n", b"kind: det\n"],
        "recipe": [json.dumps(options).encode(), b"epochs: 3\nimgsz: 64\naugmentation:\n  hue: 1e-2\n"],
        "split": [msgspec.json.encode(RunSplit("a", None, {"train": ["a.png"], "val": [], "test": ["b.png"]}))],
        "metrics": [b'{"operating_point": {"score_threshold": 0.4, "rule": "max-f1"}}'],
        "dataset": [Path(__file__).with_name("dataset.json").read_bytes()],
        "predictions": [
            json.dumps([prediction, {**prediction, "segmentation": rle}]).encode(),
            json.dumps([{**prediction, "image_id": 2, "segmentation": plain}]).encode(),
        ],
        "history": [b"epoch,lr,train_loss\n1,0.01,2.5\n2,0.01,\n"],
    }
    return content.get(name) or _weights(name)


def _weights(name: str) -> list[bytes]:
    import torch  # noqa: PLC0415
    from safetensors.torch import save  # noqa: PLC0415

    categories = [{"id": 1, "name": "dent", "supercategory": "defect"}]
    spec = {"imgsz": 64, "categories": categories, "epoch": 1}
    tensor = {"net.conv.weight": torch.zeros(2, 2)}
    if name == "segmenter":
        described = json.dumps({"encoder": "resnet18", "encoder_depth": 3, **spec})
        return [save(tensor, {"defectline": described})]
    if name == "classifier":
        described = json.dumps({"arch": "resnet18", "library": "torchvision", **spec})
        return [save(tensor, {"defectline": described})]
    if name == "anomaly":
        limits = {"usual": 0.1, "floor": 0.2, "peak": 0.3}
        common = {"rows": 64, "columns": 64, "category": categories[0], "limits": limits}
        features = {"method": "features", "encoder": "resnet18"}
        encoder = {"name": "resnet18", "library": "torchvision", "layers": ["layer1", "layer2"]}
        described = {**common, "options": features, "encoder": encoder, "good_scores": [0.1, 0.2]}
        alone = {**common, "options": {"method": "autoencoder"}}
        return [save(tensor, {"defectline": json.dumps(one)}) for one in (described, alone)]
    buffer, legacy = io.BytesIO(), io.BytesIO()
    torch.save({"model": None, "state_dict": tensor}, buffer)
    torch.save(tensor, legacy, _use_new_zipfile_serialization=False)
    return [buffer.getvalue(), legacy.getvalue(), save(tensor)]
