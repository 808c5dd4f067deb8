"""Every fault of a tree of images and masks is reported, by the conversion and by the check."""

from pathlib import Path

import pytest
from PIL import Image as PilImage

from convert.execution import Execution
from convert.mvtec2coco import MvtecOptions, mvtec2coco
from datasets.check.check import check
from datasets.check.facts import Limits
from datasets.summary import summarise
from system.errors import InputError, OptionError
from tests.command import run_command
from tests.datasets.formats.layouts.test_layouts import TREES, image
from tests.refusal_cases.layouts import FAULTS
from tests.refusals import agree, found_by_check, refused_by

RUN = Execution(jobs=1)


def test_every_layout_has_faults_here() -> None:
    assert FAULTS.keys() == TREES.keys()


@pytest.mark.parametrize("layout", list(FAULTS))
def test_all_faults_of_a_layout_are_reported(layout: str, tmp_path: Path) -> None:
    root, dest = tmp_path / "part", tmp_path / "out"
    TREES[layout][0](root)
    expected = FAULTS[layout](root)
    refused = agree(root, lambda: mvtec2coco([root], dest, execution=RUN), dest, len(expected))
    assert sorted(refused) == sorted(expected)


def grey_tree(root: Path) -> Path:
    """One defect whose mask has grey values 40 and 200 on two parts of 12 x 8 and 5 x 3 pixels."""
    for name in ("train/good/0.png", "test/good/0.png", "test/dent/0.png"):
        image(root / name)
    grey = PilImage.new("L", PilImage.open(root / "test/dent/0.png").size)
    grey.paste(40, (2, 2, 14, 10))
    grey.paste(200, (20, 20, 25, 23))
    (root / "ground_truth/dent").mkdir(parents=True)
    grey.save(root / "ground_truth/dent/0_mask.png")
    return root


@pytest.mark.parametrize(("threshold", "areas"), [(30, {15, 96}), (41, {15})])
def test_a_threshold_means_the_same_everywhere(tmp_path: Path, threshold: int, areas: set[int]) -> None:
    root = grey_tree(tmp_path / "part")
    assert any("grey values" in value for value in found_by_check(root))
    with pytest.raises(InputError, match="3 grey values"):
        summarise(root)
    limits = Limits(threshold=threshold)
    assert not any("grey values" in value for value in found_by_check(root, limits))
    assert check(root, limits, jobs=1).annotations == len(areas)
    dent = summarise(root, threshold=threshold).types["dent"]
    assert dent.area is not None
    assert (dent.instances, dent.area.min, dent.area.max) == (len(areas), min(areas), max(areas))
    report = mvtec2coco([root], tmp_path / "out", MvtecOptions(threshold=threshold), RUN)
    assert report.written["annotations"] == len(areas)


def test_a_threshold_that_no_pixel_reaches_is_reported_by_both(tmp_path: Path) -> None:
    root = grey_tree(tmp_path / "part")
    refused = refused_by(lambda: mvtec2coco([root], tmp_path / "out", MvtecOptions(threshold=201), RUN))
    assert refused == ["no pixel reaches --threshold 201 (largest is 200)"]
    assert refused[0] in found_by_check(root, Limits(threshold=201))


@pytest.mark.parametrize("command", ["check", "summary"])
def test_a_threshold_is_refused_if_there_are_no_grey_masks(
    tmp_path: Path, command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    root = grey_tree(tmp_path / "part")
    assert run_command("datasets", command, root, "--threshold", 0) == 2
    assert "--threshold 0: would make every pixel a defect" in capsys.readouterr().err
    mvtec2coco([root], tmp_path / "coco", MvtecOptions(threshold=30), RUN)
    with pytest.raises(OptionError, match=r"a COCO .*folder has no grey masks"):
        check(tmp_path / "coco", Limits(threshold=9), jobs=1)
    with pytest.raises(OptionError, match=r"a COCO .*folder has no grey masks"):
        summarise(tmp_path / "coco", threshold=9)
    assert run_command("datasets", command, root, "--threshold", 30) in {0, 1}
