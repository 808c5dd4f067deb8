"""Files are ready once they have settled, each once in each state; the time is set by the test."""

import os
from pathlib import Path

import pytest

from training.arrivals import GIVE_UP_SECONDS, SETTLE_SECONDS, Arrivals, state_of


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def arrivals(tmp_path: Path, clock: Clock) -> Arrivals:
    return Arrivals(tmp_path, clock)


def change(path: Path, content: bytes) -> None:
    """Write `content` with another time of change, also where the clock of the file system is coarse."""
    path.write_bytes(content)
    os.utime(path, ns=(0, len(content) * 1_000_000))


def names(arrivals: Arrivals) -> list[tuple[str, bool]]:
    return [(path.name, last) for path, last in arrivals.ready()]


def test_a_file_that_grows_is_ready_after_it_has_settled(tmp_path: Path, arrivals: Arrivals, clock: Clock) -> None:
    path = tmp_path / "a.png"
    for size in (1, 2, 3):
        change(path, b"x" * size)
        arrivals.note(path)
        assert names(arrivals) == []
        clock.now += 0.9 * SETTLE_SECONDS
        assert names(arrivals) == []
    clock.now += 0.1 * SETTLE_SECONDS + 1e-6
    assert names(arrivals) == [("a.png", False)]


def test_a_change_without_a_report_is_noticed(tmp_path: Path, arrivals: Arrivals, clock: Clock) -> None:
    path = tmp_path / "a.png"
    change(path, b"x")
    arrivals.note(path)
    clock.now += SETTLE_SECONDS
    change(path, b"xx")
    assert names(arrivals) == []


def test_a_finished_file_comes_again_only_if_it_changes(tmp_path: Path, arrivals: Arrivals, clock: Clock) -> None:
    path = tmp_path / "a.png"
    change(path, b"x")
    arrivals.note(path)
    clock.now += SETTLE_SECONDS
    arrivals.finish(path, arrivals.state(path))
    arrivals.scan()
    assert len(arrivals) == 0
    change(path, b"xx")
    arrivals.scan()
    assert len(arrivals) == 1


def test_an_unreadable_file_is_tried_twice_and_again_if_it_changes(
    tmp_path: Path, arrivals: Arrivals, clock: Clock
) -> None:
    path = tmp_path / "a.png"
    change(path, b"x")
    arrivals.note(path)
    clock.now += SETTLE_SECONDS
    assert names(arrivals) == [("a.png", False)]
    arrivals.postpone(path)
    clock.now += SETTLE_SECONDS
    assert names(arrivals) == []
    clock.now += GIVE_UP_SECONDS
    assert names(arrivals) == [("a.png", True)]
    change(path, b"xx")
    assert names(arrivals) == []
    clock.now += SETTLE_SECONDS
    assert names(arrivals) == [("a.png", False)]


def test_a_file_that_is_gone_is_forgotten(tmp_path: Path, arrivals: Arrivals, clock: Clock) -> None:
    path = tmp_path / "a.png"
    change(path, b"x")
    arrivals.note(path)
    path.unlink()
    clock.now += SETTLE_SECONDS
    assert names(arrivals) == []
    assert len(arrivals) == 0


def test_only_visible_images_are_noted_oldest_first(tmp_path: Path, arrivals: Arrivals, clock: Clock) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / ".hidden").mkdir()
    (tmp_path / "folder.png").mkdir()
    (tmp_path / "late.png").touch()
    arrivals.scan()
    clock.now += 1
    for name in ("sub/b.JPG", "a.png", "a.png.part", ".c.png", ".hidden/d.png", "note.txt", "folder.png/e.bmp"):
        (tmp_path / name).touch()
    arrivals.scan()
    clock.now += SETTLE_SECONDS
    assert [name for name, _ in names(arrivals)] == ["late.png", "a.png", "e.bmp", "b.JPG"]


def test_a_folder_that_is_gone_is_an_error(tmp_path: Path, clock: Clock) -> None:
    with pytest.raises(FileNotFoundError):
        Arrivals(tmp_path / "gone", clock).scan()
    assert state_of(tmp_path / "gone") is None
    assert state_of(tmp_path) is None
