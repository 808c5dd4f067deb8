"""Images are read ahead in order, within bounds, and errors come at their image."""

import threading
import time
from pathlib import Path

import numpy as np
import pytest

from system.errors import InputError
from training import read_ahead as reading
from training.read_ahead import MAX_IMAGES, read_ahead

FILES = [Path(f"{n:03d}.png") for n in range(40)]


class Reader:
    """Reads small images with the number of the file as value; notes what was read, and by which thread."""

    def __init__(self, broken: int | None = None, pixels: int = 1) -> None:
        self.read: list[Path] = []
        self.threads: set[str] = set()
        self.broken, self.pixels = broken, pixels

    def __call__(self, path: Path) -> np.ndarray:
        number = int(path.stem)
        self.read.append(path)
        self.threads.add(threading.current_thread().name)
        if number == self.broken:
            raise InputError(path, "not an image", "replace it")
        return np.full((self.pixels, 1, 3), number, np.uint8)


def check_read(reader: Reader, expected: int) -> None:
    """Wait until so many images are read; no more may follow, which a thread would do within milliseconds."""
    deadline = time.monotonic() + 60
    while len(reader.read) < expected and time.monotonic() < deadline:
        time.sleep(0.001)
    time.sleep(0.02)
    assert len(reader.read) == expected


def test_files_come_in_order_each_read_once_in_another_thread() -> None:
    reader = Reader()
    found = list(read_ahead(FILES, reader))
    assert [file for file, _ in found] == FILES == reader.read
    assert [int(pixels[0, 0, 0]) for _, pixels in found] == list(range(40))
    assert threading.current_thread().name not in reader.threads
    assert len(reader.threads) == 1


def test_no_more_than_the_limit_are_read_ahead() -> None:
    reader = Reader()
    found = read_ahead(FILES, reader)
    for given in range(1, 20):
        next(found)
        check_read(reader, min(40, given + MAX_IMAGES))
    found.close()  # type: ignore[attr-defined]
    assert not [t for t in threading.enumerate() if t.name.startswith("read-ahead")]
    assert len(reader.read) < 40


def test_of_large_images_one_is_read_ahead(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "MAX_BYTES", 1000)
    for pixels, ahead in ((1000, 1), (100, 3)):  # 3000 and 300 bytes each
        reader = Reader(pixels=pixels)
        found = read_ahead(FILES, reader)
        next(found)
        check_read(reader, 1 + ahead)


def test_an_error_comes_at_its_image_after_all_before_it() -> None:
    found = read_ahead(FILES, Reader(broken=5))
    assert [next(found)[0] for _ in range(5)] == FILES[:5]
    with pytest.raises(InputError, match=r"005\.png: not an image"):
        next(found)


def test_nothing_to_read() -> None:
    assert list(read_ahead([], Reader())) == []
