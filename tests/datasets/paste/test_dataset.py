import shutil
from pathlib import Path

import msgspec
import numpy as np
import pytest
from PIL import Image as PillowImage
from pycocotools.coco import COCO

from convert.mvtec2coco import MvtecOptions, mvtec2coco
from datasets.formats.coco_file import read_coco, write_coco
from datasets.formats.dataset_folder import annotation_path, load_dataset
from datasets.images.pixels import read_rgb
from datasets.masks.rle import decode
from tests.command import only_line, run_command


@pytest.fixture(scope="module")
def done(coco_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    dest = tmp_path_factory.mktemp("pasted") / "new"
    assert run_command("datasets", "paste", coco_folder, dest, "--count", 9, "--seed", 3) == 0
    return dest


def contents(root: Path) -> dict[str, bytes]:
    return {p.relative_to(root).as_posix(): p.read_bytes() for p in sorted(root.rglob("*")) if p.is_file()}


def test_the_old_dataset_is_in_the_new_one(coco_folder: Path, done: Path) -> None:
    old, new = contents(coco_folder), contents(done)
    changed = {"dataset.json", "annotations/instances_train.json"}
    assert {name: new[name] for name in old if name not in changed} == {
        name: data for name, data in old.items() if name not in changed
    }
    added = {f"{folder}/paste/{i:04d}.png" for folder in ("images", "masks") for i in range(9)}
    assert new.keys() - old.keys() == added
    was, now = (load_dataset(root).splits["train"] for root in (coco_folder, done))
    assert now.images[: len(was.images)] == was.images
    assert now.annotations[: len(was.annotations)] == was.annotations
    name = was.images[0].file_name
    assert (done / "images" / name).stat().st_ino == (coco_folder / "images" / name).stat().st_ino


def test_ids_are_new_in_all_splits(done: Path) -> None:
    splits = load_dataset(done).splits.values()
    for ids in (
        [image.id for coco in splits for image in coco.images],
        [annotation.id for coco in splits for annotation in coco.annotations],
    ):
        assert len(ids) == len(set(ids))


def test_pixel_masks_images_and_annotations_agree(done: Path) -> None:
    dataset = load_dataset(done)
    train = dataset.splits["train"]
    made = {one["file_name"]: one for one in msgspec.to_builtins(dataset.provenance)["pasted"]}
    by_image = train.by_image()
    for image in train.images[-9:]:
        drawn = np.zeros((image.height, image.width), np.uint8)
        for annotation in by_image[image.id]:
            drawn[decode(annotation.segmentation, image.height, image.width) > 0] = annotation.category_id
        assert (np.asarray(PillowImage.open(dataset.mask_path(image))) == drawn).all()
        canvas = read_rgb(done / "images" / made[image.file_name]["canvas"])
        changed = (read_rgb(dataset.image_path(image)) != canvas).any(axis=2)
        assert changed[drawn > 0].mean() > 0.5
        near = np.pad(drawn > 0, 4)
        reach = np.logical_or.reduce(
            [near[i : i + image.height, j : j + image.width] for i in range(9) for j in range(9)]
        )
        assert not (changed & ~reach).any()


def test_pycocotools_reads_it(done: Path) -> None:
    coco = COCO(str(annotation_path(done, "train")))
    new = [image["id"] for image in coco.dataset["images"] if image["file_name"].startswith("paste/")]
    assert len(new) == 9
    for annotation in coco.loadAnns(coco.getAnnIds(imgIds=new)):
        mask = coco.annToMask(annotation)
        rows, columns = np.nonzero(mask)
        assert annotation["area"] == mask.sum()
        assert annotation["bbox"] == [
            columns.min(),
            rows.min(),
            np.ptp(columns) + 1,
            np.ptp(rows) + 1,
        ]


def test_provenance_records_the_sources(coco_folder: Path, done: Path) -> None:
    old, new = load_dataset(coco_folder), load_dataset(done)
    provenance = new.provenance
    assert provenance is not None
    assert old.provenance is not None
    assert provenance.options["seed"] == 3
    assert provenance.options["place"] == "orbit"
    assert provenance.options["source"]["content_sha256"] == old.provenance.content_sha256
    assert provenance.content_sha256 != old.provenance.content_sha256
    assert provenance.counts["val"] == old.provenance.counts["val"]
    assert provenance.counts["train"]["images"] == old.provenance.counts["train"]["images"] + 9
    train = old.splits["train"]
    negatives = {image.file_name for image in train.images} - {
        image.file_name for image in train.images if train.by_image()[image.id]
    }
    home = {a.id: image.file_name for image in train.images for a in train.by_image()[image.id]}
    assert [one["file_name"] for one in provenance.pasted] == [f"paste/{i:04d}.png" for i in range(9)]
    written = {a.id: a for a in new.splits["train"].annotations}
    for one in provenance.pasted:
        assert one["canvas"] in negatives
        for origin in one["annotations"]:
            assert home[origin["source_annotation"]] == origin["source"]
            category = written[origin["source_annotation"]].category_id
            assert written[origin["annotation"]].category_id == category


def test_the_same_seed_gives_the_same_bytes(coco_folder: Path, done: Path, tmp_path: Path) -> None:
    for seed, same in ((3, True), (4, False)):
        dest = tmp_path / str(seed)
        assert run_command("datasets", "paste", coco_folder, dest, "--count", 9, "--seed", seed) == 0
        assert (contents(dest) == contents(done)) is same


def test_no_pixel_of_val_or_test_matters(coco_folder: Path, done: Path, tmp_path: Path) -> None:
    marked = Path(shutil.copytree(coco_folder, tmp_path / "marked"))
    for name in ("val", "test"):
        for image in read_coco(annotation_path(marked, name)).images:
            PillowImage.new("RGB", (image.width, image.height), "red").save(marked / "images" / image.file_name)
    dest = tmp_path / "new"
    assert run_command("datasets", "paste", marked, dest, "--count", 9, "--seed", 3) == 0
    for i in range(9):
        name = f"images/paste/{i:04d}.png"
        assert (dest / name).read_bytes() == (done / name).read_bytes()


def test_a_dry_run_counts_the_same_and_writes_nothing(coco_folder: Path, tmp_path: Path, capsys) -> None:
    reported = []
    for dry in (["--dry-run"], []):
        assert run_command("datasets", "paste", coco_folder, tmp_path / "new", "--count", 4, *dry) == 0
        assert (tmp_path / "new").exists() is not bool(dry)
        out = capsys.readouterr().out
        assert ("nothing written" in out) is bool(dry)
        reported.append([line for line in out.splitlines() if line.split() and line.split()[-1].isdigit()])
    assert reported[0] == reported[1]
    assert any("new images" in line and line.split()[-1] == "4" for line in reported[0])


def test_overwrite_only_when_asked(coco_folder: Path, done: Path, tmp_path: Path, capsys) -> None:
    dest = Path(shutil.copytree(done, tmp_path / "new"))
    assert run_command("datasets", "paste", coco_folder, dest, "--count", 2) == 2
    assert "not empty" in only_line(capsys)
    assert run_command("datasets", "paste", coco_folder, dest, "--count", 2, "--overwrite") == 0
    assert len(list((dest / "images/paste").iterdir())) == 2


def test_refusals_in_one_line(coco_folder: Path, done: Path, tmp_path: Path, capsys) -> None:
    dest = tmp_path / "new"
    for arguments, message in (
        ((coco_folder, dest, "--count", 0), "--count 0"),
        ((coco_folder, dest, "--count", 1, "--seed", -1), "--seed -1"),
        ((tmp_path, dest / "a", "--count", 1), "inside each other"),
        ((tmp_path / "absent", dest, "--count", 1), "no such folder"),
        ((done, dest, "--count", 1), "paste into the dataset that it was made from"),
        ((coco_folder, coco_folder / "in", "--count", 1), "inside each other"),
    ):
        assert run_command("datasets", "paste", *arguments) == 2
        assert message in only_line(capsys)
        assert not dest.exists()


@pytest.mark.parametrize(
    ("kept", "message"), [(True, "no negative to paste on"), (False, "no annotation with a mask"), (None, "train")]
)
def test_a_train_split_without_sources_or_canvases(
    coco_folder: Path, tmp_path: Path, capsys, kept, message
) -> None:
    bare = Path(shutil.copytree(coco_folder, tmp_path / "bare"))
    path = annotation_path(bare, "train")
    train = read_coco(path)
    defective = {annotation.image_id for annotation in train.annotations}
    images = [image for image in train.images if kept is not None and (image.id in defective) is kept]
    annotations = train.annotations if kept else []
    write_coco(path, msgspec.structs.replace(train, images=images, annotations=annotations))
    assert run_command("datasets", "paste", bare, tmp_path / "new", "--count", 1) == 2
    assert message in only_line(capsys)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["bare"]


def test_an_interrupted_run_leaves_nothing(coco_folder: Path, tmp_path: Path, capsys) -> None:
    broken = Path(shutil.copytree(coco_folder, tmp_path / "broken"))
    train = read_coco(annotation_path(broken, "train"))
    for annotation in train.annotations:
        name = next(image.file_name for image in train.images if image.id == annotation.image_id)
        (broken / "images" / name).write_bytes(b"no image")
    assert run_command("datasets", "paste", broken, tmp_path / "new", "--count", 3) == 2
    assert "cannot be read as an image" in only_line(capsys)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["broken"]


def test_the_real_bottle_orbits(real_bottle: Path, tmp_path: Path) -> None:
    mvtec2coco([real_bottle], tmp_path / "coco", MvtecOptions())
    assert run_command("datasets", "paste", tmp_path / "coco", tmp_path / "new", "--count", 6) == 0
    dataset = load_dataset(tmp_path / "new")
    assert dataset.provenance is not None
    assert dataset.provenance.options["place"] == "orbit"
    train = dataset.splits["train"]
    areas = {annotation.id: annotation.area for annotation in train.annotations}
    for one in dataset.provenance.pasted:
        for origin in one["annotations"]:
            # scale within 3 % of a radius that differs by 2 % at most; 1/10 may leave the image
            ratio = areas[origin["annotation"]] / areas[origin["source_annotation"]]
            assert 0.9 * 0.95**2 <= ratio <= 1.05**2
