"""`datasets longtail`: the counts of the profile, the unchanged parts, and refusals."""

from collections import Counter
from pathlib import Path

import msgspec
import pytest

from datasets.coco import Annotation
from datasets.formats.coco_file import read_coco, write_coco
from datasets.formats.dataset_folder import annotation_path, load_dataset
from datasets.longtail import profile, unreached
from tests.command import only_line, run_command
from tests.odd_datasets import DENT, SCRATCH, odd_folder


def longtail(source: Path, dest: Path, *arguments: object) -> int:
    return run_command("datasets", "longtail", source, dest, *arguments)


def contents(root: Path) -> dict[str, bytes]:
    return {p.relative_to(root).as_posix(): p.read_bytes() for p in sorted(root.rglob("*")) if p.is_file()}


@pytest.fixture(scope="module")
def wide(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """In train 8 dents, 8 scratches and 8 good images; two images in val, three in test."""
    splits = ["train"] * 24 + ["val"] * 2 + ["test"] * 3
    good = range(2, 29, 3)
    categories = (DENT, SCRATCH, DENT)  # numbers 0, 3, ... dent; 1, 4, ... scratch; 2, 5, ... good
    root = tmp_path_factory.mktemp("wide") / "data"
    return odd_folder(root, ((24, 24),) * 29, good=good, categories=categories[:2] * 1, splits=splits)


@pytest.mark.parametrize(
    ("images", "ratio", "kept"),
    [
        ({"good": 100, "dent": 100, "hole": 100}, 100, {"dent": 100, "good": 10, "hole": 1}),
        ({"good": 200, "dent": 20, "hole": 30}, 16, {"good": 200, "hole": 30, "dent": 12}),  # 200, 50, 12.5
        ({"good": 50, "dent": 40}, 1, {"good": 50, "dent": 40}),
        ({"good": 5, "dent": 5, "hole": 5, "scratch": 5}, 1000, {"dent": 5, "good": 1, "hole": 1, "scratch": 1}),
        ({"good": 7}, 10, {"good": 7}),
    ],
)
def test_the_profile(images: dict[str, int], ratio: float, kept: dict[str, int]) -> None:
    counts = profile(Counter(images), ratio)
    assert {one.type: one.kept for one in counts} == kept
    assert {one.type: one.images for one in counts} == images
    assert [one.type for one in counts] == list(kept)  # the most frequent first


@pytest.mark.parametrize(
    ("images", "ratio", "reported"),
    [
        ({"good": 100, "dent": 5}, 4, "the ratio of most to fewest images is 20, not 4: dent had 5"),
        ({"good": 100, "dent": 90}, 200, None),  # 0.5 is kept as 1, within rounding
        ({"good": 100, "dent": 90}, 400, "is 100, not 400: of each type one is kept"),
        ({"good": 100, "dent": 90}, 30, None),  # 3.33 is kept as 3
        ({"good": 7}, 10, None),
    ],
)
def test_a_ratio_that_is_not_reached_is_stated(images: dict[str, int], ratio: float, reported: str | None) -> None:
    line = unreached(profile(Counter(images), ratio), ratio)
    assert line is None if reported is None else reported in str(line)


def test_only_train_is_cut(coco_folder: Path, tmp_path: Path) -> None:
    dest = tmp_path / "long"
    assert longtail(coco_folder, dest, "--ratio", 4) == 0
    old, new = load_dataset(coco_folder), load_dataset(dest)
    before, after = contents(coco_folder), contents(dest)
    for split in ("val", "test"):
        name = f"annotations/instances_{split}.json"
        assert after[name] == before[name]
    names = {image.file_name for coco in new.splits.values() for image in coco.images}
    assert {n for n in after if n.startswith("images/")} == {f"images/{name}" for name in names}
    assert all(after[n] == before[n] for n in after if n.startswith(("images/", "masks/")))
    was, now = old.splits["train"], new.splits["train"]
    assert [image for image in was.images if image in now.images] == now.images
    ids = {image.id for image in now.images}
    assert now.annotations == [a for a in was.annotations if a.image_id in ids]
    assert len(now.images) < len(was.images)


def test_the_counts_are_those_that_are_printed(wide: Path, tmp_path: Path, capsys) -> None:
    assert longtail(wide, tmp_path / "long", "--ratio", 4, "--dry-run") == 0
    out = capsys.readouterr().out
    assert "nothing written" in out
    assert not (tmp_path / "long").exists()
    assert longtail(wide, tmp_path / "long", "--ratio", 4) == 0
    written = capsys.readouterr().out
    rows = [line.split() for line in written.splitlines() if line.split()[-1:] and line.split()[-1].isdigit()]
    assert rows == [line.split() for line in out.splitlines() if line.split()[-1:] and line.split()[-1].isdigit()]
    printed = {name: int(kept) for name, _, kept in rows}
    train = load_dataset(tmp_path / "long").splits["train"]
    annotations, names = train.by_image(), train.names()
    found = Counter(
        names[annotations[image.id][0].category_id] if annotations[image.id] else "good" for image in train.images
    )
    assert found == printed
    most = max(printed.values())
    assert sorted(printed.values(), reverse=True) == [most, round(most / 2), round(most / 4)]


def test_provenance_names_the_source_and_the_options(coco_folder: Path, tmp_path: Path) -> None:
    assert longtail(coco_folder, tmp_path / "long", "--ratio", 3, "--seed", 5) == 0
    old, new = load_dataset(coco_folder).provenance, load_dataset(tmp_path / "long").provenance
    assert old is not None
    assert new is not None
    assert (new.tool, new.options["ratio"], new.options["seed"]) == ("longtail", 3, 5)
    assert new.options["source"]["content_sha256"] == old.content_sha256 != new.content_sha256
    assert new.counts["test"] == old.counts["test"]
    assert new.counts["train"]["images"] == len(load_dataset(tmp_path / "long").splits["train"].images)


def test_the_same_seed_gives_the_same_bytes(wide: Path, tmp_path: Path) -> None:
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        assert longtail(wide, tmp_path / name, "--ratio", 4, "--seed", seed) == 0
    a, b, c = (contents(tmp_path / name) for name in "abc")
    assert a == b
    assert a["annotations/instances_train.json"] != c["annotations/instances_train.json"]


def test_images_with_only_ignore_regions_are_kept(tmp_path: Path) -> None:
    root = odd_folder(tmp_path / "data", ((24, 24),) * 8, good=(0, 1, 2, 3), splits=("train",) * 8)
    path = annotation_path(root, "train")
    train = read_coco(path)

    def ignored(a: Annotation) -> Annotation:
        return msgspec.structs.replace(a, iscrowd=1) if a.image_id == 8 else a

    write_coco(path, msgspec.structs.replace(train, annotations=[ignored(a) for a in train.annotations]))
    assert longtail(root, tmp_path / "long", "--ratio", 4) == 0
    assert 8 in {image.id for image in load_dataset(tmp_path / "long").splits["train"].images}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--ratio", 0.5), "--ratio 0.5: not a ratio of most to fewest"),
        (("--ratio", "nan"), "--ratio nan: not a ratio"),
        (("--ratio", "inf"), "--ratio inf: not a ratio"),
        (("--ratio", 2, "--seed", -1), "--seed -1: is negative"),
    ],
)
def test_bad_options_end_in_one_line(
    wide: Path, tmp_path: Path, capsys, arguments: tuple[object, ...], message: str
) -> None:
    assert longtail(wide, tmp_path / "long", *arguments) == 2
    assert message in only_line(capsys)
    assert not (tmp_path / "long").exists()


def test_bad_datasets_end_in_one_line(coco_folder: Path, wide: Path, tmp_path: Path, capsys) -> None:
    assert run_command("datasets", "paste", coco_folder, tmp_path / "pasted", "--count", 1) == 0
    alone = odd_folder(tmp_path / "alone", ((24, 24),) * 3, good=(0, 1, 2), splits=("train", "train", "test"))
    tested = odd_folder(tmp_path / "tested", ((24, 24),) * 2, good=(0,), splits=("test", "test"))
    (tmp_path / "full").mkdir()
    (tmp_path / "full/file").touch()
    capsys.readouterr()
    dest = tmp_path / "long"
    for source, where, message in (
        (tmp_path / "absent", dest, "no such folder"),
        (tmp_path / "pasted", dest, "cut the dataset that it was made from"),
        (alone, dest, "one type only"),
        (tested, dest, "the split train has no image"),
        (wide, wide / "inside", "inside each other"),
        (wide, tmp_path / "full", "not empty"),
    ):
        assert longtail(source, where, "--ratio", 2) == 2
        assert message in only_line(capsys)
        assert not dest.exists()
