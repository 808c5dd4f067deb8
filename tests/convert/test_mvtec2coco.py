import contextlib
import io
import json
import shutil
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as PilImage
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval
from scipy import ndimage

from convert.execution import Execution
from convert.mvtec2coco import MvtecOptions, mvtec2coco
from datasets.formats.dataset_folder import load_dataset
from datasets.masks.rle import decode
from system.errors import InputError, OptionError, OutputError

EIGHT = np.ones((3, 3), int)


def truth_of(mask: Path, structure: np.ndarray | None = EIGHT) -> list[tuple[int, list[int]]]:
    """Area and [x, y, w, h] of each component by scipy, which the converter does not use."""
    labels, count = ndimage.label(np.asarray(PilImage.open(mask)) > 0, structure)
    found = []
    for index, (rows, columns) in enumerate(ndimage.find_objects(labels), 1):
        box = [columns.start, rows.start, columns.stop - columns.start, rows.stop - rows.start]
        found.append((int((labels == index).sum()), box))
    assert len(found) == count
    return sorted(found)


def converted(dest: Path) -> dict[str, list[dict]]:
    """Annotations of each image of every split, straight from the JSON."""
    found: dict[str, list[dict]] = {}
    for file in sorted((dest / "annotations").iterdir()):
        content = json.loads(file.read_text())
        names = {image["id"]: image["file_name"] for image in content["images"]}
        found.update({name: [] for name in names.values()})
        for annotation in content["annotations"]:
            found[names[annotation["image_id"]]].append(annotation)
    return found


def folder_bytes(root: Path) -> dict[str, bytes]:
    return {str(p.relative_to(root)): p.read_bytes() for p in sorted(root.rglob("*")) if p.is_file()}


@pytest.mark.parametrize("connectivity", [4, 8])
def test_each_component_is_one_annotation(synth_tree: Path, tmp_path: Path, connectivity: int) -> None:
    mvtec2coco([synth_tree], tmp_path / "out", MvtecOptions(connectivity=connectivity))
    annotations = converted(tmp_path / "out")
    assert len(annotations) == 40
    for name, found in annotations.items():
        mask = synth_tree / name.replace("test/", "ground_truth/").replace(".png", "_mask.png")
        if not mask.exists():
            assert "/good/" in name
            assert found == []
            continue
        got = sorted((a["area"], a["bbox"]) for a in found)
        assert got == truth_of(mask, EIGHT if connectivity == 8 else None)


def test_instance_masks_and_pixel_masks_are_the_ground_truth(coco_folder: Path, synth_tree: Path) -> None:
    dataset = load_dataset(coco_folder)
    ids = {c.name: c.id for c in dataset.categories}
    assert list(ids) == sorted(ids)
    assert list(ids.values()) == [1, 2, 3]
    for coco in dataset.splits.values():
        by_image = coco.by_image()
        for image in coco.images:
            kind = image.file_name.split("/")[1]
            union = np.zeros((image.height, image.width), np.uint8)
            for annotation in by_image[image.id]:
                assert annotation.category_id == ids[kind]
                assert annotation.iscrowd == 0
                union += decode(annotation.segmentation, image.height, image.width)
            truth = np.zeros_like(union)
            if kind != "good":
                stem = Path(image.file_name).stem
                truth = np.asarray(PilImage.open(synth_tree / f"ground_truth/{kind}/{stem}_mask.png")) > 0
            assert np.array_equal(union, truth)
            pixel_mask = PilImage.open(dataset.mask_path(image))
            assert pixel_mask.mode == "P"
            assert np.array_equal(np.asarray(pixel_mask), truth * np.uint8(ids.get(kind, 0)))


def test_ids_are_unique_over_all_splits_and_every_image_is_listed_once(coco_folder: Path) -> None:
    splits = load_dataset(coco_folder).splits
    for ids in (
        [i.id for c in splits.values() for i in c.images],
        [a.id for c in splits.values() for a in c.annotations],
    ):
        assert sorted(ids) == list(range(1, len(ids) + 1))
    assert sum(len(c.images) for c in splits.values()) == 40


def test_every_type_is_in_every_split(coco_folder: Path) -> None:
    for coco in load_dataset(coco_folder).splits.values():
        assert {i.file_name.split("/")[1] for i in coco.images} == {
            "good",
            "broken_large",
            "broken_small",
            "contamination",
        }


def test_original_split_is_mvtecs_own(synth_tree: Path, tmp_path: Path) -> None:
    mvtec2coco([synth_tree], tmp_path / "out", MvtecOptions(split="original"))
    splits = load_dataset(tmp_path / "out").splits
    assert {i.file_name.split("/")[0] for i in splits["train"].images} == {"train"}
    assert {i.file_name.split("/")[0] for i in splits["test"].images} == {"test"}
    assert splits["val"].images == []


@pytest.mark.parametrize("jobs", [1, 2])
def test_two_runs_and_two_file_orders_give_equal_bytes(synth_tree: Path, tmp_path: Path, jobs: int) -> None:
    reverse = tmp_path / "elsewhere" / "bottle"
    for source in sorted(synth_tree.rglob("*.png"), reverse=True):
        copy = reverse / source.relative_to(synth_tree)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, copy)
    mvtec2coco([synth_tree], tmp_path / "one", MvtecOptions(), Execution(jobs=1))
    mvtec2coco([reverse], tmp_path / "two", MvtecOptions(), Execution(jobs=jobs))
    assert folder_bytes(tmp_path / "one") == folder_bytes(tmp_path / "two")
    assert str(tmp_path) not in (tmp_path / "one/dataset.json").read_text()


def test_the_seed_moves_images_between_splits(synth_tree: Path, tmp_path: Path) -> None:
    mvtec2coco([synth_tree], tmp_path / "one", MvtecOptions(seed=1))
    mvtec2coco([synth_tree], tmp_path / "two", MvtecOptions(seed=2))
    one, two = (load_dataset(tmp_path / name).splits["test"].images for name in ("one", "two"))
    assert {i.file_name for i in one} != {i.file_name for i in two}


@pytest.mark.parametrize("how", ["rle", "polygon", "auto"])
def test_perfect_predictions_score_one_in_pycocotools(synth_tree: Path, tmp_path: Path, how: str) -> None:
    mvtec2coco([synth_tree], tmp_path / "out", MvtecOptions(segmentation=how))
    with contextlib.redirect_stdout(io.StringIO()):
        truth = COCO(tmp_path / "out/annotations/instances_train.json")
        results = truth.loadRes(
            [
                {
                    "image_id": a["image_id"],
                    "category_id": a["category_id"],
                    "bbox": a["bbox"],
                    "segmentation": truth.annToRLE(a),
                    "score": 0.9,
                }
                for a in truth.dataset["annotations"]
            ]
        )
        for kind in ("bbox", "segm"):
            evaluation = COCOeval(truth, results, kind)
            evaluation.evaluate()
            evaluation.accumulate()
            evaluation.summarize()
            assert evaluation.stats[0] == pytest.approx(1.0)


def test_polygons_have_the_same_pixels_and_holes_stay_run_lengths(synth_tree: Path, tmp_path: Path) -> None:
    for how in ("rle", "polygon", "auto"):
        mvtec2coco([synth_tree], tmp_path / how, MvtecOptions(segmentation=how))
    rle, polygon, auto = (load_dataset(tmp_path / how).splits["train"] for how in ("rle", "polygon", "auto"))
    sizes = {i.id: (i.height, i.width) for i in rle.images}
    kinds = Counter()
    for a, b, c in zip(rle.annotations, polygon.annotations, auto.annotations, strict=True):
        mask = decode(a.segmentation, *sizes[a.image_id])
        assert np.array_equal(mask, decode(b.segmentation, *sizes[a.image_id]))
        assert np.array_equal(mask, decode(c.segmentation, *sizes[a.image_id]))
        has_hole = ndimage.binary_fill_holes(mask).sum() > mask.sum()
        assert isinstance(b.segmentation, list) != has_hole
        kinds[has_hole] += 1
    assert kinds[True] >= 1
    assert kinds[False] >= 10


def write_mask(tree: Path, pixels: np.ndarray, name: str = "000") -> None:
    PilImage.fromarray(pixels).save(tree / f"ground_truth/broken_large/{name}_mask.png")


def two_squares(gap: int) -> np.ndarray:
    mask = np.zeros((96, 96), np.uint8)
    mask[10:20, 10:20] = 255
    mask[10:20, 20 + gap : 25 + gap] = 255
    return mask


@pytest.mark.parametrize(("merge_gap", "annotations"), [(0, 2), (4, 2), (5, 1)])
def test_merge_gap_counts_the_pixels_between(tree: Path, tmp_path: Path, merge_gap: int, annotations: int) -> None:
    write_mask(tree, two_squares(gap=4))
    report = mvtec2coco([tree], tmp_path / "out", MvtecOptions(merge_gap=merge_gap))
    found = converted(tmp_path / "out")["test/broken_large/000.png"]
    assert len(found) == annotations
    assert sum(a["area"] for a in found) == 150
    joined = [e for e in report.events if e.code == "merged-gap" and e.file == "test/broken_large/000.png"]
    assert len(joined) == (annotations == 1)


def test_min_area_drops_and_reports_and_leaves_the_pixel_mask_in_step(tree: Path, tmp_path: Path) -> None:
    write_mask(tree, two_squares(gap=4))
    report = mvtec2coco([tree], tmp_path / "out", MvtecOptions(min_area=60))
    name = "test/broken_large/000.png"
    assert [a["area"] for a in converted(tmp_path / "out")[name]] == [100]
    assert [(e.code, e.value) for e in report.events if e.file == name] == [("below-min-area", "50 px")]
    assert np.asarray(PilImage.open(tmp_path / "out/masks" / name)).astype(bool).sum() == 100
    assert json.loads((tmp_path / "out/dataset.json").read_text())["lost"][0]["code"] == "below-min-area"
    with pytest.raises(InputError, match="below-min-area"):
        mvtec2coco([tree], tmp_path / "strict", MvtecOptions(min_area=60), Execution(strict=True))
    assert not (tmp_path / "strict").exists()


def test_min_area_may_not_turn_a_defect_image_into_a_negative(tree: Path, tmp_path: Path) -> None:
    write_mask(tree, two_squares(gap=4))
    with pytest.raises(InputError, match="would become a negative"):
        mvtec2coco([tree], tmp_path / "out", MvtecOptions(min_area=101))


def test_threshold_takes_grey_masks(tree: Path, tmp_path: Path) -> None:
    grey = two_squares(gap=4)
    grey[10:20, 10:20] = 130
    grey[60:70, 60:70] = 50
    write_mask(tree, grey)
    mvtec2coco([tree], tmp_path / "out", MvtecOptions(threshold=128))
    assert sorted(a["area"] for a in converted(tmp_path / "out")["test/broken_large/000.png"]) == [50, 100]


def test_several_categories_become_one_dataset(synth_tree: Path, tree: Path, tmp_path: Path) -> None:
    other = tree.rename(tmp_path / "jar")
    shutil.move(other / "test/contamination", other / "test/stain")
    shutil.move(other / "ground_truth/contamination", other / "ground_truth/stain")
    mvtec2coco([synth_tree, other], tmp_path / "out", MvtecOptions())
    dataset = load_dataset(tmp_path / "out")
    assert [c.name for c in dataset.categories] == ["broken_large", "broken_small", "contamination", "stain"]
    names = [i.file_name for c in dataset.splits.values() for i in c.images]
    assert Counter(name.split("/")[0] for name in names) == {"bottle": 40, "jar": 40}


def test_pairs_are_made_by_name_not_by_position(tree: Path, tmp_path: Path) -> None:
    for path in (tree / "test/broken_large/000.png", tree / "ground_truth/broken_large/000_mask.png"):
        path.rename(path.with_name(path.name.replace("000", "zzz")))
    mvtec2coco([tree], tmp_path / "out", MvtecOptions())
    found = converted(tmp_path / "out")["test/broken_large/zzz.png"]
    assert sorted((a["area"], a["bbox"]) for a in found) == truth_of(
        tree / "ground_truth/broken_large/zzz_mask.png"
    )


def test_dry_run_writes_nothing_and_counts_the_same(synth_tree: Path, tmp_path: Path) -> None:
    dry = mvtec2coco([synth_tree], tmp_path / "out", MvtecOptions(), Execution(dry_run=True))
    assert list(tmp_path.iterdir()) == []
    assert dry == mvtec2coco([synth_tree], tmp_path / "out", MvtecOptions())


def test_images_are_hard_links(synth_tree: Path, coco_folder: Path) -> None:
    source, linked = (root / "test/good/000.png" for root in (synth_tree, coco_folder / "images"))
    assert source.read_bytes() == linked.read_bytes()
    if source.stat().st_dev == linked.stat().st_dev:
        assert source.samefile(linked)


def test_a_full_destination_is_refused_and_overwrite_replaces_only_our_own(
    synth_tree: Path, tmp_path: Path
) -> None:
    dest = tmp_path / "out"
    dest.mkdir()
    (dest / "holiday.jpg").write_bytes(b"mine")
    with pytest.raises(OutputError, match="add --overwrite"):
        mvtec2coco([synth_tree], dest, MvtecOptions())
    with pytest.raises(OutputError, match="did not write"):
        mvtec2coco([synth_tree], dest, MvtecOptions(), Execution(overwrite=True))
    assert (dest / "holiday.jpg").read_bytes() == b"mine"
    (dest / "holiday.jpg").unlink()
    mvtec2coco([synth_tree], dest, MvtecOptions())
    (dest / "stale").write_bytes(b"")
    mvtec2coco([synth_tree], dest, MvtecOptions(), Execution(overwrite=True))
    assert not (dest / "stale").exists()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["out"]


@pytest.mark.parametrize(
    "options",
    [MvtecOptions(min_area=0), MvtecOptions(merge_gap=-1), MvtecOptions(threshold=0)],
    ids=["area", "gap", "threshold"],
)
def test_impossible_options_are_refused(synth_tree: Path, tmp_path: Path, options: MvtecOptions) -> None:
    with pytest.raises(OptionError):
        mvtec2coco([synth_tree], tmp_path / "out", options)


def test_the_same_folder_name_twice_and_a_destination_inside_the_source_are_refused(synth_tree: Path) -> None:
    with pytest.raises(OptionError, match="twice"):
        mvtec2coco([synth_tree, synth_tree], synth_tree.parent / "out", MvtecOptions())
    with pytest.raises(OutputError, match="inside each other"):
        mvtec2coco([synth_tree], synth_tree / "out", MvtecOptions())


def test_the_real_bottle_equals_the_independent_reference(
    real_bottle: Path, reference: Path, tmp_path: Path
) -> None:
    oracle = json.loads((reference / "bottle_masks.json").read_text())
    assert len(oracle) == 63
    for connectivity, column in ((8, 1), (4, 2)):
        dest = tmp_path / str(connectivity)
        mvtec2coco([real_bottle], dest, MvtecOptions(connectivity=connectivity))
        annotations = converted(dest)
        assert len(annotations) == 292
        assert sum(map(bool, annotations.values())) == 63
        assert sum(map(len, annotations.values())) == {8: 68, 4: 70}[connectivity]
        for mask, expected in oracle.items():
            name = mask.replace("ground_truth/", "test/").replace("_mask.png", ".png")
            found = annotations[name]
            assert sum(a["area"] for a in found) == expected[0]
            assert len(found) == expected[column]
            if connectivity == 8:
                boxes = [[x, y, x + w, y + h] for x, y, w, h in (a["bbox"] for a in found)]
                assert sorted(boxes) == sorted(expected[3])
