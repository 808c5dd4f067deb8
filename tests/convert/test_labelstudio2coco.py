"""Label Studio's exports to COCO: regions, annotations, predictions, names of images."""

import math
from pathlib import Path

import numpy as np
import pytest

from convert.labelstudio2coco import LabelStudioOptions, labelstudio2coco
from datasets.masks.rle import decode
from system.errors import InputError
from tests.brush import pack_brush
from tests.command import only_line, run_command
from tests.tool_exports import HEIGHT, WIDTH, boxes, centres, draw_image, result, task, write_json, written

RECTANGLE = {"x": 15.625, "y": 16.667, "width": 31.25, "height": 25.0, "rotation": 0}
BOX = (10, 8, 20, 12)


def codes(source: Path, dest: Path, options: LabelStudioOptions | None = None) -> dict[str, int]:
    report = labelstudio2coco(source, dest, options or LabelStudioOptions())
    return {str(row["code"]): int(row["count"]) for row in report.summary()}


def export(root: Path, *tasks: object, image: str = "a.png") -> Path:
    draw_image(root / image)
    return write_json(root / "export.json", list(tasks))


def percent(x: float, y: float) -> list[float]:
    return [x / WIDTH * 100, y / HEIGHT * 100]


def test_a_rectangle_is_percent_of_the_image(tmp_path: Path) -> None:
    source = export(tmp_path, task("/data/upload/1/ab12cd34-a.png", result("rectanglelabels", RECTANGLE)))
    assert codes(source, tmp_path / "c") == {}
    assert boxes(tmp_path / "c") == {"a.png": [("chip", BOX)]}


@pytest.mark.parametrize(
    ("value", "name"),
    [
        ("/data/upload/3/abcd1234-a.png", "abcd1234-a.png"),
        ("/data/upload/3/abcd1234-a.png", "a.png"),
        (r"images\a.png", "images/a.png"),
        ("/data/local-files/?d=part/a.png", "part/a.png"),
        ("/data/local-files/?d=part%5Ca%20b.png", "part/a b.png"),
        ("s3://bucket/part/a.png", "part/a.png"),
        ("https://host/x/a.png?X-Amz=1&b=2", "a.png"),
        ("/data/upload/3/abcd1234-b%C3%A4r.png", "bär.png"),
    ],
)
def test_the_image_is_found_by_every_kind_of_path(tmp_path: Path, value: str, name: str) -> None:
    source = export(tmp_path, task(value, result("rectanglelabels", RECTANGLE)), image=name)
    codes(source, tmp_path / "c")
    assert list(boxes(tmp_path / "c")) == [name.rpartition("/")[2]]


def test_a_url_and_an_embedded_image_are_refused_with_a_way_forward(tmp_path: Path) -> None:
    tmp_path.joinpath("e").mkdir()
    source = write_json(tmp_path / "e/x.json", [task("https://h/gone.png", result("rectanglelabels", RECTANGLE))])
    with pytest.raises(InputError, match="at a URL: download the images"):
        codes(source, tmp_path / "c")
    source = write_json(tmp_path / "e/x.json", [task("data:image/png;base64,AAAA")])
    with pytest.raises(InputError, match="is embedded"):
        codes(source, tmp_path / "c")


@pytest.mark.parametrize("angle", [20, 90, 315])
def test_a_rectangle_turns_about_its_upper_left_corner_in_pixels(tmp_path: Path, angle: float) -> None:
    value = {"x": 50, "y": 50, "width": 12.5, "height": 12.5, "rotation": angle}  # 32, 24 and 8 x 6 pixels
    codes(export(tmp_path, task("a.png", result("rectanglelabels", value))), tmp_path / "c")
    ((_, found),) = written(tmp_path / "c")["a.png"]
    x, y = centres()
    turn = math.radians(angle)
    along = (x - 32) * math.cos(turn) + (y - 24) * math.sin(turn)
    across = -(x - 32) * math.sin(turn) + (y - 24) * math.cos(turn)
    inside = (along > 0) & (along < 8) & (across > 0) & (across < 6)
    assert np.array_equal(decode(found.segmentation, HEIGHT, WIDTH).astype(bool), inside)


def test_ellipses_polygons_and_brushes_get_their_pixels(tmp_path: Path) -> None:
    mask = np.zeros((HEIGHT, WIDTH), np.bool_)
    mask[30:40, 5:25] = mask[33, 5] = True
    mask[35, 10] = False
    ellipse = {"x": 75, "y": 25, "radiusX": 12.5, "radiusY": 12.5, "rotation": 0}  # 48, 12, 8 and 6 pixels
    polygon = {"points": [percent(4, 4), percent(14, 4), percent(14, 10), percent(4, 10)], "closed": True}
    brush = {"format": "rle", "rle": pack_brush(mask)}
    results = [
        result("ellipselabels", ellipse, "e"),
        result("polygonlabels", polygon, "p"),
        result("brushlabels", brush, "b"),
    ]
    assert codes(export(tmp_path, task("a.png", *results)), tmp_path / "c") == {}
    found = dict(written(tmp_path / "c")["a.png"])
    x, y = centres()
    inside = ((x - 48) / 8) ** 2 + ((y - 12) / 6) ** 2 <= 1
    assert np.array_equal(decode(found["e"].segmentation, HEIGHT, WIDTH).astype(bool), inside)
    assert (found["p"].bbox, found["p"].area) == ((4, 4, 10, 6), 60)
    assert np.array_equal(decode(found["b"].segmentation, HEIGHT, WIDTH).astype(bool), mask)


def test_geometry_and_labels_may_be_two_results_of_one_id(tmp_path: Path) -> None:
    geometry = result("rectangle", RECTANGLE, None, id="r1")
    labels = result("labels", RECTANGLE, "dent", id="r1")
    codes(export(tmp_path, task("a.png", geometry, labels)), tmp_path / "c")
    assert boxes(tmp_path / "c") == {"a.png": [("dent", BOX)]}


def test_other_results_than_regions_are_counted(tmp_path: Path) -> None:
    results = [
        result("rectanglelabels", RECTANGLE),
        result("keypointlabels", {"x": 1, "y": 1, "width": 0.5}),
        result("rectangle", RECTANGLE, None),
        {"type": "choices", "value": {"choices": ["bad"]}},
        {"type": "relation", "from_id": "a", "to_id": "b"},
        result("vectorlabels", {"vertices": []}),
    ]
    source = export(tmp_path, task("a.png", *results))
    assert codes(source, tmp_path / "c") == {"line-lost": 1, "no-label": 1, "shape-lost": 1, "tag-lost": 1}
    assert codes(source, tmp_path / "d", LabelStudioOptions(line_width=3))["line-drawn"] == 1


def test_a_region_of_several_labels_is_an_annotation_of_each(tmp_path: Path) -> None:
    region = result("rectanglelabels", RECTANGLE)
    region["value"]["rectanglelabels"] = ["a", "b"]
    assert codes(export(tmp_path, task("a.png", region)), tmp_path / "c") == {"several-labels": 1}
    assert boxes(tmp_path / "c") == {"a.png": [("a", BOX), ("b", BOX)]}


def several(tmp_path: Path) -> Path:
    annotations = [
        {"id": 7, "created_at": "2024-03-02", "result": [result("rectanglelabels", RECTANGLE, "second")]},
        {"id": 9, "created_at": "2024-03-01", "result": [result("rectanglelabels", RECTANGLE, "first")]},
        {"id": 1, "created_at": "2024-01-01", "was_cancelled": True, "result": []},
        {
            "id": 8,
            "created_at": "2024-03-03",
            "ground_truth": True,
            "result": [result("rectanglelabels", RECTANGLE, "last")],
        },
    ]
    return export(tmp_path, {"id": 1, "data": {"image": "a.png"}, "annotations": annotations})


def test_the_first_submitted_annotation_counts_by_default(tmp_path: Path) -> None:
    source = several(tmp_path)
    assert codes(source, tmp_path / "c") == {"annotation-cancelled": 1, "further-annotation": 1}
    assert boxes(tmp_path / "c")["a.png"] == [("first", BOX)]
    for choice, label in (("last", "last"), ("ground-truth", "last")):
        codes(source, tmp_path / choice, LabelStudioOptions(annotation=choice))
        assert boxes(tmp_path / choice)["a.png"] == [(label, BOX)]


def test_missing_ground_truth_is_refused(tmp_path: Path) -> None:
    source = export(tmp_path, task("a.png", result("rectanglelabels", RECTANGLE)))
    with pytest.raises(InputError, match=r"\$\[0\] is marked as ground truth"):
        codes(source, tmp_path / "c", LabelStudioOptions(annotation="ground-truth"))


def test_tasks_without_submission_are_unlabelled_and_empty_annotations_negatives(tmp_path: Path) -> None:
    cancelled = [{"id": 1, "was_cancelled": True, "result": []}]
    predicted = [{"id": 5, "result": [result("rectanglelabels", RECTANGLE)]}]
    tasks = [
        task("a.png", result("rectanglelabels", RECTANGLE)),
        task("empty.png"),
        {"id": 3, "data": {"image": "none.png"}, "annotations": []},
        {"id": 4, "data": {"image": "cancelled.png"}, "annotations": cancelled},
        {"id": 5, "data": {"image": "predicted.png"}, "annotations": [], "predictions": predicted},
        task("choice.png", {"type": "choices", "value": {"choices": ["good"]}}),
    ]
    for name in ("empty", "none", "cancelled", "predicted", "choice"):
        draw_image(tmp_path / f"{name}.png")
    source = export(tmp_path, *tasks)
    expected = {"annotation-cancelled": 1, "prediction-ignored": 1, "tag-lost": 1, "unlabelled": 4}
    assert codes(source, tmp_path / "c") == expected
    assert {name: len(found) for name, found in boxes(tmp_path / "c").items()} == {"a.png": 1, "empty.png": 0}
    assert codes(source, tmp_path / "p", LabelStudioOptions(predictions=True))["prediction-used"] == 1
    assert boxes(tmp_path / "p")["predicted.png"] == [("chip", BOX)]


def test_json_min_is_read_like_json(tmp_path: Path) -> None:
    sizes = {"original_width": WIDTH, "original_height": HEIGHT}
    first = {
        "image": "/data/upload/1/ab12cd34-a.png",
        "id": 1,
        "label": [RECTANGLE | sizes | {"rectanglelabels": ["x"]}],
    }
    record = {"annotator": 1, "annotation_id": 3, "created_at": "2024-01-02"}
    again = first | {"annotation_id": 4, "created_at": "2024-01-01", "label": []}
    empty = {"image": "/data/upload/1/ab12cd34-b.png", "id": 2, "choice": "good"} | record
    draw_image(tmp_path / "b.png")
    source = export(tmp_path, first | record, record | again, empty)
    assert codes(source, tmp_path / "c", LabelStudioOptions(annotation="last")) == {"further-annotation": 1}
    assert boxes(tmp_path / "c") == {"a.png": [("x", BOX)], "b.png": []}


def test_one_file_per_annotation_of_target_storage(tmp_path: Path) -> None:
    draw_image(tmp_path / "i/a.png")
    annotation = {"id": 1, "result": [result("rectanglelabels", RECTANGLE)], "task": {"data": {"image": "a.png"}}}
    write_json(tmp_path / "s/1.json", annotation)
    codes(tmp_path / "s", tmp_path / "c", LabelStudioOptions(images=tmp_path / "i"))
    assert boxes(tmp_path / "c") == {"a.png": [("chip", BOX)]}


def test_several_images_in_a_task_need_a_choice(tmp_path: Path) -> None:
    both = task("a.png", result("rectanglelabels", RECTANGLE))
    both["data"] = {"left": "a.png", "right": "b.png"}
    source = export(tmp_path, both)
    with pytest.raises(InputError, match=r"several images \(left, right\); choose one with --image-key"):
        codes(source, tmp_path / "c")
    codes(source, tmp_path / "c", LabelStudioOptions(image_key="left"))
    assert set(boxes(tmp_path / "c")) == {"a.png"}


@pytest.mark.parametrize(
    ("region", "problem"),
    [
        (result("rectanglelabels", RECTANGLE | {"x": None}), "a coordinate of $[0] result 1 is None"),
        (result("rectanglelabels", RECTANGLE, original_width=None), "has no original_width"),
        (result("rectanglelabels", RECTANGLE, image_rotation=90), "rotated by 90 degrees"),
        (
            result("rectanglelabels", RECTANGLE, original_width=100),
            "its shapes belong to an image of 100 x 48 pixels",
        ),
        (result("brushlabels", {"rle": [0, 0, 0, 300]}), "a value that is not a byte"),
        (result("brushlabels", {"rle": [0, 0, 0, 3, 0, 0, 0]}), "does not have the 12288 values"),
        (result("polygonlabels", {"points": [[1]]}), "a point with 1 numbers"),
        ("text", "$[0] result 1 is text where an object is expected"),
    ],
)
def test_invalid_label_studio_files_are_refused_in_one_line(
    tmp_path: Path, region: object, problem: str, capsys: pytest.CaptureFixture[str]
) -> None:
    source = export(tmp_path, task("a.png", region))
    assert run_command("convert", "labelstudio2coco", source, tmp_path / "c") == 2
    assert problem in only_line(capsys)
    assert not (tmp_path / "c").exists()
