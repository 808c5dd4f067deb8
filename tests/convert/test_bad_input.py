"""Mistakes of users: one line with file, value and remedy, exit status 2, nothing half-written."""

import errno
import io
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from unittest import mock

import numpy as np
import pytest
from PIL import Image as PilImage

from tests.command import only_line, run_command
from tests.nobody import only_reading

MASK = "ground_truth/broken_large/000_mask.png"
IMAGE = "test/broken_large/000.png"


def save_mask(tree: Path, pixels: np.ndarray) -> None:
    PilImage.fromarray(pixels).save(tree / MASK)


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-40])


def flip_a_byte(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 0xFF
    path.write_bytes(bytes(data))


def save_rotated(path: Path) -> None:
    exif = PilImage.Exif()
    exif[0x0112] = 6
    PilImage.open(path).convert("RGB").save(path, exif=exif)


def grey(*values: int) -> np.ndarray:
    mask = np.zeros((96, 96), np.uint8)
    for i, value in enumerate(values):
        mask[10 * i : 10 * i + 8, 10:20] = value
    return mask


Case = tuple[Callable[[Path], object], tuple[str, ...]]
CASES: dict[str, Case] = {
    "missing tree": (shutil.rmtree, ("no such folder",)),
    "empty tree": (lambda t: (shutil.rmtree(t), t.mkdir()), ("no train, test or ground_truth",)),
    "no images": (lambda t: [p.unlink() for p in t.rglob("*.png")], ("no images in train",)),
    "one level too high": (
        lambda t: (
            shutil.copytree(t, t / "jar"),
            [shutil.rmtree(t / d) for d in ("train", "test", "ground_truth")],
        ),
        ("name one of the folders inside: jar",),
    ),
    "defect folder without masks": (
        lambda t: shutil.rmtree(t / "ground_truth/broken_large"),
        ("ground_truth/broken_large", "no masks for the defect images"),
    ),
    "mask without image": (lambda t: (t / IMAGE).unlink(), (MASK, "no image for this mask")),
    "image without mask": (lambda t: (t / MASK).unlink(), (IMAGE, "no mask for this defect image", MASK)),
    "two masks of one image": (
        lambda t: shutil.copy(t / MASK, t / "ground_truth/broken_large/000.png"),
        ("a second mask for 000",),
    ),
    "two images of one name": (
        lambda t: PilImage.open(t / IMAGE).save((t / IMAGE).with_suffix(".bmp")),
        ("its mask name is ambiguous with",),
    ),
    "mask of another size": (
        lambda t: save_mask(t, np.full((50, 40), 255, np.uint8)),
        (MASK, "40 x 50 pixels, but its image has 96 x 96"),
    ),
    "grey mask": (
        lambda t: save_mask(t, grey(255, 128, 64)),
        (MASK, "4 grey values (0, 64, 128, 255)", "--threshold T"),
    ),
    "coloured mask": (
        lambda t: save_mask(t, np.stack([grey(255), grey(0), grey(0)], axis=2)),
        (MASK, "coloured"),
    ),
    "black mask": (lambda t: save_mask(t, grey()), (MASK, "all black")),
    "truncated image": (lambda t: truncate(t / IMAGE), (IMAGE, "truncated")),
    "truncated mask": (lambda t: truncate(t / MASK), (MASK,)),
    "damaged image": (lambda t: flip_a_byte(t / "train/good/000.png"), ("train/good/000.png",)),
    "text for an image": (lambda t: (t / IMAGE).write_text("hello"), (IMAGE, "not an image")),
    "text for a mask": (lambda t: (t / MASK).write_text("hello"), (MASK, "not an image")),
    "empty image": (lambda t: (t / IMAGE).write_bytes(b""), (IMAGE, "not an image")),
    "defects in train": (
        lambda t: shutil.copytree(t / "test/broken_large", t / "train/broken_large"),
        ("train/broken_large", "move it to test/broken_large"),
    ),
    "the mask of a good image": (
        lambda t: ((t / "ground_truth/good").mkdir(), shutil.copy(t / MASK, t / "ground_truth/good/000_mask.png")),
        ("ground_truth/good/000_mask.png", "the mask of a good image"),
    ),
    "a name that is not Unicode": (
        lambda t: shutil.copy(t / "train/good/000.png", t / "train/good/\udcff.png"),
        ("train/good/\\udcff.png", "is not Unicode"),
    ),
    "rotated by EXIF": (lambda t: save_rotated(t / IMAGE), (IMAGE, "EXIF orientation 6")),
    "no defects at all": (
        lambda t: [shutil.rmtree(p) for p in [t / "ground_truth", *(t / "test").glob("[bc]*")]],
        ("no defective image",),
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_bad_trees(tree: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], case: str) -> None:
    damage, words = CASES[case]
    damage(tree)
    before = set(tmp_path.rglob("*"))
    assert run_command("convert", "mvtec2coco", tree, tmp_path / "out") == 2
    line = only_line(capsys)
    assert line.startswith("convert: ")
    assert line.count("; ") >= 1
    for word in words:
        assert word in line
    assert set(tmp_path.rglob("*")) == before


@pytest.mark.parametrize(
    ("options", "word"),
    [
        (["--ratios", "1,2"], "three proportions"),
        (["--ratios", "0,1,1"], "three proportions"),
        (["--connectivity", "6"], "give 4 or 8"),
        (["--threshold", "0"], "--threshold 0"),
    ],
)
def test_bad_options(synth_tree: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], options, word) -> None:
    assert run_command("convert", "mvtec2coco", synth_tree, tmp_path / "out", *options) == 2
    assert word in only_line(capsys)
    assert list(tmp_path.iterdir()) == []


def test_a_destination_that_exists(synth_tree: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out/mine").touch()
    assert run_command("convert", "mvtec2coco", synth_tree, tmp_path / "out") == 2
    assert "add --overwrite" in only_line(capsys)
    (tmp_path / "file").touch()
    assert run_command("convert", "mvtec2coco", synth_tree, tmp_path / "file") == 2
    assert "a file or a link" in only_line(capsys)


@pytest.mark.parametrize(("report", "words"), [("", "a folder"), ("gone/r.json", "gone does not exist")])
def test_a_report_that_cannot_be_written_is_refused_before_anything_is_converted(
    synth_tree: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], report: str, words: str
) -> None:
    assert run_command("convert", "mvtec2coco", synth_tree, tmp_path / "out", "--report", tmp_path / report) == 2
    line = only_line(capsys)
    assert f"--report {tmp_path / report}" in line
    assert words in line
    assert list(tmp_path.iterdir()) == []


def test_a_report_may_be_inside_the_new_dataset_but_not_inside_that_of_a_dry_run(
    synth_tree: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ("mvtec2coco", synth_tree, tmp_path / "out", "--report", tmp_path / "out/report.json")
    assert run_command("convert", *command, "--dry-run") == 2
    assert "does not exist" in only_line(capsys)
    assert run_command("convert", *command) == 0
    assert (tmp_path / "out/report.json").is_file()


def test_folders_that_may_not_be_written_or_read_are_reported(
    synth_tree: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shut = tmp_path / "shut"
    shut.mkdir()
    command = ("mvtec2coco", synth_tree)
    with only_reading(shut):
        for options in ([], ["--dry-run"]):
            assert run_command("convert", *command, shut / "deep/out", *options) == 2
            assert f"{shut}/deep/out: no permission to write in {shut}" in only_line(capsys)
        assert run_command("convert", *command, tmp_path / "out", "--report", shut / "r.json") == 2
        assert f"--report {shut}/r.json: no permission to write in {shut}" in only_line(capsys)
    assert [p.name for p in tmp_path.iterdir()] == ["shut"]


def test_no_space_left(synth_tree: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    full = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "out/masks/x.png")
    with mock.patch("convert.mvtec2coco.write_pixel_mask", side_effect=full):
        assert run_command("convert", "mvtec2coco", synth_tree, tmp_path / "out") == 2
    assert f"{tmp_path / 'out'}: no space left" in only_line(capsys)  # not a file of the unfinished folder
    assert list(tmp_path.iterdir()) == []


def test_the_line_has_no_control_characters(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command("convert", "mvtec2coco", tmp_path / "a\nb\x1b[31m", tmp_path / "out") == 2
    assert "a b [31m" in only_line(capsys)


def test_a_good_run_ends_with_the_table_on_stdout(
    synth_tree: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    report = tmp_path / "report.json"
    assert run_command("convert", "mvtec2coco", synth_tree, tmp_path / "out", "--report", report) == 0
    out = capsys.readouterr()
    assert out.err == ""
    assert "annotations" in out.out
    assert '"read"' in io.StringIO(report.read_text()).read()
