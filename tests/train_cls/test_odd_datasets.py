"""Datasets at the edge of what people have are trained on, or refused in one line with nothing left behind."""

import shutil
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from datasets.coco import Annotation, CocoFile
from tests.command import run_command
from tests.odd_datasets import DENT, REFUSED, SCRATCH, TRAINED, odd_folder
from tests.trainer_cases import check_refused, check_trained

TINY = ("--weights", "none", "--imgsz", 32, "--batch", 2, "--device", "cpu", "--precision", "32")


@pytest.mark.parametrize("make", TRAINED)
def test_it_is_trained_on(make: Callable[[Path], Path], tmp_path: Path) -> None:
    check_trained("train_cls", make(tmp_path / "odd"), tmp_path / "runs", *TINY)


@pytest.mark.parametrize("damage", REFUSED)
def test_it_is_refused_in_one_line(
    damage: Callable[[Path], str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    dataset = odd_folder(tmp_path / "odd")
    check_refused("train_cls", dataset, damage(dataset), tmp_path / "runs", capsys, *TINY)


def two_types_in_one_image(root: Path) -> Path:
    """Image 2 of the training has a dent of 9 pixels and a scratch of 16; boxes without masks."""
    odd_folder(root)
    path = root / "annotations/instances_train.json"
    coco = msgspec.json.decode(path.read_bytes(), type=CocoFile)
    boxes = [
        Annotation(1, 1, 1, (3, 4, 12, 12), 144, []),
        Annotation(2, 2, 1, (3, 4, 3, 3), 9, []),
        Annotation(3, 2, 2, (9, 9, 4, 4), 16, []),
    ]
    path.write_bytes(msgspec.json.encode(msgspec.structs.replace(coco, annotations=boxes)))
    return root


def one_image_each(root: Path) -> Path:
    """One image of each type in every split."""
    return odd_folder(root, good=(1, 2, 4), categories=(DENT, SCRATCH))


def only_defects(root: Path) -> Path:
    """No good image, and one type."""
    return odd_folder(root, good=())


def long_tail(root: Path) -> Path:
    """Eleven images of dents in training and one of a scratch."""
    odd_folder(root, good=(), categories=(DENT, SCRATCH))
    path = root / "annotations/instances_train.json"
    coco = msgspec.json.decode(path.read_bytes(), type=CocoFile)
    first = coco.images[0]
    images = [msgspec.structs.replace(first, id=k, file_name=f"dent-{k}.png") for k in range(1, 13)]
    for image in images:
        shutil.copy(root / "images" / first.file_name, root / "images" / image.file_name)
    found = [Annotation(k, k, 1 if k > 1 else 2, (3, 4, 12, 12), 144, []) for k in range(1, 13)]
    path.write_bytes(msgspec.json.encode(msgspec.structs.replace(coco, images=images, annotations=found)))
    return root


def test_an_image_with_two_types_is_of_the_larger_or_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    dataset = two_types_in_one_image(tmp_path / "odd")
    message = "1.png: has annotations of 2 types (dent, scratch); leave the image out, or give --several largest"
    check_refused("train_cls", dataset, message, tmp_path / "runs", capsys, *TINY, "--several", "refuse")
    check_trained("train_cls", dataset, tmp_path / "runs", *TINY, "--several", "largest")


@pytest.mark.parametrize("head", ["trained", "fitted"])
@pytest.mark.parametrize(
    "make", [two_types_in_one_image, one_image_each, only_defects, long_tail], ids=lambda make: make.__name__
)
def test_every_head_takes_several_types(make: Callable[[Path], Path], head: str, tmp_path: Path) -> None:
    dataset = make(tmp_path / "odd")
    flags = (*TINY, "--head", head, *(("--layers", "8,16") if head == "fitted" else ("--epochs", 1)))
    for several in ("largest", "multi"):
        runs = tmp_path / several
        assert run_command("train_cls", "fit", dataset, *flags, "--several", several, "--runs", runs) == 0
        metrics = msgspec.json.decode((runs / "cls/odd/metrics.json").read_bytes())
        assert (metrics["image_types"] is None) == (several == "multi")
        assert (metrics["several_types"] is None) == (several != "multi")
        assert 0 <= metrics["accuracy"] <= 1


@pytest.mark.parametrize("balance", ["weights", "sampler", "logit-adjust"])
def test_a_type_with_one_image_and_every_balance(balance: str, tmp_path: Path) -> None:
    dataset = odd_folder(tmp_path / "odd", good=(1, 2, 4), categories=(DENT, SCRATCH))
    check_trained("train_cls", dataset, tmp_path / "runs", *TINY, "--balance", balance, "--mixup", 0.4)


def test_ignore_regions_alone_leave_an_image_out(tmp_path: Path) -> None:
    dataset = odd_folder(tmp_path / "odd", good=())
    path = dataset / "annotations/instances_test.json"
    coco = msgspec.json.decode(path.read_bytes())
    coco["annotations"][0]["iscrowd"] = 1
    path.write_bytes(msgspec.json.encode(coco))
    assert run_command("train_cls", "fit", dataset, *TINY, "--epochs", 1, "--runs", tmp_path / "runs") == 0
    metrics = msgspec.json.decode((tmp_path / "runs/cls/odd/metrics.json").read_bytes())
    assert metrics["image_types"]["images"] == 1
    assert metrics["images"]["good"] + metrics["images"]["defective"] == 2
