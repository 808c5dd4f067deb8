"""Trainings, predictions and pages from and to a real S3 server on loopback, also one that is killed meanwhile."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from benchmarks.small_images import write_small_images
from system.storage import Store
from tests.cluster_processes import tree_bytes
from tests.command import only_line, run_command
from tests.s3_server import S3Server, client_of, put, running_s3, stored
from tests.tiny_runs import TINY

if TYPE_CHECKING:
    import fsspec

DATA, RUNS = "s3://bucket/coco", "s3://bucket/runs"
DIFFERENT = {"config.yaml", "history.csv"}  # the URL of the dataset, seconds
FIT = ("fit", DATA, "--runs", RUNS, "--name", "n")
MORE = {"fit": TINY["seg"], "view": ("--dataset", DATA, "--out", "s3://bucket/out/page.html"),
        "predict": (f"{DATA}/images", "--out", "s3://bucket/out/found.json")}  # fmt: skip


@pytest.fixture
def server(tmp_path: Path) -> Iterator[S3Server]:
    with running_s3(tmp_path / "log.txt") as running:
        yield running


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `coco`, a dataset of 20 small images, and `runs/seg/n`, two seeds that were trained on it."""
    folder = tmp_path_factory.mktemp("local")
    write_small_images(folder / "parts", 20)
    assert run_command("convert", "mvtec2coco", folder / "parts", folder / "coco", "--jobs", 1) == 0
    words = ("fit", folder / "coco", "--runs", folder / "runs", "--name", "n", "--seeds", 2, *TINY["seg"])
    assert run_command("train_seg", *words) == 0
    return folder


@pytest.fixture
def s3(
    server: S3Server, local: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> "fsspec.AbstractFileSystem":
    """The server with only the dataset, and an empty cache."""
    system = client_of(server, tmp_path / "cache", monkeypatch)
    put(system, local / "coco", "bucket/coco")
    return system


def test_seeds_predictions_and_a_page(
    s3: "fsspec.AbstractFileSystem", local: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_command("train_seg", *FIT, "--seeds", 2, *TINY["seg"]) == 0
    run, there = stored(s3, "bucket/runs/seg/n"), tree_bytes(local / "runs/seg/n")
    same = {name for name in there if name.rpartition("/")[2] not in DIFFERENT}
    assert run.keys() == there.keys()
    assert {name: run[name] for name in same} == {name: there[name] for name in same}
    assert "seed-1/weights/best.safetensors" in same

    seed, images = "runs/seg/n/seed-1", "coco/images"
    words = ("predict", local / seed, local / images, "--out", tmp_path / "found.json")
    assert run_command("train_seg", *words) == 0
    words = ("predict", f"s3://bucket/{seed}", f"s3://bucket/{images}", "--out", "s3://bucket/out/found.json")
    assert run_command("train_seg", *words) == 0
    assert s3.cat_file("bucket/out/found.json") == (tmp_path / "found.json").read_bytes()
    assert b"s3://bucket/coco/images/test/" in s3.cat_file("bucket/out/found.images.json")

    assert run_command("view", f"s3://bucket/{seed}", "--dataset", DATA, "--out", "s3://bucket/out/page.html") == 0
    page = s3.cat_file("bucket/out/page.html").decode()
    assert "<title>n/seed-1</title>" in page
    assert str(tmp_path) not in page
    assert list((tmp_path / "cache/work").iterdir()) == []


@pytest.mark.parametrize(
    ("room", "words"),
    [("train_seg", ("predict", DATA, f"{DATA}/images", "--out")), ("view", (DATA, "--out"))],
    ids=["predict", "view"],
)
def test_bucket_of_a_file_that_is_missing(
    room: str,
    words: tuple[str, ...],
    s3: "fsspec.AbstractFileSystem",
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Found before the command runs, which would refuse DATA as a run."""
    assert run_command(room, *words, "s3://absent/out.json") == 2
    assert f"{room}: s3://absent/out.json: no such bucket or object" in only_line(capsys)
    assert list((tmp_path / "cache/work").iterdir()) == []


@pytest.mark.parametrize("command", ["fit", "predict", "view"])
def test_server_that_is_killed(
    command: str,
    s3: "fsspec.AbstractFileSystem",
    server: S3Server,
    local: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    put(s3, local / "runs/seg/n/seed-0", "bucket/runs/seg/n")
    room, words = words_of(command, "s3://bucket/runs/seg/n")

    with monkeypatch.context() as patch:
        patch.setattr(Store, "get", after(server.kill, Store.get))
        assert run_command(room, *words) == 2
    line = capsys.readouterr().err.splitlines()[-1]
    assert line.startswith(f"{room}: s3://bucket/")
    assert "the server cannot be reached" in line
    assert list((tmp_path / "cache/work").iterdir()) == []


@pytest.mark.parametrize("command", ["fit", "predict", "view"])
def test_server_that_is_killed_before_the_upload(
    command: str,
    s3: "fsspec.AbstractFileSystem",
    server: S3Server,
    local: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    put(s3, local / "runs/seg/n/seed-0", "bucket/seed")
    room, words = words_of(command, "s3://bucket/seed")

    with monkeypatch.context() as patch:
        patch.setattr(Store, "put", after(server.kill, Store.put))
        assert run_command(room, *words) == 2
    kept, line = capsys.readouterr().err.splitlines()[-2:]
    url = {"fit": f"{RUNS}/seg/n"}.get(command, MORE[command][-1])
    assert line.startswith(f"{room}: {url}: the server cannot be reached")
    result = Path(kept.rpartition("the result is in ")[2])
    assert tmp_path / "cache/work" in result.parents
    assert (result / "seg/n/metrics.json" if command == "fit" else result).is_file()


def words_of(command: str, run: str) -> tuple[str, tuple[str, ...]]:
    """The room of `command`, and its words with the stored dataset or `run`."""
    first = {"fit": FIT, "predict": ("predict", run), "view": (run,)}[command]
    return "view" if command == "view" else "train_seg", (*first, *MORE[command])


def after(event: Callable[[], None], original: Callable[..., None]) -> Callable[..., None]:
    """A method that does what `original` does, after `event`."""

    def both(store: Store, pairs: Sequence[tuple[str, str]], **more: Any) -> None:
        event()
        original(store, pairs, **more)

    return both
