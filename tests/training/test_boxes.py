"""No training starts with a box that has no part of its image."""

from pathlib import Path

import msgspec
import pytest

from datasets.formats.coco_file import read_coco, write_coco
from datasets.formats.dataset_folder import annotation_path
from tests.command import only_line
from tests.odd_datasets import odd_folder
from tests.training.fusing_toy import run_fusing_toy as run_toy


@pytest.mark.parametrize("split", ["train", "test"])
@pytest.mark.parametrize("more", [(), ("--folds", 2), ("--seeds", 2)])
def test_a_box_outside_its_image_is_refused(
    split: str, more: tuple[object, ...], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The first annotation of a split begins at the right edge of its image; nothing is made."""
    data = odd_folder(tmp_path / "odd")
    path = annotation_path(data, split)
    coco = read_coco(path)
    first = coco.annotations[0]
    width = next(image.width for image in coco.images if image.id == first.image_id)
    moved = msgspec.structs.replace(first, bbox=(float(width), 2.0, 5.0, 5.0), segmentation=[])
    write_coco(path, msgspec.structs.replace(coco, annotations=[moved, *coco.annotations[1:]]))
    assert run_toy("fit", data, "--runs", tmp_path / "runs", "--device", "cpu", *more) == 2
    line = only_line(capsys)
    assert (
        f"instances_{split}.json: the box [{float(width)}, 2.0, 5.0, 5.0] of annotation {first.id} is outside"
        in line
    )
    assert not list(tmp_path.glob("runs/toy/*"))
