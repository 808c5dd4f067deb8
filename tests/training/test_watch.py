"""`predict --watch`: a real folder, real changes and Ctrl-C; the model finds bright images."""

import json
import os
import shutil
import signal
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from datasets.coco import Category, Prediction
from system.errors import InputError, OutputError
from training import arrivals, watch
from training.trainer import Predictor
from training.watch import watch_folder
from training.watch_file import check_watch

pytest.importorskip("watchfiles", reason="watchfiles is not installed, so --watch is not tested")

DEADLINE_SECONDS = 60


class Brightness(Predictor):
    """One box of the whole image with its mean brightness as score."""

    default_score = 0.5
    categories = [Category(1, "bright")]  # noqa: RUF012

    def predict(
        self, images: Iterable[tuple[int, NDArray[np.uint8]]], min_score: float | None = None
    ) -> Iterator[list[Prediction]]:
        for image_id, rgb in images:
            score = float(rgb.mean()) / 255
            box = (0.0, 0.0, float(rgb.shape[1]), float(rgb.shape[0]))
            yield [Prediction(image_id, 1, box, score)] if score >= (min_score or 0) else []


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arrivals, "SETTLE_SECONDS", 0.1)
    monkeypatch.setattr(watch, "POLL_MILLISECONDS", 50)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "camera"
    made.mkdir()
    return made


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "found.jsonl"


def image(value: int, width: int = 6) -> bytes:
    encoded = cv2.imencode(".png", np.full((4, width, 3), value, np.uint8))[1]
    return encoded.tobytes()


def put(path: Path, content: bytes) -> None:
    """A file that is complete from the start, however long the writing takes."""
    hidden = path.with_name(f".{path.name}")
    hidden.write_bytes(content)
    hidden.replace(path)


def lines(out: Path) -> list[dict[str, object]]:
    """The whole lines of the file, as a program that reads it meanwhile sees them."""
    text = out.read_text() if out.is_file() else ""
    return [json.loads(line) for line in text.splitlines()]


def watched(folder: Path, out: Path, meanwhile: Callable[[Callable[[int], None]], None]) -> None:
    """Watch the folder while `meanwhile` runs in a thread, with a function that waits for lines; then Ctrl-C."""
    problems: list[BaseException] = []

    def wait_for(count: int) -> None:
        end = time.monotonic() + DEADLINE_SECONDS
        while len(lines(out)) < count:
            if time.monotonic() > end:
                raise TimeoutError(f"{len(lines(out))} lines of {count}")
            time.sleep(0.02)

    def work() -> None:
        try:
            meanwhile(wait_for)
        except BaseException as error:  # noqa: BLE001  raised in the thread of the test
            problems.append(error)
        finally:
            os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=work)
    thread.start()
    watch_folder(Brightness(), folder, out, 0.5, [], model="aaaa")
    thread.join()
    for problem in problems:
        raise problem


def test_images_of_before_and_new_ones_are_predicted_as_they_come(
    folder: Path, out: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "old.png").write_bytes(image(255))
    (folder / "note.txt").write_text("not an image")

    def meanwhile(wait_for: Callable[[int], None]) -> None:
        wait_for(1)
        (folder / "sub").mkdir()
        put(folder / "sub/dark.png", image(0, 9))
        wait_for(2)
        (folder / ".part").write_bytes(image(204))
        (folder / ".part").rename(folder / "moved.png")
        wait_for(3)

    watched(folder, out, meanwhile)
    old, dark, moved = lines(out)
    assert (old["id"], old["file_name"], old["width"], old["height"]) == (1, "old.png", 6, 4)
    assert {line["model"] for line in (old, dark, moved)} == {"aaaa"}
    assert old["predictions"] == [{"image_id": 1, "category_id": 1, "bbox": [0.0, 0.0, 6.0, 4.0], "score": 1.0}]
    assert (dark["file_name"], dark["width"]) == ("sub/dark.png", 9)
    assert "predictions" not in dark
    assert moved["file_name"] == "moved.png"
    assert [p["score"] for p in moved["predictions"]] == [pytest.approx(0.8)]  # type: ignore[attr-defined]
    err = capsys.readouterr().err.splitlines()
    assert err[1:4] == ["old.png: 1 found, best score 1.000", "sub/dark.png: 0 found",
                        "moved.png: 1 found, best score 0.800"]  # fmt: skip
    assert err[-1] == f"stopped: 3 images predicted; results in {out}"


def test_a_file_that_is_written_slowly_is_waited_for(
    folder: Path, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(arrivals, "GIVE_UP_SECONDS", float("inf"))  # however slowly this machine writes
    whole = image(255)

    def meanwhile(wait_for: Callable[[int], None]) -> None:
        with (folder / "slow.png").open("wb") as file:
            for byte in range(0, len(whole), 20):
                file.write(whole[byte : byte + 20])
                file.flush()
                time.sleep(0.25)  # longer than it takes to settle, so that half files are tried
        wait_for(1)

    watched(folder, out, meanwhile)
    (line,) = lines(out)
    assert (line["file_name"], line["size"]) == ("slow.png", len(whole))


def test_each_image_is_predicted_once_also_after_a_restart(folder: Path, out: Path) -> None:
    """A copy under another name and another content under the same name are other images; a new time is not."""
    for name, value in (("a.png", 255), ("b.png", 204)):
        (folder / name).write_bytes(image(value))
    watched(folder, out, lambda wait_for: wait_for(2))
    os.utime(folder / "a.png", (1, 1))
    (folder / "b.png").write_bytes(image(153))
    shutil.copy(folder / "a.png", folder / "c.png")
    watched(folder, out, lambda wait_for: wait_for(4))
    first, second, *later = [(line["id"], line["file_name"]) for line in lines(out)]
    assert {first[1], second[1]} == {"a.png", "b.png"}
    assert {name for _, name in later} == {"b.png", "c.png"}
    assert [number for number, _ in later] == [3, 4]


def copied(path: Path, value: int) -> None:
    """Replace an image by one of equal size and time of change, as programs do that keep times."""
    new = path.with_name(".copied")
    new.write_bytes(cv2.imencode(".bmp", np.full((4, 6, 3), value, np.uint8))[1].tobytes())
    os.utime(new, ns=(1, 1))
    new.replace(path)


def test_an_image_of_equal_size_and_time_is_another_one(folder: Path, out: Path) -> None:
    copied(folder / "a.bmp", 255)

    def replaced(wait_for: Callable[[int], None]) -> None:
        wait_for(1)
        copied(folder / "a.bmp", 204)
        wait_for(2)

    watched(folder, out, replaced)
    copied(folder / "a.bmp", 153)
    watched(folder, out, lambda wait_for: wait_for(3))
    assert [line["size"] for line in lines(out)] == [134, 134, 134]
    assert len({line["sha256"] for line in lines(out)}) == 3


def test_results_that_another_program_removed_end_in_one_error(folder: Path, out: Path) -> None:
    (folder / "a.png").write_bytes(image(255))

    def removed(wait_for: Callable[[int], None]) -> None:
        wait_for(1)
        out.unlink()

    with pytest.raises(OutputError, match="another program changed, moved or removed it"):
        watched(folder, out, removed)
    assert not out.exists()


def test_a_damaged_file_is_reported_once_and_predicted_when_it_is_replaced(
    folder: Path, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(arrivals, "GIVE_UP_SECONDS", 0.4)

    def meanwhile(wait_for: Callable[[int], None]) -> None:
        put(folder / "half.png", image(255)[:-9])
        wait_for(1)
        put(folder / "half.png", image(255))
        wait_for(2)

    watched(folder, out, meanwhile)
    damaged, whole = lines(out)
    assert damaged["error"] == "the PNG is truncated"
    assert "error" not in whole
    assert whole["file_name"] == "half.png"


def test_a_folder_that_vanishes_ends_in_one_error(
    folder: Path, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watch, "SCAN_EVERY", 1)
    scan = arrivals.Arrivals.scan

    def scan_then_remove(self: arrivals.Arrivals) -> None:
        scan(self)
        folder.rmdir()

    monkeypatch.setattr(arrivals.Arrivals, "scan", scan_then_remove)
    with pytest.raises(InputError, match="cannot be watched"):
        watch_folder(Brightness(), folder, out, 0.5, [])


def test_what_does_not_go_with_a_folder_is_refused(folder: Path, out: Path) -> None:
    check_watch(folder, out, [], [])
    for images, others, match in (([folder], [], "images are named too"), ([], ["--maps"], "not available")):
        with pytest.raises(Exception, match=match):
            check_watch(folder, out, images, others)
    with pytest.raises(InputError, match="not a folder"):
        check_watch(folder / "none", out, [], [])
    with pytest.raises(Exception, match=r"give --out found\.jsonl"):
        check_watch(folder, None, [], [])
