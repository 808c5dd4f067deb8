import json
from collections.abc import Callable
from pathlib import Path

import pytest

from annotate.agreement import compare_folders, kappa, summarise
from annotate.folder_images import list_folder_images, read_labels
from annotate.merge import merge_folders
from annotate.project import init_project
from annotate.shape_groups import shape_groups
from datasets.formats.labelme import read_labelme
from system.errors import InputError, OutputError
from tests.annotate.conftest import HEIGHT, WIDTH, box, draw_image, write_labels
from tests.command import json_result, only_line, run_command


def compare(first: Path, second: Path):  # type: ignore[no-untyped-def]
    return {p.name: p for p in compare_folders(list_folder_images(first), list_folder_images(second))}


def test_shapes_of_a_group_are_one_instance_and_a_point_has_no_pixels(folder: Callable[..., Path]) -> None:
    point = {**box("dent", 0, 0, 1, 1), "shape_type": "point", "points": [[50, 50]]}
    shapes = [box("dent", 0, 0, 10, 10, group_id=1), point, box("chip", 20, 20, 30, 30, group_id=1)]
    root = folder(a=[*shapes, box("dent", 5, 0, 15, 10, group_id=1)])
    found = shape_groups(root / "a.json", read_labelme(root / "a.json"), (HEIGHT, WIDTH))
    assert [(i.label, i.indices, i.rle is None) for i in found] == [
        ("dent", [0, 3], False), ("dent", [1], True), ("chip", [2], False),
    ]  # fmt: skip


def test_f1_and_iou_worked_out_by_hand(folder: Callable[..., Path]) -> None:
    # 20 x 20 against the same moved by 4 columns: 16 * 20 shared of 24 * 20, IoU 2/3
    mine = folder(
        "mine", a=[box("dent", 10, 10, 30, 30), box("chip", 50, 10, 60, 20)], b=[box("dent", 1, 1, 9, 9)]
    )
    theirs = folder("theirs", a=[box("dent", 14, 10, 34, 30)], b=[box("dent", 1, 1, 9, 9)])
    compared = compare(mine, theirs)
    assert compared["a.png"].f1 == pytest.approx(2 * 1 / 3)
    assert compared["b.png"].is_complete
    files = [read_labels(list_folder_images(root)) for root in (mine, theirs)]
    summary = summarise(list(compared.values()), *files, max_worst=5)
    dent, chip = summary.types["dent"], summary.types["chip"]
    assert (dent.first, dent.second, dent.agreeing, dent.f1) == (2, 2, 2, 1.0)
    assert dent.mean_iou == pytest.approx((2 / 3 + 1) / 2)
    assert (chip.first, chip.second, chip.f1, chip.mean_iou) == (1, 0, 0.0, None)
    assert summary.worst == [("a.png", 0.6667)]


def test_the_assignment_is_optimal_not_greedy(folder: Callable[..., Path]) -> None:
    # the best single pair (mine 0, theirs 0) would leave mine 1 and theirs 1 alone; the other way both are matched
    mine = folder("mine", a=[box("dent", 10, 0, 40, 10), box("dent", 0, 0, 30, 10)])
    theirs = folder("theirs", a=[box("dent", 8, 0, 38, 10), box("dent", 18, 0, 48, 10)])
    (image,) = compare(mine, theirs).values()
    assert sorted((m.first.indices[0], m.second.indices[0]) for m in image.matches) == [(0, 1), (1, 0)]


def test_same_place_with_another_label_is_seen_as_that(folder: Callable[..., Path]) -> None:
    mine = folder("mine", a=[box("dent", 10, 10, 30, 30)])
    theirs = folder("theirs", a=[box("chip", 10, 10, 30, 30), box("dent", 11, 10, 30, 30)])
    (image,) = compare(mine, theirs).values()
    assert [(m.first.label, m.second.label) for m in image.matches] == [("dent", "dent")]
    other = folder("other", a=[box("chip", 10, 10, 30, 30)])
    (image,) = compare(mine, other).values()
    assert [m.agrees for m in image.matches] == [False]
    assert image.f1 == 0


def test_kappa_of_cohens_definition() -> None:
    # 20 yes-yes, 5 yes-no, 10 no-yes, 15 no-no: observed 0.7, expected 0.5 * 0.6 + 0.5 * 0.4 = 0.5, kappa 0.4
    pairs = [(True, True)] * 20 + [(True, False)] * 5 + [(False, True)] * 10 + [(False, False)] * 15
    assert kappa(pairs) == pytest.approx(0.4)
    assert kappa([(True, True), (False, False)]) == 1.0
    assert kappa([(False, False)] * 9) is None


def test_flags_count_towards_agreement(folder: Callable[..., Path]) -> None:
    mine, theirs = folder("mine", b=[]), folder("theirs", b=[])
    write_labels(draw_image(mine / "a.png"), [], flags={"good": True, "reject": False})
    write_labels(draw_image(theirs / "a.png"), [], flags={"good": False})
    compared = compare(mine, theirs)
    assert not compared["a.png"].is_complete
    assert compared["b.png"].is_complete
    files = [read_labels(list_folder_images(root)) for root in (mine, theirs)]
    assert summarise(list(compared.values()), *files, max_worst=5).kappa == {"good": 0.0, "reject": None}


def test_only_images_that_both_labelled(folder: Callable[..., Path]) -> None:
    mine, theirs = folder("mine", a=[], b=[], c=None), folder("theirs", a=[], b=None, d=[])
    assert list(compare(mine, theirs)) == ["a.png"]
    with pytest.raises(InputError, match="no image is labelled both here and in"):
        compare(folder("other", z=[]), theirs)


def test_another_size_is_an_error(folder: Callable[..., Path]) -> None:
    mine, theirs = folder("mine", a=[]), folder("theirs")
    write_labels(draw_image(theirs / "a.png"), [], imageHeight=HEIGHT + 1)
    with pytest.raises(InputError, match="the image has another size"):
        compare(mine, theirs)


def test_commands_agree_and_merge(
    folder: Callable[..., Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    agreed, moved = box("dent", 10, 10, 30, 30, note={"by": "me"}), box("dent", 11, 10, 30, 30)
    mine = folder("mine", a=[agreed], b=[agreed, box("chip", 50, 10, 60, 20, secret=1)], c=[])
    theirs = folder("theirs", a=[moved], b=[moved, box("rust", 50, 40, 60, 50)], c=[])
    init_project(mine, ["dent"], overwrite=False)
    assert run_command("annotate", "agree", mine, theirs, "--json") == 0
    assert json_result(capsys)["worst"] == [["b.png", 0.5]]
    assert run_command("annotate", "agree", mine, theirs) == 0
    assert "mean IoU" in capsys.readouterr().out
    before = {p: p.read_bytes() for root in (mine, theirs) for p in root.iterdir()}
    dest = tmp_path / "merged"
    assert run_command("annotate", "merge", mine, theirs, dest) == 0
    assert f"annotate open {dest} --only" in capsys.readouterr().err
    assert (dest / "to-decide.txt").read_text() == "b.png\n"
    assert json.loads((dest / "a.json").read_text())["shapes"] == [agreed]
    first, chip, rust = json.loads((dest / "b.json").read_text())["shapes"]
    assert first == agreed
    assert (chip["label"], chip["flags"], chip["description"], chip["secret"]) == (
        "chip", {"unreviewed": True}, "only mine", 1,
    )  # fmt: skip
    assert (rust["label"], rust["description"]) == ("rust", "only theirs")
    assert (dest / "a.png").read_bytes() == (mine / "a.png").read_bytes()
    assert (dest / "labels.txt").read_text() == "dent\n"
    assert {p: p.read_bytes() for p in before} == before
    assert run_command("annotate", "merge", mine, theirs, dest) == 2
    assert "exists and is not empty" in only_line(capsys)


def test_merge_into_one_of_the_two_is_refused(folder: Callable[..., Path]) -> None:
    mine, theirs = list_folder_images(folder("mine", a=[])), list_folder_images(folder("theirs", a=[]))
    with pytest.raises(OutputError, match="inside each other"):
        merge_folders(mine, theirs, compare_folders(mine, theirs), mine[0].root / "merged")
