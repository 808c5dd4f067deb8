"""Folds and checks on a real Dask cluster: the same results, and a killed worker's fold continues."""

import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from datasets.formats.dataset_folder import Dataset, load_dataset
from evaluate.run_folder import Run
from system.cluster import DaskPool, opened_cluster
from system.errors import ClusterError, InputError
from tests.cluster_processes import Cluster, running_cluster, tree_bytes
from tests.command import only_line, run_command
from tests.fake_training import EPOCHS, LINES
from tests.fold_cases import make_folds
from training.cross_validation import folds_of, train_folds, train_members
from training.run_lock import locked

pytest.importorskip("distributed", reason="dask.distributed is not installed")
FAKE = ["tests.fake_training"]


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with running_cluster(tmp_path_factory.mktemp("cluster"), 2) as started:
        yield started


@pytest.fixture
def dataset(coco_folder: Path) -> Dataset:
    return load_dataset(coco_folder)


def trained_epochs(fold: Run) -> list[tuple[int, int]]:
    """The process that started the training, and the epoch, of each epoch."""
    path = fold.root / LINES
    lines = path.read_text().splitlines() if path.exists() else []
    return [(int(worker), int(epoch)) for worker, epoch in map(str.split, lines)]


def kill_the_worker_of(fold: Run, cluster: Cluster) -> None:
    """Kill the worker that trains `fold` when it has completed an epoch."""
    while not (done := trained_epochs(fold)):
        time.sleep(0.01)
    (worker,) = (one for one in cluster.workers if one.pid == done[0][0])
    worker.kill()
    worker.wait()


def wait_until_nobody_trains(fold: Run) -> None:
    deadline = time.monotonic() + 60
    while True:
        try:
            with locked(fold.root):
                return
        except InputError:
            assert time.monotonic() < deadline
            time.sleep(0.02)


def test_a_fold_whose_worker_dies_continues_after_its_last_epoch(
    two: Cluster, dataset: Dataset, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = make_folds(dataset, tmp_path)
    folds = folds_of(run)
    (folds[0].root / "hold").touch()  # only in its first epoch, so the worker that continues it does not wait
    killer = threading.Thread(target=kill_the_worker_of, args=(folds[0], two), daemon=True)
    with opened_cluster(two.url) as pool:
        killer.start()
        train_members(run, folds, FAKE, 1, pool)
    killer.join(10)
    assert not killer.is_alive()
    assert [[epoch for _, epoch in trained_epochs(fold)] for fold in folds] == [[1, 2, 3, 4]] * 3
    assert [len({worker for worker, _ in trained_epochs(fold)}) for fold in folds] == [2, 1, 1]
    assert capsys.readouterr().err.splitlines() == [f"fold-{k} is done" for k in (1, 2, 3)]


def test_a_fold_that_fails_is_the_same_line(two: Cluster, dataset: Dataset, tmp_path: Path) -> None:
    run = make_folds(dataset, tmp_path)
    (run.root / "broken").touch()
    with (
        opened_cluster(two.url) as pool,
        pytest.raises(InputError, match=r"the fold could not be trained, see .*fold-2/fit.log"),
    ):
        train_members(run, folds_of(run), FAKE, 1, pool)
    assert "fold 2 is broken" in (run.root / "fold-2/fit.log").read_text()
    (run.root / "broken").unlink()
    with opened_cluster(two.url) as pool:
        train_members(run, folds_of(run), FAKE, 1, pool)
    assert all(fold.metrics.is_file() for fold in folds_of(run))


def test_an_interruption_ends_the_trainings_there(
    two: Cluster, dataset: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = make_folds(dataset, tmp_path)
    first, *others = folds_of(run)
    for fold in others:
        (fold.root / "hold").touch()

    monkeypatch.setattr("training.cross_validation.progress", lambda items, *_: next_then_stop(items))

    def next_then_stop(items: Iterator[int]) -> Iterator[int]:
        yield next(items)
        raise KeyboardInterrupt

    with opened_cluster(two.url) as pool, pytest.raises(SystemExit) as stop:
        train_members(run, folds_of(run), FAKE, 1, pool)
    assert stop.value.code == 130
    for fold in others:
        wait_until_nobody_trains(fold)
        assert len(trained_epochs(fold)) <= 1
        (fold.root / "hold").unlink()
    assert len(trained_epochs(first)) == EPOCHS
    train_folds(run, FAKE, 3)  # continues here
    assert [len(trained_epochs(fold)) for fold in folds_of(run)] == [EPOCHS] * 3


def test_a_cluster_that_fails_leaves_a_run_to_resume(dataset: Dataset, tmp_path: Path) -> None:
    class Ended(DaskPool):
        def __init__(self) -> None:
            pass

        def map_ordered(self, *_: object) -> Iterator[Any]:
            raise ClusterError("--on dask://a:1", "the scheduler ended", "start it and repeat the command")

    run = make_folds(dataset, tmp_path)
    with pytest.raises(ClusterError, match=f"the scheduler ended; fix that, then --resume {run.root}"):
        train_members(run, folds_of(run), FAKE, 1, Ended())


def test_a_check_finds_the_same(two: Cluster, tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tree / "test" / "good" / "000.png").write_bytes(b"not an image")
    documents = []
    for flags in ([], ["--on", two.url]):
        assert run_command("datasets", "check", tree, "--json", *flags) == 1
        documents.append(json.loads(capsys.readouterr().out)["result"])
    assert documents[0] == documents[1]
    assert any(finding["code"] == "broken-picture" for finding in documents[0]["findings"])


def test_pasting_writes_the_same_bytes(two: Cluster, coco_folder: Path, tmp_path: Path) -> None:
    for name, flags in (("here", []), ("there", ["--on", two.url])):
        assert run_command("datasets", "paste", coco_folder, tmp_path / name, "--count", 9, *flags) == 0
    assert tree_bytes(tmp_path / "there") == tree_bytes(tmp_path / "here")


def test_a_single_training_is_not_for_a_cluster(coco_folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command("train_seg", "fit", coco_folder, "--on", "dask://a:1") == 2
    line = "train_seg: --on dask://a:1: is for several trainings only; add --folds or --seeds, or leave it out"
    assert only_line(capsys) == line
