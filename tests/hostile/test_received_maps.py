"""Maps of a received run: a page contains no other file, whatever its list of maps names."""

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from datasets.formats.dataset_folder import load_dataset
from evaluate.map_folder import MAP_SIDE, MapList, new_maps
from evaluate.run_folder import load_run, read_config
from system.json_file import read_json, write_json
from tests.command import only_line, run_command
from tests.view.fakes import make_dataset, make_run

SECRET = b"a private key"


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A run with a small map of each test image, and a private file outside of it."""
    (tmp_path / "secret.png").write_bytes(SECRET)
    run = load_run(make_run(tmp_path / "runs", make_dataset(tmp_path / "data", images=6)))
    with new_maps(run.root / "maps" / "test", "score", run.predictions("test")) as writer:
        for image in load_dataset(Path(read_config(run.root).dataset)).images("test"):
            writer.add(image.file_name, np.zeros((8, 8), np.float32))
    return run.root


def name_another(maps: Path, name: str) -> None:
    """Make the list of maps name another file for its last image."""
    listed = read_json(maps / "maps.json", MapList)
    write_json(maps / "maps.json", MapList("score", {**listed.images, max(listed.images): name},
                                           listed.predictions_sha256))  # fmt: skip


def link(maps: Path) -> None:
    last = max(maps.glob("*.png"))
    last.unlink()
    last.symlink_to(maps.parents[3] / "secret.png")


def other_content(maps: Path) -> None:
    max(maps.glob("*.png")).write_bytes(SECRET)


def too_large(maps: Path) -> None:
    Image.new("L", (MAP_SIDE + 1, 2)).save(max(maps.glob("*.png")))


CHANGES: dict[str, tuple[Callable[[Path], None], str]] = {
    "above": (lambda maps: name_another(maps, "../../../../secret.png"), "is not the name of a PNG file"),
    "absolute": (lambda maps: name_another(maps, str(maps.parents[3] / "secret.png")), "is not the name of a PNG"),
    "its list": (lambda maps: name_another(maps, "maps.json"), "is not the name of a PNG file in this folder"),
    "link": (link, "a link that points outside the folder"),
    "other content": (other_content, "not a map (a small 8-bit grey PNG)"),
    "too large": (too_large, "not a map (a small 8-bit grey PNG)"),
}


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("in_files", [False, True])
def test_a_page_contains_no_other_file_than_maps(
    change: str,
    in_files: bool,
    run: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    if in_files:
        monkeypatch.setattr("view.page.MAX_EMBEDDED_IMAGES", 1)
    page = tmp_path / "page.html"
    assert run_command("view", run, "--out", page) == 0
    assert "map-0-0" in page.read_text() or in_files
    for made in tmp_path.glob("page*"):
        shutil.rmtree(made) if made.is_dir() else made.unlink()
    capsys.readouterr()
    alter, problem = CHANGES[change]
    alter(run / "maps" / "test")
    assert run_command("view", run, "--out", page) == 2
    assert problem in only_line(capsys)
    assert not list(tmp_path.glob("page*"))
