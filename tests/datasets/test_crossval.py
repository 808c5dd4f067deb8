import hashlib
import signal
import subprocess
import sys
import time
from pathlib import Path

import msgspec
import pytest

from datasets.crossval import Plan, create_folds, folds_of, single_run, train_folds
from datasets.errors import InputError, OptionError
from datasets.folder import Dataset, load_dataset
from datasets.run_view import PASTED, run_view
from datasets.runs import Run, RunConfig, is_fold, read_config, read_split
from datasets.splits import strata_by_type

PLAN = Plan(folds=3, seed=4, val=0.0, negatives="0.5", paste=0)


@pytest.fixture
def dataset(coco_folder: Path) -> Dataset:
    return load_dataset(coco_folder)


def make(dataset: Dataset, root: Path, **changes: object) -> Run:
    config = RunConfig("seg", str(dataset.root), {"epochs": 1})
    return create_folds(dataset, root, "crossed", config, msgspec.structs.replace(PLAN, **changes))


def names(run: Run, split: str) -> list[str]:
    return read_split(run).images[split]


def test_every_image_is_tested_once_by_a_fold_that_does_not_train_on_it(dataset: Dataset, tmp_path: Path) -> None:
    run = make(dataset, tmp_path)
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
    """By the bytes of the pictures, and by the origin of what is pasted."""
    run = make(dataset, tmp_path, paste=4)
    for fold in folds_of(run):
        view = run_view(fold, dataset)
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
    fold = folds_of(make(dataset, tmp_path, paste=2))[0]
    train = run_view(fold, dataset).split("train")
    new = [image for image in train.images if image.file_name.startswith("paste/")]
    assert [image.file_name for image in new] == ["paste/0000.png", "paste/0001.png"]
    assert len({image.id for image in train.images}) == len(train.images)
    assert all(train.by_image()[image.id] for image in new)
    assert names(fold, "train")[-2:] == ["paste/0000.png", "paste/0001.png"]


def test_a_share_of_val(dataset: Dataset, tmp_path: Path) -> None:
    fold = folds_of(make(dataset, tmp_path, val=0.25))[0]
    val, train = set(names(fold, "val")), set(names(fold, "train"))
    assert val
    assert not val & (train | set(names(fold, "test")))


def test_the_same_seed_gives_the_same_folds(dataset: Dataset, tmp_path: Path) -> None:
    first, second, other = (make(dataset, tmp_path / str(i), seed=seed) for i, seed in enumerate((4, 4, 5)))
    shares = [[read_split(fold).images for fold in folds_of(run)] for run in (first, second, other)]
    assert shares[0] == shares[1] != shares[2]


def test_what_is_a_fold(dataset: Dataset, tmp_path: Path) -> None:
    run = make(dataset, tmp_path)
    assert read_config(run.root).folds == 3
    assert not is_fold(run)
    assert [is_fold(fold) for fold in folds_of(run)] == [True] * 3
    assert folds_of(folds_of(run)[0]) == []
    assert single_run(run.root / "fold-2").kind == "seg"
    with pytest.raises(InputError, match=r"no weights of its own; name a fold: .*fold-1"):
        single_run(run.root)


@pytest.mark.parametrize(
    ("changes", "message"),
    [({"folds": 1}, "--folds 1"), ({"folds": 99}, "--folds 99"), ({"val": 1.0}, "--val 1.0")],
)
def test_impossible_plans(dataset: Dataset, tmp_path: Path, changes: dict[str, object], message: str) -> None:
    with pytest.raises(OptionError, match=message):
        make(dataset, tmp_path / "runs", **changes)
    assert not (tmp_path / "runs").exists()


FAKE = """
import sys, time, pathlib
fold = pathlib.Path(sys.argv[sys.argv.index("--resume") + 1])
begin = time.monotonic()
time.sleep(0.5)
if fold.name == "fold-2" and not (fold / "mended").exists():
    sys.exit("fold 2 is broken")
(fold / "metrics.json").write_text(f"{begin} {time.monotonic()}")
"""


@pytest.mark.parametrize("jobs", [1, 3])
def test_folds_that_are_done_are_left_alone(
    dataset: Dataset, tmp_path: Path, jobs: int, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "fake_trainer.py").write_text(FAKE)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    run = make(dataset, tmp_path / "runs")
    with pytest.raises(InputError, match=r"fold-2: the fold could not be trained.*--resume"):
        train_folds(run, ["fake_trainer"], jobs)
    told = capfd.readouterr().err if jobs == 1 else (run.root / "fold-2/fit.log").read_text()
    assert "fold 2 is broken" in told
    first = (run.root / "fold-1/metrics.json").read_text()
    (run.root / "fold-2/mended").touch()
    train_folds(run, ["fake_trainer"], jobs)
    assert (run.root / "fold-1/metrics.json").read_text() == first
    assert all(fold.metrics.is_file() for fold in folds_of(run))
    if jobs == 3:
        spans = [tuple(map(float, (run.root / f"fold-{k}/metrics.json").read_text().split())) for k in (1, 3)]
        assert max(begin for begin, _ in spans) < min(end for _, end in spans)  # side by side


STOPPED = """
import signal, sys
from pathlib import Path
from datasets.crossval import train_folds
from datasets.runs import load_run
signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
signal.signal(signal.SIGINT, signal.default_int_handler)
train_folds(load_run(Path(sys.argv[1])), ["fake_trainer"], int(sys.argv[2]))
"""
SLOW = """
import pathlib, signal, sys, time
fold = pathlib.Path(sys.argv[sys.argv.index("--resume") + 1])
signal.signal(signal.SIGTERM, lambda *_: sys.exit((fold / "told").touch()))
(fold / "began").touch()
time.sleep(120)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGTERM to catch on Windows")
@pytest.mark.parametrize("jobs", [1, 2])
@pytest.mark.parametrize(("number", "status"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_stop_is_passed_on_to_the_folds(
    dataset: Dataset,
    tmp_path: Path,
    jobs: int,
    number: signal.Signals,
    status: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (tmp_path / "fake_trainer.py").write_text(SLOW)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    run = make(dataset, tmp_path / "runs")
    code = STOPPED.replace("train_folds(load", "import datasets.crossval as c; c.GRACE = 0.1; train_folds(load")
    parent = subprocess.Popen([sys.executable, "-c", code, str(run.root), str(jobs)], stderr=subprocess.PIPE)
    deadline = time.monotonic() + 60
    while len(list(run.root.glob("*/began"))) < jobs and time.monotonic() < deadline:
        time.sleep(0.02)
    parent.send_signal(number)
    told = parent.communicate(timeout=60)[1].decode()
    assert parent.returncode == status
    assert told.splitlines()[-1] == f"stopped; continue with --resume {run.root}"
    assert "Traceback" not in told
    assert len(list(run.root.glob("*/told"))) == jobs


def test_jobs_must_be_some(dataset: Dataset, tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="--jobs 0"):
        train_folds(make(dataset, tmp_path), [sys.executable], 0)
