"""Every layout of a folder tree, drawn here: detected, read, and converted to the boxes that were painted."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from convert.mvtec2coco import MvtecOptions, mvtec2coco
from datasets.formats.layouts.registry import LAYOUTS, find_layout, parse_layout, read_tree
from datasets.formats.layouts.tree import GOOD
from system.errors import InputError, OptionError
from tests.command import only_line, run_command

BOX = [6, 4, 9, 7]  # x, y, width, height of the defect that `mask` paints
Draw = Callable[[Path], object]


def image(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(len(path.as_posix())).integers(0, 255, (30, 40), np.uint8)
    Image.fromarray(pixels).save(path)


def mask(path: Path, value: int = 255, box: list[int] = BOX) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.zeros((30, 40), np.uint8)
    x, y, w, h = box
    pixels[y : y + h, x : x + w] = value
    Image.fromarray(pixels).save(path)


def mvtec(root: Path) -> None:
    for name in ("train/good/0", "validation/good/0", "test/good/0", "test/dent/0", "test/dent/1"):
        image(root / f"{name}.png")
    for stem in "01":
        mask(root / f"ground_truth/dent/{stem}_mask.png")
    mask(root / "ground_truth/good/0_mask.png", 0)  # black: public loaders require it, and it is harmless


def btad(root: Path) -> None:
    for name in ("train/ok/0", "train/ok/1", "test/ok/0", "test/ko/0", "test/ko/1"):
        image(root / f"{name}.bmp")
    for stem in "01":
        mask(root / f"ground_truth/ko/{stem}.png")


def loco(root: Path) -> None:
    for name in ("train/good/0", "validation/good/0", "test/good/0", "test/logical/0", "test/structural/0"):
        image(root / f"{name}.png")
    mask(root / "ground_truth/logical/0/000.png", 254)
    mask(root / "ground_truth/logical/0/001.png", 7, [20, 20, 5, 3])
    mask(root / "ground_truth/structural/0/000.png", 201)


def mvtec3d(root: Path) -> None:
    for name in ("train/good", "validation/good", "test/good", "test/crack"):
        image(root / name / "rgb/0.png")
        (root / name / "xyz").mkdir()
        (root / name / "xyz/0.tiff").write_bytes(b"a height map that is not read")
    mask(root / "test/good/gt/0.png", 0)
    mask(root / "test/crack/gt/0.png")


def ad2(root: Path) -> None:
    for name in ("train/good", "validation/good", "test_public/good", "test_public/bad", "test_private"):
        image(root / name / "0_regular.png")
    mask(root / "test_public/ground_truth/bad/0_regular_mask.png")


def visa(root: Path) -> None:
    for name in ("Normal/0", "Normal/1", "Anomaly/0", "Anomaly/1"):
        image(root / f"Data/Images/{name}.JPG")
    mask(root / "Data/Masks/Anomaly/0.png", 1)
    mask(root / "Data/Masks/Anomaly/1.png", 3)


def ksdd2(root: Path) -> None:
    for split, defective in (("train", "10"), ("test", "20")):
        for number in (defective, f"{defective}1", f"{defective}2"):
            image(root / split / f"{number}.png")
            mask(root / split / f"{number}_GT.png", 255 if number == defective else 0)


def ksdd(root: Path) -> None:
    for folder in ("kos01", "kos02"):
        for part in (0, 1):
            image(root / folder / f"Part{part}.jpg")
            mask(root / folder / f"Part{part}_label.bmp", 255 * (part == 0))


def dagm(root: Path) -> None:
    for split in ("Train", "Test"):
        for number in ("0576", "0577", "0578"):
            image(root / split / f"{number}.PNG")
        mask(root / split / "Label/0576_label.PNG")
        (root / split / "Label/Labels.txt").write_text("1\n")


def magnetic_tile(root: Path) -> None:
    for kind in ("MT_Blowhole", "MT_Free"):
        for name in ("a", "b"):
            image(root / kind / f"Imgs/{name}.jpg")
            mask(root / kind / f"Imgs/{name}.png", 0 if kind == "MT_Free" else 255)


def real_iad(root: Path) -> None:
    for name in ("OK/S0001/a", "OK/S0002/b", "NG/AK/S0003/c", "NG/HS/S0004/d"):
        image(root / f"{name}.jpg")
    mask(root / "NG/AK/S0003/c.png")
    mask(root / "NG/HS/S0004/d.png")


# Layout -> how it is drawn, images, good images, annotations per type, images per split if it names splits.
TREES: dict[str, tuple[Draw, int, int, dict[str, int], dict[str, int]]] = {
    "mvtec": (mvtec, 5, 3, {"dent": 2}, {"train": 1, "val": 1, "test": 3}),
    "btad": (btad, 5, 3, {"ko": 2}, {"train": 2, "val": 0, "test": 3}),
    "loco": (loco, 5, 3, {"logical": 2, "structural": 1}, {"train": 1, "val": 1, "test": 3}),
    "mvtec3d": (mvtec3d, 4, 3, {"crack": 1}, {"train": 1, "val": 1, "test": 2}),
    "ad2": (ad2, 4, 3, {"bad": 1}, {"train": 1, "val": 1, "test": 2}),
    "visa": (visa, 4, 2, {"Anomaly": 2}, {}),
    "ksdd2": (ksdd2, 6, 4, {"defect": 2}, {"train": 3, "val": 0, "test": 3}),
    "ksdd": (ksdd, 4, 2, {"defect": 2}, {}),
    "dagm": (dagm, 6, 4, {"part": 2}, {"train": 3, "val": 0, "test": 3}),
    "magnetic-tile": (magnetic_tile, 4, 2, {"Blowhole": 2}, {}),
    "real-iad": (real_iad, 4, 2, {"AK": 1, "HS": 1}, {}),
}


@pytest.fixture(params=TREES)
def layout(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def root(layout: str, tmp_path: Path) -> Path:
    folder = tmp_path / "part"
    TREES[layout][0](folder)
    return folder


def splits(dest: Path) -> dict[str, dict[str, list[dict[str, object]]]]:
    return {
        split: json.loads((dest / f"annotations/instances_{split}.json").read_text())
        for split in ("train", "val", "test")
    }


def test_every_layout_is_drawn_here() -> None:
    assert TREES.keys() == {one.name for one in LAYOUTS}


def test_a_plain_folder_has_its_layout(layout: str, root: Path) -> None:
    found = find_layout(root)
    assert found is not None
    assert found.name == layout
    assert read_tree(root) == read_tree(root, parse_layout(layout))


def test_images_and_annotations_are_those_that_were_drawn(layout: str, root: Path, tmp_path: Path) -> None:
    _, images, good, per_type, _ = TREES[layout]
    report = mvtec2coco([root], tmp_path / "d", MvtecOptions(ratios=(1.0, 0.0, 0.0)))
    coco = splits(tmp_path / "d")["train"]
    names = {c["id"]: c["name"] for c in coco["categories"]}
    found = [names[a["category_id"]] for a in coco["annotations"]]
    assert {name: found.count(name) for name in names.values()} == per_type
    assert (report.written["images"], report.written["negatives"]) == (images, good)
    assert {tuple(a["bbox"]) for a in coco["annotations"]} <= {tuple(BOX), (20, 20, 5, 3)}
    assert len([a for a in coco["annotations"] if a["bbox"] == BOX]) == sum(per_type.values()) - (layout == "loco")
    for entry in coco["images"]:
        assert (tmp_path / "d/images" / str(entry["file_name"])).is_file()
        assert (tmp_path / "d/masks" / str(entry["file_name"])).with_suffix(".png").is_file()


def test_the_split_of_the_source_is_kept_or_refused(layout: str, root: Path, tmp_path: Path) -> None:
    wanted = TREES[layout][4]
    options = MvtecOptions(split="original")
    if wanted:
        mvtec2coco([root], tmp_path / "d", options)
        assert {split: len(coco["images"]) for split, coco in splits(tmp_path / "d").items()} == wanted
    else:
        with pytest.raises(InputError, match=f"the layout {layout} has no splits"):
            mvtec2coco([root], tmp_path / "d", options)


def test_images_without_ground_truth_are_left_out_and_counted(tmp_path: Path) -> None:
    ad2(tmp_path / "part")
    report = mvtec2coco([tmp_path / "part"], tmp_path / "d")
    assert [(e.file, e.code) for e in report.events] == [("part/test_private", "no-ground-truth")]


def test_a_defect_in_the_mask_of_a_good_image_is_refused(tmp_path: Path) -> None:
    mvtec3d(tmp_path / "part")
    mask(tmp_path / "part/test/good/gt/0.png")
    with pytest.raises(InputError, match=r"test/good/gt/0\.png: the mask of a good image"):
        mvtec2coco([tmp_path / "part"], tmp_path / "d")


@pytest.mark.parametrize(
    ("name", "removed", "problem"),
    [
        ("btad", "ground_truth/ko/0.png", "test/ko/0.bmp: no mask for this defect image"),
        ("btad", "test/ko/0.bmp", "ground_truth/ko/0.png: no image for this mask"),
        ("loco", "test/logical/0.png", "ground_truth/logical/0/000.png: no image for this mask"),
        ("mvtec3d", "test/crack/gt/0.png", "test/crack/rgb/0.png: no mask for this defect image"),
        ("ad2", "test_public/ground_truth/bad/0_regular_mask.png", "0_regular.png: no mask for this defect"),
        ("visa", "Data/Masks/Anomaly/0.png", "Data/Images/Anomaly/0.JPG: no mask for this defect image"),
        ("ksdd2", "train/10_GT.png", "train/10.png: no mask for this defect image"),
        ("ksdd", "kos01/Part0.jpg", "kos01/Part0_label.bmp: no image for this mask"),
        ("dagm", "Train/0576.PNG", "Label/0576_label.PNG: no image for this mask"),
        ("magnetic-tile", "MT_Blowhole/Imgs/a.png", "Imgs/a.jpg: no mask for this defect image"),
        ("real-iad", "NG/AK/S0003/c.jpg", "c.png: no image for this mask"),
    ],
)
def test_a_missing_file_is_one_line(
    name: str, removed: str, problem: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    TREES[name][0](tmp_path / "part")
    (tmp_path / "part" / removed).unlink()
    assert run_command("convert", "mvtec2coco", tmp_path / "part", tmp_path / "d") == 2
    assert problem in only_line(capsys)
    assert not (tmp_path / "d").exists()


def test_the_folder_above_names_the_folders_inside(tmp_path: Path) -> None:
    visa(tmp_path / "visa/candle")
    ksdd2(tmp_path / "visa/KSDD2")
    with pytest.raises(InputError, match="name one of the folders inside: KSDD2, candle"):
        read_tree(tmp_path / "visa")


def test_two_categories_of_different_layouts_become_one_dataset(tmp_path: Path) -> None:
    visa(tmp_path / "candle")
    btad(tmp_path / "01")
    mvtec2coco([tmp_path / "candle", tmp_path / "01"], tmp_path / "d")
    assert json.loads((tmp_path / "d/dataset.json").read_text())["options"]["layout"] == ["btad", "visa"]
    found = [c["name"] for c in splits(tmp_path / "d")["train"]["categories"]]
    assert found == ["Anomaly", "ko"]


def test_mvtec_is_not_named_in_the_provenance(tmp_path: Path) -> None:
    mvtec(tmp_path / "part")
    mvtec2coco([tmp_path / "part"], tmp_path / "d")
    assert "layout" not in json.loads((tmp_path / "d/dataset.json").read_text())["options"]


def test_an_unknown_layout_is_refused() -> None:
    with pytest.raises(OptionError, match="--layout mvtek: no such layout; give one of auto, mvtec, btad"):
        parse_layout("mvtek")


def test_the_type_good_is_not_a_category(root: Path) -> None:
    assert GOOD not in read_tree(root).defect_types
