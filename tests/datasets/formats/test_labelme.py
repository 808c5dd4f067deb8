import json
from pathlib import Path
from typing import Any

import pytest

from datasets.formats.labelme import LabelmeFile, Shape, is_labelme, parse_labelme, read_labelme
from datasets.formats.labelme_document import (
    new_document,
    read_document,
    shape_to_raw,
    with_shapes,
    write_document,
)
from system.errors import InputError, OutputError

# as labelme of 2017 wrote it, and as an unknown later one may write it
OLD = {
    "imageData": None,
    "imagePath": "..\\a b.jpg",
    "fillColor": [255, 0, 0, 128],
    "lineColor": [0, 255, 0, 128],
    "shapes": [{"line_color": None, "points": [[1, 2], [3, 4.5], [5, 6]], "fill_color": None, "label": "傷"}],
}
NEW = {
    "version": "99.0",
    "flags": {"good": False},
    "shapes": [
        {
            "label": "a",
            "points": [[1, 2.0], [1e-7, 0.30000000000000004]],
            "group_id": 12345678901234567890,
            "description": "",
            "shape_type": "rectangle",
            "flags": {"unreviewed": True},
            "mask": None,
            "score": 0.25,
            "nested": {"deep": [1, {"er": None}]},
        }
    ],
    "imagePath": "a.png",
    "imageData": None,
    "imageHeight": 4,
    "imageWidth": 5,
    "later": {"key": [True, "é", "\\/"]},
}


def write(path: Path, content: Any) -> Path:
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


def test_a_file_of_2017_is_read_as_polygons(tmp_path: Path) -> None:
    file = read_labelme(write(tmp_path / "a.json", OLD))
    assert file == LabelmeFile([Shape("傷", [(1, 2), (3, 4.5), (5, 6)])], image_path="..\\a b.jpg")
    assert file.shapes[0].kind == "polygon"


def test_a_file_of_a_later_version_is_read_by_its_known_keys(tmp_path: Path) -> None:
    file = read_labelme(write(tmp_path / "a.json", NEW))
    shape = file.shapes[0]
    assert (shape.kind, shape.group_id, shape.flags) == ("rectangle", 12345678901234567890, {"unreviewed": True})
    assert (file.image_height, file.image_width, file.version, file.flags) == (4, 5, "99.0", {"good": False})


@pytest.mark.parametrize("content", [OLD, NEW])
def test_rewriting_changes_only_what_is_added(content: dict[str, Any], tmp_path: Path) -> None:
    path = write(tmp_path / "a.json", content)
    document = read_document(path)
    added = Shape("b", [(0.5, 1), (2, 3)], shape_type="rectangle", description="0.9", flags={"unreviewed": True})
    write_document(document, with_shapes(document, [added]))
    after = json.loads(path.read_text(encoding="utf-8"))
    assert after["shapes"].pop() == {
        "label": "b",
        "points": [[0.5, 1], [2, 3]],
        "group_id": None,
        "description": "0.9",
        "shape_type": "rectangle",
        "flags": {"unreviewed": True},
        "mask": None,
    }
    assert json.dumps(after) == json.dumps(content)  # order of keys and form of numbers too
    assert read_labelme(path).shapes[-1] == added


def test_a_shape_without_type_is_written_as_polygon() -> None:
    raw = shape_to_raw(Shape("a", [(0, 0), (1, 0), (1, 1)]))
    assert (raw["shape_type"], raw["flags"], raw["mask"]) == ("polygon", {}, None)


def test_a_file_changed_meanwhile_is_not_overwritten(tmp_path: Path) -> None:
    path = write(tmp_path / "a.json", NEW)
    document = read_document(path)
    write(path, OLD)
    with pytest.raises(OutputError, match=r"a\.json: changed on disk"):
        write_document(document, document.raw)
    assert json.loads(path.read_text(encoding="utf-8")) == OLD


def test_a_new_file_is_as_labelme_writes_it_and_no_other_is_replaced(tmp_path: Path) -> None:
    document = new_document(tmp_path / "a.json", "a.png", 4, 5)
    write_document(document, with_shapes(document, [Shape("a", [(0, 0), (1, 0), (1, 1)])]))
    text = (tmp_path / "a.json").read_text()
    content = json.loads(text)
    assert text == json.dumps(content, ensure_ascii=False, indent=2)
    assert list(content) == ["version", "flags", "shapes", "imagePath", "imageData", "imageHeight", "imageWidth"]
    with pytest.raises(OutputError):
        write_document(document, document.raw)


@pytest.mark.parametrize("value", [b'"\\ud800"', b'"\xff"'])
def test_text_that_is_not_unicode_is_refused_for_editing(value: bytes, tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_bytes(b'{"shapes": [], "later": ' + value + b"}")
    with pytest.raises(InputError, match=r"a\.json: not "):
        read_document(path)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('{"shapes": [], "x": {"y": [1, NaN]}}', r"\$\.x\.y\[1\] \(NaN\) is not a number"),
        (
            '{"shapes": [{"label": "a", "points": [[0, Infinity]]}]}',
            r"\$\.shapes\[0\]\.points\[0\]\[1\] \(Infinity\)",
        ),
        ('{"shapes": [{"label": "a", "points": [[0, 1e400]]}]}', r"points\[0\]\[1\]"),
        ('{"shapes": [{"label": "a"}]}', r"missing required field `points`.*\$\.shapes\[0\]"),
        ('{"shapes": [{"label": "a", "points": [], "flags": {"x": 1}}]}', r"flags"),
        ('{"shapes": [], "imageHeight": "4"}', r"\$\.imageHeight"),
        ("{}", r"missing required field `shapes`"),
        ("", r"not valid JSON"),
    ],
)
def test_errors_name_file_and_place(text: str, problem: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=problem) as caught:
        parse_labelme(tmp_path / "a.json", text.encode())
    assert str(caught.value).startswith(str(tmp_path / "a.json"))


@pytest.mark.parametrize("text", ['{"images": [], "annotations": [], "categories": []}', "[]", "3"])
def test_a_file_of_another_program_is_to_be_moved(text: str, tmp_path: Path) -> None:
    path = tmp_path / "dataset.json"
    path.write_text(text)
    with pytest.raises(InputError, match="move it elsewhere if labelme did not write it"):
        read_labelme(path)


def test_missing_files_and_folders_are_input_errors(tmp_path: Path) -> None:
    for path in (tmp_path / "none.json", tmp_path):
        with pytest.raises(InputError):
            read_labelme(path)


def test_the_name_of_a_labelme_file() -> None:
    names = ["a.json", "b.JSON", ".hidden.json", "a.json.bak", "json"]
    assert [name for name in names if is_labelme(Path(name))] == ["a.json", "b.JSON"]
