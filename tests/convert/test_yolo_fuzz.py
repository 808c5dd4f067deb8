"""YOLO folders without data.yaml and with arbitrary labels: a DefectlineError or a result, nothing written."""

import contextlib
from pathlib import Path
from typing import Literal

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image as PillowImage

from convert.execution import Execution
from convert.yolo2coco import YoloOptions, yolo2coco
from datasets.masks.drawn_segment import draw_segment
from system.errors import DefectlineError

MANY = settings(
    max_examples=300,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
KEYS = st.sampled_from(["train", "valid", "test", "names", "classes", "backup", "x"])
PATHS = st.sampled_from(
    [
        "data/train.txt",
        "train.txt",
        "obj.names",
        "data/obj.names",
        "..",
        "/etc/passwd",
        "",
        "a" * 300,
        "\\x",
        "images",
    ]
)
NUMBERS = st.floats(-0.02, 1.02).map("{:.6f}".format) | st.sampled_from(
    ["0", "1", "nan", "inf", "-0", "1e400", "x"]
)
NAMES = st.sampled_from(["a\nb\n", "", "a\na"])
CORNERS = st.sampled_from([0.0, 0.25, 0.5, 0.75, 1.0])


def converts(root: Path, options: YoloOptions) -> None:
    with contextlib.suppress(DefectlineError):
        yolo2coco(root, root.parent / "c", options, Execution(dry_run=True))
    assert not (root.parent / "c").exists()


def folder(root: Path, labels: str) -> Path:
    for name in ("images", "labels"):
        (root / name).mkdir(parents=True, exist_ok=True)
    if not (root / "images/a.png").exists():
        PillowImage.new("L", (20, 12)).save(root / "images/a.png")
    (root / "labels/a.txt").write_text(labels)
    return root


@MANY
@given(st.lists(st.tuples(KEYS, PATHS), max_size=5), st.lists(PATHS, max_size=3), NAMES)
def test_any_obj_data(tmp_path: Path, entries: list[tuple[str, str]], listed: list[str], names: str) -> None:
    root = folder(tmp_path / "y", "0 .5 .5 .1 .1\n")
    (root / "obj.data").write_text("".join(f"{key} = {value}\n" for key, value in entries))
    (root / "obj.names").write_text(names)
    (root / "train.txt").write_text("\n".join(["data/images/a.png", *listed]))
    converts(root, YoloOptions())


@MANY
@given(
    st.lists(st.lists(NUMBERS, min_size=1, max_size=14).map(" ".join), max_size=4),
    st.sampled_from(["keep", "refuse"]),
    st.sampled_from(["polygon", "box"]),
    st.sampled_from(["rle", "polygon", "auto"]),
)
def test_any_label_lines(
    tmp_path: Path,
    lines: list[str],
    mixed: Literal["keep", "refuse"],
    oriented: Literal["polygon", "box"],
    segmentation: Literal["rle", "polygon", "auto"],
) -> None:
    root = folder(tmp_path / "y", "\n".join(lines))
    (root / "classes.txt").write_text("a\nb\n")
    converts(root, YoloOptions(mixed=mixed, oriented=oriented, segmentation=segmentation))


@MANY
@given(st.lists(st.tuples(CORNERS, CORNERS), min_size=3, max_size=12))
def test_a_segment_that_walks_any_way_back_is_drawn_inside_its_box(points: list[tuple[float, float]]) -> None:
    """Few different corners, so that the outline follows many lines in both directions."""
    drawn = draw_segment([v for point in points for v in point], len(points), 12, 20)
    if drawn is not None:
        x, y, w, h = drawn.box
        xs, ys = [20 * x for x, _ in points], [12 * y for _, y in points]
        assert min(xs) <= x
        assert min(ys) <= y
        assert x + w <= max(xs) + 1
        assert y + h <= max(ys) + 1
