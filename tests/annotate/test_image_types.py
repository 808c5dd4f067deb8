"""`annotate propose` and `annotate queue` with a classifier: its types become image flags, not shapes."""

from pathlib import Path

import msgspec
import pytest

from annotate.folder_images import FolderImage, list_folder_images
from annotate.queueing import is_open
from annotate.type_proposals import predicted_types, propose_types, type_uncertainty
from datasets.coco import Prediction
from datasets.formats.labelme import read_labelme
from datasets.formats.labelme_flags import left_out, proposed_types
from evaluate.run_folder import RunConfig, RunSplit
from tests.annotate.conftest import draw_image
from tests.command import only_line, run_command
from training.new_run import create_run


def test_types_of_images_are_not_proposed_as_shapes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "images").mkdir()
    draw_image(tmp_path / "images/a.png")
    config, split = RunConfig("cls", "some/where", {}), RunSplit("mine", None, {"test": ["a.png"]})
    run = create_run(tmp_path / "runs", "cls", "mine", config, split)
    stored = '[{"image_id": 1, "category_id": 1, "bbox": [0, 0, 9, 9], "score": 0.9}]'
    run.predictions("test").write_text(stored)
    given = run.predictions("test")
    assert run_command("annotate", "propose", tmp_path / "images", "--predictions", given) == 2
    message = only_line(capsys)
    assert f"{run.root}: a run of train_cls predicts the type of an image and no boxes; name a run of" in message
    assert [path.name for path in (tmp_path / "images").iterdir()] == ["a.png"]


LABELS = {1: "dent", 4: "scratch"}


def scores(*values: float) -> list[Prediction]:
    return [Prediction(1, k, (0, 0, 9, 9), v) for k, v in zip(LABELS, values, strict=True)]


@pytest.fixture
def image(tmp_path: Path) -> FolderImage:
    draw_image(tmp_path / "a.png")
    return list_folder_images(tmp_path)[0]


def flags(image: FolderImage) -> dict[str, bool]:
    return dict(read_labelme(image.label_path).flags or {})


def edit(image: FolderImage, **content: object) -> None:
    raw = msgspec.json.decode(image.label_path.read_bytes())
    image.label_path.write_bytes(msgspec.json.encode(raw | content))


@pytest.mark.parametrize(
    ("values", "several", "types", "certain"),
    [
        ((0.2, 0.7), False, ["scratch"], 0.7),
        ((0.2, 0.3), False, ["good"], 0.5),
        ((0.6, 0.9), True, ["dent", "scratch"], 0.6),
        ((0.1, 0.2), True, ["good"], 0.8),
    ],
)
def test_the_predicted_types(values: tuple[float, float], several: bool, types: list[str], certain: float) -> None:
    found, probability = predicted_types(scores(*values), LABELS, several=several)
    assert found == types
    assert probability == pytest.approx(certain)


def test_uncertainty_is_the_margin_of_the_two_most_probable_types() -> None:
    assert type_uncertainty(scores(0.5, 0.4), list(LABELS), several=False) == pytest.approx(0.9)
    assert type_uncertainty(scores(1.0, 0.0), list(LABELS), several=False) == pytest.approx(0)
    assert type_uncertainty(scores(0.9, 0.45), list(LABELS), several=True) == pytest.approx(0.9)
    assert type_uncertainty([], list(LABELS), several=False) == 1


def test_a_type_becomes_a_flag_to_review(image: FolderImage) -> None:
    assert propose_types(image, ["dent"], 0.9, "cls/mine") == "proposed"
    assert flags(image) == {"dent": True, "unreviewed": True}
    labelled = list_folder_images(image.root)[0]
    assert is_open(labelled, read_labelme(image.label_path))
    assert propose_types(image, ["dent"], 0.8, "cls/other") == "known"
    assert propose_types(image, ["good"], 0.8, "cls/other") == "proposed"
    assert flags(image) == {"dent": False, "good": True, "unreviewed": True}
    assert is_open(labelled, read_labelme(image.label_path))


def test_decisions_of_a_person_are_kept(image: FolderImage) -> None:
    propose_types(image, ["dent"], 0.9, "cls/mine")
    edit(image, flags={"dent": True, "unreviewed": False})
    assert propose_types(image, ["good"], 0.8, "cls/mine") == "known"
    edit(image, flags={"good": True}, defectline={})
    assert propose_types(image, ["dent"], 0.8, "cls/mine") == "closed"
    shape = {"label": "dent", "points": [[1, 1], [4, 4]], "shape_type": "rectangle", "group_id": None, "flags": {}}
    edit(image, flags={}, shapes=[shape])
    assert propose_types(image, ["dent"], 0.8, "cls/mine") == "covered"
    assert flags(image) == {}


def test_every_type_that_was_proposed_is_noted(image: FolderImage) -> None:
    for types in (["dent"], ["scratch"], ["good"], ["dent"]):
        assert propose_types(image, types, 0.9, "cls/mine") == "proposed"
        assert proposed_types(read_labelme(image.label_path).record) >= set(types)
    assert proposed_types(read_labelme(image.label_path).record) == {"dent", "scratch", "good"}


@pytest.mark.parametrize(
    ("names", "keep", "used"),
    [
        (["unreviewed", "good"], False, False),
        (["unreviewed", "good"], True, True),
        (["dent", "unreviewed"], False, False),
        (["dent", "unreviewed"], True, False),
        (["good"], False, True),
    ],
)
def test_an_unreviewed_type_is_not_converted(names: list[str], keep: bool, used: bool) -> None:
    reason = left_out(names, [], keep_unreviewed=keep)
    assert (reason is None) == used
    assert reason is None or reason[:2] == ("$.flags.unreviewed", "unreviewed")
