"""What the conversions from labelling tools refuse."""

from collections.abc import Callable
from pathlib import Path

from convert.csv2coco import csv2coco
from convert.cvat2coco import cvat2coco
from convert.labelstudio2coco import labelstudio2coco
from convert.report import Report
from convert.via2coco import via2coco
from convert.voc2coco import voc2coco
from tests.refusal_cases.case import RUN
from tests.tool_exports import (
    HEIGHT,
    WIDTH,
    draw_image,
    result,
    task,
    voc_object,
    write_cvat,
    write_json,
    write_voc,
)

CONVERT: dict[str, Callable[[Path, Path], Report]] = {
    "voc": lambda source, dest: voc2coco(source, dest, execution=RUN),
    "cvat": lambda source, dest: cvat2coco(source, dest, execution=RUN),
    "labelstudio": lambda source, dest: labelstudio2coco(source, dest, execution=RUN),
    "via": lambda source, dest: via2coco(source, dest, execution=RUN),
    "csv": lambda source, dest: csv2coco(source, dest, execution=RUN),
}
BOX = '<box label="chip" xtl="2" ytl="2" xbr="30" ybr="30"/>'


def images(root: Path, *names: str, size: tuple[int, int] = (WIDTH, HEIGHT)) -> None:
    for shade, name in enumerate(names, 90):
        draw_image(root / name, size, shade)


def cvat(inside: str, named: str = "a.png", **others: str) -> Callable[[Path], object]:
    """An export with a clean image b.png, and one with the elements `inside`."""

    def write(root: Path) -> None:
        images(root, "a.png", "b.png", *others)
        write_cvat(root / "annotations.xml", {named: inside, "b.png": BOX, **others})

    return write


def voc(*objects: str, size: tuple[int, int] = (WIDTH, HEIGHT)) -> Callable[[Path], object]:
    def write(root: Path) -> None:
        images(root, "a.png", "b.png")
        write_voc(root / "a.xml", *objects, filename="a.png", size=size)
        write_voc(root / "b.xml", voc_object("chip", (2, 2, 9, 9)), filename="b.png")

    return write


def labelstudio(*tasks: object) -> Callable[[Path], object]:
    def write(root: Path) -> None:
        images(root, "a.png", "b.png")
        good = task("b.png", result("rectanglelabels", {"x": 1, "y": 1, "width": 9, "height": 9}))
        write_json(root / "export.json", [good, *tasks])

    return write


def via_record(name: str, *shapes: object) -> dict[str, object]:
    regions = [{"shape_attributes": shape, "region_attributes": {"type": "chip"}} for shape in shapes]
    return {"filename": name, "size": 9, "regions": regions}


RECT = {"name": "rect", "x": 2, "y": 2, "width": 9, "height": 9}


def via(record: object) -> Callable[[Path], object]:
    def write(root: Path) -> None:
        images(root, "a.png", "b.png")
        write_json(root / "via.json", {"b": via_record("b.png", RECT), "a": record})

    return write


def csv(*rows: str, header: str = "filename,width,height,class,xmin,ymin,xmax,ymax") -> Callable[[Path], object]:
    def write(root: Path) -> None:
        images(root, "a.png", "b.png")
        lines = [header, f"b.png,{WIDTH},{HEIGHT},chip,2,2,9,9", *rows]
        (root / "table.csv").write_text("\n".join(lines))

    return write


def without_image(write: Callable[[Path], object]) -> Callable[[Path], object]:
    def write_and_remove(root: Path) -> None:
        write(root)
        (root / "a.png").unlink()

    return write_and_remove


def listed_twice(root: Path) -> None:
    cvat(BOX)(root)
    write_cvat(root / "zz.xml", {"a.png": BOX})


SEVERSTAL = "ImageId,ClassId,EncodedPixels"
TABLE: dict[tuple[str, str], Callable[[Path], object]] = {
    ("voc", "a word as a coordinate"): voc(voc_object("x", (2, 2, "a", 9))),
    ("voc", "an object without a box"): voc("<object><name>x</name></object>"),
    ("voc", "an object without a name"): voc(voc_object("", (1, 1, 2, 2))),
    ("voc", "another size"): voc(voc_object("x", (2, 2, 9, 9)), size=(WIDTH + 1, HEIGHT)),
    ("voc", "a negative size"): voc(voc_object("x", (2, 2, 9, 9)), size=(-4, HEIGHT)),
    ("voc", "sides exchanged"): voc(voc_object("x", (2, 2, 9, 9)), size=(HEIGHT, WIDTH)),
    ("voc", "a missing image"): without_image(voc(voc_object("x", (2, 2, 9, 9)))),
    ("voc", "half a file"): lambda r: (voc()(r), (r / "a.xml").write_text("<annotation><object>")),
    ("voc", "a document type"): lambda r: (voc()(r), (r / "a.xml").write_text("<!DOCTYPE x><annotation/>")),
    ("voc", "another root"): lambda r: (voc()(r), (r / "c.xml").write_text("<project/>")),
    ("cvat", "no label"): cvat('<box xtl="2" ytl="2" xbr="30" ybr="30"/>'),
    ("cvat", "a word as a coordinate"): cvat('<box label="x" xtl="a" ytl="2" xbr="30" ybr="30"/>'),
    ("cvat", "a point without y"): cvat('<polygon label="x" points="1,2;3"/>'),
    ("cvat", "a group that is not a number"): cvat(BOX.replace("/>", ' group_id="1.5"/>')),
    ("cvat", "an image without a name"): cvat(BOX, named=" "),
    ("cvat", "run lengths that are too long"): cvat(
        '<mask label="x" left="0" top="0" width="4" height="4" rle="3, 99"/>'
    ),
    ("cvat", "another size"): lambda r: (cvat(BOX)(r), draw_image(r / "a.png", (WIDTH + 1, HEIGHT))),
    ("cvat", "a missing image"): without_image(cvat(BOX)),
    ("cvat", "an image that is annotated twice"): listed_twice,
    ("labelstudio", "a region without a number"): labelstudio(
        task("a.png", result("rectanglelabels", {"x": "q", "y": 1, "width": 9, "height": 9}))
    ),
    ("labelstudio", "a task that is text"): labelstudio("task"),
    ("labelstudio", "data that is text"): labelstudio({"data": "a.png", "annotations": []}),
    ("labelstudio", "annotations that are text"): labelstudio({"data": {"image": "a.png"}, "annotations": "x"}),
    ("labelstudio", "a task without an image"): labelstudio({"data": {}, "annotations": []}),
    ("labelstudio", "a brush that ends early"): labelstudio(task("a.png", result("brushlabels", {"rle": [0, 0]}))),
    ("labelstudio", "a missing image"): without_image(
        labelstudio(task("a.png", result("rectanglelabels", {"x": 1, "y": 1, "width": 9, "height": 9})))
    ),
    ("via", "a record that is text"): via("a.png"),
    ("via", "no filename"): via({"regions": []}),
    ("via", "a region that is text"): via({"filename": "a.png", "regions": ["x"]}),
    ("via", "a word as a coordinate"): via(via_record("a.png", RECT | {"x": "q"})),
    ("via", "a polygon of unequal lists"): via(
        via_record("a.png", {"name": "polygon", "all_points_x": [1, 2, 3], "all_points_y": [1, 2]})
    ),
    ("via", "a missing image"): without_image(via(via_record("a.png", RECT))),
    ("csv", "too few cells"): csv(f"a.png,{WIDTH},{HEIGHT},chip,2,2,9"),
    ("csv", "width and height as corners"): csv(f"a.png,{WIDTH},{HEIGHT},chip,40,30,20,12"),
    ("csv", "a word as a coordinate"): csv(f"a.png,{WIDTH},{HEIGHT},chip,q,2,9,9"),
    ("csv", "no category"): csv(f"a.png,{WIDTH},{HEIGHT},,2,2,9,9"),
    ("csv", "no image"): csv(f",{WIDTH},{HEIGHT},chip,2,2,9,9"),
    ("csv", "two sizes of one image"): csv(f"b.png,{WIDTH + 1},{HEIGHT},chip,2,2,9,9"),
    ("csv", "another size"): csv(f"a.png,{WIDTH + 1},{HEIGHT},chip,2,2,9,9"),
    ("csv", "a missing image"): without_image(csv(f"a.png,{WIDTH},{HEIGHT},chip,2,2,9,9")),
}
