import json
import os
from pathlib import Path

import numpy as np
import pytest

from annotate.folder_images import list_folder_images, read_labels
from annotate.proposals import Proposal, propose
from annotate.shape_groups import draw_together
from datasets.coco import Prediction
from datasets.formats.labelme import Shape
from datasets.formats.labelme_document import write_document
from datasets.masks.rle import encode, rle_ious
from system.errors import InputError, OutputError
from tests.annotate.conftest import HEIGHT, WIDTH, box, draw_image, write_labels


def square(x0: int, y0: int, x1: int, y1: int, score: float = 0.9, *, hole: bool = False) -> Prediction:
    """A prediction of all pixels from x0, y0 to x1, y1, the latter not included."""
    mask = np.zeros((HEIGHT, WIDTH), bool)
    mask[y0:y1, x0:x1] = True
    if hole:
        mask[y0 + 4 : y1 - 4, x0 + 4 : x1 - 4] = False
    return Prediction(1, 1, (x0, y0, x1 - x0, y1 - y0), score, encode(mask))


def proposals(*predictions: Prediction, label: str = "dent") -> list[Proposal]:
    return [Proposal(prediction, label, "seg/run") for prediction in predictions]


def saved(root: Path, name: str = "a.json") -> dict:  # type: ignore[type-arg]
    return json.loads((root / name).read_text())  # type: ignore[no-any-return]


def test_a_mask_becomes_a_polygon_with_score_model_and_flag(tmp_path: Path) -> None:
    draw_image(tmp_path / "a.png")
    (image,) = list_folder_images(tmp_path)
    added = propose(image, proposals(square(10, 20, 30, 40, 0.875)))
    assert (added.proposed, added.known, added.covered) == (1, 0, 0)
    (shape,) = saved(tmp_path)["shapes"]
    assert (shape["label"], shape["shape_type"]) == ("dent", "polygon")
    assert shape["description"] == "score=0.875 model=seg/run"
    assert shape["flags"] == {"unreviewed": True}
    xs, ys = zip(*shape["points"], strict=True)
    assert (min(xs), min(ys), max(xs), max(ys)) == pytest.approx((10, 20, 30, 40), abs=1)
    assert (saved(tmp_path)["imagePath"], saved(tmp_path)["imageHeight"]) == ("a.png", HEIGHT)


def test_a_wavy_outline_has_few_corners_and_stays_within_the_tolerance(tmp_path: Path) -> None:
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    angle = np.arctan2(rows - 30, columns - 40)
    mask = np.hypot(rows - 30, columns - 40) < 20 + 1.5 * np.sin(12 * angle)
    draw_image(tmp_path / "a.png")
    (image,) = list_folder_images(tmp_path)
    propose(image, proposals(Prediction(1, 1, (20, 10, 40, 40), 0.9, encode(mask))), tolerance=4)
    (shape,) = saved(tmp_path)["shapes"]
    assert 4 <= len(shape["points"]) <= 12  # there are 12 waves
    distance = [np.hypot(x - 40, y - 30) for x, y in shape["points"]]
    assert min(distance) > 17
    assert max(distance) < 23
    drawn = draw_together(tmp_path / "a.json", [Shape("x", shape["points"])], (HEIGHT, WIDTH))
    assert drawn is not None
    assert rle_ious([drawn], [encode(mask)])[0, 0] >= 0.9


def test_a_mask_with_a_hole_becomes_a_mask_shape_and_a_box_a_rectangle_in_the_image(tmp_path: Path) -> None:
    draw_image(tmp_path / "a.png")
    (image,) = list_folder_images(tmp_path)
    outside = Prediction(1, 1, (70, 50, 20, 20), 0.5)
    propose(image, proposals(square(5, 5, 35, 35, hole=True), outside))
    holed, boxed = saved(tmp_path)["shapes"]
    assert (holed["shape_type"], holed["points"]) == ("mask", [[5, 5], [34, 34]])
    assert (boxed["shape_type"], boxed["points"]) == ("rectangle", [[70, 50], [WIDTH, HEIGHT]])


def test_parts_share_a_new_group(tmp_path: Path) -> None:
    mask = np.zeros((HEIGHT, WIDTH), bool)
    mask[5:15, 5:15] = mask[30:45, 40:60] = True
    write_labels(draw_image(tmp_path / "a.png"), [box("chip", 65, 2, 75, 9, group_id=7)])
    (image,) = list_folder_images(tmp_path)
    propose(image, proposals(Prediction(1, 1, (5, 5, 55, 40), 0.8, encode(mask))))
    assert [s["group_id"] for s in saved(tmp_path)["shapes"]] == [7, 8, 8]


def test_a_second_call_adds_nothing_even_if_shapes_were_moved_or_deleted(tmp_path: Path) -> None:
    draw_image(tmp_path / "a.png")
    given = proposals(square(5, 5, 25, 25), square(40, 30, 60, 50, 0.8))
    (image,) = list_folder_images(tmp_path)
    propose(image, given)
    before = (tmp_path / "a.json").read_bytes()
    assert propose(image, given).known == 2
    assert (tmp_path / "a.json").read_bytes() == before
    raw = saved(tmp_path)
    raw["shapes"] = [{**raw["shapes"][0], "points": [[60, 2], [75, 2], [75, 12]], "flags": {}}]
    (tmp_path / "a.json").write_text(json.dumps(raw))
    assert propose(image, given).known == 2
    assert saved(tmp_path) == raw


def test_shapes_of_people_are_neither_changed_nor_covered(tmp_path: Path) -> None:
    drawn = [
        box("chip", 5, 5, 25, 25, secret={"a": 1}, description=None),
        {"label": "note", "points": [[1, 1]], "shape_type": "point", "odd": [1]},
    ]
    write_labels(draw_image(tmp_path / "a.png"), drawn, team="night", flags={"uncertain": True})
    (image,) = list_folder_images(tmp_path)
    added = propose(image, proposals(square(6, 6, 26, 26), square(40, 30, 60, 50)))
    assert (added.proposed, added.covered) == (1, 1)
    after = saved(tmp_path)
    assert after["shapes"][:2] == json.loads(json.dumps(drawn))
    assert (after["team"], after["flags"], len(after["shapes"])) == ("night", {"uncertain": True}, 3)


def test_of_two_predictions_of_one_place_the_surer_is_proposed(tmp_path: Path) -> None:
    draw_image(tmp_path / "a.png")
    (image,) = list_folder_images(tmp_path)
    weak, strong = square(5, 5, 25, 25, 0.4), square(6, 5, 25, 25, 0.7)
    added = propose(image, [*proposals(weak, label="chip"), *proposals(strong)])
    assert (added.proposed, added.covered) == (1, 1)
    assert [s["label"] for s in saved(tmp_path)["shapes"]] == ["dent"]


@pytest.mark.parametrize("flag", ["good", "reject"])
def test_images_flagged_as_done_are_left_alone(tmp_path: Path, flag: str) -> None:
    path = write_labels(draw_image(tmp_path / "a.png"), [], flags={flag: True})
    before = path.read_bytes()
    (image,) = list_folder_images(tmp_path)
    assert propose(image, proposals(square(5, 5, 25, 25))).closed == 1
    assert path.read_bytes() == before


def test_an_empty_mask_and_a_box_outside_are_counted_and_no_file_is_made(tmp_path: Path) -> None:
    draw_image(tmp_path / "a.png")
    (image,) = list_folder_images(tmp_path)
    empty = Prediction(1, 1, (0, 0, 1, 1), 0.9, encode(np.zeros((HEIGHT, WIDTH), bool)))
    outside = Prediction(1, 1, (WIDTH + 5, 5, 9, 9), 0.9)
    assert propose(image, proposals(empty, outside)).empty == 2
    assert not (tmp_path / "a.json").exists()


def test_a_file_that_changed_since_it_was_read_is_not_overwritten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_labels(draw_image(tmp_path / "a.png"), [])
    (image,) = list_folder_images(tmp_path)

    def person_saves_first(document, raw) -> None:  # type: ignore[no-untyped-def]
        write_labels(image.path, [box("chip", 1, 1, 9, 9)])
        write_document(document, raw)

    monkeypatch.setattr("annotate.proposals.write_document", person_saves_first)
    with pytest.raises(OutputError, match=r"a\.json: changed on disk since it was read; run the command again"):
        propose(image, proposals(square(40, 30, 60, 50)))
    assert [s["label"] for s in json.loads(path.read_text())["shapes"]] == ["chip"]


def test_an_interrupted_write_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_labels(draw_image(tmp_path / "a.png"), [box("chip", 1, 1, 9, 9)])
    before = path.read_bytes()
    (image,) = list_folder_images(tmp_path)

    def interrupt(*_: object, **_named: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "replace", interrupt)
    monkeypatch.setattr(os, "rename", interrupt)
    with pytest.raises(KeyboardInterrupt):
        propose(image, proposals(square(40, 30, 60, 50)))
    assert path.read_bytes() == before
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.json", "a.png"]


def test_names_with_spaces_and_other_letters(tmp_path: Path) -> None:
    draw_image(tmp_path / "sub dir" / "größe 瓶.png")
    (image,) = list_folder_images(tmp_path)
    propose(image, proposals(square(5, 5, 25, 25), label="Lötperle"))
    read = read_labels(list_folder_images(tmp_path))
    assert [s.label for s in read["sub dir/größe 瓶.png"].shapes] == ["Lötperle"]
    assert "Lötperle" in (tmp_path / "sub dir" / "größe 瓶.json").read_text("utf-8")


def test_a_record_that_is_not_ours_is_not_guessed_at(tmp_path: Path) -> None:
    write_labels(draw_image(tmp_path / "a.png"), [], defectline="mine")
    (image,) = list_folder_images(tmp_path)
    with pytest.raises(InputError, match=r"\$\.defectline is not in the form that defectline writes"):
        propose(image, proposals(square(5, 5, 25, 25)))
