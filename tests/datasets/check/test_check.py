"""Every code of `datasets check` is triggered by one spoiled copy of a clean dataset, and by nothing else."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image as Picture
from PIL import ImageFilter
from scipy.stats import hypergeom

from convert.coco2yolo import YoloExportOptions, coco2yolo
from convert.execution import Execution
from convert.yolo_segments import Style
from datasets.check.categories import _chance, _look_alike, check_skew
from datasets.check.check import check
from datasets.check.codes import CHECK_CODES
from datasets.check.facts import AnnotationFacts, Facts, ImageFacts, Limits
from datasets.coco import Annotation, CocoFile, Rle
from datasets.formats.coco_file import read_coco, write_coco
from datasets.formats.dataset_folder import annotation_path
from system.errors import InputError
from tests.coco_faults import FOREIGN
from tests.command import only_line, run_command

LIMITS = Limits(imgsz=96)  # pictures of 96 px are not scaled


def found(root: Path, limits: Limits = LIMITS) -> set[str]:
    return {finding.code for finding in check(root, limits, jobs=1).findings}


@pytest.fixture(scope="session")
def yolo_source(coco_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    dest = tmp_path_factory.mktemp("yolo") / "y"
    coco2yolo(coco_folder, dest, YoloExportOptions(style=Style()), Execution(jobs=1))
    return dest


@pytest.fixture(scope="session")
def labelme_source(synth_tree: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four good and four scratched pictures, the latter with a triangle in 4.5.6 form."""
    root = tmp_path_factory.mktemp("labelme") / "l"
    pictures = sorted((synth_tree / "train/good").glob("*.png"))[:8]
    for i, picture in enumerate(pictures):
        folder = root / ("good" if i < 4 else "bad")
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copy(picture, folder / picture.name)
        shapes = [shape("scratch", [[20, 20], [60, 20], [20, 50]])] if i >= 4 else []
        write_labelme(folder / picture.with_suffix(".json").name, picture.name, shapes)
    return root


def shape(label: str, points: list, kind: str = "polygon") -> dict:
    return {"label": label, "points": points, "group_id": None, "shape_type": kind, "flags": {}}


def write_labelme(path: Path, picture: str, shapes: list, **changes: object) -> None:
    content = {"version": "4.5.6", "flags": {}, "shapes": shapes, "imagePath": picture, "imageData": None}
    path.write_text(json.dumps({**content, "imageHeight": 96, "imageWidth": 96, **changes}))


def copy(source: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(source, tmp_path / "copy"))


def first(folder: Path) -> Path:
    return min(folder.rglob("*.png"))


def test_clean_datasets_of_every_format_trigger_nothing(
    synth_tree: Path, coco_folder: Path, yolo_source: Path, labelme_source: Path
) -> None:
    formats = []
    for source in (synth_tree, coco_folder, yolo_source, labelme_source):
        checked = check(source, LIMITS, jobs=1)
        assert checked.findings == []
        assert checked.annotations > 0
        formats.append(checked.format)
    assert formats == ["MVTec tree", "COCO dataset folder", "YOLO folder", "labelme folder"]
    assert check(coco_folder, LIMITS, jobs=2) == check(coco_folder, LIMITS, jobs=1)


def turn(path: Path) -> None:
    with Picture.open(path) as opened:
        picture = opened.copy()
    exif = picture.getexif()
    exif[0x0112] = 6
    picture.save(path, exif=exif)


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-40])


def blur_copy(source: Path, dest: Path) -> None:
    with Picture.open(source) as opened:
        opened.convert("RGB").filter(ImageFilter.GaussianBlur(0.6)).save(dest, quality=80)


def repaint(path: Path, change: Callable[[np.ndarray], np.ndarray]) -> None:
    with Picture.open(path) as opened:
        values = np.asarray(opened).copy()
    Picture.fromarray(change(values)).save(path)


def grey(values: np.ndarray) -> np.ndarray:
    return (np.arange(values.size).reshape(values.shape) % 200).astype(np.uint8)


def add_speckle(values: np.ndarray) -> np.ndarray:
    values[0, 0] = values.max()
    return values


def a_mask(root: Path) -> Path:
    return first(root / "ground_truth")


def a_defect(root: Path) -> Path:
    kind = a_mask(root).parent.name
    return first(root / "test" / kind)


def good(root: Path, i: int = 0) -> Path:
    return sorted((root / "train/good").glob("*.png"))[i]


TREE: dict[str, Callable[[Path], object]] = {
    "unlabelled-defect": lambda root: a_mask(root).unlink(),
    "unpaired-mask": lambda root: a_defect(root).unlink(),
    "mask-size": lambda root: repaint(a_mask(root), lambda v: v[:-2]),
    "bad-mask": lambda root: repaint(a_mask(root), grey),
    "empty-mask": lambda root: repaint(a_mask(root), lambda v: v * 0),
    "ambiguous-pair": lambda root: shutil.copy(a_mask(root), a_mask(root).with_suffix(".bmp")),
    "broken-picture": lambda root: cut(good(root)),
    "exif-rotated": lambda root: turn(good(root)),
    "speckle": lambda root: repaint(a_mask(root), add_speckle),
    "duplicate-picture": lambda root: shutil.copy(good(root), root / "train/good/zz.png"),
    "duplicate-across-splits": lambda root: shutil.copy(good(root), root / "test/good/zz.png"),
    "near-duplicate-picture": lambda root: blur_copy(good(root), root / "train/good/zz.jpg"),
    "near-duplicate-across-splits": lambda root: blur_copy(good(root), root / "test/good/zz.jpg"),
    "defect-in-train": lambda root: shutil.move(root / "train/good", root / "train/scratch"),
}


@pytest.mark.parametrize("code", list(TREE))
def test_a_spoiled_tree(tree: Path, code: str) -> None:
    TREE[code](tree)
    codes = found(tree)
    assert code in codes
    assert codes - {code} <= {"unlabelled-defect", "small-at-training-size"}


def change_coco(root: Path, change: Callable[[CocoFile], CocoFile], split: str = "train") -> None:
    path = annotation_path(root, split)
    write_coco(path, change(read_coco(path)))


def with_annotation(coco: CocoFile, **changes: object) -> CocoFile:
    """The file with a changed copy of its largest annotation."""
    largest = max(coco.annotations, key=lambda a: a.area)
    added = msgspec.structs.replace(largest, id=99_999, **changes)
    return msgspec.structs.replace(coco, annotations=[*coco.annotations, added])


def other_category(coco: CocoFile) -> int:
    largest: Annotation = max(coco.annotations, key=lambda a: a.area)
    return next(c.id for c in coco.categories if c.id != largest.category_id)


def without_category(coco: CocoFile) -> CocoFile:
    gone = coco.annotations[0].category_id
    return msgspec.structs.replace(coco, annotations=[a for a in coco.annotations if a.category_id != gone])


def rename_category(coco: CocoFile) -> CocoFile:
    spelt = [
        msgspec.structs.replace(c, name=n) for c, n in zip(coco.categories, ("Scratch", "scrach"), strict=False)
    ]
    return msgspec.structs.replace(coco, categories=[*spelt, *coco.categories[2:]])


def rename_everywhere(root: Path) -> None:
    for split in ("train", "val", "test"):
        change_coco(root, rename_category, split)


def add_to_good(coco: CocoFile) -> CocoFile:
    image = next(image for image in coco.images if "/good/" in image.file_name)
    return with_annotation(coco, image_id=image.id)


def test_run_lengths_that_do_not_fill_the_image_are_a_bad_mask(coco_folder: Path, tmp_path: Path) -> None:
    root = copy(coco_folder, tmp_path)
    change_coco(root, lambda c: with_annotation(c, bbox=(1, 1, 9, 9), area=81, segmentation=Rle((96, 96), "04")))
    (finding,) = check(root, LIMITS, jobs=1).findings
    assert (finding.code, finding.where) == ("bad-mask", "annotation 99999")


COCO: dict[str, Callable[[Path], object]] = {
    "missing-picture": lambda root: first(root / "images").unlink(),
    "missing-mask": lambda root: first(root / "masks").unlink(),
    "unpaired-mask": lambda root: shutil.copy(first(root / "masks"), root / "masks/zz.png"),
    "mask-size": lambda root: repaint(first(root / "masks"), lambda v: v[:-1]),
    "bad-mask": lambda root: cut(first(root / "masks")),
    "size-mismatch": lambda root: change_coco(
        root,
        lambda c: msgspec.structs.replace(
            c, images=[msgspec.structs.replace(c.images[0], width=95), *c.images[1:]]
        ),
    ),
    "unreadable-labels": lambda root: annotation_path(root, "val").write_text("{"),
    "broken-reference": lambda root: change_coco(root, lambda c: with_annotation(c, image_id=99_999)),
    "good-with-shapes": lambda root: change_coco(root, add_to_good),
    "zero-area": lambda root: change_coco(root, lambda c: with_annotation(c, area=0)),
    "duplicate-annotation": lambda root: change_coco(root, with_annotation),
    "overlap-of-types": lambda root: change_coco(
        root, lambda c: with_annotation(c, category_id=other_category(c))
    ),
    "outside-image": lambda root: change_coco(
        root, lambda c: with_annotation(c, bbox=(80, 80, 20, 10), area=200, segmentation=[])
    ),
    "small-at-training-size": lambda root: change_coco(
        root, lambda c: with_annotation(c, bbox=(1, 1, 30, 3), area=90, segmentation=[])
    ),
    "absent-from-split": lambda root: change_coco(root, without_category, "val"),
    "near-identical-labels": rename_everywhere,
}


@pytest.mark.parametrize("code", list(COCO))
def test_a_spoiled_dataset_folder(coco_folder: Path, tmp_path: Path, code: str) -> None:
    root = copy(coco_folder, tmp_path)
    COCO[code](root)
    codes = found(root)
    assert code in codes
    assert codes - {code} <= {"unpaired-mask", "absent-from-split", "broken-picture"}


def shared_out(dents: dict[str, int], sizes: dict[str, int]) -> Facts:
    """A dataset of so many images per split, so many of them with a dent."""
    images = []
    for split, size in sizes.items():
        for i in range(size):
            instances = [AnnotationFacts("", "dent", (1, 1, 9, 9), 81)] if i < dents[split] else []
            images.append(ImageFacts(f"{split}/{i}", split, False, instances, []))
    return Facts(["dent"], images, is_split=True)


def test_split_skew_is_told_and_chance_is_not() -> None:
    sizes = {"train": 70, "val": 10, "test": 20}
    assert check_skew(shared_out({"train": 14, "val": 2, "test": 4}, sizes)) == []
    assert check_skew(shared_out({"train": 11, "val": 2, "test": 7}, sizes)) == []
    (test, train) = check_skew(shared_out({"train": 4, "val": 2, "test": 14}, sizes))
    assert (train.where, train.value) == ("train", "dent: 4 images where 14 are expected")
    assert (test.where, test.value) == ("test", "dent: 14 images where 4 are expected")


@settings(deadline=None)
@given(st.integers(1, 400), st.data())
def test_the_chance_of_a_share_is_scipys(total: int, data: st.DataObject) -> None:
    marked, drawn = data.draw(st.integers(0, total)), data.draw(st.integers(0, total))
    count = data.draw(st.integers(max(0, marked + drawn - total), min(marked, drawn)))
    law = hypergeom(total, marked, drawn)
    expected = 2 * min(law.cdf(count), law.sf(count - 1))
    assert _chance(count, total, marked, drawn) == pytest.approx(expected, rel=1e-6, abs=1e-12)


def labels(root: Path) -> Path:
    return next(path for path in sorted((root / "labels/train").rglob("*.txt")) if path.stat().st_size)


YOLO: dict[str, Callable[[Path], object]] = {
    "unlabelled": lambda root: labels(root).unlink(),
    "labels-without-picture": lambda root: (root / "labels/train/test/good/zz.txt").write_text(""),
    "unreadable-labels": lambda root: labels(root).write_text("0 0.5 0.5 0.2 0.2\n9 0.5 0.5 0.1 0.1\n0 0 0\n"),
    "mixed-labels": lambda root: labels(root).write_text("0 .5 .5 .2 .2\n0 .1 .1 .3 .1 .3 .3\n"),
    "outside-image": lambda root: labels(root).write_text("0 0.02 0.5 0.2 0.2\n"),
    "unknown-split": lambda root: (root / "data.yaml").write_text(
        (root / "data.yaml").read_text().replace("test:", "holdout:")
    ),
    "zero-area": lambda root: labels(root).write_text("0 0.5 0.5 0.2 0\n"),
    "duplicate-annotation": lambda root: labels(root).write_text("0 0.5 0.5 0.2 0.2\n0 0.5 0.5 0.2 0.2\n"),
    "overlap-of-types": lambda root: labels(root).write_text("0 0.5 0.5 0.2 0.2\n1 0.5 0.5 0.21 0.2\n"),
    "small-at-training-size": lambda root: labels(root).write_text("0 0.5 0.5 0.2 0.03\n"),
    "ambiguous-pair": lambda root: blur_copy(
        first(root / "images/train"), first(root / "images/train").with_suffix(".jpg")
    ),
    "duplicate-across-splits": lambda root: shutil.copy(
        first(root / "images/train/train"), root / "images/val/zz.png"
    ),
}


@pytest.mark.parametrize("code", list(YOLO))
def test_a_spoiled_yolo_folder(yolo_source: Path, tmp_path: Path, code: str) -> None:
    root = copy(yolo_source, tmp_path)
    YOLO[code](root)
    codes = found(root)
    assert code in codes
    assert codes - {code} <= {"unlabelled", "near-duplicate-picture"}


def bad(root: Path) -> Path:
    return min((root / "bad").glob("*.json"))


def relabel(root: Path, shapes: list, **changes: object) -> None:
    write_labelme(bad(root), bad(root).with_suffix(".png").name, shapes, **changes)


TRIANGLE = [[20, 20], [60, 20], [20, 50]]
LABELME: dict[str, Callable[[Path], object]] = {
    "unlabelled": lambda root: bad(root).unlink(),
    "missing-picture": lambda root: bad(root).with_suffix(".png").unlink(),
    "unreadable-labels": lambda root: bad(root).write_text('{"shapes": [{"label": 3}]}'),
    "ambiguous-pair": lambda root: write_labelme(
        root / "bad/second.json", bad(root).with_suffix(".png").name, [shape("scratch", TRIANGLE)]
    ),
    "good-with-shapes": lambda root: shutil.move(root / "bad", root / "bad2/good"),
    "size-mismatch": lambda root: relabel(root, [], imageWidth=97),
    "zero-area": lambda root: relabel(root, [shape("scratch", [[3, 3], [9, 9]], "line")]),
    "near-identical-labels": lambda root: relabel(root, [shape("Scratch", TRIANGLE)]),
    "overlap-of-types": lambda root: relabel(
        root, [shape("scratch", TRIANGLE), shape("dent", [[30, 28], [36, 28]], "circle")]
    ),
    "outside-image": lambda root: relabel(root, [shape("scratch", [[90, 90], [120, 60]], "rectangle")]),
    "duplicate-annotation": lambda root: relabel(
        root, [shape("scratch", TRIANGLE), shape("scratch", [[20, 20], [60, 20.5], [20, 50]])]
    ),
    "speckle": lambda root: relabel(root, [shape("scratch", [[20, 20], [22, 22]], "rectangle")]),
    "broken-picture": lambda root: cut(bad(root).with_suffix(".png")),
    "empty-label": lambda root: relabel(root, [shape(" ", TRIANGLE)]),
    "rejected": lambda root: relabel(root, [shape("scratch", TRIANGLE)], flags={"reject": True}),
    "uncertain": lambda root: relabel(root, [shape("_background_", TRIANGLE)], flags={"uncertain": True}),
    "flagged-good-with-shape": lambda root: relabel(root, [shape("scratch", TRIANGLE)], flags={"good": True}),
    "exif-rotated": lambda root: turn(bad(root).with_suffix(".png")),
}


@pytest.mark.parametrize("code", list(LABELME))
def test_a_spoiled_labelme_folder(labelme_source: Path, tmp_path: Path, code: str) -> None:
    root = copy(labelme_source, tmp_path)
    LABELME[code](root)
    codes = found(root)
    assert code in codes
    assert codes - {code} <= {"duplicate-picture", "small-at-training-size"}


@pytest.mark.parametrize(
    ("one", "other", "alike"),
    [
        ("scratch", "Scratch", True),
        ("scratch", "scrach", True),
        ("broken large", "broken_large", True),
        ("Prüfung", "prufung", True),
        ("broken_large", "broken_small", False),
        ("dent", "bent", False),
        ("type1", "type2", False),
        ("cut_inner", "cut_outer", False),
        ("thread_side", "thread_top", False),
    ],
)
def test_names_that_look_alike(one: str, other: str, alike: bool) -> None:
    assert _look_alike(one, other) is alike


def test_it_stops_at_nothing_that_can_be_read(tree: Path) -> None:
    a_mask(tree).unlink()
    cut(good(tree))
    shutil.copy(good(tree, 1), tree / "test/good/zz.png")
    repaint(first(tree / "ground_truth"), lambda v: v[:-1])
    assert {"unlabelled-defect", "broken-picture", "duplicate-across-splits", "mask-size"} <= found(tree)


def test_limits_are_obeyed(coco_folder: Path) -> None:
    boxes = [
        a.bbox for s in ("train", "val", "test") for a in read_coco(annotation_path(coco_folder, s)).annotations
    ]
    areas = sorted(
        a.area for s in ("train", "val", "test") for a in read_coco(annotation_path(coco_folder, s)).annotations
    )
    speckle = check(coco_folder, Limits(max_speckle=int(areas[2]) + 1, imgsz=96), jobs=1).findings
    assert len(speckle) == sum(area < areas[2] + 1 for area in areas)
    small = check(coco_folder, Limits(imgsz=24), jobs=1).findings
    assert len([f for f in small if f.code == "small-at-training-size"]) == sum(min(b[2:]) / 4 < 4 for b in boxes)


def test_exit_status_and_json(coco_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command("datasets", "check", coco_folder, "--imgsz", 96) == 0
    assert "nothing found" in capsys.readouterr().out
    root = copy(coco_folder, tmp_path)
    change_coco(root, with_annotation)
    assert run_command("datasets", "check", root, "--imgsz", 96) == 0
    assert run_command("datasets", "check", root, "--imgsz", 96, "--strict") == 1
    capsys.readouterr()
    change_coco(root, lambda coco: msgspec.structs.replace(coco, annotations=coco.annotations[:-1]))
    change_coco(root, lambda coco: with_annotation(coco, area=0))
    assert run_command("datasets", "check", root, "--imgsz", 96, "--json") == 1
    (finding,) = json.loads(capsys.readouterr().out)["findings"]
    assert (finding["level"], finding["code"], finding["where"]) == ("error", "zero-area", "annotation 99999")
    assert run_command("datasets", "check", tmp_path / "none") == 2
    assert "no such folder" in only_line(capsys)
    (tmp_path / "empty").mkdir()
    assert run_command("datasets", "check", tmp_path / "empty") == 2
    assert "neither an MVTec tree" in only_line(capsys)


def test_a_dataset_of_which_nothing_can_be_read_is_an_error(coco_folder: Path, tmp_path: Path) -> None:
    root = copy(coco_folder, tmp_path)
    for split in ("train", "val", "test"):
        annotation_path(root, split).write_text("[]")
    with pytest.raises(InputError, match="no COCO file can be read"):
        check(root, LIMITS)


def test_the_real_bottle_has_one_bottle_photographed_twice(real_bottle: Path) -> None:
    (finding,) = check(real_bottle, Limits()).findings
    assert (finding.code, finding.file) == ("near-duplicate-picture", "train/good/070.png")
    assert finding.value == "like train/good/069.png"


def test_every_code_is_triggered_by_a_case_and_documented() -> None:
    documented = (Path(__file__).parents[3] / "docs/codes.md").read_text(encoding="utf-8")
    assert set(CHECK_CODES) == {*TREE, *COCO, *FOREIGN, *YOLO, *LABELME, "split-skew", "broken-tree"}
    for code in CHECK_CODES:
        assert f"`{code}`" in documented
