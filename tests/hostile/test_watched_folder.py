"""`predict --watch` on a folder to which anybody may write: what is left out is reported, and the others go on."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.training.test_watch import folder, image, lines, out, put, quick, watched
from training import watch

__all__ = ["folder", "out", "quick"]  # fixtures


def test_whatever_appears_is_reported_once_and_the_others_are_predicted(
    folder: Path, out: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "outside").mkdir()
    os.mkfifo(folder / "pipe.png")
    (folder / "broken.png").symlink_to(tmp_path / "none.png")
    (folder / "zero.png").symlink_to("/dev/zero")
    (folder / "loop.png").symlink_to(folder / "loop.png")
    (folder / "linked").symlink_to(tmp_path / "outside")
    (folder / "folder.png").mkdir()
    (folder / os.fsdecode(b"\xff.png")).write_bytes(image(9))
    with (folder / "huge.png").open("wb") as file:
        file.truncate(watch.MAX_FILE_BYTES + 1)

    def meanwhile(wait_for: Callable[[int], None]) -> None:
        wait_for(1)
        put(folder / "a\nstopped.png", image(255))
        wait_for(2)

    watched(folder, out, meanwhile)
    huge, other = lines(out)
    assert huge["error"] == "of 2147483649 bytes; up to 2 GiB are read"
    assert (other["file_name"], "error" in other) == ("a\nstopped.png", False)
    printed = capsys.readouterr().err.splitlines()
    assert sorted(line for line in printed if line.endswith("it is left out")) == [
        "\\udcff.png: its name is not Unicode; it is left out",
        "broken.png: not a regular file; it is left out",
        "linked: a link to a folder; it is left out",
        "loop.png: not a regular file; it is left out",
        "pipe.png: not a regular file; it is left out",
        "zero.png: not a regular file; it is left out",
    ]
    assert "a\\nstopped.png: 1 found, best score 1.000" in printed
    assert all(json.loads(text)["id"] for text in out.read_text().splitlines())
