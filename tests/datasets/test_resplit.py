"""Folds and groups as pure functions, and datasets split again by links."""

from collections import Counter
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datasets.coco import Annotation, Category, CocoFile, Image
from datasets.formats.dataset_folder import load_dataset
from datasets.resplit import Options, assign_splits, resplit
from datasets.splits import group_by_pattern, strata_by_type, stratified_folds, stratified_split
from system.errors import InputError, OptionError, OutputError
from tests.command import only_line, run_command

STRATA = st.dictionaries(st.text(min_size=1, max_size=4), st.sampled_from("abc"), min_size=7, max_size=60)
BOTTLES = {f"test/{kind}/{i:03}.png": kind for kind, n in (("dent", 30), ("good", 60)) for i in range(n)}


@given(STRATA, st.integers(2, 7), st.integers(0, 3))
def test_folds_differ_by_one_at_most_in_all_and_by_stratum(strata: dict[str, str], k: int, seed: int) -> None:
    folds = stratified_folds(strata, k, seed)
    assert folds.keys() == strata.keys()
    sizes = Counter(folds.values())
    assert set(sizes) == set(range(k))
    assert max(sizes.values()) - min(sizes.values()) <= 1
    for stratum in set(strata.values()):
        shares = [sum(folds[key] == fold and strata[key] == stratum for key in strata) for fold in range(k)]
        assert max(shares) - min(shares) <= 1


def test_folds_follow_the_seed_and_nothing_else() -> None:
    backwards = dict(reversed(BOTTLES.items()))
    assert stratified_folds(BOTTLES, 5, 1) == stratified_folds(backwards, 5, 1)
    assert stratified_folds(BOTTLES, 5, 1) != stratified_folds(BOTTLES, 5, 2)


@pytest.mark.parametrize("k", [1, 0, -3, 91])
def test_folds_that_cannot_be(k: int) -> None:
    with pytest.raises(OptionError, match="give 2 to 90"):
        stratified_folds(BOTTLES, k, 0)


@settings(deadline=None)
@given(STRATA, st.integers(1, 9), st.integers(0, 3))
def test_groups_are_never_torn(strata: dict[str, str], size: int, seed: int) -> None:
    groups = {key: str(i // size) for i, key in enumerate(strata)}
    split = stratified_split(strata, (0.6, 0.2, 0.2), seed, groups)
    parts: list[dict] = [split]
    if len(set(groups.values())) >= 2:
        folds = stratified_folds(strata, 2, seed, groups)
        assert set(folds.values()) == {0, 1}
        parts.append(folds)
    for assigned in parts:
        assert assigned.keys() == strata.keys()
        assert len({(groups[key], part) for key, part in assigned.items()}) == len(set(groups.values()))


def test_small_groups_keep_the_proportions_of_every_type() -> None:
    groups = {key: f"{kind}{int(key[-7:-4]) // 2}" for key, kind in BOTTLES.items()}
    split = stratified_split(BOTTLES, (0.6, 0.2, 0.2), 0, groups)
    counts = Counter((BOTTLES[key], part) for key, part in split.items())
    assert counts == {
        ("dent", "train"): 18,
        ("dent", "val"): 6,
        ("dent", "test"): 6,
        ("good", "train"): 36,
        ("good", "val"): 12,
        ("good", "test"): 12,
    }
    folds = stratified_folds(BOTTLES, 3, 0, groups)
    assert Counter((BOTTLES[key], part) for key, part in folds.items()) == {
        ("dent", 0): 10,
        ("dent", 1): 10,
        ("dent", 2): 10,
        ("good", 0): 20,
        ("good", 1): 20,
        ("good", 2): 20,
    }


def test_a_pattern_groups_by_its_capture_or_match() -> None:
    names = ["cam1/a_01.png", "cam2/a_02.png", "cam1/b_01.png", "other.png", "another.png"]
    assert len(set(group_by_pattern(names, r"/([ab])_").values())) == 4
    by_camera = group_by_pattern(names, r"cam\d")
    assert by_camera["cam1/a_01.png"] == by_camera["cam1/b_01.png"] != by_camera["cam2/a_02.png"]
    assert by_camera["other.png"] != by_camera["another.png"]
    assert len(set(group_by_pattern(names, r"(cam\d)/(.)").values())) == 5
    assert len(set(group_by_pattern(names, r"(\d)?(x)?[a-z]").values())) == 3  # captures nothing, matches c, o, a
    assert len(set(group_by_pattern(names, r"^(c.*)?").values())) == 5  # matches the empty beginning of two
    with pytest.raises(OptionError, match="not a regular expression"):
        group_by_pattern(names, "(")
    for nothing in ("camera", "", "1?"):
        with pytest.raises(OptionError, match=r"matches nothing in any name, such as another\.png"):
            group_by_pattern(names, nothing)


def test_no_part_is_empty_while_there_are_groups_enough() -> None:
    """Each type is its own group, so no type can be split in proportion."""
    strata = {
        f"{kind}{i}": kind for kind, images in {"a": 30, "b": 20, "c": 2, "d": 1}.items() for i in range(images)
    }
    groups = dict(strata)
    assert set(stratified_split(strata, (0.7, 0.1, 0.2), 0, groups).values()) == {"train", "val", "test"}
    assert set(stratified_split(strata, (0.7, 0.3, 0), 0, groups).values()) == {"train", "val"}
    assert set(stratified_folds(strata, 4, 0, groups).values()) == {0, 1, 2, 3}
    alone = dict.fromkeys(strata, "one")
    assert set(stratified_split(strata, (0.7, 0.1, 0.2), 0, alone).values()) == {"train"}
    with pytest.raises(OptionError, match="1 group cannot be split into so many folds"):
        stratified_folds(strata, 2, 0, alone)


def test_the_stratum_of_an_image_is_its_rarest_type() -> None:
    images = [Image(i, f"{i}.png", 9, 9) for i in range(1, 6)]
    pairs = [(1, 1), (2, 1), (3, 1), (3, 2), (4, 2), (4, 2)]
    annotations = [Annotation(i, image, category, (0, 0, 1, 1), 1) for i, (image, category) in enumerate(pairs, 1)]
    coco = CocoFile(images, annotations, [Category(1, "scratch"), Category(2, "dent")])
    assert strata_by_type([coco]) == {
        "1.png": "scratch",
        "2.png": "scratch",
        "3.png": "dent",
        "4.png": "dent",
        "5.png": "good",
    }


def everything(folder: Path) -> dict[str, tuple[list, str]]:
    """File name -> its annotations without numbers, and its split."""
    found = {}
    for split, coco in load_dataset(folder).splits.items():
        annotations = coco.by_image()
        for image in coco.images:
            plain = [msgspec.structs.replace(a, id=0, image_id=0) for a in annotations[image.id]]
            found[image.file_name] = (plain, split)
    return found


def test_a_new_split_keeps_images_annotations_masks_and_links(coco_folder: Path, tmp_path: Path) -> None:
    counts = resplit(coco_folder, tmp_path / "new", Options((0.5, 0.25, 0.25), seed=3))
    before, after = everything(coco_folder), everything(tmp_path / "new")
    assert {name: plain for name, (plain, _) in after.items()} == {
        name: plain for name, (plain, _) in before.items()
    }
    sizes = Counter(split for _, split in after.values())
    assert sizes == {split: counted.total() for split, counted in counts[""].items()}
    assert abs(sizes["train"] - 20) <= 3
    for name in after:
        for folder in ("images", "masks"):
            path = Path(folder) / Path(name).with_suffix(".png")
            assert (tmp_path / "new" / path).samefile(coco_folder / path)
    provenance = load_dataset(tmp_path / "new").provenance
    original = load_dataset(coco_folder).provenance
    assert provenance is not None
    assert original is not None
    assert provenance.content_sha256 == original.content_sha256
    assert (provenance.tool, provenance.sources) == ("split", ["bottle-coco"])
    assert sum(count["images"] for count in provenance.counts.values()) == 40


def test_the_same_seed_gives_the_same_bytes(coco_folder: Path, tmp_path: Path) -> None:
    def contents(name: str, seed: int) -> dict[Path, bytes]:
        resplit(coco_folder, tmp_path / name, Options(seed=seed))
        files = (p for p in (tmp_path / name).rglob("*") if p.is_file())
        return {p.relative_to(tmp_path / name): p.read_bytes() for p in files}

    assert contents("a", 0) == contents("b", 0)
    assert contents("c", 1) != contents("a2", 0)


def test_folds_are_dataset_folders_and_each_image_is_tested_once(coco_folder: Path, tmp_path: Path) -> None:
    resplit(coco_folder, tmp_path / "f", Options(folds=4))
    tested = msgspec.json.decode((tmp_path / "f/folds.json").read_bytes(), type=dict[str, int])
    names = set(everything(coco_folder))
    assert tested.keys() == names
    for fold in range(1, 5):
        found = everything(tmp_path / f"f/fold-{fold}")
        assert found.keys() == names
        assert {name for name, (_, split) in found.items() if split == "test"} == {
            name for name in names if tested[name] == fold
        }
        assert {split for _, split in found.values()} == {"train", "val", "test"}


def test_no_group_is_in_two_splits_of_any_fold() -> None:
    groups = group_by_pattern(BOTTLES, r"(\d\d)\.png")
    shares = assign_splits(BOTTLES, Options(folds=3, group_by=r"(\d\d)\.png"))
    for splits in shares.values():
        assert len({(groups[name], split) for name, split in splits.items()}) == len(set(groups.values()))


@pytest.mark.parametrize("folds", [0, 3])
def test_a_pasted_image_stays_in_the_split_of_its_sources(folds: int) -> None:
    with pytest.raises(InputError, match=r"paste/0007\.png: shows pixels of other images"):
        assign_splits({**BOTTLES, "paste/0007.png": "dent"}, Options(folds=folds))


def test_on_the_command_line(coco_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    dest = tmp_path / "new"
    assert run_command("datasets", "split", coco_folder, dest, "--dry-run") == 0
    assert not dest.exists()
    assert "train" in capsys.readouterr().out
    assert run_command("datasets", "split", coco_folder, dest, "--folds", 3, "--group-by", r"\d\.png$") == 0
    assert (dest / "fold-3/dataset.json").is_file()
    capsys.readouterr()
    assert run_command("datasets", "split", coco_folder, dest, "--folds", 3) == 2
    assert "not empty" in only_line(capsys)
    assert run_command("datasets", "split", coco_folder, dest, "--folds", 3, "--overwrite") == 0
    capsys.readouterr()
    assert run_command("datasets", "split", coco_folder, dest, "--overwrite") == 2
    assert "did not write" in only_line(capsys)
    assert run_command("datasets", "split", coco_folder, tmp_path / "x", "--folds", 41) == 2
    assert "40 images cannot be split into so many folds" in only_line(capsys)
    assert run_command("datasets", "split", coco_folder, tmp_path / "x", "--ratios", "1,2") == 2
    assert not (tmp_path / "x").exists()


def test_a_destination_inside_the_dataset_is_refused(coco_folder: Path, tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="inside each other"):
        resplit(coco_folder, coco_folder / "new", Options())
    with pytest.raises(InputError, match="no such folder"):
        resplit(tmp_path / "none", tmp_path / "new", Options())
