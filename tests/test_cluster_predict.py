"""`predict --on` on a real Dask cluster: the same files as here even if a worker dies, and the same errors."""

import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster_processes import DIE_ONCE, Cluster, running_cluster, tree_bytes
from tests.command import json_result, only_line, run_command
from tests.tiny_runs import TinyRuns

pytest.importorskip("distributed", reason="dask.distributed is not installed")


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Two workers, the first of which to get a task dies in its middle."""
    folder = tmp_path_factory.mktemp("cluster")
    with running_cluster(folder, 0) as started:
        for _ in range(2):
            started.add_worker({"DIED": str(folder / "died"), "DIE_AFTER": "1"}, ["--preload", DIE_ONCE])
        started.wait()
        yield started


def test_a_segmenter_writes_the_same_bytes_though_a_worker_dies(
    two: Cluster, tiny_runs: TinyRuns, coco_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(coco_folder / "images", tmp_path / "images")
    (tmp_path / "run").symlink_to(tiny_runs("seg"))
    monkeypatch.chdir(tmp_path)
    flags = ["--min-score", 0, "--maps"]
    for name, on in (("there", ["--on", two.url]), ("here", [])):
        (tmp_path / name).mkdir()
        out = ["--out", f"{name}/found.json", *flags, f"{name}/maps", *on]
        assert run_command("train_seg", "predict", "run", "images", *out) == 0
    assert sorted(str(worker.poll()) for worker in two.workers) == [str(-signal.SIGKILL), "None"]
    assert tree_bytes(tmp_path / "there") == tree_bytes(tmp_path / "here")
    assert len(tree_bytes(tmp_path / "here" / "maps")) == 41  # 40 images and their list


def test_an_anomaly_detector_also_sends_the_scores_of_images(
    two: Cluster,
    good_parts: Path,
    good_parts_run: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    compared: list[list[float]] = []
    monkeypatch.setattr("train_anomaly.drift.compare_scores", lambda scores, *_: compared.append(list(scores)))
    found = []
    for on in ([], ["--on", two.url]):
        assert run_command("train_anomaly", "predict", good_parts_run, good_parts / "images", "--json", *on) == 0
        found.append(json_result(capsys))
    assert found[0] == found[1]
    assert compared[0] == compared[1]
    assert len(compared[0]) == len(found[0]["images"]) > 0


def test_an_unreadable_image_is_the_same_line(
    two: Cluster, tiny_runs: TinyRuns, small_image: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copy(small_image, tmp_path / "a.png")
    (tmp_path / "b.png").write_bytes(small_image.read_bytes()[:300])
    out, lines = tmp_path / "found.json", []
    for on in ([], ["--on", two.url]):
        assert run_command("train_seg", "predict", tiny_runs("seg"), tmp_path, "--out", out, *on) == 2
        lines.append(only_line(capsys))
    assert lines[0] == lines[1]
    assert "b.png" in lines[0]
    assert not out.exists()


def test_what_cannot_be_done_on_a_cluster_is_refused(
    tiny_runs: TinyRuns, small_image: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = tiny_runs("seg")
    capsys.readouterr()
    watched = ["--watch", tmp_path, "--out", tmp_path / "found.jsonl"]
    assert run_command("train_seg", "predict", run, *watched, "--on", "dask://a:1") == 2
    assert only_line(capsys) == "train_seg: --on: not available with --watch; leave --on out"
    assert run_command("train_seg", "predict", run, small_image, "--on", "a:1") == 2
    assert only_line(capsys) == "train_seg: --on a:1: not an address of a cluster; give dask://HOST:PORT"
