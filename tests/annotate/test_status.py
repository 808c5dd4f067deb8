import base64
from collections.abc import Callable
from pathlib import Path

import pytest

from annotate.folder_images import list_folder_images, read_labels
from annotate.project import init_project
from annotate.status import bar, make_status
from tests.annotate.conftest import box, draw_image, write_labels
from tests.command import json_result, run_command


def test_each_image_is_counted_once_and_each_shape_by_type(folder: Callable[..., Path]) -> None:
    waiting = box("dent", 20, 20, 30, 30, flags={"unreviewed": True})
    root = folder(
        a=[box("dent", 1, 1, 9, 9), box("chip", 40, 40, 50, 50)],
        b=[box("dent", 1, 1, 9, 9), waiting],
        c=[],
        d=None,
    )
    write_labels(draw_image(root / "e.png"), [], flags={"good": True, "uncertain": False})
    images = list_folder_images(root)
    status = make_status(len(images), read_labels(images), ["rust", "dent"])
    assert (status.images, status.labelled, status.without_shape, status.unreviewed, status.unlabelled) == (
        5, 3, 2, 1, 1,
    )  # fmt: skip
    assert status.flags == {"good": 1}
    counts = {name: (t.reviewed, t.unreviewed, t.images) for name, t in status.types.items()}
    assert counts == {"rust": (0, 0, 0), "dent": (2, 1, 2), "chip": (1, 0, 1)}
    assert list(counts) == ["rust", "dent", "chip"]


@pytest.mark.parametrize(
    ("done", "total", "expected"),
    [(0, 0, ""), (0, 3, "░" * 20 + "   0 %"), (1, 2, "█" * 10 + "░" * 10 + "  50 %"), (7, 7, "█" * 20 + " 100 %")],
)
def test_bar(done: int, total: int, expected: str) -> None:
    assert bar(done, total) == expected


def test_command_as_table_and_as_json(folder: Callable[..., Path], capsys: pytest.CaptureFixture[str]) -> None:
    root = folder(a=[box("dent", 1, 1, 9, 9)], b=None)
    init_project(root, ["dent", "chip"], overwrite=False)
    assert run_command("annotate", "status", root) == 0
    table = capsys.readouterr().out
    assert "2 images" in table
    assert "██████████░░░░░░░░░░  50 %" in table
    assert "100 %" in table
    assert run_command("annotate", "status", root, "--json") == 0
    printed = json_result(capsys)
    assert printed["types"]["chip"] == {"reviewed": 0, "unreviewed": 0, "pictures": 0}
    assert (printed["labelled"], printed["unlabelled"]) == (1, 1)


def test_thousands_of_images_open_no_image(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for i in range(3000):
        (tmp_path / f"{i:04d}.png").touch()
    labels = write_labels(tmp_path / "0000.png", [box("dent", 1, 1, 9, 9)]).read_bytes()
    for i in range(1, 3000):
        (tmp_path / f"{i:04d}.json").write_bytes(labels)
    monkeypatch.setattr("PIL.Image.open", lambda *_: pytest.fail("status opened an image"))
    images = list_folder_images(tmp_path)
    assert make_status(len(images), read_labels(images)).types["dent"].reviewed == 3000


def test_every_layout_that_convert_reads(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A path to another folder, a folder given by --images, and an image inside the file."""
    root = tmp_path / "set"
    shape = [box("dent", 1, 1, 9, 9)]
    for name in ("a", "b"):
        draw_image(root / "images" / f"{name}.png")
    (root / "labels").mkdir()
    write_labels(root / "labels" / "a.png", shape, imagePath="../images/a.png")
    inside = base64.b64encode((root / "images" / "b.png").read_bytes()).decode()
    write_labels(root / "labels" / "c.png", shape, imagePath="", imageData=inside)
    assert run_command("annotate", "status", root, "--json") == 0
    status = json_result(capsys)
    assert (status["labelled"], status["unlabelled"]) == (2, 1)
    (root / "labels" / "c.json").unlink()
    apart = tmp_path / "apart"
    apart.mkdir()
    write_labels(apart / "a.png", shape)
    assert run_command("annotate", "status", apart) == 2
    assert "no image in this folder" in capsys.readouterr().err
    assert run_command("annotate", "status", apart, "--images", root / "images", "--json") == 0
    status = json_result(capsys)
    assert (status["labelled"], status["unlabelled"]) == (1, 1)
    draw_image(apart / "z.png")
    write_labels(apart / "lost.png", shape, imagePath="lost.png")
    assert run_command("annotate", "status", apart, "--images", root / "images") == 0
    assert "the image of 1 files is not found, such as lost.json" in capsys.readouterr().err
