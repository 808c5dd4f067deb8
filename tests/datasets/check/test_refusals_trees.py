"""Every fault of a tree of images and masks is reported, by the conversion and by the check."""

import shutil
from collections.abc import Callable
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
from tests.datasets.formats.layouts.test_layouts import TREES, image, mask
from tests.refusals import agree, found_by_check, refused_by

RUN = Execution(jobs=1)
NO_MASK = "no mask for this defect image"


def copy(root: Path, old: str, new: str) -> None:
    (root / new).parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(root / old, root / new)


def empty_folder(root: Path, name: str) -> None:
    (root / name).mkdir(parents=True)


def btad_faults(root: Path) -> list[str]:
    (root / "ground_truth/ko/0.png").unlink()
    mask(root / "ground_truth/ko/77.png")
    mask(root / "ground_truth/other/1.png")
    empty_folder(root, "test/good")
    return [NO_MASK, "no image for this mask (77.* is missing)", "masks of a type that has no images",
            "has both ok and good as folders of good images"]  # fmt: skip


def loco_faults(root: Path) -> list[str]:
    (root / "test/logical/0.png").unlink()
    empty_folder(root, "ground_truth/logical/44")
    image(root / "test/logical/44.png")
    return ["no image for this mask (0.* is missing)", "this folder of masks is empty", NO_MASK]


def mvtec3d_faults(root: Path) -> list[str]:
    (root / "test/crack/gt/0.png").unlink()
    copy(root, "test/good/rgb/0.png", "test/good/rgb/0.bmp")
    return [NO_MASK, "its name is ambiguous with 0.bmp"]


def ad2_faults(root: Path) -> list[str]:
    (root / "test_public/ground_truth/bad/0_regular_mask.png").unlink()
    mask(root / "test_public/ground_truth/bad/77_mask.png")
    return [NO_MASK, "no image for this mask (77.* is missing)"]


def visa_faults(root: Path) -> list[str]:
    (root / "Data/Masks/Anomaly/0.png").unlink()
    mask(root / "Data/Masks/Anomaly/77.png")
    return [NO_MASK, "no image for this mask (77.* is missing)"]


def ksdd2_faults(root: Path) -> list[str]:
    (root / "train/10_GT.png").unlink()
    mask(root / "test/77_GT.png")
    return [NO_MASK, "no image for this mask (77.* is missing)"]


def ksdd_faults(root: Path) -> list[str]:
    (root / "kos01/Part0.jpg").unlink()
    image(root / "kos01/Part9.jpg")
    return ["no image for this mask (Part0.* is missing)", NO_MASK]


def dagm_faults(root: Path) -> list[str]:
    (root / "Train/0576.PNG").unlink()
    mask(root / "Test/Label/77_label.PNG")
    return ["no image for this mask (0576.* is missing)", "no image for this mask (77.* is missing)"]


def magnetic_tile_faults(root: Path) -> list[str]:
    (root / "MT_Blowhole/Imgs/a.png").unlink()
    image(root / "MT_Free/Imgs/x.bmp")
    return [NO_MASK, "neither a JPEG image nor a PNG mask"]


def real_iad_faults(root: Path) -> list[str]:
    (root / "NG/AK/S0003/c.jpg").unlink()
    image(root / "OK/S0001/x.bmp")
    return ["no image for this mask (c.* is missing)", "neither a JPEG image nor a PNG mask"]


def mvtec_faults(root: Path) -> list[str]:
    defect = next(folder for folder in sorted((root / "test").iterdir()) if folder.name != "good")
    image(defect / "77.png")
    mask(root / f"ground_truth/{defect.name}/88_mask.png")
    wanted = f"ground_truth/{defect.name}/77_mask.png"
    return [f"no mask for this defect image ({wanted} is missing)",
            f"no image for this mask (test/{defect.name}/88.* is missing)"]  # fmt: skip


FAULTS: dict[str, Callable[[Path], list[str]]] = {
    "mvtec": mvtec_faults,
    "btad": btad_faults,
    "loco": loco_faults,
    "mvtec3d": mvtec3d_faults,
    "ad2": ad2_faults,
    "visa": visa_faults,
    "ksdd2": ksdd2_faults,
    "ksdd": ksdd_faults,
    "dagm": dagm_faults,
    "magnetic-tile": magnetic_tile_faults,
    "real-iad": real_iad_faults,
}


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
def test_a_threshold_is_refused_where_it_means_nothing(
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
