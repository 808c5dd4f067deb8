"""Ellipses against the inequality of their inside, pixel centre by pixel centre."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from datasets.masks.edges import edges_to_rle
from datasets.masks.ellipse_fill import ellipse_edges, ellipse_extents
from datasets.masks.rle import decode

HEIGHT, WIDTH = 30, 40
PLACES = st.floats(-20, 60)
RADII = st.floats(0.01, 50)
MARGIN = 1e-9  # of the inequality, where rounding decides


@given(PLACES, PLACES, RADII, RADII, st.floats(-400, 400))
def test_a_pixel_is_inside_when_its_centre_is(cx: float, cy: float, rx: float, ry: float, angle: float) -> None:
    edges = ellipse_edges(cx, cy, rx, ry, angle, HEIGHT, WIDTH)
    assert (np.diff(edges) > 0).all()
    mask = decode(edges_to_rle(edges, HEIGHT, WIDTH), HEIGHT, WIDTH).astype(bool)
    y, x = np.mgrid[:HEIGHT, :WIDTH] + 0.5
    turn = math.radians(angle)
    u = (x - cx) * math.cos(turn) + (y - cy) * math.sin(turn)
    v = -(x - cx) * math.sin(turn) + (y - cy) * math.cos(turn)
    distance = (u / rx) ** 2 + (v / ry) ** 2
    assert not mask[distance > 1 + MARGIN * (1 + distance.max())].any()
    assert mask[distance < 1 - MARGIN * (1 + distance.max())].all()


@given(PLACES, PLACES, RADII, RADII, st.floats(-400, 400))
def test_extents_touch_the_outline(cx: float, cy: float, rx: float, ry: float, angle: float) -> None:
    turns = np.linspace(0, 2 * math.pi, 20_001)
    along, across, turn = rx * np.cos(turns), ry * np.sin(turns), math.radians(angle)
    x = cx + along * math.cos(turn) - across * math.sin(turn)
    y = cy + along * math.sin(turn) + across * math.cos(turn)
    assert ellipse_extents(cx, cy, rx, ry, angle) == pytest.approx((x.min(), y.min(), x.max(), y.max()), abs=1e-4)


@pytest.mark.parametrize("angle", [0, 90, 180, 270, 360, -90])
def test_quarter_turns_are_exact(angle: float) -> None:
    rx, ry = (6, 3) if angle % 180 == 0 else (3, 6)
    straight = ellipse_edges(20, 15, rx, ry, 0, HEIGHT, WIDTH)
    assert ellipse_edges(20, 15, 6, 3, angle, HEIGHT, WIDTH).tolist() == straight.tolist()
