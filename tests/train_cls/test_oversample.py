"""`train_cls oversample`: the new images, their parents, what stays the same, and who takes such a dataset."""

import hashlib
import shutil
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as PillowImage

from datasets.formats.coco_file import read_coco
from datasets.formats.dataset_folder import Dataset, annotation_path, load_dataset
from tests.command import run_command

QUICK = ("--codec-imgsz", 32, "--codec-steps", 3)


def oversample(source: Path, dest: Path, method: str, *arguments: object) -> int:
    return run_command("train_cls", "oversample", source, dest, "--method", method, *arguments)


@pytest.fixture(scope="module")
def deep(coco_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    dest = tmp_path_factory.mktemp("deep") / "new"
    assert oversample(coco_folder, dest, "deepsmote", "--per-type", 9, *QUICK) == 0
    return dest


@pytest.fixture(scope="module")
def plain(coco_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """SMOTE at the size of the images, so that nothing is scaled."""
    dest = tmp_path_factory.mktemp("plain") / "new"
    assert oversample(coco_folder, dest, "smote", "--per-type", 15, "--imgsz", 96) == 0
    return dest


def contents(root: Path) -> dict[str, bytes]:
    return {p.relative_to(root).as_posix(): p.read_bytes() for p in sorted(root.rglob("*")) if p.is_file()}


def pixels(root: Path, name: str) -> np.ndarray:
    return np.asarray(PillowImage.open(root / "images" / name).convert("RGB")).astype(np.float64)


def types_in_train(dataset: Dataset) -> dict[str, str]:
    train = dataset.splits["train"]
    names, annotations = train.names(), train.by_image()
    return {
        image.file_name: names[annotations[image.id][0].category_id] if annotations[image.id] else "good"
        for image in train.images
    }


@pytest.mark.parametrize(("fixture", "per_type"), [("deep", 9), ("plain", 15)])
def test_each_type_has_as_many_as_asked_for(
    fixture: str, per_type: int, coco_folder: Path, request: pytest.FixtureRequest
) -> None:
    before = Counter(types_in_train(load_dataset(coco_folder)).values())
    after = Counter(types_in_train(load_dataset(request.getfixturevalue(fixture))).values())
    assert after == {name: max(count, per_type) for name, count in before.items()}


@pytest.mark.parametrize("fixture", ["deep", "plain"])
def test_the_old_dataset_is_in_the_new_one(
    fixture: str, coco_folder: Path, request: pytest.FixtureRequest
) -> None:
    done = request.getfixturevalue(fixture)
    old, new = contents(coco_folder), contents(done)
    changed = {"dataset.json", "annotations/instances_train.json"}
    assert all(new[name] == data for name, data in old.items() if name not in changed)
    was, now = (load_dataset(root).splits["train"] for root in (coco_folder, done))
    count = len(now.images) - len(was.images)
    added = {f"images/oversample/{i:04d}.png" for i in range(count)}
    assert new.keys() - old.keys() == added | {"contact_sheet.png"}
    assert now.images[: len(was.images)] == was.images
    splits = load_dataset(done).splits.values()
    for ids in ([i.id for c in splits for i in c.images], [a.id for c in splits for a in c.annotations]):
        assert len(ids) == len(set(ids))
    by_image = now.by_image()
    for image in now.images[-count:]:
        for annotation in by_image[image.id]:
            assert annotation.bbox == (0, 0, image.width, image.height)
            assert annotation.segmentation == []


@pytest.mark.parametrize("fixture", ["deep", "plain"])
def test_both_parents_are_training_images_of_the_type_and_never_test_images(
    fixture: str, coco_folder: Path, request: pytest.FixtureRequest
) -> None:
    old, new = load_dataset(coco_folder), load_dataset(request.getfixturevalue(fixture))
    types, grown = types_in_train(old), types_in_train(new)
    assert new.provenance is not None
    records = new.provenance.oversampled
    assert {one["file_name"] for one in records} == grown.keys() - types.keys()

    def content(name: str) -> str:
        return hashlib.sha256((coco_folder / "images" / name).read_bytes()).hexdigest()

    tested = {content(i.file_name) for split in ("val", "test") for i in old.splits[split].images}
    for one in records:
        for parent in one["parents"]:
            assert types[parent] == one["type"] == grown[one["file_name"]]
            assert content(parent) not in tested
        assert 0.5 <= one["share"] <= 1


def test_smote_is_the_mean_of_its_parents_by_their_shares(coco_folder: Path, plain: Path) -> None:
    provenance = load_dataset(plain).provenance
    assert provenance is not None
    for one in provenance.oversampled:
        first, second = (pixels(coco_folder, name) for name in one["parents"])
        wanted = one["share"] * first + (1 - one["share"]) * second
        assert np.abs(pixels(plain, one["file_name"]) - wanted).max() <= 0.51


def test_provenance_names_the_source_and_the_options(coco_folder: Path, deep: Path) -> None:
    old, new = load_dataset(coco_folder).provenance, load_dataset(deep).provenance
    assert old is not None
    assert new is not None
    assert new.tool == "oversample"
    assert (new.options["method"], new.options["per_type"], new.options["codec_steps"]) == ("deepsmote", 9, 3)
    assert new.options["source"]["content_sha256"] == old.content_sha256 != new.content_sha256
    assert new.counts["test"] == old.counts["test"]


def test_the_contact_sheet_shows_parent_new_image_parent(coco_folder: Path, plain: Path) -> None:
    provenance = load_dataset(plain).provenance
    assert provenance is not None
    sheet = np.asarray(PillowImage.open(plain / "contact_sheet.png")).astype(np.float64)
    first = provenance.oversampled[0]
    row = [pixels(coco_folder, first["parents"][0]), pixels(plain, first["file_name"])]
    row.append(pixels(coco_folder, first["parents"][1]))
    top = np.argmax((sheet == row[0][0, 0]).all(axis=2).any(axis=1))  # below the title
    left = 4
    found = [sheet[22 : 22 + 96, left + 96 * k : left + 96 * (k + 1)] for k in range(3)]
    assert top <= 22
    for shown, wanted in zip(found, row, strict=True):
        assert (shown == wanted).all()


def test_the_same_seed_gives_the_same_bytes(coco_folder: Path, deep: Path, tmp_path: Path) -> None:
    for seed, same in ((0, True), (1, False)):
        dest = tmp_path / str(seed)
        assert oversample(coco_folder, dest, "deepsmote", "--per-type", 9, *QUICK, "--seed", seed) == 0
        assert (contents(dest) == contents(deep)) is same


@pytest.mark.parametrize("method", ["deepsmote", "smote", "paste"])
def test_no_pixel_of_val_or_test_matters(coco_folder: Path, tmp_path: Path, method: str) -> None:
    marked = Path(shutil.copytree(coco_folder, tmp_path / "marked"))
    for i, image in enumerate(i for s in ("val", "test") for i in read_coco(annotation_path(marked, s)).images):
        PillowImage.new("RGB", (image.width, image.height), (255, i, 0)).save(marked / "images" / image.file_name)
    quick = QUICK if method == "deepsmote" else ()
    made = []
    for source in (coco_folder, marked):
        dest = tmp_path / f"new-{source.name}"
        assert oversample(source, dest, method, "--per-type", 9, *quick) == 0
        folder = dest / "images" / ("paste" if method == "paste" else "oversample")
        made.append(contents(folder) | {"sheet": (dest / "contact_sheet.png").read_bytes()})
    assert made[0] == made[1]


@pytest.mark.parametrize("method", ["smote", "paste"])
def test_a_training_image_also_in_test_is_not_a_parent(
    coco_folder: Path, tmp_path: Path, method: str, capsys: pytest.CaptureFixture[str]
) -> None:
    twice = Path(shutil.copytree(coco_folder, tmp_path / "twice"))
    dataset = load_dataset(twice)
    types = types_in_train(dataset)
    names = [name for name, type_ in types.items() if type_ == "broken_small"][:2]
    for name, image in zip(names, dataset.splits["test"].images, strict=False):
        shutil.copyfile(twice / "images" / name, twice / "images" / image.file_name)
    assert oversample(twice, tmp_path / "new", method, "--per-type", 12) == 0
    assert "2 training images are in val or test too, such as" in capsys.readouterr().err
    provenance = load_dataset(tmp_path / "new").provenance
    assert provenance is not None
    used = {name for one in provenance.oversampled for name in one["parents"]}
    used |= {origin["source"] for one in provenance.pasted for origin in one["annotations"]}
    assert used
    assert not used & set(names)


def test_paste_makes_images_of_each_type(coco_folder: Path, tmp_path: Path) -> None:
    assert oversample(coco_folder, tmp_path / "new", "paste", "--per-type", 10) == 0
    before, new = types_in_train(load_dataset(coco_folder)), load_dataset(tmp_path / "new")
    counts = Counter(types_in_train(new).values())
    good = Counter(before.values())["good"]
    assert counts == {"good": good, "broken_large": 10, "broken_small": 10, "contamination": 10}
    assert new.provenance is not None
    for one in new.provenance.pasted:
        assert before[one["canvas"]] == "good"
    assert (tmp_path / "new/contact_sheet.png").is_file()


def test_a_dry_run_prints_the_same_and_writes_nothing(
    coco_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for method in ("deepsmote", "smote", "paste"):
        assert oversample(coco_folder, tmp_path / "new", method, "--per-type", 9, "--dry-run") == 0
        out = capsys.readouterr().out
        assert "nothing written" in out
        assert [line.split()[1:] for line in out.splitlines() if line.startswith(" broken_small")] == [["4", "5"]]
    assert not list(tmp_path.iterdir())
