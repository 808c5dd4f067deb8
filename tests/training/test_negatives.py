"""Images with only ignore regions (iscrowd 1) are neither defective nor negatives."""

from pathlib import Path

import msgspec
import pytest

from datasets.coco import Annotation, Category, CocoFile, Image
from datasets.formats.dataset_folder import Dataset
from system.errors import InputError
from training.negatives import DEFECTS_AND_NEGATIVES, choose_negatives, only_ignored
from training.new_run import check_learnable, new_run
from training.options import SharedOptions

SINGLE, IGNORED = 0, 1  # iscrowd


def annotation(number: int, image_id: int, iscrowd: int) -> Annotation:
    return Annotation(number, image_id, 1, (0, 0, 2, 2), 4, iscrowd=iscrowd)


# Image 1 has a defect, image 2 a defect and an ignore region, image 3 only ignore regions, 4 to 9 are negatives.
TRAIN = CocoFile(
    [Image(i, f"{i}.png", 9, 9) for i in range(1, 10)],
    [
        annotation(1, 1, SINGLE),
        annotation(2, 2, SINGLE),
        annotation(3, 2, IGNORED),
        annotation(4, 3, IGNORED),
        annotation(5, 3, IGNORED),
    ],
    [Category(1, "dent")],
)
ALL_IGNORED = msgspec.structs.replace(TRAIN, annotations=[a for a in TRAIN.annotations if a.iscrowd])


def test_an_image_with_only_ignore_regions_is_not_part_of_the_ratio_and_not_a_negative() -> None:
    assert [image.id for image in only_ignored(TRAIN)] == [3]
    assert [image.id for image in choose_negatives(TRAIN, "all", seed=0)] == [1, 2, 4, 5, 6, 7, 8, 9]
    assert [image.id for image in choose_negatives(TRAIN, "0", seed=0)] == [1, 2]
    for seed in range(9):  # two defective images, so that a ratio of 1 means two negatives
        chosen = [image.id for image in choose_negatives(TRAIN, "1.0", seed)]
        assert chosen[:2] == [1, 2]
        assert len(chosen) == 4
        assert 3 not in chosen


def test_a_split_with_only_ignore_regions_has_nothing_to_learn_from() -> None:
    assert DEFECTS_AND_NEGATIVES.choose(ALL_IGNORED, SharedOptions()) == []


def test_a_new_run_leaves_these_images_out_and_reports_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    dataset = Dataset(tmp_path / "data", {"train": TRAIN}, None)
    run = new_run("det", dataset, SharedOptions(negatives="all"), tmp_path / "runs", None)
    named = msgspec.json.decode((run.root / "split.json").read_bytes())["images"]["train"]
    assert named == [f"{i}.png" for i in (1, 2, 4, 5, 6, 7, 8, 9)]
    assert "1 training images with only ignore regions are left out" in capsys.readouterr().err


def test_a_dataset_with_only_ignore_regions_is_refused(tmp_path: Path) -> None:
    dataset = Dataset(tmp_path / "data", {"train": ALL_IGNORED}, None)
    with pytest.raises(InputError, match="of the split train is an ignore region"):
        new_run("det", dataset, SharedOptions(), tmp_path / "runs", None)
    assert not (tmp_path / "runs").exists()
    with pytest.raises(InputError, match="every annotation is an ignore region"):
        check_learnable(dataset, SharedOptions(), DEFECTS_AND_NEGATIVES)
