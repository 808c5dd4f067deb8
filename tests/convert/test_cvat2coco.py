"""CVAT for images 1.1 to COCO: every shape, groups, subsets, and what is refused."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image as PilImage

from convert.cvat2coco import CvatOptions, cvat2coco
from datasets.masks.rle import decode
from system.errors import InputError
from tests.command import only_line, run_command
from tests.tool_exports import HEIGHT, WIDTH, boxes, centres, draw_image, splits, write_cvat, written

POLYGON = '<polygon label="chip" occluded="0" source="manual" points="10,8;30,8;30,20;10,20" z_order="0"/>'


def cvat(root: Path, *elements: str) -> Path:
    """A folder with one image and these elements."""
    draw_image(root / "images/a.png")
    write_cvat(root / "annotations.xml", {"a.png": "".join(elements)})
    return root


def codes(source: Path, dest: Path, options: CvatOptions | None = None) -> dict[str, int]:
    report = cvat2coco(source, dest, options or CvatOptions())
    return {str(row["code"]): int(row["count"]) for row in report.summary()}


def test_a_polygon_gets_box_area_and_masks(tmp_path: Path) -> None:
    assert codes(cvat(tmp_path / "v", POLYGON), tmp_path / "c") == {}
    ((label, found),) = written(tmp_path / "c")["a.png"]
    assert (label, found.bbox, found.area) == ("chip", (10, 8, 20, 12), 240)
    with PilImage.open(tmp_path / "c/masks/a.png") as mask:
        assert int((np.asarray(mask) == 1).sum()) == 240


def test_boxes_alone_stay_boxes_with_decimals(tmp_path: Path) -> None:
    box = '<box label="chip" xtl="10.25" ytl="8.5" xbr="30.75" ybr="20.0" rotation="0.0"/>'
    assert codes(cvat(tmp_path / "v", box), tmp_path / "c") == {}
    ((_, found),) = written(tmp_path / "c")["a.png"]
    assert (found.bbox, found.area, found.segmentation) == ((10.25, 8.5, 20.5, 11.5), 235.75, [])
    assert not (tmp_path / "c/masks").exists()


@pytest.mark.parametrize("angle", [30, 90, 137.5, 330])
def test_a_rotated_box_covers_the_pixels_that_turn_into_it(tmp_path: Path, angle: float) -> None:
    box = f'<box label="chip" xtl="22" ytl="19" xbr="42" ybr="29" rotation="{angle}"/>'
    codes(cvat(tmp_path / "v", box), tmp_path / "c")
    ((_, found),) = written(tmp_path / "c")["a.png"]
    x, y = centres()
    turn = np.radians(angle)  # back about the centre (32, 24)
    back_x = (x - 32) * np.cos(turn) + (y - 24) * np.sin(turn)
    back_y = -(x - 32) * np.sin(turn) + (y - 24) * np.cos(turn)
    inside = (np.abs(back_x) < 10) & (np.abs(back_y) < 5)
    mask = decode(found.segmentation, HEIGHT, WIDTH).astype(bool)
    on_a_side = (np.abs(np.abs(back_x) - 10) < 1e-6) | (np.abs(np.abs(back_y) - 5) < 1e-6)
    assert not ((mask != inside) & ~on_a_side).any()


@pytest.mark.parametrize("angle", [0, 45, 100])
def test_an_ellipse_is_turned_about_its_centre(tmp_path: Path, angle: float) -> None:
    ellipse = f'<ellipse label="chip" cx="32.2" cy="24.7" rx="15" ry="6.5" rotation="{angle}"/>'
    codes(cvat(tmp_path / "v", ellipse), tmp_path / "c")
    ((_, found),) = written(tmp_path / "c")["a.png"]
    x, y = centres()
    turn = np.radians(angle)
    u = (x - 32.2) * np.cos(turn) + (y - 24.7) * np.sin(turn)
    v = -(x - 32.2) * np.sin(turn) + (y - 24.7) * np.cos(turn)
    assert np.array_equal(decode(found.segmentation, HEIGHT, WIDTH), (u / 15) ** 2 + (v / 6.5) ** 2 <= 1)


def test_a_mask_is_run_lengths_by_row_inside_its_box(tmp_path: Path) -> None:
    mask = '<mask label="chip" rle="1, 2, 3, 2" left="5" top="7" width="4" height="2"/>'
    codes(cvat(tmp_path / "v", mask), tmp_path / "c")
    ((_, found),) = written(tmp_path / "c")["a.png"]
    ys, xs = np.nonzero(decode(found.segmentation, HEIGHT, WIDTH))
    assert set(zip(xs.tolist(), ys.tolist(), strict=True)) == {(6, 7), (7, 7), (7, 8), (8, 8)}


def test_lines_and_points_are_lost_or_drawn(tmp_path: Path) -> None:
    line = '<polyline label="chip" points="10,20;30,20"/><points label="dot" points="50,40"/>'
    source = cvat(tmp_path / "v", line, POLYGON)
    assert codes(source, tmp_path / "c") == {"line-lost": 2}
    assert codes(source, tmp_path / "d", CvatOptions(line_width=4)) == {"line-drawn": 2}
    found = dict(written(tmp_path / "d")["a.png"][:1])["chip"]
    x, y = centres()
    reach = np.hypot(np.maximum(np.maximum(10 - x, x - 30), 0), y - 20)
    wrong = decode(found.segmentation, HEIGHT, WIDTH) != (reach <= 2)
    assert not (wrong & (np.abs(reach - 2) > 0.1)).any()  # round ends have corners


def test_cuboids_skeletons_and_tags_are_lost_and_counted(tmp_path: Path) -> None:
    cuboid = '<cuboid label="box3d" xtl1="1" ytl1="1"/><skeleton label="s"><points/></skeleton>'
    source = cvat(tmp_path / "v", cuboid, '<tag label="blurred"/>', POLYGON)
    assert codes(source, tmp_path / "c") == {"shape-lost": 2, "tag-lost": 1}
    assert run_command("convert", "cvat2coco", source, tmp_path / "s", "--strict") == 2


def test_an_image_whose_shapes_are_lost_is_never_a_negative(tmp_path: Path) -> None:
    source = cvat(tmp_path / "v", '<cuboid label="box3d"/>')
    assert codes(source, tmp_path / "c", CvatOptions(unlabelled="negative")) == {
        "image-left-out": 1,
        "shape-lost": 1,
    }


def test_an_image_without_shape_is_unlabelled_by_default(tmp_path: Path) -> None:
    source = tmp_path / "v"
    for name in ("a", "b", "c"):
        draw_image(source / f"{name}.png")
    write_cvat(source / "annotations.xml", {"a.png": POLYGON, "b.png": "", "c.png": '<tag label="good"/>'})
    assert codes(source, tmp_path / "c") == {"tag-lost": 1, "unlabelled": 2}
    assert set(boxes(tmp_path / "c")) == {"a.png"}
    assert codes(source, tmp_path / "n", CvatOptions(unlabelled="negative")) == {"tag-lost": 1}
    assert set(boxes(tmp_path / "n")) == {"a.png", "b.png", "c.png"}


def test_shapes_of_one_group_and_label_are_one_annotation(tmp_path: Path) -> None:
    def part(label: str, x: int, group: int) -> str:
        return f'<polygon label="{label}" group_id="{group}" points="{x},8;{x + 4},8;{x + 4},12;{x},12"/>'

    elements = [part("chip", 2, 1), part("chip", 20, 1), part("crack", 40, 1), part("chip", 50, 0)]
    codes(cvat(tmp_path / "v", *elements), tmp_path / "c")
    found = [(label, a.bbox, a.area) for label, a in written(tmp_path / "c")["a.png"]]
    assert found == [("chip", (2, 8, 22, 4), 32), ("crack", (40, 8, 4, 4), 16), ("chip", (50, 8, 4, 4), 16)]


def test_subsets_are_the_splits_and_folders_of_their_images(tmp_path: Path) -> None:
    source = tmp_path / "v"
    images = {f'a.png subset="{subset}"': POLYGON for subset in ("Train", "Validation", "Test")}
    for i, subset in enumerate(("Train", "Validation", "Test")):
        draw_image(source / f"images/{subset}/a.png", shade=30 * i)
    write_cvat(source / "annotations.xml", images)
    assert codes(source, tmp_path / "c") == {}
    assert splits(tmp_path / "c") == {
        "train": ["Train/a.png"],
        "val": ["Validation/a.png"],
        "test": ["Test/a.png"],
    }


def test_images_may_be_elsewhere_and_the_xml_named_itself(tmp_path: Path) -> None:
    source = cvat(tmp_path / "v", POLYGON)
    (source / "images").rename(tmp_path / "elsewhere")
    with pytest.raises(InputError, match=r"a\.png is missing.*--images"):
        cvat2coco(source, tmp_path / "c")
    assert codes(source / "annotations.xml", tmp_path / "c", CvatOptions(images=tmp_path / "elsewhere")) == {}
    assert set(boxes(tmp_path / "c")) == {"a.png"}


def test_video_is_refused_with_a_way_forward(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = tmp_path / "v"
    source.mkdir()
    (source / "annotations.xml").write_text('<annotations><track id="0" label="x"><box/></track></annotations>')
    assert run_command("convert", "cvat2coco", source, tmp_path / "c") == 2
    assert "export the task as 'CVAT for images 1.1'" in only_line(capsys)


@pytest.mark.parametrize(
    ("element", "problem"),
    [
        ('<box label="x" xtl="a" ytl="1" xbr="2" ybr="2"/>', "xtl of image a.png, box 1 is 'a'"),
        ('<box xtl="1" ytl="1" xbr="2" ybr="2"/>', "image a.png, box 1 has no label"),
        ('<polygon label="x" points="1,2;3"/>', "contain '3' instead of x,y"),
        ('<mask label="x" rle="1,2" left="0" top="0" width="2" height="2"/>', "has 3 pixels, but its box has 4"),
        ('<mask label="x" rle="9" left="0" top="0" width="90000" height="90000"/>', "is 90000 x 90000 pixels"),
        (
            '<mask label="x" rle="-1, 5" left="0" top="0" width="2" height="2"/>',
            "a run length that is not a number",
        ),
        ('<ellipse label="x" cx="1" cy="1" rx="nan" ry="1"/>', "rx of image a.png, ellipse 1 is 'nan'"),
    ],
)
def test_invalid_cvat_files_are_refused_in_one_line(
    tmp_path: Path, element: str, problem: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_command("convert", "cvat2coco", cvat(tmp_path / "v", element), tmp_path / "c") == 2
    assert problem in only_line(capsys)
    assert not (tmp_path / "c").exists()


def test_segmentation_follows_the_option_and_run_lengths_are_the_same(tmp_path: Path) -> None:
    source = cvat(tmp_path / "v", POLYGON)
    codes(source, tmp_path / "c", CvatOptions(segmentation="polygon"))
    ((_, found),) = written(tmp_path / "c")["a.png"]
    assert found.segmentation == [[10, 8, 30, 8, 30, 20, 10, 20]]
    codes(source, tmp_path / "d", CvatOptions(segmentation="polygon"))
    roots = (tmp_path / "c", tmp_path / "d")
    files = [sorted(p.relative_to(root) for p in root.rglob("*") if p.is_file()) for root in roots]
    assert files[0] == files[1]
    assert all((tmp_path / "c" / name).read_bytes() == (tmp_path / "d" / name).read_bytes() for name in files[0])
