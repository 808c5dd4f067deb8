"""Corrupt YOLO folders, masks and MVTec trees: each is converted or refused, and nothing else is written."""

import io
import random
import shutil
import zlib
from pathlib import Path

import msgspec
import numpy as np
from PIL import Image as PilImage

from convert.execution import Execution
from convert.masks2coco import MasksOptions, masks2coco
from convert.mvtec2coco import MvtecOptions, mvtec2coco
from convert.yolo2coco import YoloOptions, yolo2coco
from tests.corrupt_files import HOW_MANY, corrupt_bytes, fuzz

SIZE = (12, 9)
MASK = np.zeros(SIZE[::-1], np.uint8)
MASK[2:6, 3:9] = 255
NUMBERS = ["0", "1", "2", "-1", "0.5", "1e9", "nan", "inf", "1e-9", "0.25", "0.9", "1.009", "0x1", "9" * 400]
WORDS = [*NUMBERS, "x", "\ufeff", "#", "\n"]
PATHS = ["images/train", "images/val", "..", "~", "images/train/a.png", "list.txt"]
YAML_VALUES = [*PATHS, "[a, b]", "{0: a}", "{1: a}", "[a, a]", "3", "", "&a [*a]"]
LONG = "x" * 200 + ".png"
NAMES = ["a.png", "a.PNG", "b.png", "a_mask.png", ".a.png", "a.jpg", "Thumbs.db", "ä.png", "a b.png", "a", LONG]
TYPES = ["test/good", "test/dent", "test/hole", "ground_truth/dent", "ground_truth/hole", "ground_truth/good"]
FOLDERS = [*TYPES, "train/good", "train/dent", "test", ".", "test/dent/deep"]


def png(pixels: np.ndarray, kind: str = "PNG") -> bytes:
    buffer = io.BytesIO()
    PilImage.fromarray(pixels).save(buffer, kind)
    return buffer.getvalue()


IMAGE, WHOLE = png(np.full((*SIZE[::-1], 3), 90, np.uint8)), png(MASK)


def with_valid_checksums(data: bytes) -> bytes:
    """The PNG with correct chunk checksums, so that its damage is only found when it is decoded."""
    out, at = bytearray(data), 8
    while at + 12 <= len(out):
        end = at + 12 + int.from_bytes(out[at : at + 4], "big")
        if end > len(out):
            break
        out[end - 4 : end] = zlib.crc32(out[at + 4 : end - 4]).to_bytes(4, "big")
        at = end
    return bytes(out)


def any_mask(chance: random.Random) -> bytes:
    """A valid mask, one with other values, sizes, colours or formats, or a corrupt file."""
    if chance.random() < 0.2:
        return WHOLE
    if chance.random() < 0.5:
        data = corrupt_bytes(WHOLE, chance)
        return with_valid_checksums(data) if chance.random() < 0.7 else data
    rng = np.random.default_rng(chance.randrange(1000))
    kind = chance.choice([np.uint8, np.bool_, np.uint16, np.int32, np.float32])
    shape = chance.choice([MASK.shape, (*MASK.shape, 3), (*MASK.shape, 4), (1, 1), (9, 13)])
    if len(shape) == 3:
        kind = np.uint8
    values = (rng.integers(0, chance.choice([1, 2, 3, 256]), shape) * chance.choice([1, 1, 255])).astype(kind)
    return png(values, "TIFF" if kind in {np.float32, np.int32} else chance.choice(["PNG", "TIFF"]))


def put(root: Path, files: dict[str, bytes]) -> None:
    shutil.rmtree(root, ignore_errors=True)
    for name, data in files.items():
        path = root / name
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        except OSError:  # a file where a folder is needed
            continue


def test_corrupt_yolo_folders(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()

    def corrupt(source: Path, chance: random.Random) -> None:
        lines = ["0 0.5 0.5 0.2 0.3", "1 0.1 0.1 0.9 0.1 0.5 0.9"][: chance.randint(0, 2)]
        labels = "\n".join(lines).split(" ")
        described = {"train": "images/train", "val": "images/val", "names": "[a, b]"}
        for _ in range(chance.randint(0, 3)):
            if chance.random() < 0.7:
                labels[chance.randrange(len(labels))] = chance.choice(WORDS)
            else:
                described[chance.choice(["train", "val", "test", "path", "names", "nc"])] = chance.choice(
                    YAML_VALUES
                )
        text = "".join(f"{key}: {value}\n" for key, value in described.items()).encode()
        files = {
            "images/train/a.png": IMAGE if chance.random() < 0.9 else corrupt_bytes(IMAGE, chance),
            "images/val/b.png": IMAGE,
            "labels/train/a.txt": " ".join(labels).encode(),
            "list.txt": chance.choice([b"", b"images/train/a.png", b"../x.png", b"\0"]),
            "data.yaml": text if chance.random() < 0.8 else corrupt_bytes(text, chance),
        }
        put(source, files)

    def convert(source: Path, dest: Path, dry_run: bool) -> object:
        return yolo2coco(source, dest, YoloOptions(), Execution(dry_run=dry_run, jobs=1))

    fuzz(tmp_path, corrupt, convert, HOW_MANY // 2)


def test_corrupt_masks(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()

    def corrupt(source: Path, chance: random.Random) -> None:
        image = IMAGE if chance.random() < 0.9 else with_valid_checksums(corrupt_bytes(IMAGE, chance))
        put(source, {"p/a.png": image, "m/a.png": any_mask(chance)})

    def convert(source: Path, dest: Path, dry_run: bool) -> object:
        seen = len((source / "m/a.png").read_bytes()) % 3
        options = [
            MasksOptions(Path("masks"), ("a",)),
            MasksOptions(Path("masks"), ("a", "b"), indices=True),
            MasksOptions(Path("masks"), ("a",), threshold=100),
        ][seen]
        return masks2coco(
            source / "p",
            dest,
            msgspec.structs.replace(options, masks=source / "m"),
            Execution(dry_run=dry_run, jobs=1),
        )

    fuzz(tmp_path, corrupt, convert, HOW_MANY // 2)


def test_corrupt_mvtec_trees(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()

    def corrupt(source: Path, chance: random.Random) -> None:
        files = {
            "train/good/a.png": IMAGE,
            "test/good/a.png": IMAGE,
            "test/dent/a.png": IMAGE,
            "test/dent/b.png": IMAGE,
            "ground_truth/dent/a_mask.png": WHOLE,
            "ground_truth/dent/b_mask.png": any_mask(chance) if chance.random() < 0.3 else WHOLE,
        }
        for _ in range(chance.choice([0, 0, 1, 2, 3])):
            name, other = chance.choice(list(files)), f"{chance.choice(FOLDERS)}/{chance.choice(NAMES)}"
            deed = chance.randrange(4)
            if deed == 0:
                files[other] = files.pop(name)
            elif deed == 1 and len(files) > 1:
                del files[name]
            elif deed == 2:
                files[other] = chance.choice([IMAGE, WHOLE, b""])
            else:
                files[name] = corrupt_bytes(files[name], chance)
        put(source, files)

    def convert(source: Path, dest: Path, dry_run: bool) -> object:
        return mvtec2coco([source], dest, MvtecOptions(), Execution(dry_run=dry_run, jobs=1))

    fuzz(tmp_path, corrupt, convert, HOW_MANY // 2)
