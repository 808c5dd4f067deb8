"""`fit --seeds`, with the toy trainer; its trainings run in this process instead of one each."""

import json
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import fmean, stdev

import pytest

from datasets.coco import Image, Prediction
from datasets.formats.dataset_folder import Dataset
from evaluate.metrics import read_metrics
from evaluate.run_folder import Run, load_run, read_config, read_split, seeds_of
from evaluate.seeds import t_interval
from tests.command import only_line, run_command
from tests.odd_datasets import odd_folder
from tests.training.test_toy_trainer import run_toy
from training.cross_validation import folds_of
from training.measure import predict_images
from training.several_trainings import trainings_of
from training.trainer import Predictor


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return odd_folder(tmp_path_factory.mktemp("data") / "odd")


@pytest.fixture(scope="module")
def trained() -> Iterator[list[str]]:
    """The folders that were trained, in order; each training runs here."""
    done: list[str] = []

    def train(run: Run, members: Sequence[Run], command: Sequence[str], jobs: int) -> Iterator[tuple[Run, int]]:
        assert jobs == 1
        for member in members:
            done.append(member.root.relative_to(run.root).as_posix())
            yield member, run_toy(*command[1:], "--resume", member.root)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("training.cross_validation._train", train)
        yield done


@pytest.fixture(scope="module")
def seeds(data: Path, trained: list[str]) -> Path:
    """Two seeds, 5 and 6, of an ordinary training; read only."""
    runs = data.parent / "runs"
    assert run_toy("fit", data, "--runs", runs, "--device", "cpu", "--seeds", 2, "--seed", 5) == 0
    assert trained == ["seed-5", "seed-6"]
    return runs / "toy" / "odd"


def test_each_seed_is_an_ordinary_run(seeds: Path) -> None:
    assert read_config(seeds).seeds == [5, 6]
    assert [read_config(run.root).options["seed"] for run in seeds_of(load_run(seeds))] == [5, 6]
    assert [run.root.name for run in trainings_of(load_run(seeds))] == ["seed-5", "seed-6"]
    for run in seeds_of(load_run(seeds)):
        assert run.metrics.is_file()
        assert run.predictions("test").is_file()
    assert read_split(load_run(seeds)).images["test"] == read_split(load_run(seeds / "seed-5")).images["test"]


def test_the_numbers_are_means_with_both_intervals(seeds: Path) -> None:
    pooled = read_metrics(seeds / "metrics.json")
    each = [read_metrics(seeds / name / "metrics.json") for name in ("seed-5", "seed-6")]
    assert pooled.seeds is not None
    for name, number in (("boxes AP", lambda m: m.boxes.AP), ("boxes AP50", lambda m: m.boxes.AP50)):
        values = [number(m) for m in each]
        assert pooled.seeds.values[name] == values
        assert pooled.seeds.mean[name] == pytest.approx(fmean(values))
        assert pooled.seeds.standard_deviation[name] == pytest.approx(stdev(values))
        low, high = pooled.seeds.interval[name] or (1.0, 0.0)
        assert low <= fmean(values) <= high
        low, high = pooled.seeds.pooled_interval[name] or (1.0, 0.0)
        assert low <= fmean(values) <= high
    assert pooled.label_errors.runs == 2
    assert pooled.boxes is None
    assert "| boxes AP |" in (seeds / "metrics.md").read_text()


def test_students_interval_by_hand() -> None:
    """Of 0.6, 0.7, 0.8: mean 0.7, deviation 0.1, and 4.3027 is the 97.5 % point of t with 2 degrees of freedom."""
    reach = 4.302653 * 0.1 / 3**0.5
    assert t_interval([0.6, 0.7, 0.8]) == pytest.approx((0.7 - reach, 0.7 + reach))
    assert t_interval([0.5]) is None


def test_only_what_is_missing_is_trained_on_resume(
    seeds: Path, data: Path, tmp_path: Path, trained: list[str]
) -> None:
    copy = tmp_path / "odd"
    shutil.copytree(seeds, copy)
    before = (copy / "metrics.json").read_bytes()
    for name in ("metrics.json", "seed-6/metrics.json", "seed-6/metrics.md"):
        (copy / name).unlink()
    trained.clear()
    assert run_toy("fit", data, "--resume", copy) == 0
    assert trained == ["seed-6"]
    assert (copy / "metrics.json").read_bytes() == before


def test_folds_of_each_seed(data: Path, tmp_path: Path, trained: list[str]) -> None:
    trained.clear()
    assert (
        run_toy("fit", data, "--runs", tmp_path, "--device", "cpu", "--seeds", 2, "--folds", 2, "--epochs", 1) == 0
    )
    assert trained == ["seed-0/fold-1", "seed-0/fold-2", "seed-1/fold-1", "seed-1/fold-2"]
    root = tmp_path / "toy" / "odd"
    for run in seeds_of(load_run(root)):
        assert len(folds_of(run)) == 2
        assert read_metrics(run.metrics).folds is not None
    assert read_metrics(root / "metrics.json").seeds.seeds == [0, 1]
    shares = [read_split(folds_of(run)[0]).images["test"] for run in seeds_of(load_run(root))]
    assert shares[0] != shares[1]


def test_evaluate_measures_all_again(seeds: Path, tmp_path: Path) -> None:
    copy = tmp_path / "odd"
    shutil.copytree(seeds, copy)
    before = read_metrics(copy / "metrics.json")
    for path in copy.rglob("metrics.*"):
        path.unlink()
    assert run_toy("evaluate", copy, "--device", "cpu") == 0
    assert read_metrics(copy / "metrics.json") == before


def test_an_evaluation_that_is_stopped_changes_no_seed(
    seeds: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = tmp_path / "odd"
    shutil.copytree(seeds, copy)
    before = {path: path.stat().st_ino for path in copy.rglob("*")}
    predicted: list[str] = []

    def stopped(predictor: Predictor, dataset: Dataset, images: Sequence[Image], label: str) -> list[Prediction]:
        if len(predicted) == 3:  # val and test of the first seed, one split of the second
            raise KeyboardInterrupt
        predicted.append(label)
        return predict_images(predictor, dataset, images, label)

    monkeypatch.setattr("training.measure.predict_images", stopped)
    assert run_toy("evaluate", copy, "--device", "cpu") == 130
    assert len(predicted) == 3
    assert {path: path.stat().st_ino for path in copy.rglob("*")} == before


def test_list_best_and_compare_know_seeds(seeds: Path, capsys: pytest.CaptureFixture[str]) -> None:
    runs = seeds.parent
    assert run_command("evaluate", "list", runs, "--json") == 0
    (listed,) = json.loads(capsys.readouterr().out)["result"]
    assert (listed["seeds"], listed["folds"]) == ([5, 6], 0)
    assert listed["numbers"] == pytest.approx(read_metrics(seeds / "metrics.json").seeds.mean)
    assert run_command("evaluate", "best", runs) == 0
    assert "epochs 2" in capsys.readouterr().out
    assert run_command("evaluate", "compare", seeds, seeds / "seed-5", "--resamples", "100", "--json") == 0
    compared = json.loads(capsys.readouterr().out)["result"]
    assert [len(compared[side]) for side in ("a", "b")] == [2, 1]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("fit", "DATA", "--seeds", 0), "--seeds 0: not a number of seeds"),
        (("fit", "DATA", "--seeds", 2, "--val", 0.2), "--val 0.2: is for a cross-validation only"),
        (("fit", "DATA", "--seeds", 2, "--resume", "RUN"), "leave out --seeds"),
        (("predict", "RUN", "DATA"), "several seeds, without weights or predictions of its own"),
    ],
)
def test_refusals(
    arguments: Sequence[object], words: str, seeds: Path, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    places = {"DATA": data, "RUN": seeds}
    assert run_toy(*(places.get(str(a), a) for a in arguments)) == 2
    assert words in only_line(capsys)


def test_the_page_needs_one_seed(seeds: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command("view", seeds) == 2
    line = only_line(capsys)
    assert "several seeds" in line
    assert "seed-5" in line


def test_nothing_is_left_if_the_folds_cannot_be_made(data: Path, tmp_path: Path) -> None:
    assert run_toy("fit", data, "--runs", tmp_path / "new", "--seeds", 2, "--folds", 500) == 2
    assert not (tmp_path / "new").exists() or not any((tmp_path / "new").rglob("config.yaml"))
