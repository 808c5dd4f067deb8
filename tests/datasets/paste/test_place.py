import cv2
import numpy as np
import pytest

from datasets.paste.place import (
    DetectedPart,
    Frame,
    Move,
    choose_place,
    detect_part,
    draw_moves,
    fit_circle,
    settle,
)

ROUND = Frame(60.0, 60.0, 40.0)


def disc(x: int, y: int, radius: int, *, cord: bool = False) -> np.ndarray:
    rgb = np.full((400, 400, 3), 250, np.uint8)
    cv2.circle(rgb, (x, y), radius, (40, 30, 30), -1)
    if cord:
        cv2.line(rgb, (x, y), (399, 20), (200, 60, 60), 18)
    return rgb


@pytest.mark.parametrize("cord", [False, True])
def test_the_circle_of_a_round_part_is_found(cord) -> None:
    seen = detect_part(disc(190, 215, 150, cord=cord))
    assert seen.silhouette
    assert seen.circle is not None
    assert (seen.circle.x, seen.circle.y) == pytest.approx((190, 215), abs=1.5)
    assert seen.circle.radius == pytest.approx(150, abs=2)
    assert seen.image_frame == Frame(199.5, 199.5, 200)


def test_the_detected_part_decides_the_place() -> None:
    bar = np.full((200, 300, 3), 20, np.uint8)
    bar[60:140, 40:260] = 220
    cloth = np.random.default_rng(0).integers(0, 255, (200, 200, 3)).astype(np.uint8)
    plain = np.full((50, 50, 3), 128, np.uint8)
    assert choose_place([detect_part(disc(200, 200, 120))]) == "orbit"
    assert choose_place([detect_part(bar)]) == "same"
    assert choose_place([detect_part(cloth)]) == "anywhere"
    assert choose_place([detect_part(plain)]) == "anywhere"
    assert choose_place([detect_part(bar), detect_part(bar), detect_part(disc(200, 200, 120))]) == "same"


def test_a_circle_needs_most_of_its_points() -> None:
    angle = np.linspace(0, 2 * np.pi, 100, endpoint=False)
    circle = np.column_stack([50 + 30 * np.cos(angle), 40 + 30 * np.sin(angle)])
    found = fit_circle(np.concatenate([circle, [[90.0, 90.0]] * 10]))
    assert found is not None
    assert (found.x, found.y, found.radius) == pytest.approx((50, 40, 30), abs=0.3)
    side = np.arange(50.0)
    edge = np.zeros(50)
    square = np.concatenate(
        [np.column_stack(c) for c in ((side, edge), (side, edge + 50), (edge, side), (edge + 50, side))]
    )
    assert fit_circle(square) is None
    assert fit_circle(circle[:5]) is None


def test_a_quarter_turn_clockwise_by_hand() -> None:
    matrix = Move(90, False, 2, 3, -1).matrix(Frame(10, 10, 5), Frame(100, 50, 5))
    # right of the centre goes below it, twice as far, and then by (3, -1)
    assert matrix @ [11, 10, 1] == pytest.approx([103, 51])
    assert matrix @ [10, 10, 1] == pytest.approx([103, 49])


def test_a_mirrored_move_into_a_larger_part_by_hand() -> None:
    matrix = Move(0, True, 1, 0, 0).matrix(Frame(10, 10, 5), Frame(100, 50, 15))
    assert matrix @ [12, 11, 1] == pytest.approx([94, 53])


def distance_from_centre(matrix: np.ndarray, point: tuple[int, int], centre: Frame) -> float:
    return float(np.hypot(*(matrix @ [*point, 1] - [centre.x, centre.y])))


def test_orbit_keeps_the_radius_and_takes_any_angle() -> None:
    frame = Frame(59.5, 59.5, 60)
    source, canvas = (
        DetectedPart(True, ROUND, frame),
        DetectedPart(True, Frame(62, 57, 44), frame),
    )
    setting = settle("orbit", source, canvas, (88, 55, 10, 10), is_cut=False)
    random = np.random.default_rng(1)
    moves = [move for _ in range(60) for move in draw_moves(random, "orbit", setting, 2)]
    for move in moves:
        far = distance_from_centre(move.matrix(setting.source, setting.target), (90, 60), canvas.circle)
        assert far == pytest.approx(30 * 44 / 40, abs=0.03 * 33 + 0.02 * 44 * 2**0.5 + 0.1)
    assert {round(move.turn // 90) for move in moves} == {-2, -1, 0, 1}
    assert {move.mirror for move in moves} == {True, False}


def test_place_same_keeps_the_position_nearly() -> None:
    frame = Frame(59.5, 59.5, 60)
    plain = DetectedPart(True, None, frame)
    setting = settle("same", plain, plain, (88, 55, 10, 10), is_cut=False)
    for move in draw_moves(np.random.default_rng(1), "same", setting, 50):
        assert not move.mirror
        moved = move.matrix(setting.source, setting.target) @ [90, 60, 1]
        assert np.hypot(*(moved - [90, 60])) < 30 * (0.05 + np.deg2rad(5)) + 0.03 * 60 * 2**0.5 + 0.2


def test_anywhere_reaches_all_of_the_canvas() -> None:
    plain = DetectedPart(False, None, Frame(99.5, 49.5, 50))
    setting = settle("anywhere", plain, plain, (10, 10, 5, 5), is_cut=False)
    centres = np.array(
        [
            move.matrix(setting.source, setting.target) @ [12, 12, 1]
            for move in draw_moves(np.random.default_rng(2), "anywhere", setting, 400)
        ]
    )
    assert (centres.min(axis=0) < [8, 4]).all()
    assert (centres.max(axis=0) > [191, 95]).all()


@pytest.mark.parametrize(("middle", "step"), [((59.5, 59.5), 90), ((99.5, 59.5), 180)])
def test_instances_cut_by_the_border_rotate_by_right_angles(middle, step) -> None:
    seen = DetectedPart(False, None, Frame(*middle, 60))
    setting = settle("anywhere", seen, seen, (0, 10, 5, 5), is_cut=True)
    for seed in range(40):
        (move,) = draw_moves(np.random.default_rng(seed), "anywhere", setting, 1)
        assert abs(move.turn - step * round(move.turn / step)) <= 5
        assert max(abs(move.dx), abs(move.dy)) <= 0.03 * 60 + 0.01
