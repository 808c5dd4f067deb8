"""CSV tables to COCO: Severstal's runs, makesense.ai's boxes, boxes by their corners."""

from itertools import groupby
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from convert.csv2coco import CsvOptions, csv2coco
from datasets.check.check import check
from datasets.check.facts import Limits
from datasets.masks.rle import decode
from system.errors import InputError
from tests.command import only_line, run_command
from tests.tool_exports import HEIGHT, WIDTH, boxes, draw_image, written


def codes(source: Path, dest: Path, options: CsvOptions | None = None) -> dict[str, int]:
    report = csv2coco(source, dest, options or CsvOptions())
    return {str(row["code"]): int(row["count"]) for row in report.summary()}


def table(root: Path, text: str, *images: str) -> Path:
    for i, image in enumerate(images or ("a.jpg",)):
        draw_image(root / f"train_images/{image}", shade=20 * i)
    path = root / "train.csv"
    path.write_text(text)
    return path


def column_runs(mask: NDArray[np.bool_]) -> str:
    """Pairs of first pixel and length, pixels counted from 1 down the columns."""
    pairs, position = [], 1
    for inside, group in groupby(mask.T.ravel().tolist()):
        length = len(list(group))
        pairs += [f"{position} {length}"] if inside else []
        position += length
    return " ".join(pairs)


def blob(*windows: tuple[int, int, int, int]) -> NDArray[np.bool_]:
    mask = np.zeros((HEIGHT, WIDTH), np.bool_)
    for x, y, w, h in windows:
        mask[y : y + h, x : x + w] = True
    return mask


def test_a_row_of_severstal_becomes_an_annotation_per_component(tmp_path: Path) -> None:
    first, second = blob((10, 8, 20, 12), (40, 30, 5, 5)), blob((0, 0, 3, 48))
    text = f"ImageId,ClassId,EncodedPixels\na.jpg,3,{column_runs(first)}\na.jpg,1,{column_runs(second)}\n"
    assert codes(table(tmp_path, text), tmp_path / "c") == {}
    found = written(tmp_path / "c")["a.jpg"]
    assert [(label, a.bbox, a.area) for label, a in found] == [
        ("3", (10, 8, 20, 12), 240),
        ("3", (40, 30, 5, 5), 25),
        ("1", (0, 0, 3, 48), 144),
    ]
    masks = [decode(a.segmentation, HEIGHT, WIDTH).astype(bool) for _, a in found]
    assert np.array_equal(masks[0] | masks[1], first)
    assert np.array_equal(masks[2], second)


@pytest.mark.parametrize(("connectivity", "count"), [(8, 1), (4, 2)])
def test_connectivity_of_components_follows_the_option(tmp_path: Path, connectivity: int, count: int) -> None:
    runs = column_runs(blob((10, 10, 2, 2), (12, 12, 2, 2)))
    source = table(tmp_path, f"ImageId,ClassId,EncodedPixels\na.jpg,3,{runs}\n")
    assert run_command("convert", "csv2coco", source, tmp_path / "c", "--connectivity", connectivity) == 0
    assert len(boxes(tmp_path / "c")["a.jpg"]) == count


def test_rows_without_pixels_are_reviewed_and_images_without_rows_are_not(tmp_path: Path) -> None:
    runs = column_runs(blob((10, 8, 20, 12)))
    text = f"ImageId_ClassId,EncodedPixels\na.jpg_1,{runs}\na.jpg_2,\nb.jpg_1,\nb.jpg_2,\n"
    source = table(tmp_path, text, "a.jpg", "b.jpg", "c.jpg")
    assert codes(source, tmp_path / "c") == {"unlabelled": 1}
    assert boxes(tmp_path / "c") == {"a.jpg": [("1", (10, 8, 20, 12))], "b.jpg": []}
    codes(source, tmp_path / "n", CsvOptions(unlabelled="negative", rename=("1=chip",)))
    assert boxes(tmp_path / "n") == {"a.jpg": [("chip", (10, 8, 20, 12))], "b.jpg": [], "c.jpg": []}


@pytest.mark.parametrize(
    "header",
    ["", "label_name,bbox_x,bbox_y,bbox_width,bbox_height,image_name,image_width,image_height\n"],
)
def test_makesense_with_and_without_header(tmp_path: Path, header: str) -> None:
    text = f"{header}chip,10,8,20,12,a.jpg,64,48\ndent,1,2,3,4,a.jpg,64,48\n"
    assert codes(table(tmp_path, text), tmp_path / "c") == {}
    assert boxes(tmp_path / "c") == {"a.jpg": [("chip", (10, 8, 20, 12)), ("dent", (1, 2, 3, 4))]}


def test_corners_are_edges_that_count_from_0(tmp_path: Path) -> None:
    text = "filename,width,height,class,xmin,ymin,xmax,ymax\na.jpg,64,48,chip,10,8,30,20\nb.jpg,64,48,,,,,\n"
    codes(table(tmp_path, "\ufeff" + text, "a.jpg", "b.jpg"), tmp_path / "c")
    assert boxes(tmp_path / "c") == {"a.jpg": [("chip", (10, 8, 20, 12))], "b.jpg": []}


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("ImageId,ClassId,EncodedPixels\na.jpg,3,1 2 3\n", "the mask of row 2 has 3 numbers"),
        ("ImageId,ClassId,EncodedPixels\na.jpg,3,3072 2\n", "a run outside the 3072 pixels"),
        ("ImageId,ClassId,EncodedPixels\na.jpg,,1 2\n", "row 2 has pixels but no ClassId"),
        ("ImageId,ClassId,EncodedPixels\na.jpg,3\n", "row 2 has 2 cells instead of 3"),
        ("ImageId,ClassId,EncodedPixels\n,3,1 2\n", "row 2 has no image name"),
        ("a,b\n1,2\n", "unknown columns: a, b"),
        ("", "unknown columns: none"),
        ("chip,10,8,x,12,a.jpg,64,48\n", "bbox_width of row 1 is 'x'"),
        ("chip,1,8,2,12,a.jpg,64,48\nchip,1,8,2,12,a.jpg,64,49\n", "gives a.jpg a different size from row 1"),
        ('"chip,10\n', "not valid CSV"),
    ],
)
def test_invalid_exports_are_refused_in_one_line(
    tmp_path: Path, text: str, problem: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_command("convert", "csv2coco", table(tmp_path, text), tmp_path / "c") == 2
    assert problem in only_line(capsys)
    assert not (tmp_path / "c").exists()


def test_the_folder_of_the_table_is_enough_whatever_its_name(tmp_path: Path) -> None:
    """Severstal as downloaded: train.csv, sample_submission.csv, train_images, test_images."""
    draw_image(tmp_path / "s/train_images/0a.jpg")
    draw_image(tmp_path / "s/test_images/0b.jpg")
    rows = "ImageId,ClassId,EncodedPixels\n0a.jpg,3," + " ".join(f"{48 * x + 9} 12" for x in range(10, 30)) + "\n"
    (tmp_path / "s/any.csv").write_text(rows)
    (tmp_path / "s/notes.csv").write_text("a,b\n1,2\n")
    sample = "ImageId,ClassId,EncodedPixels\n" + "".join(f"0b.jpg,{k},1 409600\n" for k in range(1, 5))
    (tmp_path / "s/sample_submission.csv").write_text(sample)
    csv2coco(tmp_path / "s", tmp_path / "c")
    assert boxes(tmp_path / "c") == {"0a.jpg": [("3", (10, 8, 20, 12))]}
    assert check(tmp_path / "s", Limits(), jobs=1).annotations == 1


def test_a_folder_with_several_tables_or_none_is_refused(tmp_path: Path) -> None:
    (tmp_path / "s").mkdir()
    with pytest.raises(InputError, match=r"no CSV file of annotations in this folder \(no CSV file at all\)"):
        csv2coco(tmp_path / "s", tmp_path / "c")
    (tmp_path / "s/notes.csv").write_text("a,b\n1,2\n")
    with pytest.raises(InputError, match=r"no CSV file of annotations in this folder \(notes\.csv\); name"):
        csv2coco(tmp_path / "s", tmp_path / "c")
    for name in ("x", "y"):
        (tmp_path / f"s/{name}.csv").write_text(f"ImageId,ClassId,EncodedPixels\n{name}.jpg,3,1 2\n")
    with pytest.raises(InputError, match=r"2 CSV files of annotations in this folder: x\.csv, y\.csv; name one"):
        csv2coco(tmp_path / "s", tmp_path / "c")
