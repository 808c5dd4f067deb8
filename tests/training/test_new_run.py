"""The folders made for a training: what is in them, and that nothing is left where they cannot be made."""

import hashlib
from pathlib import Path

import msgspec
import pytest

from datasets.formats.dataset_folder import Dataset, load_dataset
from datasets.paste.dataset import paste_dataset
from datasets.splits import strata_by_type
from evaluate.run_folder import Run, read_config, read_split
from system.errors import InputError, OptionError
from tests.fold_cases import Chosen, make_folds
from tests.odd_datasets import odd_folder
from training.cross_validation import folds_of
from training.new_run import new_run
from training.pasted_images import write_pasted
from training.run_dataset import PASTED, run_dataset


@pytest.fixture
def dataset(coco_folder: Path) -> Dataset:
    return load_dataset(coco_folder)


def names(run: Run, split: str) -> list[str]:
    return read_split(run).images[split]


def test_every_image_is_tested_once_by_a_fold_that_does_not_train_on_it(dataset: Dataset, tmp_path: Path) -> None:
    run = make_folds(dataset, tmp_path)
    folds = folds_of(run)
    assert [fold.root.name for fold in folds] == ["fold-1", "fold-2", "fold-3"]
    tested = [name for fold in folds for name in names(fold, "test")]
    strata = strata_by_type(dataset.splits.values())
    assert sorted(tested) == sorted(strata) == names(run, "test")
    for fold in folds:
        assert not set(names(fold, "train")) & set(names(fold, "test"))
        assert names(fold, "val") == []
        defective = [n for n in names(fold, "train") if strata[n] != "good"]
        assert len(names(fold, "train")) - len(defective) == round(0.5 * len(defective))
    for stratum in set(strata.values()):
        counts = [sum(strata[n] == stratum for n in names(fold, "test")) for fold in folds]
        assert max(counts) - min(counts) <= 1


def test_no_content_is_in_both_parts_of_a_fold(dataset: Dataset, tmp_path: Path) -> None:
    """By the bytes of the images, and by the origin of what is pasted."""
    run = make_folds(dataset, tmp_path, paste=4)
    for fold in folds_of(run):
        view = run_dataset(fold, dataset)
        digests = {
            split: {hashlib.sha256(view.image_path(i).read_bytes()).hexdigest() for i in view.splits[split].images}
            for split in ("train", "test")
        }
        assert not digests["train"] & digests["test"]
        pasted = load_dataset(fold.root / PASTED)
        assert pasted.provenance is not None
        assert len(pasted.provenance.pasted) == 4
        origins = {record["canvas"] for record in pasted.provenance.pasted}
        origins |= {a["source"] for record in pasted.provenance.pasted for a in record["annotations"]}
        assert origins
        assert not origins & set(names(fold, "test"))


def test_pasted_images_belong_to_the_training_of_their_fold(dataset: Dataset, tmp_path: Path) -> None:
    fold = folds_of(make_folds(dataset, tmp_path, paste=2))[0]
    train = run_dataset(fold, dataset).split("train")
    new = [image for image in train.images if image.file_name.startswith("paste/")]
    assert [image.file_name for image in new] == ["paste/0000.png", "paste/0001.png"]
    assert len({image.id for image in train.images}) == len(train.images)
    assert all(train.by_image()[image.id] for image in new)
    assert names(fold, "train")[-2:] == ["paste/0000.png", "paste/0001.png"]


def test_a_share_of_val(dataset: Dataset, tmp_path: Path) -> None:
    fold = folds_of(make_folds(dataset, tmp_path, val=0.25))[0]
    val, train = set(names(fold, "val")), set(names(fold, "train"))
    assert val
    assert not val & (train | set(names(fold, "test")))


def test_the_same_seed_gives_the_same_folds(dataset: Dataset, tmp_path: Path) -> None:
    first, second, other = (make_folds(dataset, tmp_path / str(i), seed=seed) for i, seed in enumerate((4, 4, 5)))
    shares = [[read_split(fold).images for fold in folds_of(run)] for run in (first, second, other)]
    assert shares[0] == shares[1] != shares[2]


@pytest.mark.parametrize(
    ("changes", "message"),
    [({"folds": 1}, "--folds 1"), ({"folds": 99}, "--folds 99"), ({"val": 1.0}, "--val 1.0")],
)
def test_impossible_plans(dataset: Dataset, tmp_path: Path, changes: dict[str, object], message: str) -> None:
    with pytest.raises(OptionError, match=message):
        make_folds(dataset, tmp_path / "runs", **changes)
    assert not (tmp_path / "runs").exists()


def test_a_run_states_what_was_asked_and_what_it_trains_on(dataset: Dataset, tmp_path: Path) -> None:
    run = new_run("det", dataset, Chosen(paste=2), tmp_path, None)
    assert run.root == tmp_path / "det" / dataset.name
    config = read_config(run.root)
    assert (config.task, config.dataset, config.folds) == ("det", str(dataset.root.resolve()), 0)
    assert config.options == msgspec.to_builtins(Chosen(paste=2))
    train = dataset.splits["train"]
    defective = {a.image_id for a in train.annotations}
    assert len(names(run, "train")) == len(defective) + round(0.5 * len(defective)) + 2
    assert names(run, "train")[-2:] == ["paste/0000.png", "paste/0001.png"]
    assert names(run, "test") == [image.file_name for image in dataset.splits["test"].images]
    assert len(load_dataset(run.root / PASTED).split("train").images) == 2


def make_any(dataset: Dataset, runs: Path, folds: int, paste: int = 0) -> Run:
    if folds:
        return make_folds(dataset, runs, folds=folds, paste=paste)
    return new_run("seg", dataset, Chosen(paste=paste), runs, None)


@pytest.mark.parametrize("folds", [0, 2])
def test_only_good_images_are_refused_by_name(folds: int, tmp_path: Path) -> None:
    dataset = load_dataset(odd_folder(tmp_path / "odd", good=range(6)))
    with pytest.raises(InputError, match=r"odd: .* annotation to learn from"):
        make_any(dataset, tmp_path / "runs", folds)
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize("error", [KeyboardInterrupt, InputError("a.png", "cut", "fix it")])
@pytest.mark.parametrize("folds", [0, 2])
def test_what_ends_the_pasting_leaves_nothing(
    error: BaseException, folds: int, dataset: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a cross-validation in the second fold, when the first is complete."""
    calls = 0

    def cut(view: Dataset, dest: Path, *rest: object) -> None:
        nonlocal calls
        calls += 1
        if calls >= folds:
            raise error
        write_pasted(view, dest, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr("training.new_run.write_pasted", cut)
    with pytest.raises((InputError, KeyboardInterrupt)):
        make_any(dataset, tmp_path / "runs", folds, paste=1)
    assert calls == max(1, folds)
    assert not (tmp_path / "runs").exists()


def test_folds_of_a_dataset_with_pasted_images_are_refused(dataset: Dataset, tmp_path: Path) -> None:
    """What a pasted image shows would be trained on in one fold and tested in the same."""
    paste_dataset(dataset.root, tmp_path / "more", count=1, seed=0)
    more = load_dataset(tmp_path / "more")
    with pytest.raises(InputError, match=r"paste/0000\.png: shows pixels of other images.*--paste"):
        make_folds(more, tmp_path / "runs")
    assert not (tmp_path / "runs").exists()
    run = new_run("seg", more, Chosen(), tmp_path / "runs", None)
    assert "paste/0000.png" in names(run, "train")
