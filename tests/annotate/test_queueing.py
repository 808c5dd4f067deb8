from collections.abc import Callable
from pathlib import Path

import pytest

from annotate.folder_images import list_folder_images, read_labels
from annotate.queueing import disagreement, is_open, rank, uncertainty
from datasets.coco import Prediction
from tests.annotate.conftest import box, draw_image, write_labels
from tests.command import only_line, run_command


def scored(score: float, x: float = 0, category: int = 1) -> Prediction:
    """A box of 10 x 10 pixels at x."""
    return Prediction(1, category, (x, 0, 10, 10), score)


def test_most_uncertain_is_a_score_at_the_threshold() -> None:
    assert uncertainty([scored(0.4)], 0.4) == 1.0
    assert uncertainty([scored(1.0)], 0.4) == 0.0
    assert uncertainty([scored(0.7)], 0.4) == pytest.approx(0.5)
    assert uncertainty([scored(0.1)], 0.4) == pytest.approx(0.25)
    assert uncertainty([scored(1.0), scored(0.7)], 0.4) == pytest.approx(0.5)
    assert uncertainty([], 0.4) == 0.0


def test_disagreement_by_hand() -> None:
    assert disagreement([], []) == 0.0
    assert disagreement([scored(0.9)], []) == 1.0
    assert disagreement([scored(0.9)], [scored(0.1)]) == 0.0
    assert disagreement([scored(0.9)], [scored(0.9, x=5)]) == pytest.approx(1 - 50 / 150)
    assert disagreement([scored(0.9)], [scored(0.9, category=2)]) == 1.0
    assert disagreement([scored(0.9), scored(0.9, x=50)], [scored(0.9)]) == pytest.approx(1 - 2 / 3)


def test_rank_is_by_value_then_by_name() -> None:
    values = {"b": 0.5, "a": 0.5, "c": 0.9, "d": 0.0}
    assert [q.name for q in rank(values, None)] == ["c", "a", "b", "d"]
    assert [q.name for q in rank(values, 2)] == ["c", "a"]


def test_images_that_need_a_person(folder: Callable[..., Path]) -> None:
    waiting = box("dent", 1, 1, 9, 9, flags={"unreviewed": True})
    root = folder(bare=None, waiting=[waiting], done=[box("dent", 1, 1, 9, 9)], empty=[])
    write_labels(draw_image(root / "rejected.png"), [waiting], flags={"reject": True})
    images = list_folder_images(root)
    files = read_labels(images)
    assert [p.name for p in images if is_open(p, files.get(p.name))] == ["bare.png", "waiting.png"]


def test_command(
    folder: Callable[..., Path],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    root = folder(a=None, b=None, c=None, d=[box("dent", 1, 1, 9, 9)])
    found = {
        "det": {"a.png": [scored(0.9)], "b.png": [scored(0.3)], "d.png": [scored(0.25)]},
        "seg": {"a.png": [scored(0.9)], "b.png": [scored(0.9, x=50)], "c.png": [scored(0.9)]},
    }
    monkeypatch.setattr(
        "evaluate.new_predictions.predict_images",
        lambda run, _, names, **_scores: {
            name: found[run.name][name] for name in names if name in found[run.name]
        },
    )
    det, seg, listed = tmp_path / "det", tmp_path / "seg", tmp_path / "list.txt"
    for run in (det, seg):
        run.mkdir()
        (run / "config.yaml").write_text(f"kind: {run.name}\ndataset: none\noptions: {{}}\n")
    assert run_command("annotate", "queue", root, "--from", det) == 0
    assert capsys.readouterr().out == "b.png\na.png\nc.png\n"
    assert run_command("annotate", "queue", root, "--from", det, "--from", seg, "--most", 2, "--out", listed) == 0
    assert capsys.readouterr().out == ""
    assert listed.read_text() == "b.png\nc.png\n"
    assert run_command("annotate", "queue", root, "--from", det, "--values") == 0
    assert "0.933" in capsys.readouterr().out  # 1 - (0.3 - 0.25) / 0.75
    assert run_command("annotate", "queue", root, "--from", det, "--by", "disagreement") == 2
    assert "needs 2 --from" in only_line(capsys)
