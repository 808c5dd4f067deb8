"""The real labelme opens our files, an edit of a person is stored, and nothing else changes."""

import json
import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from annotate.folder_images import list_folder_images, read_labels
from annotate.labelme_program import LabelmeError, executable_in, find_labelme
from annotate.project import init_project
from annotate.proposals import Proposal, propose
from datasets.coco import Prediction
from datasets.formats.labelme import read_labelme
from datasets.formats.labelme_document import read_document
from datasets.formats.labelme_flags import is_unreviewed
from datasets.masks.rle import encode
from tests.annotate.conftest import HEIGHT, WIDTH, box, draw_image, write_labels
from tests.command import run_command
from tests.nobody import only_reading

DRIVER = Path(__file__).with_name("drive_labelme.py")
# root may write anywhere, except in a program that it starts without that right
AS_OTHERS = "setpriv --bounding-set -dac_override " if os.getuid() == 0 and shutil.which("setpriv") else ""


@pytest.fixture
def labelme_python() -> Path:
    """The Python in which labelme is installed; skips without labelme."""
    try:
        found = find_labelme(None)
    except LabelmeError:
        pytest.skip("labelme is not installed (annotate setup), so its window is not tested")
    python = executable_in(found.path.parent.parent, "python")
    if not python.is_file():
        pytest.skip(f"the Python of {found.path} is not beside it, so labelme's window is not tested")
    return python


@pytest.fixture
def sit_down(screen: str, labelme_python: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Opens a folder with `annotate open`, as a person does, and returns the content of the window."""
    monkeypatch.setenv("DISPLAY", screen)
    monkeypatch.setenv("LANG", "C.UTF-8")

    def open_folder(root: Path, *options: object, **plan: object) -> dict[str, Any]:
        report = tmp_path / "report.json"
        plan_file = tmp_path / "plan.json"
        plan_file.write_text(json.dumps({"report": str(report), **plan}))
        program = tmp_path / "labelme"
        program.write_text(f'#!/bin/sh\nexec {AS_OTHERS}"{labelme_python}" "{DRIVER}" "{plan_file}" "$@"\n')
        program.chmod(0o755)
        assert run_command("annotate", "open", root, *options, "--labelme", program) == 0
        shown: dict[str, Any] = json.loads(report.read_text())
        shown["images"] = {_relative(name, root): shapes for name, shapes in shown["images"].items()}
        return shown

    return open_folder


def _relative(name: str, root: Path) -> str:
    """labelme 6 lists full paths, 7 those relative to the folder."""
    return Path(name).relative_to(root.resolve()).as_posix() if Path(name).is_absolute() else Path(name).as_posix()


def filled(*boxes: tuple[int, int, int, int], hole: tuple[int, int, int, int] | None = None) -> Prediction:
    mask = np.zeros((HEIGHT, WIDTH), bool)
    for x0, y0, x1, y1 in boxes:
        mask[y0:y1, x0:x1] = True
    if hole:
        mask[hole[1] : hole[3], hole[0] : hole[2]] = False
    return Prediction(1, 1, (0, 0, 1, 1), 0.75, encode(mask))


@pytest.fixture
def proposed(tmp_path: Path) -> Path:
    """Images with polygon, grouped parts, mask and rectangle proposals, one of them beside a human shape."""
    root = tmp_path / "images"
    for name in ("a.png", "b c.png", "sub dir/größe 瓶.png", "empty.png"):
        draw_image(root / name)
    write_labels(root / "a.png", [box("chip", 60, 2, 75, 12, note="mine")], team="night")
    given = {
        "a.png": filled((10, 20, 40, 50)),
        "b c.png": filled((5, 5, 20, 20), (40, 30, 60, 50)),
        "sub dir/größe 瓶.png": filled((10, 10, 50, 50), hole=(20, 20, 35, 35)),
        "empty.png": Prediction(1, 1, (10, 10, 20, 15), 0.5),
    }
    for image in list_folder_images(root):
        propose(image, [Proposal(given[image.name], "dent", "seg/run")])
    init_project(root, ["chip", "dent"], overwrite=False)
    return root


def test_each_proposal_loads_as_we_wrote_it(proposed: Path, sit_down: Any) -> None:
    files = read_labels(list_folder_images(proposed))
    before = {p: p.read_bytes() for p in proposed.rglob("*.json")}
    shown = sit_down(proposed)
    assert sorted(shown["images"]) == sorted(files)
    for name, file in files.items():
        assert [s["points"] for s in shown["images"][name]] == [[list(p) for p in s.points] for s in file.shapes]
        for seen, shape in zip(shown["images"][name], file.shapes, strict=True):
            assert (seen["label"], seen["shape_type"]) == (shape.label, shape.shape_type)
            assert (seen["description"] or None) == shape.description
            assert seen["flags"] == {"unreviewed": shape.label == "dent"}
            assert seen["colour"] in (
                None,
                {"chip": [230, 159, 0], "dent": [86, 180, 233]}[shape.label],
            )  # labelme 7 keeps none in the shape
    (masked,) = shown["images"]["sub dir/größe 瓶.png"]
    assert (masked["shape_type"], masked["pixels"]) == ("mask", 40 * 40 - 15 * 15)
    assert shown["labels"] == ["chip", "dent"]
    assert shown["flags"] == ["good", "uncertain", "reject"]
    assert shown["config"] == {"validate_label": "exact", "auto_save": True}
    assert {p: p.read_bytes() for p in proposed.rglob("*.json")} == before  # looking changes nothing


def test_an_edit_comes_back_and_nothing_else_changed(proposed: Path, sit_down: Any) -> None:
    path = proposed / "a.json"
    before, others = read_document(path), {p: p.read_bytes() for p in proposed.rglob("*.json") if p != path}
    sit_down(proposed, move=["a.png", -4, 3])
    after = read_document(path)
    (x0, y0), (x1, y1) = before.file.shapes[0].points[0], after.file.shapes[0].points[0]
    assert (x1 - x0, y1 - y0) == pytest.approx((-4, 3), abs=1)  # a step of the mouse is part of a pixel
    expected, raw = json.loads(json.dumps(before.raw)), json.loads(json.dumps(after.raw))
    expected["shapes"][0]["points"][0] = raw["shapes"][0]["points"][0]
    # labelme's own additions: the image flags and label flags of its configuration, all unset, and its version
    assert raw.pop("flags") == {"good": False, "uncertain": False, "reject": False}
    assert expected.pop("flags") == {}
    assert raw["shapes"][0].pop("flags") == {"unreviewed": False}
    assert expected["shapes"][0].pop("flags") == {}
    for shape in (*raw["shapes"], *expected["shapes"]):
        shape["description"] = shape["description"] or ""
    assert raw.pop("version") in {"6.3.1", "7.9.1"}
    expected.pop("version")
    assert raw == expected
    assert {p: p.read_bytes() for p in others} == others


def test_a_moved_proposal_is_reviewed_and_its_neighbour_waits(tmp_path: Path, sit_down: Any) -> None:
    """labelme keeps the marks of both, and compresses the mask again without changing a pixel."""
    draw_image(tmp_path / "images" / "a.png")
    (image,) = list_folder_images(tmp_path / "images")
    given = [filled((5, 5, 20, 20)), filled((30, 10, 70, 50), hole=(40, 20, 55, 35))]
    propose(image, [Proposal(prediction, "dent", "seg/run") for prediction in given])
    sit_down(tmp_path / "images", move=["a.png", 3, 2])
    polygon, masked = read_labelme(tmp_path / "images" / "a.json").shapes
    assert (polygon.kind, masked.kind) == ("polygon", "mask")
    assert polygon.flags == masked.flags == {"unreviewed": True}
    assert (is_unreviewed(polygon), is_unreviewed(masked)) == (False, True)


def test_only_the_images_of_the_list_are_opened(proposed: Path, sit_down: Any, tmp_path: Path) -> None:
    wanted = tmp_path / "list.txt"
    wanted.write_text("sub dir/größe 瓶.png\na.png\n")
    assert sorted(sit_down(proposed, "--only", wanted)["images"]) == ["a.png", "sub dir/größe 瓶.png"]


def test_the_home_of_the_user_is_not_touched(
    proposed: Path, sit_down: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home"
    home.mkdir()
    (home / ".labelmerc").write_text("auto_save: false\n")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("HOME", str(home))
    assert sit_down(proposed)["config"]["auto_save"] is True
    assert [p.name for p in home.rglob("*")] == [".labelmerc"]
    assert (home / ".labelmerc").read_text() == "auto_save: false\n"


@pytest.mark.skipif(os.getuid() == 0 and not AS_OTHERS, reason="root may write anywhere, and setpriv is not there")
def test_a_read_only_folder_can_be_looked_at(proposed: Path, sit_down: Any) -> None:
    before = {p: p.read_bytes() for p in proposed.rglob("*.json")}
    with only_reading(proposed):
        assert len(sit_down(proposed)["images"]) == 4
    assert {p: p.read_bytes() for p in proposed.rglob("*.json")} == before
