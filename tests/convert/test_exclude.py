"""--exclude in every conversion: the file is not read, the report counts it, and a wrong pattern is refused."""

import json
from pathlib import Path

import pytest

from convert.coco2coco import coco2coco
from convert.coco2labelme import coco2labelme
from convert.coco2masks import coco2masks
from convert.coco2yolo import coco2yolo
from convert.csv2coco import csv2coco
from convert.cvat2coco import cvat2coco
from convert.execution import Execution
from convert.labelme2coco import LabelmeOptions, labelme2coco
from convert.labelstudio2coco import labelstudio2coco
from convert.masks2coco import masks2coco
from convert.mvtec2coco import mvtec2coco
from convert.report import Report
from convert.via2coco import via2coco
from convert.voc2coco import VocOptions, voc2coco
from convert.yolo2coco import YoloOptions, yolo2coco
from datasets.coco import Image
from datasets.formats.dataset_folder import load_dataset
from system.errors import DefectlineError, InputError, OptionError
from tests.command import only_line, run_command
from tests.convert.test_yolo2coco import yolo
from tests.labelme_files import shape, write_case
from tests.small_coco import box_annotation, write_folder
from tests.small_masks import BINARY, TWO, at, save, write_images
from tests.tool_exports import draw_image, voc_object, write_cvat, write_voc

SQUARE = shape("dent", "rectangle", [[2, 2], [9, 9]])


def without(*patterns: str, **options: bool) -> Execution:
    return Execution(exclude=patterns, jobs=1, **options)


def names(folder: Path) -> list[str]:
    return sorted(image.file_name for split in load_dataset(folder).splits.values() for image in split.images)


def excluded(report: Report) -> list[str]:
    return [event.file for event in report.events if event.code == "excluded"]


def test_labelme_files_and_images(tmp_path: Path) -> None:
    source = tmp_path / "l"
    write_case(source, SQUARE, name="a")
    write_case(source, SQUARE, name="b")
    write_case(source, SQUARE, name="c")
    (source / "package.json").write_text("{}")
    with pytest.raises(InputError, match=r"package\.json"):
        labelme2coco(source, tmp_path / "c", execution=without())
    options = LabelmeOptions(unlabelled="negative")
    report = labelme2coco(source, tmp_path / "c", options, without("package.json", "b.json", "c.png"))
    assert names(tmp_path / "c") == ["a.png"]  # b: without file, not a negative; c: without image
    assert excluded(report) == ["b.json", "c.png", "package.json"]
    assert [event.file for event in report.events if event.code == "unlabelled"] == ["b.png"]


def test_masks_and_their_images(tmp_path: Path) -> None:
    source = write_images(tmp_path / "p", "a.png", "b.png", "drafts/c.png", "d.png")
    for name in ("a", "b", "a_overlay"):
        save(tmp_path / f"m/{name}.png", TWO)
    with pytest.raises(InputError, match="a_overlay"):
        masks2coco(source, tmp_path / "c", at(tmp_path / "m", BINARY))
    report = masks2coco(
        source, tmp_path / "c", at(tmp_path / "m", BINARY), without("*_overlay.png", "drafts/*", "d.*")
    )
    assert names(tmp_path / "c") == ["a.png", "b.png"]
    assert excluded(report) == ["a_overlay.png", "d.png", "drafts/c.png"]


def test_an_image_whose_mask_is_excluded_is_not_a_negative(tmp_path: Path) -> None:
    source = write_images(tmp_path / "p", "a.png", "b.png")
    for name in ("a.png", "b.png", "b.bmp"):
        save(tmp_path / "m" / name, TWO)
    options = at(tmp_path / "m", BINARY)
    masks2coco(source, tmp_path / "c", options, without("b.bmp"))
    assert names(tmp_path / "c") == ["a.png", "b.png"]  # b has another mask
    (tmp_path / "m/b.bmp").unlink()
    save(tmp_path / "m/old/b.png", TWO)
    (tmp_path / "m/b.png").rename(tmp_path / "m/b.tif")
    report = masks2coco(source, tmp_path / "d", options, without("b.tif", "old/*"))
    assert names(tmp_path / "d") == ["a.png"]
    assert excluded(report) == ["b.tif", "old/b.png"]


def test_yolo_images_and_label_files(tmp_path: Path) -> None:
    line = "1 0.5 0.5 0.1 0.3\n"
    labels: dict[str, str | None] = {f"train/{name}.png": line for name in "abc"}
    source = yolo(tmp_path / "y", labels | {"val/v.png": line, "train/bad.png": "not a label\n"})
    (source / "labels/train/alone.txt").write_text(line)
    options = YoloOptions(unlabelled="negative")
    patterns = ("images/train/b.png", "c.txt", "bad.txt", "alone.*")
    report = yolo2coco(source, tmp_path / "c", options, without(*patterns, strict=True))
    assert names(tmp_path / "c") == ["a.png", "v.png"]
    assert excluded(report) == [
        "images/train/b.png",
        "labels/train/alone.txt",
        "labels/train/bad.txt",
        "labels/train/c.txt",
    ]


def test_voc_files_and_images(tmp_path: Path) -> None:
    source = tmp_path / "v"
    for i, name in enumerate("abc"):
        draw_image(source / f"JPEGImages/{name}.jpg", shade=20 * i)
        write_voc(source / f"Annotations/{name}.xml", voc_object("dent", (1, 1, 9, 9)), filename=f"{name}.jpg")
    (source / "pom.xml").write_text("<project/>")
    options = VocOptions(unlabelled="negative")
    report = voc2coco(source, tmp_path / "c", options, without("pom.xml", "b.xml", "c.jpg"))
    assert names(tmp_path / "c") == ["a.jpg"]
    assert excluded(report) == ["Annotations/b.xml", "JPEGImages/c.jpg", "pom.xml"]


BOX = '<box label="dent" occluded="0" xtl="2" ytl="2" xbr="9" ybr="9" z_order="0"/>'
REGION = {"filename": "", "size": 1, "file_attributes": {}}
VIA_SHAPE = {"name": "rect", "x": 2, "y": 2, "width": 7, "height": 7}
LS_VALUE = {"x": 5, "y": 5, "width": 20, "height": 20, "rotation": 0, "rectanglelabels": ["dent"]}


def write_via(path: Path, *images: str) -> None:
    regions = [{"shape_attributes": VIA_SHAPE, "region_attributes": {"type": "dent"}}]
    path.write_text(json.dumps({n: {"filename": n, "size": 1, "regions": regions} for n in images}))


def write_labelstudio(path: Path, *images: str) -> None:
    region = {"id": "r", "type": "rectanglelabels", "value": LS_VALUE, "from_name": "l", "to_name": "i"}
    result = [region | {"original_width": 64, "original_height": 48}]
    tasks = [
        {"id": i, "data": {"image": f"/data/upload/1/{name}"}, "annotations": [{"id": i, "result": result}]}
        for i, name in enumerate(images)
    ]
    path.write_text(json.dumps(tasks))


def write_csv(path: Path, *images: str) -> None:
    path.write_text("".join(f"dent,2,2,7,7,{name},64,48\n" for name in images))


@pytest.mark.parametrize(
    ("convert", "write", "file"),
    [
        (cvat2coco, lambda path, *images: write_cvat(path, dict.fromkeys(images, BOX)), "annotations.xml"),
        (via2coco, write_via, "via.json"),
        (labelstudio2coco, write_labelstudio, "export.json"),
        (csv2coco, write_csv, "labels.csv"),
    ],
)
def test_images_of_an_export_in_one_file(tmp_path: Path, convert, write, file: str) -> None:
    source = tmp_path / "s"
    for i, name in enumerate(("a.png", "b.png", "old/a.png", "alone.png")):
        draw_image(source / "images" / name, shade=20 * i)
    write(source / file, "a.png", "b.png", "missing.png")
    patterns = ("b.png", "*/old/*", "missing.*", "alone.*")
    report = convert(source / file, tmp_path / "c", execution=without(*patterns))
    assert names(tmp_path / "c") == ["a.png"]
    assert sorted(map(Path, excluded(report))) == sorted(
        map(Path, ["images/alone.png", "images/b.png", "images/old/a.png", "missing.png"])
    )


@pytest.fixture
def coco(tmp_path: Path) -> Path:
    images = [Image(1, "a.png", 40, 30), Image(2, "x/b.png", 40, 30)]
    square = [[2, 2, 9, 2, 9, 9, 2, 9]]
    annotations = [box_annotation(i, i, 3, (2, 2, 7, 7), square) for i in (1, 2)]
    return write_folder(tmp_path / "coco", {"train": images, "val": [], "test": []}, annotations)


@pytest.mark.parametrize("convert", [coco2coco, coco2yolo, coco2labelme, coco2masks])
def test_images_of_coco_files(tmp_path: Path, coco: Path, convert) -> None:
    (coco / "images/x/b.png").unlink()
    report = convert(coco, tmp_path / "d", execution=without("x/*"))
    written = {path.stem for path in (tmp_path / "d").rglob("*.png")}
    assert written == {"a"}
    assert excluded(report) == ["x/b.png"]
    with pytest.raises(OptionError, match=r"--exclude nosuch\*: matches no file"):
        convert(coco, tmp_path / "e", execution=without("nosuch*"))
    assert not (tmp_path / "e").exists()


def test_files_of_a_tree(synth_tree: Path, tmp_path: Path) -> None:
    stray = synth_tree / "test"
    first = min(path for path in stray.glob("*/*.png") if path.parent.name != "good")
    kind = first.parent.name
    patterns = (f"test/{kind}/{first.name}", f"ground_truth/{kind}/{first.stem}_mask.png")
    with pytest.raises(InputError, match="no image for this mask"):
        mvtec2coco([synth_tree], tmp_path / "c", execution=without(patterns[0]))
    report = mvtec2coco([synth_tree], tmp_path / "c", execution=without(*patterns))
    assert patterns[0] not in names(tmp_path / "c")
    assert sorted(excluded(report)) == sorted(patterns)


def test_an_image_of_dagm_whose_label_is_excluded_is_not_good(tmp_path: Path) -> None:
    source = tmp_path / "Class1"
    for name in ("Train/1.png", "Train/2.png", "Train/3.png"):
        save(source / name, TWO * 0 + int(name[6]))
    for name in ("1", "2"):
        save(source / f"Train/Label/{name}_label.png", TWO)
    report = mvtec2coco([source], tmp_path / "c", execution=without("2_label.png"))
    assert names(tmp_path / "c") == ["Train/1.png", "Train/3.png"]
    assert excluded(report) == ["Train/Label/2_label.png"]


def test_a_pattern_that_excludes_everything_is_refused(tmp_path: Path, coco: Path) -> None:
    voc, labelme, cvat = tmp_path / "v", tmp_path / "l", tmp_path / "x"
    draw_image(voc / "a.png")
    write_voc(voc / "a.xml", voc_object("dent", (1, 1, 9, 9)), filename="a.png")
    write_case(labelme, SQUARE)
    draw_image(cvat / "a.png")
    write_cvat(cvat / "annotations.xml", {"a.png": BOX})
    sources = {voc2coco: voc, labelme2coco: labelme, cvat2coco: cvat, coco2coco: coco, coco2masks: coco}
    for convert, source in sources.items():
        with pytest.raises(DefectlineError, match=r"leaves no labelled image|no labelme file"):
            convert(source, tmp_path / "d", execution=without("*.*"))
        assert not (tmp_path / "d").exists()


def test_the_command_line_repeats_the_option_and_refuses_a_pattern_without_a_file(
    tmp_path: Path, coco: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_command("convert", "coco2masks", coco, tmp_path / "d", "--exclude", "b.png", "--exclude", "z") == 2
    assert only_line(capsys).endswith(
        "--exclude z: matches no file that is read; correct the pattern, or leave it out"
    )
    assert run_command("convert", "coco2masks", coco, tmp_path / "d", "--exclude", "b.png") == 0
    assert "excluded" in capsys.readouterr().out
