import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from annotate.findings import find_problems, known_spelling
from annotate.fixes import fix_shapes
from annotate.folder_images import list_folder_images
from annotate.project import init_project
from tests.annotate.conftest import HEIGHT, WIDTH, box, draw_image, write_labels
from tests.command import json_result, run_command

SIZE = (HEIGHT, WIDTH)


def bow_tie(label: str = "dent", **more: Any) -> dict[str, Any]:
    """Two triangles that meet in a point: 10, 10 to 20, 20 crossed with 20, 10 to 10, 20."""
    return {**box(label, 0, 0, 1, 1), "points": [[10, 10], [20, 20], [20, 10], [10, 20]], **more}


def codes(root: Path, *labels: str) -> list[tuple[str, str, str]]:
    return [(f.file, f.where, f.code) for f in find_problems(root, list_folder_images(root), labels)]


@pytest.mark.parametrize(
    ("label", "expected"), [("Dent", "dent"), (" big  chip", "big chip"), ("dend", None), ("dent", "dent")]
)
def test_spelling_but_for_case_and_spaces(label: str, expected: str | None) -> None:
    assert known_spelling(label, ["dent", "big chip"]) == expected


def test_nothing_wrong(folder: Callable[..., Path]) -> None:
    assert codes(folder(a=[box("dent", 1, 1, 9, 9)], b=[], c=None), "dent") == []


def test_labels_that_are_not_known(folder: Callable[..., Path]) -> None:
    root = folder(a=[box("Dent", 1, 1, 9, 9), box("dentt", 20, 20, 30, 30), box("__ignore__", 40, 40, 50, 50)])
    found = find_problems(root, list_folder_images(root), ["dent"])
    assert [(f.where, f.code, f.value) for f in found if f.file == "a.json"] == [
        ("$.shapes[0]", "label-case", "Dent for dent"),
        ("$.shapes[1]", "unknown-label", "dentt (did you mean dent?)"),
    ]
    assert not {c for _, _, c in codes(root)} & {"label-case", "unknown-label"}  # any label is accepted


def test_shapes_that_datasets_check_also_reports(folder: Callable[..., Path]) -> None:
    flat = {**box("dent", 0, 0, 1, 1), "points": [[30, 5], [40, 5], [50, 5]]}
    twice = [box("dent", 10, 10, 30, 30), box("dent", 10, 10, 30, 31)]
    root = folder(a=[box("dent", 60, 5, 90, 20)], b=[flat], c=twice, d=[bow_tie()])
    assert codes(root) == [
        ("a.json", "$.shapes[0]", "outside-image"),
        ("b.json", "$.shapes[0]", "zero-area"),
        ("c.json", "$.shapes[0], $.shapes[1]", "duplicate-annotation"),
        ("d.json", "$.shapes[0]", "self-crossing"),
    ]


def test_files_as_a_whole(tmp_path: Path) -> None:
    write_labels(draw_image(tmp_path / "a.png"), [], imageWidth=WIDTH + 1)
    draw_image(tmp_path / "b.png").with_suffix(".json").write_text("{")
    write_labels(tmp_path / "c.png", [])
    write_labels(draw_image(tmp_path / "d.png"), [box("dent", 1, 1, 9, 9)], flags={"good": True})
    unreviewed = [box("dent", 1, 1, 9, 9, flags={"unreviewed": True})]
    write_labels(draw_image(tmp_path / "e.png"), unreviewed, flags={"good": True})
    assert [(file, code) for file, _, code in codes(tmp_path)] == [
        ("a.json", "size-mismatch"),
        ("b.json", "unreadable-labels"),
        ("c.json", "missing-picture"),
        ("d.json", "flagged-good-with-shape"),
    ]


def test_label_case_is_fixed_and_all_else_kept() -> None:
    shapes = [box("Dent", 1, 1, 9, 9, note={"a": 1}), box("odd", 20, 20, 30, 30)]
    fixed, changed = fix_shapes(shapes, SIZE, ["dent"])
    assert (fixed, changed) == ([{**shapes[0], "label": "dent"}, shapes[1]], 1)


def test_a_bow_tie_becomes_two_triangles_of_one_group() -> None:
    fixed, changed = fix_shapes([box("chip", 60, 2, 75, 9, group_id=4), bow_tie(odd=[1])], SIZE, [])
    assert changed == 1
    assert [(m["group_id"], m.get("odd")) for m in fixed] == [(4, None), (5, [1]), (5, [1])]
    corners = sorted(sorted(map(tuple, m["points"])) for m in fixed[1:])
    # the diagonals cross at 15, 15
    assert corners == [[(10, 10), (10, 20), (15, 15)], [(15, 15), (20, 10), (20, 20)]]


def test_outlines_are_cut_at_the_borders() -> None:
    rectangle = {**box("dent", 0, 0, 1, 1), "shape_type": "rectangle", "points": [[-5, 50], [10, 70]]}
    (cut, polygon), changed = fix_shapes([rectangle, box("dent", 70, -4, 90, 10)], SIZE, [])
    assert changed == 2
    assert cut["points"] == [[0, 50], [10, HEIGHT]]
    assert sorted(map(tuple, polygon["points"])) == [(70, 0), (70, 10), (WIDTH, 0), (WIDTH, 10)]


@pytest.mark.parametrize(
    "shape",
    [
        box("dent", 100, 100, 120, 120),
        {**box("dent", 0, 0, 1, 1), "shape_type": "rectangle", "points": [[90, 5], [99, 9]]},
        {**box("dent", 0, 0, 1, 1), "shape_type": "circle", "points": [[2, 2], [9, 2]]},
        {**box("dent", 0, 0, 1, 1), "shape_type": "point", "points": [[99, 2]]},
        box("dent", 1, 1, 9, 9),
    ],
)
def test_shapes_that_need_a_person_stay_unchanged(shape: dict[str, Any]) -> None:
    assert fix_shapes([shape], SIZE, []) == ([shape], 0)


def test_command_fixes_keeps_a_backup_and_reports_the_remaining_findings(
    folder: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    root = folder(a=[box("Dent", 1, 1, 9, 9)], b=[box("rust", 1, 1, 9, 9)], c=[box("dent", 1, 1, 9, 9)])
    init_project(root, ["dent"], overwrite=False)
    before = {p.name: p.read_bytes() for p in root.glob("*.json")}
    assert run_command("annotate", "check", root, "--json") == 1
    assert [f["code"] for f in json_result(capsys) if f["file"] != "(dataset)"] == [
        "label-case",
        "unknown-label",
    ]
    assert run_command("annotate", "check", root, "--fix") == 1
    printed = capsys.readouterr()
    assert "1 shapes fixed" in printed.err
    assert "unknown-label" in printed.out
    assert (root / ".annotate-backup/1/a.json").read_bytes() == before["a.json"]
    assert [p.name for p in (root / ".annotate-backup/1").iterdir()] == ["a.json"]
    assert json.loads((root / "a.json").read_text())["shapes"][0]["label"] == "dent"
    assert {n: (root / n).read_bytes() for n in ("b.json", "c.json")} == {
        n: before[n] for n in ("b.json", "c.json")
    }
    write_labels(root / "b.png", [box("DENT", 1, 1, 9, 9)])
    assert run_command("annotate", "check", root, "--fix") == 0
    assert (root / ".annotate-backup/2/b.json").is_file()
    assert run_command("annotate", "check", root, "--fix") == 0
    assert not (root / ".annotate-backup/3").exists()
