import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from datasets.formats.dataset_folder import Dataset, load_dataset
from evaluate.run_folder import is_member, read_config
from system.errors import InputError, OptionError
from tests.fold_cases import make_folds
from training.cross_validation import check_fold_flags, cross_validation, folds_of, single_run, train_folds
from training.member_task import LOG_FILE, MemberTraining


@pytest.fixture
def dataset(coco_folder: Path) -> Dataset:
    return load_dataset(coco_folder)


def test_what_is_a_fold(dataset: Dataset, tmp_path: Path) -> None:
    run = make_folds(dataset, tmp_path)
    assert read_config(run.root).folds == 3
    assert not is_member(run)
    assert [is_member(fold) for fold in folds_of(run)] == [True] * 3
    assert folds_of(folds_of(run)[0]) == []
    assert single_run(run.root / "fold-2", "seg").task == "seg"
    with pytest.raises(InputError, match=r"no weights of its own; name a fold: .*fold-1"):
        single_run(run.root, "seg")


def test_a_run_of_the_other_trainer_is_reported_by_its_name(dataset: Dataset, tmp_path: Path) -> None:
    run = make_folds(dataset, tmp_path, folds=2)
    for open_run, root in ((single_run, run.root / "fold-1"), (cross_validation, run.root)):
        with pytest.raises(InputError, match="a run of train_seg; name one of train_det, or use train_seg"):
            open_run(root, "det")
    assert cross_validation(run.root, "seg") == run
    assert cross_validation(run.root / "fold-1", "seg") is None
    assert cross_validation(None, "seg") is None


FAKE = """
import sys, time, pathlib
fold = pathlib.Path(sys.argv[sys.argv.index("--resume") + 1])
(fold / "began").touch()
deadline = time.monotonic() + 60
while (fold.parent / "together").exists() and len(list(fold.parent.glob("*/began"))) < 3:
    if time.monotonic() > deadline:
        sys.exit("the other folds did not begin meanwhile")
    time.sleep(0.02)
if fold.name == "fold-2" and not (fold / "repaired").exists():
    sys.exit("fold 2 is broken")
(fold / "metrics.json").write_text(str(time.monotonic()))
"""


@pytest.mark.parametrize("jobs", [1, 3])
def test_folds_that_are_done_are_left_alone(
    dataset: Dataset, tmp_path: Path, jobs: int, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "fake_trainer.py").write_text(FAKE)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    run = make_folds(dataset, tmp_path / "runs")
    if jobs == 3:
        (run.root / "together").touch()
    with pytest.raises(InputError, match=r"fold-2: the fold could not be trained.*--resume"):
        train_folds(run, ["fake_trainer"], jobs)
    reported = capfd.readouterr().err if jobs == 1 else (run.root / "fold-2/fit.log").read_text()
    assert "fold 2 is broken" in reported
    first = (run.root / "fold-1/metrics.json").read_text()
    (run.root / "fold-2/repaired").touch()
    train_folds(run, ["fake_trainer"], jobs)
    assert (run.root / "fold-1/metrics.json").read_text() == first
    assert all(fold.metrics.is_file() for fold in folds_of(run))


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no signals")
def test_a_fold_that_the_system_kills_is_reported_as_killed(
    dataset: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its log has no reason: where memory is short, the system kills a process without a word."""
    (tmp_path / "fake_trainer.py").write_text("import os, signal; os.kill(os.getpid(), signal.SIGKILL)")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    run = make_folds(dataset, tmp_path / "runs", folds=2)
    with pytest.raises(InputError, match=r"fold-\d: the fold was killed by signal 9, see .*fit.log; .*--resume"):
        train_folds(run, ["fake_trainer"], 2)


def test_a_fold_that_another_process_trains_does_not_end_the_others(
    dataset: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A worker returns a status for it, as without a cluster; an error would cancel the other folds."""
    fcntl = pytest.importorskip("fcntl", reason="nothing is locked on Windows")
    monkeypatch.setattr("training.member_task.END_SECONDS", 0.0)
    fold = folds_of(make_folds(dataset, tmp_path, folds=2))[0].root
    handle = os.open(fold, os.O_RDONLY)
    fcntl.flock(handle, fcntl.LOCK_EX)  # as another process has it
    assert MemberTraining(("fake_trainer",))(str(fold)) == 2
    os.close(handle)
    assert (fold / LOG_FILE).read_text().startswith(f"{fold}: another process is training this run; wait")


STOPPED = """
import signal, sys
from pathlib import Path
from training.cross_validation import train_folds
from evaluate.run_folder import load_run
signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
signal.signal(signal.SIGINT, signal.default_int_handler)
train_folds(load_run(Path(sys.argv[1])), ["fake_trainer"], int(sys.argv[2]))
"""
SLOW = """
import pathlib, signal, sys, time
fold = pathlib.Path(sys.argv[sys.argv.index("--resume") + 1])
signal.signal(signal.SIGTERM, lambda *_: sys.exit((fold / "reported").touch()))
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
    run = make_folds(dataset, tmp_path / "runs")
    code = STOPPED.replace(
        "train_folds(load", "import training.cross_validation as c; c.GRACE_SECONDS = 0.1; train_folds(load"
    )
    parent = subprocess.Popen([sys.executable, "-c", code, str(run.root), str(jobs)], stderr=subprocess.PIPE)
    while len(list(run.root.glob("*/began"))) < jobs:
        assert parent.poll() is None
        time.sleep(0.02)
    parent.send_signal(number)
    reported = parent.communicate(timeout=300)[1].decode()
    assert parent.returncode == status
    assert reported.splitlines()[-1] == f"stopped; continue with --resume {run.root}"
    assert "Traceback" not in reported
    assert len(list(run.root.glob("*/reported"))) == jobs


@pytest.mark.parametrize(
    ("flags", "crossed", "message"),
    [
        ({"jobs": 0}, True, "--jobs 0: less than 1; give 1 or more"),
        ({"jobs": 2}, False, "--jobs 2: is for several trainings only; add --folds or --seeds, or leave it out"),
        ({"val": 0.2}, False, "--val 0.2: is for a cross-validation only"),
    ],
)
def test_flags_that_would_do_nothing_are_refused(flags: dict[str, Any], crossed: bool, message: str) -> None:
    with pytest.raises(OptionError, match=message):
        check_fold_flags(flags, crossed=crossed)
