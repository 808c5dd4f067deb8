"""Boxes that are written in another form than their format states."""

import pytest

from datasets.formats.box_form import FormBox, as_form, check_box_form, edges_of, pixel_box
from system.errors import InputError

# (left, top, right, bottom) of four boxes in an image of 100 x 50 pixels, at all sides of it
EDGES = [(2.0, 3.0, 12.0, 9.0), (70.0, 30.0, 98.0, 48.0), (1.0, 40.0, 30.0, 49.0), (80.0, 1.0, 99.0, 20.0)]
CORNERS = list(EDGES)
CORNER_SIZE = [(2, 3, 10, 6), (70, 30, 28, 18), (1, 40, 29, 9), (80, 1, 19, 19)]
CENTRE_SIZE = [(7, 6, 10, 6), (84, 39, 28, 18), (15.5, 44.5, 29, 9), (89.5, 10.5, 19, 19)]
FORMS = {"corners": CORNERS, "corner-size": CORNER_SIZE, "centre-size": CENTRE_SIZE}


def boxes(form: str) -> list[FormBox]:
    return [pixel_box(values, 100, 50) for values in FORMS[form]]


@pytest.mark.parametrize("form", list(FORMS))
def test_each_form_has_the_same_edges_and_becomes_each_other_form(form: str) -> None:
    for values, edges, corner in zip(FORMS[form], EDGES, CORNER_SIZE, strict=True):
        assert edges_of(values, form) == edges  # type: ignore[arg-type]
        assert as_form(values, form, "corner-size") == corner  # type: ignore[arg-type]


@pytest.mark.parametrize("form", list(FORMS))
def test_boxes_of_the_stated_form_are_accepted(form: str) -> None:
    assert check_box_form("x", boxes(form), form, "c") == ""  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("written", "stated"),
    [
        ("corners", "corner-size"),
        ("corners", "centre-size"),
        ("centre-size", "corner-size"),
        ("corner-size", "centre-size"),
    ],
)
def test_boxes_of_another_form_are_refused_with_the_option_that_reads_them(written: str, stated: str) -> None:
    with pytest.raises(InputError, match=f"--boxes {written}, or --boxes {stated}"):
        check_box_form("x", boxes(written), stated, "c")  # type: ignore[arg-type]


def test_one_box_outside_is_enough_for_corners_but_not_for_the_other_forms() -> None:
    with pytest.raises(InputError, match="1 of 1"):
        check_box_form("x", [pixel_box((60, 30, 90, 45), 100, 50)], "corner-size", "c")
    careless = [pixel_box((80, 30, 28, 18), 100, 50), pixel_box((50, 20, 10, 10), 100, 50)]
    assert check_box_form("x", careless, "corner-size", "c") == ""


def test_boxes_of_a_carelessly_drawn_dataset_are_not_another_form() -> None:
    # four lead outside on the right, but one is at the left edge, where a centre cannot be
    drawn = [(90, 10, 14, 9), (92, 20, 13, 9), (95, 30, 9, 9), (93, 5, 12, 5), (0, 20, 9, 9)]
    assert check_box_form("x", [pixel_box(v, 100, 50) for v in drawn], "corner-size", "c") == ""


def test_an_area_that_only_corners_have_contradicts() -> None:
    inside = [(10.0, 10.0, 20.0, 20.0), (5.0, 5.0, 30.0, 25.0)]  # also x y w h inside the image
    areas = [100.0, 500.0]
    with pytest.raises(InputError, match="2 of 2"):
        check_box_form(
            "x", [pixel_box(v, 100, 50, a) for v, a in zip(inside, areas, strict=True)], "corner-size", "c"
        )
    own = [pixel_box(v, 100, 50, v[2] * v[3]) for v in inside]
    assert check_box_form("x", own, "corner-size", "c") == ""


def test_three_boxes_that_fit_both_forms_are_reported() -> None:
    both = [FormBox((0.3, 0.3, 0.4, 0.4)), FormBox((0.4, 0.4, 0.5, 0.45)), FormBox((0.3, 0.4, 0.5, 0.5))]
    assert check_box_form("x", both, "centre-size", "c") == "all 3 boxes also fit x1 y1 x2 y2"
    assert check_box_form("x", both[:2], "centre-size", "c") == ""
    assert check_box_form("x", [*both, FormBox((0.5, 0.5, 0.1, 0.1))], "centre-size", "c") == ""


def test_no_box_has_no_form() -> None:
    assert check_box_form("x", [], "centre-size", "c") == ""
