"""COCO exports with arbitrary content: a DefectlineError of one line, or a consistent dataset.

`DEFECTLINE_FUZZ_EXAMPLES` sets how many inputs are drawn (2000 unless set).
"""

import contextlib
import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from convert.coco2coco import CocoOptions, coco2coco
from convert.coco_instances import image_instances
from convert.execution import Execution
from datasets.check.check import check
from datasets.check.facts import Limits
from datasets.coco import Rle
from datasets.formats.coco_export import CocoExport, read_coco_export
from datasets.formats.dataset_folder import load_dataset
from datasets.masks.rle import rle_area, rle_box, to_rle
from system.errors import DefectlineError
from tests.foreign_coco import SQUARE, draw

EXAMPLES = int(os.environ.get("DEFECTLINE_FUZZ_EXAMPLES", "2000"))
FIXTURE_IS_FINE = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
MANY = settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=FIXTURE_IS_FINE)
SOME = settings(max_examples=max(EXAMPLES // 20, 20), deadline=None, suppress_health_check=FIXTURE_IS_FINE)

NUMBERS = st.integers(-9, 70) | st.floats(-9, 90) | st.sampled_from([1e9, 1e308, 10**30, 0.5])
ODD = st.none() | st.booleans() | NUMBERS | st.text(max_size=4) | st.lists(NUMBERS, max_size=4) | st.just({})
NAMES = st.sampled_from(
    [
        "a.png",
        "b.png",
        "images\\1/a.png",
        "../b.png",
        "/x/a.png",
        "part",
        "c",
        "",
        "a.png/..",
        "x" * 300,
        "größe.png",
    ]
)
WHOLE = st.integers(0, 3)
RINGS = st.lists(st.lists(st.floats(-5, 70) | st.integers(-5, 70), max_size=9) | st.just(SQUARE), max_size=3)
RUNS = st.fixed_dictionaries(
    {
        "size": st.just([48, 64]) | st.lists(st.integers(0, 70), max_size=3),
        "counts": st.text("0123456789?@PQRoa", max_size=9)
        | st.lists(st.integers(-2, 900), max_size=5)
        | st.tuples(st.integers(0, 3000)).map(lambda first: [first[0], 3072 - first[0]]),
    }
)
ATTRIBUTES = st.none() | st.fixed_dictionaries({"rotation": NUMBERS})


def mostly(plain: st.SearchStrategy[Any], odd: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """`plain`, or with a probability of about one in eight another value."""
    return st.integers(0, 7).flatmap(lambda n: odd if n == 0 else plain)


IMAGES = st.lists(
    st.fixed_dictionaries(
        {
            "id": mostly(WHOLE, ODD),
            "file_name": mostly(NAMES, ODD),
            "width": mostly(st.just(64), ODD),
            "height": mostly(st.just(48), ODD),
        }
    ),
    max_size=3,
    unique_by=lambda item: str(item["id"]),
)
ANNOTATIONS = st.lists(
    st.fixed_dictionaries(
        {
            "id": mostly(st.integers(0, 99), ODD),
            "image_id": mostly(WHOLE, ODD),
            "category_id": mostly(st.integers(0, 2), ODD),
            "bbox": mostly(st.lists(NUMBERS, min_size=4, max_size=4), ODD),
            "area": mostly(NUMBERS, ODD),
            "iscrowd": mostly(st.integers(0, 1), ODD),
            "segmentation": mostly(RINGS | RUNS | st.just([]), ODD),
        },
        optional={"attributes": ATTRIBUTES},
    ),
    max_size=4,
)
CATEGORIES = mostly(
    st.just([{"id": i, "name": name} for i, name in enumerate(("root", "chip", "chip"))]),
    st.lists(st.fixed_dictionaries({"id": mostly(WHOLE, ODD), "name": mostly(NAMES, ODD)}), max_size=3),
)
CONTENT = st.fixed_dictionaries({"images": IMAGES, "annotations": ANNOTATIONS, "categories": CATEGORIES})
BROKEN = mostly(CONTENT, st.fixed_dictionaries({}, optional={"images": IMAGES, "annotations": ANNOTATIONS | ODD}))
FILES = st.dictionaries(st.sampled_from(["train", "val", "default", "test2017"]), BROKEN, min_size=1, max_size=2)


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("export")
    for name in ("images/a.png", "images/b.png", "images/train/part", "images/größe.png"):
        draw(root / name, kind="PNG")
    (root / "annotations").mkdir()
    return root


def write(root: Path, files: dict[str, Any]) -> None:
    for file in (root / "annotations").iterdir():
        file.unlink()
    for name, content in files.items():
        (root / f"annotations/instances_{name}.json").write_text(json.dumps(content))


def check_sane(export: CocoExport) -> None:
    """Ids and names are unique, every reference has a target, and repaired annotations agree with their masks."""
    ids = [entry.image.id for entry in export.images]
    names = [entry.image.file_name for entry in export.images]
    known = {category.id for category in export.categories}
    assert len(set(ids)) == len(ids)
    assert len(set(names)) == len(names)
    assert len({category.name for category in export.categories}) == len(export.categories)
    for entry in export.images:
        assert entry.path is None or entry.path.is_file()
        assert not Path(entry.image.file_name).is_absolute()
        assert ".." not in Path(entry.image.file_name).parts
        for annotation in entry.annotations:
            assert annotation.image_id == entry.image.id
            assert annotation.category_id in known


@MANY
@given(FILES)
def test_any_export_is_read_or_refused(images: Path, files: dict[str, Any]) -> None:
    write(images, files)
    with contextlib.suppress(DefectlineError):
        export = read_coco_export(images)
        check_sane(export)
        for entry in export.images:
            with contextlib.suppress(DefectlineError):
                made = image_instances(entry.image, entry.annotations, "auto", as_rle=False)
                for instance in made.instances:
                    x, y, w, h = instance.bbox
                    assert min(x, y) >= 0
                    assert min(w, h) > 0
                    assert x + w <= entry.image.width + 1e-3
                    assert y + h <= entry.image.height + 1e-3
                    if instance.segmentation:
                        rle = to_rle(instance.segmentation, entry.image.height, entry.image.width)
                        assert isinstance(rle, Rle)
                        assert (rle_box(rle), rle_area(rle)) == (instance.bbox, instance.area)


@SOME
@given(FILES, st.sampled_from(["auto", "instance", "ignore", "refuse"]))
def test_any_export_becomes_a_dataset_or_nothing(images: Path, tmp_path: Path, files: dict, crowd: str) -> None:
    write(images, files)
    dest = tmp_path / "d"
    with contextlib.suppress(DefectlineError):
        coco2coco(images, dest, CocoOptions(crowd=crowd), Execution(overwrite=True, jobs=1))
        dataset = load_dataset(dest)
        assert dataset.repairs == []
        assert all(dataset.mask_path(image).is_file() for coco in dataset.splits.values() for image in coco.images)
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]


@SOME
@given(FILES)
def test_the_check_goes_on_or_is_refused_in_one_line(images: Path, files: dict) -> None:
    write(images, files)
    with contextlib.suppress(DefectlineError):
        check(images, Limits(), jobs=1)
