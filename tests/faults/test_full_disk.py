"""A full disk: one line, no partial file, and trainings that keep their last state."""

import errno
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from convert.coco2labelme import coco2labelme
from convert.coco2yolo import YoloExportOptions, coco2yolo
from system import files
from tests.command import only_line, run_command
from tests.faults.full_disk import fill, small_disk, used
from tests.labelme_files import shape, write_case
from tests.preloaded import PreloadedCommands
from tests.tiny_runs import TINY, TinyRuns

NO_SPACE = "no space left on the device"


@pytest.fixture(scope="module")
def sources(coco_folder: Path, synth_tree: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The dataset as COCO, tree, YOLO and labelme; read only."""
    root = tmp_path_factory.mktemp("sources")
    shutil.copytree(coco_folder, root / "coco")
    shutil.copytree(synth_tree, root / "tree")
    coco2yolo(coco_folder, root / "yolo", YoloExportOptions())
    coco2labelme(coco_folder, root / "labelme")
    return root


WRITING: dict[str, Callable[[Path, Path], list[object]]] = {
    "mvtec2coco": lambda s, out: ["convert", "mvtec2coco", s / "tree", out],
    "labelme2coco": lambda s, out: [
        "convert", "labelme2coco", s / "labelme", out, "--unlabelled", "negative", "--jobs", 2,
    ],
    "masks2coco": lambda s, out: [
        "convert", "masks2coco", s / "tree/test/contamination", s / "tree/ground_truth/contamination", out,
        "--pattern", "{stem}_mask", "--category", "a",
    ],
    "coco2coco": lambda s, out: ["convert", "coco2coco", s / "coco", out],
    "coco2coco --to": lambda s, out: ["convert", "coco2coco", s / "coco", out, "--to", "labelstudio"],
    "coco2yolo": lambda s, out: ["convert", "coco2yolo", s / "coco", out, "--segments"],
    "coco2labelme": lambda s, out: ["convert", "coco2labelme", s / "coco", out],
    "coco2masks": lambda s, out: ["convert", "coco2masks", s / "coco", out],
    "yolo2coco": lambda s, out: ["convert", "yolo2coco", s / "yolo", out],
    "split": lambda s, out: ["datasets", "split", s / "coco", out],
    "paste": lambda s, out: ["datasets", "paste", s / "coco", out, "--count", 5],
    "synth": lambda s, out: ["datasets", "synth", out, "--count", 12, "--size", 96],
    "merge": lambda s, out: ["annotate", "merge", s / "labelme", s / "labelme", out],
    "view": lambda s, out: ["view", s / "coco", "--split", "all", "--out", out.with_suffix(".html")],
    "view --png": lambda s, out: [
        "view", s / "coco", "--split", "test", "--out", s.parent / "page.html", "--png", out,
    ],
}  # fmt: skip


@pytest.mark.parametrize("command", WRITING)
def test_a_full_disk_is_one_line_and_leaves_nothing(
    command: str, sources: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with small_disk(tmp_path / "large", 1 << 26) as disk:
        assert run_command(*WRITING[command](sources, disk / "out")) == 0
        needed = used(disk)
    capsys.readouterr()
    for share in (0.1, 0.5, 0.9):
        with small_disk(tmp_path / f"small{share}", int(share * needed)) as disk:
            assert run_command(*WRITING[command](sources, disk / "out")) == 2
            line = capsys.readouterr().err.splitlines()[-1]
            assert NO_SPACE in line
            assert str(disk) in line
            assert "unexpected" not in line
            assert not list(disk.iterdir())


@pytest.mark.parametrize("what", ["predictions", "page"])
def test_a_result_beside_a_run_that_does_not_fit_leaves_the_old_one(
    what: str, tiny_runs: TinyRuns, small_image: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = tiny_runs("det")
    words: dict[str, list[object]] = {
        "predictions": ["train_det", "predict", run, small_image, "--min-score", 0, "--out", "{}/a.json"],
        "page": ["view", run, "--out", "{}/a.html"],
    }
    with small_disk(tmp_path / "disk", 8192) as disk:
        old = disk / ("a.json" if what == "predictions" else "a.html")
        old.write_text("old")
        fill(disk)
        assert run_command(*(str(word).format(disk) for word in words[what])) == 2
        line = capsys.readouterr().err.splitlines()[-1]
        assert NO_SPACE in line
        assert f"{disk}/a." in line
        assert sorted(path.name for path in disk.iterdir()) == sorted([old.name, "filler"])
        assert old.read_text() == "old"


def test_fixes_that_do_not_fit_leave_the_users_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with small_disk(tmp_path / "disk", 1 << 16) as disk:
        crossing = shape("a", "polygon", [[1, 1], [30, 30], [30, 1], [1, 30]])
        path = write_case(disk / "labelme", crossing)
        before = path.read_bytes()
        fill(disk)
        assert run_command("annotate", "check", disk / "labelme", "--fix") == 2
        assert NO_SPACE in capsys.readouterr().err
        assert path.read_bytes() == before
        assert not [one for one in disk.rglob(".*") if one.is_file()]


@pytest.mark.parametrize("task", ["cls", "seg", "det"])
def test_a_training_out_of_space_keeps_its_last_state(
    task: str, coco_folder: Path, tmp_path: Path, preloaded: PreloadedCommands
) -> None:
    options = [*TINY["seg" if task == "seg" else "cls"], "--epochs", 500]
    with small_disk(tmp_path / "disk", 1 << 30) as disk:
        command = preloaded.command(f"train_{task}", "fit", coco_folder, "--runs", disk, *options)
        process = subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
        run = disk / task / "bottle-coco"
        while not (run / "history.csv").is_file() and process.poll() is None:
            time.sleep(0.02)
        states = ("last.ckpt", "last.pt")
        while not any((run / "weights" / name).is_file() for name in states) and process.poll() is None:
            time.sleep(0.02)
        filler = fill(disk)
        text = process.communicate()[1]
        assert process.returncode == 2, text
        assert NO_SPACE in text.splitlines()[-1]
        assert "Traceback" not in text
        assert not list(run.rglob(".*"))
        filler.unlink()
        resumed = subprocess.Popen(
            preloaded.command(f"train_{task}", "fit", coco_folder, "--resume", run),
            stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True,
        )  # fmt: skip
        assert resumed.stderr is not None
        assert "resuming after epoch" in resumed.stderr.readline()
        resumed.send_signal(signal.SIGKILL)
        resumed.wait()


def test_the_segmenter_needs_no_space_in_the_temporary_folder(
    coco_folder: Path, tmp_path: Path, preloaded: PreloadedCommands
) -> None:
    with small_disk(tmp_path / "tmp", 4096) as temporary:
        fill(temporary)
        command = preloaded.command("train_seg", "fit", coco_folder, "--runs", tmp_path / "runs", *TINY["seg"])
        environment = {**os.environ, "TMPDIR": str(temporary)}
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        assert (tmp_path / "runs" / "seg" / "bottle-coco" / "metrics.json").is_file()


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG])
def test_a_write_that_fails_is_one_line_without_a_small_disk(
    number: int, sources: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def full(source: object, dest: object) -> None:
        raise OSError(number, os.strerror(number), str(dest))

    monkeypatch.setattr(files.os, "link", full)
    monkeypatch.setattr(files.shutil, "copyfile", full)
    assert run_command("datasets", "split", sources / "coco", tmp_path / "out") == 2
    assert str(tmp_path) in only_line(capsys)
    assert not list(tmp_path.iterdir())
