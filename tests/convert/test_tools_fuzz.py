"""Exports of labelling tools with arbitrary content: an error of one line or a result, nothing half-written."""

import json
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path
from xml.sax.saxutils import escape, quoteattr

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from convert.csv2coco import CsvOptions, csv2coco
from convert.cvat2coco import CvatOptions, cvat2coco
from convert.execution import Execution
from convert.labelstudio2coco import LabelStudioOptions, labelstudio2coco
from convert.report import Report
from convert.via2coco import ViaOptions, via2coco
from convert.voc2coco import VocOptions, voc2coco
from datasets.masks.rle import decode
from system.errors import CombinedInputError, DefectlineError
from tests.brush import pack_brush
from tests.tool_exports import (
    HEIGHT,
    WIDTH,
    boxes,
    draw_image,
    result,
    task,
    voc_object,
    write_json,
    write_voc,
    written,
)

SLOW_IS_FINE = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.filter_too_much]
QUICK = settings(max_examples=120, deadline=None, suppress_health_check=SLOW_IS_FINE)
DRY = Execution(dry_run=True)
NUMBERS = st.integers(-70, 70) | st.floats() | st.sampled_from([0, 1, 48, 64, 1e9, 10**30])
TEXTS = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), max_size=6)
VALUES = st.none() | st.booleans() | NUMBERS | TEXTS
VOC_NAMES = ["object", "name", "bndbox", "xmin", "ymin", "xmax", "ymax", "size", "width", "height", "filename"]
VOC_NAMES += ["difficult", "polygon", "x1", "y1", "robndbox", "cx", "attributes", "attribute", "value"]
CVAT_NAMES = ["image", "box", "polygon", "polyline", "points", "mask", "ellipse", "cuboid", "tag", "track", "meta"]
CVAT_KEYS = ["name", "label", "xtl", "ytl", "xbr", "ybr", "rotation", "points", "rle", "left", "top", "width"]
CVAT_KEYS += ["height", "cx", "cy", "rx", "ry", "group_id", "subset"]
JSON_KEYS = ["id", "data", "image", "annotations", "predictions", "result", "type", "value", "x", "y", "width"]
JSON_KEYS += ["height", "rotation", "points", "rle", "radiusX", "radiusY", "rectanglelabels", "labels"]
JSON_KEYS += ["original_width", "original_height", "annotation_id", "was_cancelled", "task", "created_at"]
VIA_KEYS = ["filename", "regions", "shape_attributes", "region_attributes", "name", "x", "y", "width", "height"]
VIA_KEYS += ["cx", "cy", "r", "all_points_x", "all_points_y", "_via_img_metadata", "metadata", "view", "file"]
VIA_KEYS += ["attribute", "vid", "xy", "av", "fid_list", "fname", "type", "options", "1"]


def survives(call: Callable[[], Report], dest: Path) -> None:
    """A dry run may end in errors of one line each and leaves nothing behind."""
    errors: Sequence[DefectlineError] = []
    lines: list[str] = []
    try:
        call()
    except CombinedInputError as error:
        errors, lines = error.errors, str(error).splitlines()
    except DefectlineError as error:
        errors, lines = [error], str(error).splitlines()
    assert len(lines) == len(errors)
    assert all(len(line) < 1000 for line in lines)
    assert not dest.exists()


def elements(names: list[str], keys: list[str]) -> st.SearchStrategy[str]:
    """XML of these names, with these attributes."""

    def build(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
        attributes = st.dictionaries(st.sampled_from(keys), VALUES, max_size=6) if keys else st.just({})
        return st.builds(_element, st.sampled_from(names), attributes, st.lists(inner, max_size=4))

    return st.recursive(VALUES.map(lambda value: escape(str(value))), build, max_leaves=12)


def _element(name: str, attributes: dict[str, object], parts: list[str]) -> str:
    written_out = "".join(f" {key}={quoteattr(str(value))}" for key, value in attributes.items())
    return f"<{name}{written_out}>{''.join(parts)}</{name}>"


def objects(keys: list[str]) -> st.SearchStrategy[object]:
    """JSON with these keys."""
    texts = st.sampled_from(["a.png", "rect", "polygon", "circle", "chip", "brushlabels", "1"])
    return st.recursive(
        VALUES | texts,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(keys), inner, max_size=6),
        max_leaves=25,
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with one image."""
    draw_image(tmp_path / "s/a.png")
    return tmp_path / "s"


@QUICK
@given(st.lists(elements(VOC_NAMES, []), max_size=5), st.sampled_from([None, 0, 1]))
def test_any_voc(folder: Path, parts: list[str], first: int | None) -> None:
    (folder / "a.xml").write_text(f"<annotation>{''.join(parts)}</annotation>")
    dest = folder.parent / "c"
    survives(lambda: voc2coco(folder, dest, VocOptions(first_pixel=first, line_width=3), DRY), dest)


@QUICK
@given(st.lists(elements(CVAT_NAMES, CVAT_KEYS), max_size=4), st.sampled_from(["rle", "polygon", "auto"]))
def test_any_cvat(folder: Path, parts: list[str], segmentation: str) -> None:
    content = f'<image name="a.png" width="64" height="48">{"".join(parts)}</image>'
    (folder / "a.xml").write_text(f"<annotations>{content}{''.join(parts[:1])}</annotations>")
    dest = folder.parent / "c"
    options = CvatOptions(segmentation=segmentation, line_width=2, unlabelled="negative")
    survives(lambda: cvat2coco(folder, dest, options, DRY), dest)


@QUICK
@given(objects(JSON_KEYS), st.lists(st.dictionaries(st.sampled_from(JSON_KEYS), objects(JSON_KEYS)), max_size=2))
def test_any_label_studio(folder: Path, anything: object, values: list[dict[str, object]]) -> None:
    dest = folder.parent / "c"
    results = [result("polygonlabels", value) for value in values]
    for content in (anything, [task("a.png", *results)]):
        write_json(folder / "a.json", content)
        survives(lambda: labelstudio2coco(folder, dest, LabelStudioOptions(line_width=2), DRY), dest)


@QUICK
@given(objects(VIA_KEYS), st.lists(objects(VIA_KEYS), max_size=3), st.lists(VALUES, max_size=7))
def test_any_via(folder: Path, anything: object, shapes: list[object], numbers: list[object]) -> None:
    dest = folder.parent / "c"
    regions = [{"shape_attributes": shape, "region_attributes": {"type": "chip"}} for shape in shapes]
    via3 = {"file": {"1": {"fname": "a.png"}}, "view": {"1": {"fid_list": ["1"]}}, "metadata": {}, "attribute": {}}
    via3["metadata"] = {"m": {"vid": "1", "xy": numbers, "av": {"1": "chip"}}}
    for content in (anything, {"a": {"filename": "a.png", "regions": regions}}, via3):
        write_json(folder / "a.json", content)
        survives(lambda: via2coco(folder, dest, ViaOptions(category="chip", line_width=2), DRY), dest)


@QUICK
@given(st.lists(st.lists(VALUES, min_size=1, max_size=4), max_size=3), st.binary(max_size=40))
def test_any_csv(folder: Path, rows: list[list[object]], data: bytes) -> None:
    dest, path = folder.parent / "c", folder / "a.csv"
    text = "ImageId,ClassId,EncodedPixels\n" + "".join(",".join(map(str, row)) + "\n" for row in rows)
    for content in (text.encode(), data):
        path.write_bytes(content)
        survives(lambda: csv2coco(path, dest, CsvOptions(), DRY), dest)


@QUICK
@given(st.binary(max_size=80), st.integers(0, 300), st.integers(0, 255))
def test_any_bytes_and_any_damaged_file(folder: Path, data: bytes, at: int, value: int) -> None:
    dest = folder.parent / "c"
    whole = write_voc(folder / "a.xml", voc_object("x", (2, 3, 9, 9)), filename="a.png").read_bytes()
    damaged = bytearray(whole)
    damaged[at % len(whole)] = value
    for content in (data, bytes(damaged)):
        (folder / "a.xml").write_bytes(content)
        (folder / "a.json").write_bytes(content)
        survives(lambda: voc2coco(folder, dest, VocOptions(), DRY), dest)
        survives(lambda: cvat2coco(folder, dest, CvatOptions(), DRY), dest)
        survives(lambda: labelstudio2coco(folder, dest, LabelStudioOptions(), DRY), dest)
        survives(lambda: via2coco(folder, dest, ViaOptions(), DRY), dest)


CORNERS = st.tuples(st.integers(1, 64), st.integers(1, 48), st.integers(1, 64), st.integers(1, 48))


@settings(max_examples=25, deadline=None, suppress_health_check=SLOW_IS_FINE)
@given(corners=st.lists(CORNERS, min_size=1, max_size=4), polygon=st.booleans())
def test_boxes_survive_every_format(
    tmp_path_factory: pytest.TempPathFactory, corners: list[tuple[int, int, int, int]], *, polygon: bool
) -> None:
    root = tmp_path_factory.mktemp("formats")
    draw_image(root / "s/a.png")
    ordered = [(min(a, c), min(b, d), max(a, c), max(b, d)) for a, b, c, d in corners]
    expected = [("chip", (x0 - 1, y0 - 1, x1 - x0 + 1, y1 - y0 + 1)) for x0, y0, x1, y1 in ordered]
    write_voc(root / "s/a.xml", *(voc_object("chip", box) for box in ordered), filename="a.png")
    voc2coco(root / "s", root / "voc")
    assert boxes(root / "voc") == {"a.png": expected}
    regions = []
    for _, (x, y, w, h) in expected:
        ring = [(x, y), (x + w, y), (x + w, y + h), (x, y + h)]
        points = [[px / WIDTH * 100, py / HEIGHT * 100] for px, py in ring]
        box = dict(zip(("x", "y"), points[0], strict=True)) | {
            "width": w / WIDTH * 100,
            "height": h / HEIGHT * 100,
        }
        regions.append(result("polygonlabels", {"points": points}) if polygon else result("rectanglelabels", box))
    source = write_json(root / "ls.json", [task("a.png", *regions)])
    labelstudio2coco(source, root / "ls", LabelStudioOptions(images=root / "s"))
    assert boxes(root / "ls") == {"a.png": expected}


@settings(max_examples=25, deadline=None, suppress_health_check=SLOW_IS_FINE)
@given(arrays(np.bool_, (HEIGHT, WIDTH), elements=st.booleans()))
def test_masks_survive_label_studio_and_cvat(
    tmp_path_factory: pytest.TempPathFactory, mask: NDArray[np.bool_]
) -> None:
    root = tmp_path_factory.mktemp("masks")
    draw_image(root / "s/a.png")
    mask[3, 5] = True
    brush = result("brushlabels", {"format": "rle", "rle": pack_brush(mask)})
    labelstudio2coco(write_json(root / "s/ls.json", [task("a.png", brush)]), root / "ls")
    flat = mask.ravel()
    turns = [0, *(np.flatnonzero(flat[1:] != flat[:-1]) + 1).tolist(), flat.size]
    lengths = ["0"] * bool(flat[0]) + [str(b - a) for a, b in pairwise(turns)]
    element = f'<mask label="chip" rle="{", ".join(lengths)}" left="0" top="0" width="64" height="48"/>'
    (root / "s/a.xml").write_text(f'<annotations><image name="a.png">{element}</image></annotations>')
    cvat2coco(root / "s/a.xml", root / "cvat")
    for name in ("ls", "cvat"):
        ((_, found),) = written(root / name)["a.png"]
        assert np.array_equal(decode(found.segmentation, HEIGHT, WIDTH).astype(bool), mask)


def test_deep_and_large_numbers_end_in_one_line(tmp_path: Path) -> None:
    draw_image(tmp_path / "s/a.png")
    for text in ("[" * 100_000, "{" * 10, json.dumps([10**400]), '[{"data": {"image": 1e999}}]', "[NaN]"):
        (tmp_path / "s/a.json").write_text(text)
        for call in (
            lambda: labelstudio2coco(tmp_path / "s", tmp_path / "c", LabelStudioOptions(), DRY),
            lambda: via2coco(tmp_path / "s", tmp_path / "c", ViaOptions(), DRY),
        ):
            with pytest.raises(DefectlineError):
                call()
