"""COCO written for annotation tools, read back by us and, where they are installed, by the tools' own importers.

`label_studio_sdk` and `datumaro` (with which CVAT imports COCO) need a separate environment.
"""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from convert.coco2coco import CocoOptions, coco2coco
from convert.coco_rings import component_rings
from convert.execution import Execution
from convert.labelme2coco import LabelmeOptions, labelme2coco
from datasets.formats.dataset_folder import Dataset, load_dataset
from datasets.masks.component import mask_to_component
from datasets.masks.rle import decode, encode
from system.errors import InputError
from tests.convert.test_interop import need
from tests.foreign_coco import annotation, coco_json, draw, image

TOOLS = ("cvat", "labelstudio", "roboflow")


def masks(dataset: Dataset) -> dict[str, list[tuple[str, str]]]:
    """Name of the image without folders -> type and pixels of each annotation."""
    names = {c.id: c.name for c in dataset.categories}
    found = {}
    for coco in dataset.splits.values():
        for each in coco.images:
            key = each.file_name.replace("/", "_").removeprefix("train_").removeprefix("val_")
            drawn = [(names[a.category_id], decode(a.segmentation, each.height, each.width))
                     for a in coco.by_image()[each.id]]  # fmt: skip
            found[key] = sorted((name, str(encode(mask).counts)) for name, mask in drawn)
    return found


@pytest.mark.parametrize("tool", TOOLS)
def test_imports_by_a_tool_have_the_same_pixels(coco_folder: Path, tmp_path: Path, tool: str) -> None:
    report = coco2coco(coco_folder, tmp_path / "t", CocoOptions(to=tool))
    again = coco2coco(tmp_path / "t", tmp_path / "d")
    assert again.written == report.written
    ours, back = masks(load_dataset(coco_folder)), masks(load_dataset(tmp_path / "d"))
    expected = {name.removeprefix("test_"): rows for name, rows in ours.items()}
    assert {name.removeprefix("test_"): rows for name, rows in back.items()} == expected


def test_x_anylabeling_files_have_the_same_pixels(coco_folder: Path, tmp_path: Path) -> None:
    coco2coco(coco_folder, tmp_path / "t", CocoOptions(to="xanylabeling"))
    labelme2coco(tmp_path / "t", tmp_path / "d", LabelmeOptions(split="original"))
    ours, back = load_dataset(coco_folder), load_dataset(tmp_path / "d")
    for split, coco in ours.splits.items():
        assert len(back.splits[split].images) == len(coco.images)
        assert sorted(a.area for a in back.splits[split].annotations) == sorted(a.area for a in coco.annotations)


def one_image(root: Path, **changes: object) -> Path:
    draw(root / "images/x/a.png")
    annotations = [annotation(1, 1), annotation(2, 1, bbox=[40, 30, 10, 10], area=100, segmentation=[], **changes)]
    coco_json(root / "annotations/instances_train.json", [image(1, "x/a.png")], annotations)
    return root


def test_layouts_and_spellings(tmp_path: Path) -> None:
    source = one_image(tmp_path / "s")
    files = {}
    for tool in (*TOOLS, "xanylabeling"):
        coco2coco(source, tmp_path / tool, CocoOptions(to=tool))
        files[tool] = sorted(
            p.relative_to(tmp_path / tool).as_posix() for p in (tmp_path / tool).rglob("*") if p.is_file()
        )
    assert files == {
        "cvat": [".defectline", "annotations/instances_train.json", "images/train/x/a.png"],
        "labelstudio": [".defectline", "images/x/a.png", "result.json"],
        "roboflow": [".defectline", "train/_annotations.coco.json", "train/x_a.png"],
        "xanylabeling": [".defectline", "train/x/a.json", "train/x/a.png"],
    }
    cvat = json.loads((tmp_path / "cvat/annotations/instances_train.json").read_text())
    assert [each["file_name"] for each in cvat["images"]] == ["x/a.png"]
    studio = json.loads((tmp_path / "labelstudio/result.json").read_text())
    assert [each["file_name"] for each in studio["images"]] == ["images/x/a.png"]
    assert [c["id"] for c in studio["categories"]] == [0]
    assert [a["category_id"] for a in studio["annotations"]] == [0, 0]
    roboflow = json.loads((tmp_path / "roboflow/train/_annotations.coco.json").read_text())
    assert [(c["id"], c["name"], c["supercategory"]) for c in roboflow["categories"]] == [
        (0, "defects", "none"), (1, "chip", "defects")
    ]  # fmt: skip
    shapes = json.loads((tmp_path / "xanylabeling/train/x/a.json").read_text())["shapes"]
    assert [(s["shape_type"], s["points"]) for s in shapes] == [
        ("polygon", [[10, 8], [30, 8], [30, 20], [10, 20]]),
        ("rectangle", [[40, 30], [50, 30], [50, 40], [40, 40]]),
    ]


@pytest.mark.parametrize(("tool", "kept"), [("cvat", 2), ("labelstudio", 1), ("roboflow", 1), ("xanylabeling", 1)])
def test_ignore_regions_are_kept_by_cvat_and_lost_elsewhere(tmp_path: Path, tool: str, kept: int) -> None:
    report = coco2coco(one_image(tmp_path / "s", iscrowd=1), tmp_path / "t", CocoOptions(to=tool))
    assert report.written["annotations"] == kept
    assert ("crowd" in {event.code for event in report.events}) == (kept == 1)
    if kept == 1:
        with pytest.raises(InputError, match="crowd"):
            coco2coco(tmp_path / "s", tmp_path / "u", CocoOptions(to=tool), Execution(strict=True))


def test_names_that_would_be_one_are_refused(tmp_path: Path) -> None:
    for name in ("x/a.png", "x_a.png"):
        draw(tmp_path / name)
    source = coco_json(tmp_path / "c.json", [image(1, "x/a.png"), image(2, "x_a.png")], [annotation(1, 1)])
    options = CocoOptions(to="roboflow", ratios=(1, 0, 0))
    with pytest.raises(InputError, match=r"would be named train/x_a\.png"):
        coco2coco(source, tmp_path / "t", options)
    assert not (tmp_path / "t").exists()


@given(arrays(np.bool_, st.tuples(st.integers(1, 12), st.integers(1, 12))).filter(np.any))
def test_rings_cover_exactly_the_pixels_of_a_mask(mask: np.ndarray) -> None:
    rings, _ = component_rings(mask_to_component(mask))
    np.testing.assert_array_equal(decode(rings, *mask.shape) > 0, mask)


def test_label_studios_own_converter_reads_it(coco_folder: Path, tmp_path: Path) -> None:
    converter = need("label_studio_sdk.converter.imports.coco", "labelstudio")
    coco2coco(coco_folder, tmp_path / "t", CocoOptions(to="labelstudio"))
    converter.convert_coco_to_ls(str(tmp_path / "t/result.json"), str(tmp_path / "tasks.json"))
    tasks = json.loads((tmp_path / "tasks.json").read_text())
    written = json.loads((tmp_path / "t/result.json").read_text())
    rings = sum(len(a["segmentation"]) for a in written["annotations"])
    polygons = [r for task in tasks for r in task["annotations"][0]["result"] if r["type"] == "polygonlabels"]
    assert len(polygons) == rings > 0
    labels = {label for polygon in polygons for label in polygon["value"]["polygonlabels"]}
    assert labels == {c.name for c in load_dataset(coco_folder).categories}


def test_datumaro_as_cvat_imports_it(coco_folder: Path, tmp_path: Path) -> None:
    datumaro = need("datumaro", "datumaro")
    coco2coco(coco_folder, tmp_path / "t", CocoOptions(to="cvat"))
    theirs = datumaro.Dataset.import_from(str(tmp_path / "t"), "coco_instances")
    ours = load_dataset(coco_folder)
    for split, coco in ours.splits.items():
        items = list(theirs.subsets()[split])
        found = [a for item in items for a in item.annotations if a.type == datumaro.AnnotationType.mask]
        assert len(items) == len(coco.images)
        assert sorted(int(a.image.sum()) for a in found) == sorted(int(a.area) for a in coco.annotations)
        assert not any(a.attributes.get("is_crowd") for a in found)


@pytest.mark.parametrize("subsets", [("default",), ("Train", "Validation")])
def test_exports_of_cvat_by_datumaro_are_read(tmp_path: Path, subsets: tuple[str, ...]) -> None:
    """A polygon, a brush mask with a hole (written as a crowd), a rotated box and an image without shapes."""
    datumaro = need("datumaro", "datumaro")
    brush = np.zeros((48, 64), bool)
    brush[8:20, 10:30] = True
    brush[12:15, 15:20] = False
    drawn = {
        "polygon": [datumaro.Polygon([10, 8, 30, 8, 30, 20, 10, 20], label=0)],
        "brush": [datumaro.Mask(brush, label=0)],
        "rotated": [datumaro.Bbox(12, 19, 40, 10, label=1, attributes={"rotation": 90.0})],
        "nothing": [],
    }
    rng = np.random.default_rng(0)
    items = [
        datumaro.DatasetItem(
            name, subset=subset, media=datumaro.Image.from_numpy(rng.integers(0, 255, (48, 64, 3), np.uint8)),
            annotations=shapes,
        )
        for subset in subsets
        for name, shapes in drawn.items()
    ]  # fmt: skip
    theirs = datumaro.Dataset.from_iterable(items, categories=["chip", "scratch"], media_type=datumaro.Image)
    theirs.export(str(tmp_path / "s"), "coco_instances", save_media=True)
    report = coco2coco(tmp_path / "s", tmp_path / "d", CocoOptions(crowd="instance"))
    codes = [event.code for event in report.events]
    assert codes.count("rotated-box") == codes.count("crowd-as-instance") == len(subsets)
    back = load_dataset(tmp_path / "d")
    expected = {
        "polygon": ([10, 8, 20, 12], 240),
        "brush": ([10, 8, 20, 12], 225),
        "rotated": ([27, 4, 10, 40], 400),
    }
    found = [
        (Path(each.file_name).stem, list(a.bbox), a.area, a.iscrowd)
        for coco in back.splits.values()
        for each in coco.images
        for a in coco.by_image()[each.id]
    ]
    assert sorted(found) == sorted((name, *row, 0) for name, row in expected.items() for _ in subsets)
    if len(subsets) == 2:
        assert [len(coco.images) for coco in back.splits.values()] == [4, 4, 0]


def test_supervision_reads_files_written_for_roboflow(coco_folder: Path, tmp_path: Path) -> None:
    supervision = need("supervision")
    coco2coco(coco_folder, tmp_path / "t", CocoOptions(to="roboflow"))
    for split, folder in (("train", "train"), ("val", "valid"), ("test", "test")):
        theirs = supervision.DetectionDataset.from_coco(
            images_directory_path=str(tmp_path / "t" / folder),
            annotations_path=str(tmp_path / "t" / folder / "_annotations.coco.json"),
        )
        coco = load_dataset(coco_folder).splits[split]
        assert len(theirs) == len(coco.images)
        assert sum(len(detections) for _, _, detections in theirs) == len(coco.annotations)


def test_files_of_supervision_are_read(tmp_path: Path) -> None:
    """Ids restart in each of its files, and a polygon that it writes runs through the centres of pixels."""
    supervision = need("supervision")
    for split in ("train", "valid"):
        source = tmp_path / f"source-{split}"
        images = [image(i, f"{split}{i}.png") for i in range(3)]
        for each in images:
            draw(source / each["file_name"])
        ellipse = [
            v for t in range(24) for v in (30 + 18 * np.cos(t * np.pi / 12), 24 + 12 * np.sin(t * np.pi / 12))
        ]
        oval = annotation(1, 1, bbox=[12, 12, 36, 24], area=679, segmentation=[ellipse])
        coco_json(source / "c.json", images, [oval])
        theirs = supervision.DetectionDataset.from_coco(
            images_directory_path=str(source), annotations_path=str(source / "c.json"), force_masks=True
        )
        theirs.as_coco(
            images_directory_path=str(tmp_path / "s" / split),
            annotations_path=str(tmp_path / "s" / split / "annotations.json"),
        )
    coco2coco(tmp_path / "s", tmp_path / "d")
    for split, folder in (("train", "train"), ("val", "valid")):
        coco = load_dataset(tmp_path / "d").splits[split]
        assert [each.file_name for each in coco.images] == [f"{folder}{i}.png" for i in range(3)]
        (only,) = coco.annotations
        assert only.image_id == coco.images[1].id
        assert only.bbox == pytest.approx([12, 12, 36, 24], abs=1)
        assert only.area == pytest.approx(np.pi * 18 * 12, rel=0.1)
