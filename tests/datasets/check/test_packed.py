"""Lists in little memory: what is put in comes out, in order, from any piece."""

import pickle
import subprocess
import sys
from pathlib import Path

import pytest

from datasets.check.check import check
from datasets.check.facts import Limits
from datasets.check.packed import PIECE, EachOfPiece, PackedList
from datasets.coco import Annotation, Category, CocoFile, Image
from datasets.formats.coco_file import write_coco
from system.errors import InputError
from tests.labelme_files import shape, write_case

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize("count", [0, 1, PIECE - 1, PIECE, PIECE + 1, 3 * PIECE, 3 * PIECE + 5])
def test_items_come_out_in_order(count: int) -> None:
    items = [(f"folder/{i}.png", i / 7) for i in range(count)]
    packed = PackedList(items)
    assert len(packed) == count
    assert list(packed) == items
    assert [packed[i] for i in range(count)] == items
    assert [packed[i - count] for i in range(count)] == items
    assert list(packed[1:-1]) == items[1:-1]
    doubled = EachOfPiece[tuple[str, float], float](lambda item: 2 * item[1])
    assert [value for piece in packed.pieces() for value in doubled(piece)] == [2 * value for _, value in items]


def test_an_item_that_is_not_there_is_an_error() -> None:
    with pytest.raises(IndexError):
        PackedList(range(PIECE))[PIECE]


def test_items_are_appended_after_reading() -> None:
    packed = PackedList(range(PIECE + 1))
    assert list(packed)[-1] == PIECE
    packed.append(PIECE + 1)
    assert list(packed) == list(range(PIECE + 2))


def test_an_error_is_an_item() -> None:
    (packed,) = PackedList([InputError("a.json", "broken", "write it again")])
    assert (type(packed), str(packed)) == (InputError, "a.json: broken; write it again")
    work = EachOfPiece[int, int](abs)
    assert pickle.loads(pickle.dumps(work)).work is abs


def write_coco_folder(root: Path, count: int) -> Path:
    """A COCO folder whose images do not exist; listing them needs no pixels."""
    images = [Image(i, f"train/part_{i:06d}.png", 640, 480) for i in range(1, count + 1)]
    outline = [10.5, 10.25, 60.125, 12.5, 70.75, 66.5, 33.25, 80.5, 9.5, 70.25]
    annotations = [
        Annotation(i, i, 1, (9.5, 10.25, 61.25, 70.25), 3000, [[value + i / 1024 for value in outline]])
        for i in range(1, count + 1)
    ]
    for name in ("annotations", "images"):
        (root / name).mkdir(parents=True)
    write_coco(root / "annotations/instances_train.json", CocoFile(images, annotations, [Category(1, "dent")]))
    return root


def write_labelme_folder(root: Path, count: int) -> Path:
    """Labelme files without images, each with an embedded image that is not one, 4 kB of base64."""
    case = shape("dent", "polygon", [[10.5, 10.25], [60.125, 12.5], [70.75, 66.5], [33.25, 80.5]])
    for i in range(count):
        write_case(root, case, name=f"part_{i:06d}", imageData="AAAA" * 1000)
    return root


def test_a_listed_image_takes_few_hundred_bytes(tmp_path: Path) -> None:
    """The listing is compared at two sizes, so that what does not depend on the number of images cancels out."""
    for name, write in {"coco": write_coco_folder, "labelme": write_labelme_folder}.items():
        sizes = {"other": 450, "few": 50, "many": 450}  # the first imports modules and fills what is kept once
        folders = [write(tmp_path / f"{name}-{key}", count) for key, count in sizes.items()]
        command = [sys.executable, "-m", "tests.datasets.check.listing_memory", name, *map(str, folders)]
        printed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
        growth = [int(number) for number in printed.split()]
        assert 0 < (growth[2] - growth[1]) / 400 < 400, (name, growth)


def test_pieces_are_checked_like_images_one_by_one(tmp_path: Path) -> None:
    for number in range(2 * PIECE + 3):
        write_case(tmp_path, shape("a", "polygon", [[5, 5], [50, 8], [40, 35]]), name=f"n{number:02d}")
    done = check(tmp_path, Limits(), jobs=1)
    assert (done.images, done.annotations) == (2 * PIECE + 3, 2 * PIECE + 3)
    assert check(tmp_path, Limits(), jobs=2) == done
