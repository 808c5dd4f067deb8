from pathlib import Path
from typing import Any

import msgspec
import pytest

from datasets.coco import Prediction
from datasets.formats.provenance import Provenance
from evaluate.run_folder import TASKS
from evaluate.truth import check_predictions, checked_predictions, has_masks, run_truth, split_size
from system.errors import InputError

BOX = (0, 0, 10, 10)
DET, SEG = TASKS["det"], TASKS["seg"]


def test_images_come_from_the_splits_that_the_run_names(bench: Any, tmp_path: Path) -> None:
    dataset = bench.dataset(
        tmp_path / "d", {"train": bench.truth([(1, BOX)], []), "test": bench.truth([(2, BOX)], first=11)}
    )
    run = bench.run(tmp_path, "det", dataset, {}, train=[], val=["002.png"], test=["011.png", "001.png"])
    truth = run_truth(run, dataset)
    assert [i.file_name for i in truth["test"].images] == ["001.png", "011.png"]
    assert [a.category_id for a in truth["test"].annotations] == [1, 2]
    assert truth["val"].annotations == []
    assert truth["val"].categories == dataset.categories


@pytest.mark.parametrize(
    ("split", "problem"),
    [({"test": ["gone.png"]}, "gone.png is not in the dataset d"), ({"test": []}, "has no test images")],
)
def test_a_split_that_cannot_be_measured(bench: Any, tmp_path: Path, split: dict[str, Any], problem: str) -> None:
    dataset = bench.dataset(tmp_path / "d", {"test": bench.truth([])})
    run = bench.run(tmp_path, "det", dataset, {}, **split)
    with pytest.raises(InputError, match=problem):
        run_truth(run, dataset)


def test_another_content_under_the_same_name_is_refused(bench: Any, tmp_path: Path) -> None:
    def provenance(sha256: str) -> Provenance:
        return Provenance("", "", "", [], {}, {}, [], sha256)

    dataset = bench.dataset(tmp_path / "d", {"test": bench.truth([])})
    made_on = msgspec.structs.replace(dataset, provenance=provenance("aa"))
    run = bench.run(tmp_path, "det", made_on, {})
    assert run_truth(run, made_on)
    with pytest.raises(InputError, match=r"another content of .*; give --dataset"):
        run_truth(run, msgspec.structs.replace(dataset, provenance=provenance("bb")))


def _mask(bench: Any, **changes: Any) -> Any:
    return msgspec.structs.replace(bench.mask(BOX), **changes)


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"image_id": 9}, r"\$\[1\].image_id 9 is not an image of the split"),
        ({"category_id": 4}, r"\$\[1\].category_id 4 is unknown; known: 1 chip, 2 crack, 3 stain"),
        ({"score": 1.5}, r"\$\[1\].score 1.5 is not between 0 and 1"),
        ({"segmentation": None}, r"\$\[1\] has no segmentation"),
        ({"size": (41, 40)}, r"\$\[1\] has a mask of 40 x 41 for an image of 40 x 40"),
    ],
)
def test_predictions_that_do_not_fit(bench: Any, change: dict[str, Any], problem: str) -> None:
    truth = bench.truth([(1, BOX)])
    good = bench.prediction(1, 1, BOX, 0.9)
    if "size" in change:
        change = {"segmentation": _mask(bench, **change)}
    bad = msgspec.structs.replace(good, **change)
    path = Path("predictions.json")
    check_predictions(path, truth, [good, good], SEG)
    with pytest.raises(InputError, match=problem) as caught:
        check_predictions(path, truth, [good, bad], SEG)
    assert "predictions.json" in str(caught.value)


def test_a_detector_needs_no_masks(bench: Any) -> None:
    truth = bench.truth([(1, BOX)], masks=False)
    check_predictions(Path("p.json"), truth, [Prediction(1, 1, BOX, 0.9)], DET)
    assert not has_masks(truth)
    assert has_masks(bench.truth([(1, BOX)], []))


def test_a_split_without_images_needs_no_file_but_others_do(bench: Any, tmp_path: Path) -> None:
    assert checked_predictions(tmp_path / "val.json", bench.truth(), SEG) == []
    with pytest.raises(InputError, match="no such file"):
        checked_predictions(tmp_path / "val.json", bench.truth([]), SEG)


def test_sizes(bench: Any) -> None:
    size = split_size(bench.truth([(1, BOX), (2, BOX)], [], [(1, BOX)]))
    assert (size.images, size.defective, size.good, size.annotations) == (3, 2, 1, 3)
