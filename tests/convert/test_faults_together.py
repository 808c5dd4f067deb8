"""Faults of the structure of a source and of its images: one run reports both, `skip_bad` leaves out both."""

import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as PilImage

from convert.coco2coco import CocoOptions, coco2coco
from convert.execution import Execution
from convert.labelme2coco import labelme2coco
from convert.masks2coco import MasksOptions, masks2coco
from convert.mvtec2coco import MvtecOptions, mvtec2coco
from convert.report import Report
from convert.voc2coco import voc2coco
from convert.yolo2coco import yolo2coco
from datasets.formats.dataset_folder import load_dataset
from system.errors import CombinedInputError, InputError
from tests.foreign_coco import CHIP, annotation, coco_json, draw, image
from tests.labelme_files import shape, write_case
from tests.tool_exports import draw_image, voc_object, write_voc

SKIP = Execution(skip_bad=True)


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-20])


def places(convert: Callable[[], Report]) -> list[str]:
    """The names of the files with a fault, sorted."""
    with pytest.raises(InputError) as refused:
        convert()
    error = refused.value
    errors = error.errors if isinstance(error, CombinedInputError) else (error,)
    return sorted(Path(str(one.where).partition(",")[0]).name for one in errors)


def names(dest: Path) -> list[str]:
    return sorted(image.file_name for coco in load_dataset(dest).splits.values() for image in coco.images)


def bad(report: Report) -> list[str]:
    return sorted(event.file for event in report.events if event.code == "bad-input")


BROKEN, CONTAMINATED = "test/broken_large", "test/contamination"
TREE_FAULTS: dict[str, tuple[Callable[[Path], object], str, list[str]]] = {
    "mask without image": (
        lambda t: (t / f"{BROKEN}/000.png").unlink(),
        "ground_truth/broken_large/000_mask.png",
        [],
    ),
    "image without mask": (
        lambda t: (t / "ground_truth/broken_large/000_mask.png").unlink(),
        f"{BROKEN}/000.png",
        [f"{BROKEN}/000.png"],
    ),
    "two masks of one image": (
        lambda t: shutil.copy(
            t / "ground_truth/broken_large/000_mask.png", t / "ground_truth/broken_large/000.png"
        ),
        "ground_truth/broken_large/000_mask.png",
        [f"{BROKEN}/000.png"],
    ),
    "two images of one name": (
        lambda t: PilImage.open(t / f"{BROKEN}/000.png").save(t / f"{BROKEN}/000.bmp"),
        f"{BROKEN}/000.png",
        [f"{BROKEN}/000.png", f"{BROKEN}/000.bmp"],
    ),
    "a defect in train": (
        lambda t: shutil.copytree(t / CONTAMINATED, t / "train/contamination"),
        "train/contamination",
        ["train/contamination/000.png"],
    ),
}


@pytest.mark.parametrize("kind", list(TREE_FAULTS))
def test_a_tree(tree: Path, tmp_path: Path, kind: str) -> None:
    damage, place, left_out = TREE_FAULTS[kind]
    damage(tree)
    cut(tree / "train/good/001.png")
    dest = tmp_path / "d"
    at_fault = sorted([Path(place).name, "001.png"])
    assert places(lambda: mvtec2coco([tree], dest, MvtecOptions(), Execution(jobs=1))) == at_fault
    assert not dest.exists()
    report = mvtec2coco([tree], dest, MvtecOptions(), SKIP)
    assert bad(report) == sorted([place, "train/good/001.png"])
    kept = names(dest)
    assert not {*left_out, "train/good/001.png"} & set(kept)
    assert f"{BROKEN}/001.png" in kept
    assert f"{CONTAMINATED}/000.png" in kept


def test_a_type_without_masks_is_left_out_as_a_whole(tree: Path, tmp_path: Path) -> None:
    shutil.rmtree(tree / "ground_truth/contamination")
    report = mvtec2coco([tree], tmp_path / "d", MvtecOptions(), SKIP)
    assert bad(report) == ["ground_truth/contamination"]
    assert not [name for name in names(tmp_path / "d") if "contamination" in name]


def test_a_tree_with_only_faults_is_refused_even_with_skip_bad(tmp_path: Path) -> None:
    (tmp_path / "t/test/dent").mkdir(parents=True)
    PilImage.new("L", (9, 9)).save(tmp_path / "t/test/dent/0.png")
    with pytest.raises(InputError, match="no masks for the defect images"):
        mvtec2coco([tmp_path / "t"], tmp_path / "d", MvtecOptions(), SKIP)


def test_masks(tmp_path: Path) -> None:
    for name in ("a", "b", "c"):
        draw_image(tmp_path / f"p/{name}.png")
        mask = np.zeros((48, 64), np.uint8)
        mask[4:9, 5:11] = 255
        (tmp_path / "m").mkdir(exist_ok=True)
        PilImage.fromarray(mask).save(tmp_path / f"m/{name}.png")
    shutil.copy(tmp_path / "m/a.png", tmp_path / "m/lonely.png")
    cut(tmp_path / "m/b.png")
    options = MasksOptions(tmp_path / "m", ("crack",))
    assert places(lambda: masks2coco(tmp_path / "p", tmp_path / "d", options)) == ["b.png", "lonely.png"]
    report = masks2coco(tmp_path / "p", tmp_path / "d", options, SKIP)
    assert bad(report) == ["b.png", "lonely.png"]
    assert names(tmp_path / "d") == ["a.png", "c.png"]


def test_labelme_and_voc_and_yolo(tmp_path: Path) -> None:
    box = shape("chip", "rectangle", [[10, 8], [30, 20]])
    for name in ("a", "b", "c"):
        write_case(tmp_path / "l", box, name=name)
        draw_image(tmp_path / f"v/{name}.png")
        write_voc(tmp_path / f"v/{name}.xml", voc_object("chip", (2, 3, 9, 9)), filename=f"{name}.png")
        draw_image(tmp_path / f"y/images/{name}.png")
        (tmp_path / "y/labels").mkdir(exist_ok=True)
        (tmp_path / f"y/labels/{name}.txt").write_text("0 .5 .5 .2 .2\n")
    (tmp_path / "y/classes.txt").write_text("chip\n")
    (tmp_path / "l/a.json").write_text("{")
    (tmp_path / "v/a.xml").write_text("<annotation>")
    (tmp_path / "y/labels/a.txt").write_text("chip\n")
    for folder in ("l", "v", "y/images"):
        cut(tmp_path / folder / "b.png")
    files = {"l": "a.json", "v": "a.xml", "y": "a.txt"}
    runs: dict[str, Callable[[Path, Path, Execution], Report]] = {
        "l": lambda source, dest, run: labelme2coco(source, dest, execution=run),
        "v": lambda source, dest, run: voc2coco(source, dest, execution=run),
        "y": lambda source, dest, run: yolo2coco(source, dest, execution=run),
    }
    for key, run in runs.items():
        dest = tmp_path / f"d-{key}"
        at_fault = places(partial(run, tmp_path / key, dest, Execution(jobs=1)))
        assert [name.partition(":")[0] for name in at_fault] == [files[key], "b.png"]
        assert not dest.exists()
        run(tmp_path / key, dest, SKIP)
        assert names(dest) == ["c.png"]


def three_of_four_bad(root: Path) -> Path:
    """a is intact, b missing, c of another size, d truncated."""
    for name in ("a", "c", "d"):
        draw(root / f"{name}.png", kind="PNG")
    PilImage.new("RGB", (61, 48)).save(root / "c.png")
    cut(root / "d.png")
    listed = [image(k, f"{name}.png") for k, name in enumerate("abcd", 1)]
    return coco_json(root / "c.json", listed, [annotation(k, k) for k in range(1, 5)], CHIP)


@pytest.mark.parametrize("to", ["dataset", "cvat", "labelstudio", "roboflow", "xanylabeling"])
def test_coco_to_every_tool(tmp_path: Path, to: str) -> None:
    source, dest = three_of_four_bad(tmp_path / "s"), tmp_path / "d"
    options = CocoOptions(to=to)  # type: ignore[arg-type]
    faulty = ["b.png", "c.png", "d.png"]
    assert places(lambda: coco2coco(source, dest, options)) == faulty
    assert not dest.exists()
    assert places(lambda: coco2coco(source, dest, options, Execution(max_errors=1))) == faulty[:1]
    report = coco2coco(source, dest, options, SKIP)
    assert bad(report) == faulty
    assert {path.name for path in dest.rglob("*.png")} == {"a.png"}


def test_ambiguous_names_are_reported_with_bad_images_and_left_out_as_a_pair(tmp_path: Path) -> None:
    for name in ("a.png", "a.bmp", "b.png", "c.png"):
        draw(tmp_path / f"s/{name}", kind="PNG" if name.endswith("png") else "BMP")
    cut(tmp_path / "s/b.png")
    listed = [image(k, name) for k, name in enumerate(("a.bmp", "a.png", "b.png", "c.png"), 1)]
    source = coco_json(tmp_path / "s/c.json", listed, [annotation(k, k) for k in range(1, 5)], CHIP)
    assert places(lambda: coco2coco(source, tmp_path / "d")) == ["a.png", "b.png"]
    report = coco2coco(source, tmp_path / "d", CocoOptions(), SKIP)
    assert bad(report) == ["a.png", "b.png"]
    assert names(tmp_path / "d") == ["c.png"]
