"""YOLO folders, COCO files and masks with arbitrary bytes: a DefectlineError or a result, nothing half-written."""

import contextlib
import json
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from convert.coco2masks import coco2masks
from convert.coco_source import instance_mask
from convert.execution import Execution
from convert.masks2coco import MasksOptions, masks2coco
from convert.yolo2coco import YoloOptions, yolo2coco
from datasets.check.check import check
from datasets.check.facts import Limits
from datasets.coco import Annotation, Image, Rle
from system.errors import DefectlineError, InputError
from tests.small_coco import CATEGORIES, box_annotation, write_folder

SLOW_IS_FINE = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
QUICK = settings(max_examples=40, deadline=None, suppress_health_check=SLOW_IS_FINE)
NUMBERS = st.integers() | st.floats(allow_nan=False, allow_infinity=False)
SCALARS = st.none() | st.booleans() | NUMBERS | st.text(max_size=8)
JSON = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner)
)


def survives(call: Callable[[], object], dest: Path) -> None:
    """A dry run may end in an error of one line and leaves nothing behind."""
    with contextlib.suppress(DefectlineError):
        call()
    assert not dest.exists()
    assert not [p for p in dest.parent.iterdir() if p.name.startswith(".")]


@QUICK
@given(st.binary(max_size=60) | st.text(max_size=60).map(str.encode))
def test_any_data_yaml(tmp_path: Path, data: bytes) -> None:
    source = tmp_path / "y"
    (source / "images").mkdir(parents=True, exist_ok=True)
    (source / "data.yaml").write_bytes(data)
    survives(lambda: yolo2coco(source, tmp_path / "c", YoloOptions(), Execution(dry_run=True)), tmp_path / "c")


@QUICK
@given(st.dictionaries(st.sampled_from(["path", "train", "val", "names", "nc"]), JSON))
def test_any_value_in_data_yaml(tmp_path: Path, described: dict) -> None:
    source = tmp_path / "y"
    (source / "images").mkdir(parents=True, exist_ok=True)
    (source / "data.yaml").write_text(json.dumps(described))
    survives(lambda: yolo2coco(source, tmp_path / "c", YoloOptions(), Execution(dry_run=True)), tmp_path / "c")


@pytest.mark.parametrize(
    "text", ["[" * 50_000, "a: &a [*a]", "? " * 20_000, "!!python/object:os.system x", "\x00"]
)
def test_yaml_made_to_hurt(tmp_path: Path, text: str) -> None:
    (tmp_path / "data.yaml").write_text(text)
    with pytest.raises(InputError):
        yolo2coco(tmp_path, tmp_path / "c")


@QUICK
@given(JSON | st.fixed_dictionaries({"images": JSON, "annotations": JSON, "categories": JSON}))
def test_any_json_as_coco_file(tmp_path: Path, content: object) -> None:
    source = tmp_path / "any.json"
    source.write_text(json.dumps(content))
    survives(lambda: coco2masks(source, tmp_path / "m", execution=Execution(dry_run=True)), tmp_path / "m")


def test_deep_nesting_is_refused(tmp_path: Path) -> None:
    deep = '{"images":[],"annotations":[],"categories":[],"info":{"a":' + "[" * 100_000 + "]" * 100_000 + "}}"
    (tmp_path / "any.json").write_text(deep)
    with pytest.raises(InputError, match="not valid JSON"):
        coco2masks(tmp_path / "any.json", tmp_path / "m")


COUNTS = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=12) | st.lists(
    st.integers(-3, 130), max_size=6
)


@settings(max_examples=600, deadline=None)
@given(COUNTS)
def test_any_run_lengths(counts: str | list[int]) -> None:
    annotation = Annotation(1, 1, 1, (0, 0, 1, 1), 1, Rle((9, 12), counts))
    try:
        mask = instance_mask(Image(1, "a.png", 12, 9), annotation)
    except InputError:
        return
    assert mask.shape == (9, 12)
    assert set(mask.ravel().tolist()) <= {0, 1}


@settings(max_examples=300, deadline=None)
@given(st.lists(st.lists(st.floats(-1e12, 1e12) | st.integers(-50, 50), max_size=9), max_size=3))
def test_any_polygons(polygons: list[list[float]]) -> None:
    try:
        mask = instance_mask(Image(1, "a.png", 12, 9), box_annotation(1, 1, 1, (0, 0, 1, 1), polygons))
    except InputError:
        return
    assert mask.shape == (9, 12)


@QUICK
@given(st.binary(max_size=40), st.integers(0, 400), st.integers(0, 255))
def test_any_mask_and_any_image(coco_folder: Path, tmp_path: Path, data: bytes, at: int, value: int) -> None:
    whole = bytearray(min((coco_folder / "masks").rglob("*.png")).read_bytes())
    whole[at % len(whole)] = value
    for name, content in (("p/a.png", bytes(whole)), ("m/a.png", data or bytes(whole))):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(content)
    options = MasksOptions(Path("masks"), ("crack",), ratios=(1, 0, 0))
    survives(
        lambda: masks2coco(
            tmp_path / "p",
            tmp_path / "c",
            msgspec.structs.replace(options, masks=tmp_path / "m"),
            Execution(dry_run=True),
        ),
        tmp_path / "c",
    )


@QUICK
@given(st.binary(max_size=50) | st.text("0123456789. -einf\n", max_size=50).map(str.encode))
def test_any_label_file_and_the_check_goes_on(tmp_path: Path, data: bytes) -> None:
    source = tmp_path / "y"
    if not source.exists():
        write_folder(source, {"train": [Image(1, "a.png", 20, 10)]}, [], CATEGORIES)
        (source / "annotations/instances_train.json").unlink()
        (source / "data.yaml").write_text("train: images\nnames: [a, b]\n")
        (source / "labels").mkdir()
    (source / "labels/a.txt").write_bytes(data)
    survives(lambda: yolo2coco(source, tmp_path / "c", YoloOptions(), Execution(dry_run=True)), tmp_path / "c")
    assert check(source, Limits(), jobs=1).images == 1
