"""The images of labelme files: orientation, embedded images, links, unlabelled images, names, splits."""

import base64
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from convert.labelme2coco import LabelmeOptions, labelme2coco
from datasets.formats.dataset_folder import load_dataset
from system.errors import DefectlineError, InputError, OptionError
from tests.labelme_conversions import (
    SQUARE,
    codes,
    convert,
)
from tests.labelme_files import (
    HEIGHT,
    WIDTH,
    instances,
    shape,
    write_case,
)

# How to turn a stored image of each orientation upright, from EXIF 2.3, 4.6.4: the orientation states which side
# of the shown image the first row is, and which side the first column.
UPRIGHT = {
    2: lambda p: p[:, ::-1],  # top, right
    3: lambda p: p[::-1, ::-1],  # bottom, right
    4: lambda p: p[::-1],  # bottom, left
    5: lambda p: p.transpose(1, 0, 2),  # left, top
    6: lambda p: p.transpose(1, 0, 2)[:, ::-1],  # right, top
    7: lambda p: p.transpose(1, 0, 2)[::-1, ::-1],  # right, bottom
    8: lambda p: p.transpose(1, 0, 2)[::-1],  # left, bottom
}


def save_with_exif(folder: Path, orientation: int, suffix: str) -> Any:
    """Save a.<suffix> with a white corner as stored, and return its pixels when upright."""
    pixels = np.zeros((WIDTH, HEIGHT, 3) if orientation >= 5 else (HEIGHT, WIDTH, 3), np.uint8)
    pixels[: len(pixels) // 4, : pixels.shape[1] // 2] = 255
    image = Image.fromarray(pixels)
    exif = image.getexif()
    exif[0x0112] = orientation
    parameters = {".jpg": {"quality": 95}, ".webp": {"lossless": True}}.get(suffix, {})
    image.save(folder / f"a{suffix}", exif=exif if suffix == ".tif" else exif.tobytes(), **parameters)
    return UPRIGHT[orientation](pixels)


@pytest.mark.parametrize("orientation", [2, 3, 4, 5, 6, 7, 8])
@pytest.mark.parametrize("suffix", [".jpg", ".png", ".tif", ".webp"])
def test_image_is_written_upright(orientation: int, suffix: str, tmp_path: Path) -> None:
    write_case(tmp_path / "src", shape("a", "rectangle", [[0, 0], [5, 5]]), imagePath=f"a{suffix}")
    (tmp_path / "src/a.png").unlink()
    upright = save_with_exif(tmp_path / "src", orientation, suffix)
    report = convert(tmp_path / "src", tmp_path / "dst")
    written = Image.open(tmp_path / f"dst/images/a{suffix}")
    assert written.getexif().get(0x0112, 1) == 1
    assert written.size == (WIDTH, HEIGHT)
    difference = np.abs(np.asarray(written.convert("RGB")).astype(int) - upright)
    assert difference.mean() < 2 if suffix == ".jpg" else difference.max() == 0
    assert [e.code for e in report.events] == ["exif-upright"]
    assert ("lossless" in report.events[0].value) == (suffix != ".jpg")


def test_embedded_image_that_is_not_base64(tmp_path: Path) -> None:
    write_case(tmp_path / "src", imagePath="gone.png", imageData="iVBORw0KGgoAAAANSUhE\u00e9")
    (tmp_path / "src/a.png").unlink()
    with pytest.raises(InputError, match="imageData is not base64"):
        convert(tmp_path / "src", tmp_path / "dst")


def test_upright_image_is_linked_and_not_copied(tmp_path: Path) -> None:
    write_case(tmp_path / "src")
    convert(tmp_path / "src", tmp_path / "dst")
    assert (tmp_path / "src/a.png").samefile(tmp_path / "dst/images/a.png")


def test_the_embedded_image_is_used_if_there_is_no_other(tmp_path: Path) -> None:
    path = write_case(tmp_path / "src", shape("a", "polygon", SQUARE))
    data = (tmp_path / "src/a.png").read_bytes()
    (tmp_path / "src/a.png").unlink()
    content = json.loads(path.read_text()) | {"imageData": base64.b64encode(data).decode(), "imagePath": "x.json"}
    path.write_text(json.dumps(content))
    report = convert(tmp_path / "src", tmp_path / "dst")
    assert (tmp_path / "dst/images/a.png").read_bytes() == data
    assert codes(report) == ["image-embedded"]


def test_link_that_leads_outside_is_refused_unless_that_folder_is_named(tmp_path: Path) -> None:
    source, elsewhere = tmp_path / "src", tmp_path / "elsewhere"
    write_case(source, shape("a", "polygon", SQUARE))
    elsewhere.mkdir()
    (source / "a.png").rename(elsewhere / "real.png")
    (source / "a.png").symlink_to(elsewhere / "real.png")
    with pytest.raises(
        InputError, match=r"src/a\.png: a link that points outside the folder, to .*/elsewhere/real\.png"
    ):
        convert(source, tmp_path / "dst")
    assert not (tmp_path / "dst").exists()
    convert(source, tmp_path / "dst", images=elsewhere)
    assert not (tmp_path / "dst/images/a.png").is_symlink()
    (elsewhere / "real.png").rename(source / "real.png")
    (source / "a.png").unlink()
    (source / "a.png").symlink_to("real.png")
    convert(source, tmp_path / "dst2")
    assert list(instances(tmp_path / "dst2")) == ["a.png"]


def test_unlabelled_images_are_left_out_or_negatives(tmp_path: Path) -> None:
    write_case(tmp_path / "src", shape("a", "polygon", SQUARE))
    write_case(tmp_path / "src/deep", name="b").unlink()
    report = convert(tmp_path / "src", tmp_path / "dst")
    assert codes(report) == ["unlabelled"]
    assert list(instances(tmp_path / "dst")) == ["a.png"]
    report = convert(tmp_path / "src", tmp_path / "dst2", unlabelled="negative")
    assert codes(report) == []
    assert {k: len(v) for k, v in instances(tmp_path / "dst2").items()} == {"a.png": 1, "deep/b.png": 0}


def test_image_of_an_embedded_one_is_not_a_negative(tmp_path: Path) -> None:
    source = tmp_path / "src"
    write_case(source / "label", shape("a", "polygon", SQUARE))
    data = base64.b64encode((source / "label/a.png").read_bytes()).decode()
    write_case(source / "label", shape("a", "polygon", SQUARE), imageData=data)
    (source / "data").mkdir()
    (source / "label/a.png").rename(source / "data/A.PNG")
    assert codes(convert(source, tmp_path / "dst")) == ["unlabelled", "image-embedded"]
    with pytest.raises(InputError, match=r"data/A\.PNG: would be a negative, but label/a\.json has an image of"):
        convert(source, tmp_path / "dst2", unlabelled="negative")
    report = convert(source, tmp_path / "dst2", unlabelled="negative", images=source / "data")
    assert (codes(report), report.written["negatives"]) == (["image-moved"], 0)


def test_images_with_unreviewed_proposals_are_left_out_or_kept(tmp_path: Path) -> None:
    source = tmp_path / "src"
    waiting = shape("only proposed", "polygon", SQUARE, flags={"unreviewed": True, "odd": False})
    write_case(source, shape("a", "polygon", SQUARE, flags={"unreviewed": False}))
    write_case(source, shape("a", "rectangle", [[40, 10], [50, 20]]), waiting, name="b")
    report = convert(source, tmp_path / "dst", unlabelled="negative")
    assert [(e.file, e.code, e.value) for e in report.events] == [("b.json", "unreviewed", "1 of 2")]
    assert {k: len(v) for k, v in instances(tmp_path / "dst").items()} == {"a.png": 1}
    assert [c.name for c in load_dataset(tmp_path / "dst").categories] == ["a"]
    with pytest.raises(DefectlineError, match="unreviewed"):
        convert(source, tmp_path / "strict", strict=True)
    report = convert(source, tmp_path / "dst2", unreviewed="keep")
    assert codes(report) == []
    assert {k: len(v) for k, v in instances(tmp_path / "dst2").items()} == {"a.png": 1, "b.png": 2}
    (source / "a.json").unlink()
    with pytest.raises(
        InputError, match=r"every labelme file in this folder is left out \(1 unreviewed\); review the images"
    ):
        convert(source, tmp_path / "dst3")


def test_equal_names_in_different_folders_stay_apart(tmp_path: Path) -> None:
    for folder in ("x", "y", "x/z"):
        write_case(tmp_path / "src" / folder, shape("a", "polygon", SQUARE))
    convert(tmp_path / "src", tmp_path / "dst")
    assert sorted(instances(tmp_path / "dst")) == ["x/a.png", "x/z/a.png", "y/a.png"]


def test_upper_case_endings_and_names_of_all_scripts(tmp_path: Path) -> None:
    name = "Kratzer ß 傷 é"
    path = write_case(tmp_path / "src", shape("傷", "polygon", SQUARE), name=name)
    path.rename(path.with_suffix(".JSON"))
    (tmp_path / f"src/{name}.png").rename(tmp_path / f"src/{name}.PNG")
    convert(tmp_path / "src", tmp_path / "dst")
    assert [c for c, _, _ in instances(tmp_path / "dst")[f"{name}.PNG"]] == ["傷"]


def test_categories_by_alphabet_or_by_labels_file_and_renamed(tmp_path: Path) -> None:
    write_case(tmp_path / "src", *(shape(label, "polygon", SQUARE) for label in ("scrach", "dent", "b")))
    convert(tmp_path / "src", tmp_path / "dst", rename=("scrach=scratch",))
    assert [c.name for c in load_dataset(tmp_path / "dst").categories] == ["b", "dent", "scratch"]
    labels = tmp_path / "labels.txt"
    labels.write_text("__ignore__\n_background_\nscratch\nunused\nb\ndent\n")
    convert(tmp_path / "src", tmp_path / "dst2", rename=("scrach=scratch",), labels=labels)
    categories = load_dataset(tmp_path / "dst2").categories
    assert [(c.id, c.name) for c in categories] == [(1, "scratch"), (2, "unused"), (3, "b"), (4, "dent")]
    with pytest.raises(InputError, match=r"shapes\[0\]\.label: the label scrach .* did you mean scratch\?"):
        convert(tmp_path / "src", tmp_path / "dst3", labels=labels)
    with pytest.raises(OptionError, match="no shape is labelled scratched"):
        convert(tmp_path / "src", tmp_path / "dst3", rename=("scratched=b",))


def test_original_split_is_by_folder(tmp_path: Path) -> None:
    for split in ("train", "val", "test"):
        write_case(tmp_path / "src" / split, shape("a", "polygon", SQUARE))
    convert(tmp_path / "src", tmp_path / "dst", split="original")
    dataset = load_dataset(tmp_path / "dst")
    assert {s: [i.file_name for i in c.images] for s, c in dataset.splits.items()} == {
        s: [f"{s}/a.png"] for s in ("train", "val", "test")
    }


def test_split_divides_each_set_of_labels(tmp_path: Path) -> None:
    for i in range(20):
        write_case(tmp_path / "src", shape("ab"[i % 2], "polygon", SQUARE), name=f"n{i:02}")
    labelme2coco(tmp_path / "src", tmp_path / "dst", LabelmeOptions(ratios=(0.6, 0.2, 0.2)))
    dataset = load_dataset(tmp_path / "dst")
    for split, wanted in {"train": 6, "val": 2, "test": 2}.items():
        labels = [a.category_id for a in dataset.splits[split].annotations]
        assert (labels.count(1), labels.count(2)) == (wanted, wanted)
