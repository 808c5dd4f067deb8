"""What else the conversions from labelling tools refuse: whole files, lists of splits, places of images."""

from collections.abc import Callable
from pathlib import Path

from datasets.check.check import check
from datasets.check.facts import Limits
from tests.refusal_cases.case import Case
from tests.refusal_cases.tools import (
    BOX,
    CONVERT,
    RECT,
    SEVERSTAL,
    TABLE,
    cvat,
    images,
    labelstudio,
    via,
    via_record,
    voc,
)
from tests.tool_exports import HEIGHT, WIDTH, draw_image, result, task, write_json

PERCENT = {"x": 1, "y": 1, "width": 9, "height": 9}
NO_CLASS = f"{SEVERSTAL}\nb.png,1,1 4\na.png,,1 4\n"
DEEP = "<x>" * 50 + "</x>" * 50


ENCODED = '<?xml version="1.0" encoding="{}"?><annotation/>'


def region(value: dict[str, object] = PERCENT, kind: str = "rectanglelabels", **extra: object) -> object:
    return result(kind, value, **extra)


def of_a(*regions: object) -> Callable[[Path], object]:
    return labelstudio(task("a.png", *regions))


def with_file(write: Callable[[Path], object], name: str, content: str | bytes) -> Callable[[Path], object]:
    """The export, and a further file in it."""

    def write_both(root: Path) -> None:
        write(root)
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())

    return write_both


def with_folder(write: Callable[[Path], object], name: str) -> Callable[[Path], object]:
    return lambda root: (write(root), (root / name).mkdir())


def sets(**lists: str | bytes) -> Callable[[Path], object]:
    """A VOC export with lists of splits."""

    def write(root: Path) -> None:
        voc()(root)
        (root / "ImageSets/Main").mkdir(parents=True)
        for name, content in lists.items():
            data = content if isinstance(content, bytes) else content.encode()
            (root / f"ImageSets/Main/{name}.txt").write_bytes(data)

    return write


def two_of_one_name(root: Path) -> None:
    cvat(BOX)(root)
    (root / "a.png").unlink()
    for k, folder in enumerate("xy"):
        draw_image(root / folder / "a.png", (WIDTH, HEIGHT), 10 + k)


def linked_outside(root: Path) -> None:
    cvat(BOX)(root)
    (root / "a.png").rename(root.parent / "outside.png")
    (root / "a.png").symlink_to(root.parent / "outside.png")


def via3(metadata: object = None, view: object = None, file: object = None) -> Callable[[Path], object]:
    """A project of VIA 3 with a region in the image b.png."""
    rect = {"vid": "1", "xy": [2, 2, 2, 9, 9], "av": {"1": "chip"}}
    project = {
        "attribute": {"1": {"aname": "type"}},
        "metadata": {"m": rect, **(metadata or {})},
        "view": {"1": {"fid_list": ["1"]}, **(view or {})},
        "file": {"1": {"fname": "b.png", "type": 2}, **(file or {})},
    }

    def write(root: Path) -> None:
        images(root, "a.png", "b.png")
        write_json(root / "via.json", project)

    return write


def attributes(*names: str) -> Callable[[Path], object]:
    shape = {"shape_attributes": RECT, "region_attributes": dict.fromkeys(names, "chip")}

    def write(root: Path) -> None:
        images(root, "a.png", "b.png")
        write_json(root / "via.json", {"b": {"filename": "b.png", "size": 9, "regions": [shape]}})

    return write


def long_outline(root: Path) -> None:
    """A saw with 6,000 teeth as wide as the image."""
    xs, ys = [k % 2 * 400 for k in range(6000)], [k / 20 for k in range(6000)]
    via(via_record("a.png", {"name": "polygon", "all_points_x": xs, "all_points_y": ys}))(root)
    draw_image(root / "a.png", (400, 300))


def json_alone(content: object) -> Callable[[Path], object]:
    return lambda root: (images(root, "a.png"), write_json(root / "one.json", content))


MORE: dict[tuple[str, str], Callable[[Path], object]] = {
    ("voc", "an image in two splits"): sets(train="a\nb\n", val="a\n"),
    ("voc", "a list that is not text"): sets(train=b"\xff\xfe\xff"),
    ("voc", "lists that name no file"): sets(train="x\n", val="y\n"),
    ("voc", "an image in no split"): sets(train="a\n"),
    ("voc", "an empty file"): with_file(voc(), "c.xml", "<!-- nothing -->"),
    ("voc", "an unknown encoding"): with_file(
        voc(), "c.xml", '<?xml version="1.0" encoding="klingon"?><annotation/>'
    ),
    ("voc", "an encoding of several bytes"): with_file(
        voc(), "c.xml", '<?xml version="1.0" encoding="shift_jis"?><annotation/>'
    ),
    ("voc", "elements nested deeply"): with_file(voc(), "c.xml", f"<annotation>{DEEP}</annotation>"),
    ("cvat", "a folder called like an XML file"): with_folder(cvat(BOX), "c.xml"),
    ("cvat", "another root"): with_file(cvat(BOX), "c.xml", "<annotation><object/></annotation>"),
    ("cvat", "a video"): with_file(cvat(BOX), "c.xml", "<annotations><track id='0'/></annotations>"),
    ("cvat", "no image"): lambda r: (
        images(r, "a.png"),
        (r / "a.xml").write_text("<annotations><meta/></annotations>"),
    ),
    ("via", "an outline that is too long"): long_outline,
    ("cvat", "images of one stem"): cvat(BOX, **{"a.bmp": BOX}),
    ("cvat", "257 labels"): cvat("".join(BOX.replace("chip", f"chip{k}") for k in range(256))),
    ("cvat", "two images of one name"): two_of_one_name,
    ("cvat", "a link that leads outside"): linked_outside,
    ("labelstudio", "a file that is not JSON"): with_file(labelstudio(), "x.json", "{"),
    ("labelstudio", "a file nested deeply"): with_file(labelstudio(), "x.json", "[" * 99_999),
    ("labelstudio", "a folder called like a JSON file"): with_folder(labelstudio(), "x.json"),
    ("labelstudio", "several images"): labelstudio(
        {"data": {"left": "a.png", "right": "b.png"}, "annotations": []}
    ),
    ("labelstudio", "an embedded image"): labelstudio(
        {"data": {"image": "data:image/png;base64,AA"}, "annotations": []}
    ),
    ("labelstudio", "two sizes of one image"): of_a(region(), region() | {"original_width": 9}),
    ("labelstudio", "an image turned in the tool"): of_a(region(image_rotation=90)),
    ("labelstudio", "a page of several"): of_a(region(item_index=2)),
    ("labelstudio", "no size"): of_a(region() | {"original_width": 0}),
    ("labelstudio", "a size that is negative"): of_a(region() | {"original_width": -4}),
    ("labelstudio", "a brush of no bytes"): of_a(region({"rle": [300]}, "brushlabels")),
    ("labelstudio", "a point of three numbers"): of_a(region({"points": [[1, 2, 3]]}, "polygonlabels")),
    ("via", "a file name that is a number"): via({"filename": 3, "regions": []}),
    ("via", "an unknown shape"): via(via_record("a.png", {"name": "spiral"})),
    ("via", "an image of another type"): lambda root: (
        images(root, "dent/a.png", "crack/b.png"),
        write_json(
            root / "via.json", {"a": via_record("crack/a.png", RECT), "b": via_record("crack/b.png", RECT)}
        ),
    ),
    ("via", "a negative radius"): via(via_record("a.png", {"name": "circle", "cx": 20, "cy": 20, "r": -5})),
    ("via", "a rectangle without a height"): via(via_record("a.png", {"name": "polygon", "all_points_x": [1]})),
    ("via", "a view that is missing"): via3({"n": {"vid": "9", "xy": [2, 2, 2, 9, 9]}}),
    ("via", "a view of two files"): via3(view={"2": {"fid_list": ["1", "2"]}}),
    ("via", "a video"): via3(view={"2": {"fid_list": ["2"]}}, file={"2": {"fname": "a.mp4", "type": 4}}),
    ("via", "a number that is not a shape"): via3({"n": {"vid": "1", "xy": [77, 2, 2]}}),
    ("via", "too few numbers"): via3({"n": {"vid": "1", "xy": [2, 2, 2]}}),
    ("via", "several attributes"): attributes("type", "size"),
    ("via", "no attribute"): attributes(),
    ("via", "no image"): json_alone({"_via_img_metadata": {}}),
    ("csv", "no row"): lambda r: (images(r, "a.png"), (r / "table.csv").write_text(f"{SEVERSTAL}\n")),
}


def only_header(root: Path, content: bytes) -> None:
    root.mkdir()
    (root / "table.csv").write_bytes(content)


def file_case(name: str, content: bytes) -> Case:
    """A table that is named itself: its ending states what it is."""
    return Case(
        f"csv2coco: {name}",
        lambda root: only_header(root, content),
        lambda source, dest: CONVERT["csv"](source / "table.csv", dest),
        lambda root: check(root / "table.csv", Limits(), jobs=1),
    )


def tool_case(tool: str, name: str, write: Callable[[Path], object]) -> Case:
    convert = CONVERT[tool]
    return Case(
        f"{tool}2coco: {name}",
        write,
        (lambda source, dest: convert(source / "table.csv", dest)) if tool == "csv" else convert,
    )


FRACTIONS = "filename,width,height,class,xmin,ymin,xmax,ymax\na.png,64,48,chip,.1,.1,.5,.5\n"

CASES: list[Case] = [
    *(tool_case(tool, name, write) for (tool, name), write in (TABLE | MORE).items()),
    Case(
        "csv2coco: pixels without a class",
        lambda root: (images(root, "a.png", "b.png"), (root / "table.csv").write_text(NO_CLASS)),
        lambda source, dest: CONVERT["csv"](source / "table.csv", dest),
    ),
    Case(
        "csv2coco: two tables in a folder",
        lambda root: (images(root, "a.png"), *((root / f"{name}.csv").write_text(NO_CLASS) for name in "xy")),
        CONVERT["csv"],
    ),
    Case(
        "csv2coco: fractions as pixels",
        lambda root: (images(root, "a.png"), (root / "table.csv").write_text(FRACTIONS)),
        CONVERT["csv"],
    ),
    file_case("unknown columns", b"a,b\n1,2\n"),
    file_case("an empty table", b""),
    file_case("a table that is not text", b"\xff\xfe\xff"),
    file_case("a quote that does not end", b'ImageId,ClassId,EncodedPixels\n"a.png,1,1 4\n'),
]
