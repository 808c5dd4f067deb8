from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from evaluate.average_precision import BOXES, MASKS
from evaluate.compare import Comparison, compare_runs, read_measured
from evaluate.folds import measure_folds
from evaluate.measure import measure_run
from evaluate.metrics import METRICS
from evaluate.run_folder import RunConfig, read_split
from system.errors import InputError
from tests.command import json_result, only_line, run_command
from training.new_run import create_run, run_split

A, B = (0, 0, 10, 10), (20, 0, 10, 10)


def measured(
    bench: Any, folder: Path, dataset: Any, predictions: list[Any], task: str = "seg", **split: Any
) -> Any:
    run = bench.run(folder, task, dataset, {"test": predictions}, **split)
    measure_run(run, dataset)
    return run


def compared(dataset: Any, a: list[Any], b: list[Any], resamples: int = 200) -> dict[str, Any]:
    sides = [[read_measured(run, dataset) for run in side] for side in (a, b)]
    return {d.measure: d for d in compare_runs(*sides, resamples=resamples).measures}


def test_a_hand_worked_case(bench: Any, tmp_path: Path) -> None:
    """Two defective images. A finds the first, B both: A misses one image for each draw of the second."""
    truth = bench.truth([(1, A)], [(1, A)], types=["chip"])
    dataset = bench.dataset(tmp_path / "d", {"test": truth})
    both = bench.perfect(truth)
    found = compared(
        dataset, [measured(bench, tmp_path, dataset, both[:1])], [measured(bench, tmp_path, dataset, both)]
    )
    missed = found["missed"]
    assert (missed.a, missed.b, missed.difference) == (0.5, 0, -0.5)
    assert missed.interval == (-1, 0)  # drawn 0, 1 or 2 times with probability 1/4, 1/2, 1/4
    assert missed.verdict == "unclear"  # 0 is possible
    dice = found["defect Dice"]
    assert (dice.a, dice.b) == pytest.approx((2 * 100 / 300, 1))
    # Dice of A: 0 if only the second is drawn, 2/3 if both are, 1 if only the first is
    assert dice.interval == pytest.approx((0, 1))
    ap = found["boxes AP50"]
    assert (ap.a, ap.b, ap.interval) == (pytest.approx(51 / 101), 1, pytest.approx((0, 1)))
    assert "false alarms" not in found  # no good image


def test_a_clear_difference_and_its_direction(bench: Any, tmp_path: Path) -> None:
    truth = bench.truth(*[[(1, A)]] * 8, *[[]] * 8, types=["chip"])
    dataset = bench.dataset(tmp_path / "d", {"test": truth})
    good = measured(bench, tmp_path, dataset, bench.perfect(truth))
    alarms = [bench.prediction(i, 1, B, 0.9) for i in range(9, 17)]
    bad = measured(bench, tmp_path, dataset, alarms)
    found = compared(dataset, [bad], [good], 200)
    assert {found[n].verdict for n in ("missed", "false alarms", "boxes AP", "masks AP50", "PQ")} == {"better"}
    assert {d.verdict for d in compared(dataset, [good], [bad], 200).values()} == {"worse"}
    same = compared(dataset, [good], [good], 200)
    assert {(d.difference, d.interval, d.verdict) for d in same.values()} == {(0, (0, 0), "unclear")}


def test_values_equal_metrics_json_of_every_kind_of_run(bench: Any, tmp_path: Path) -> None:
    truth = bench.truth([(1, A)], [(2, A), (1, B)], [], [(3, B)])
    dataset = bench.dataset(tmp_path / "d", {"test": truth})
    predictions = [
        bench.prediction(1, 1, (0, 0, 10, 8), 0.9),
        bench.prediction(2, 1, A, 0.8),
        bench.prediction(3, 1, A, 0.6),
        bench.prediction(4, 3, B, 0.1),
    ]
    typed = [p for p in predictions if p.image_id != 3]
    for task, made in (("seg", predictions), ("det", predictions), ("cls", typed)):
        run = measured(bench, tmp_path, dataset, made, task)
        metrics = measure_run(run, dataset)
        numbers = {
            n: v for m in METRICS if metrics.get(m) is not None for n, v in m.fold_numbers(metrics[m]).items()
        }
        found = compared(dataset, [run], [run], 100)
        assert len(found) >= 6
        assert {n: d.a for n, d in found.items()} == pytest.approx({n: numbers[n] for n in found})


def test_seeds_are_averaged_and_drawn(bench: Any, tmp_path: Path) -> None:
    truth = bench.truth(*[[(1, A)]] * 4, types=["chip"])
    dataset = bench.dataset(tmp_path / "d", {"test": truth})
    full, nothing = (measured(bench, tmp_path, dataset, p) for p in (bench.perfect(truth), []))
    found = compared(dataset, [nothing], [full, nothing])["missed"]
    assert (found.a, found.b, found.difference) == (1, 0.5, -0.5)
    # whatever images are drawn, of two draws of the two runs 0, 1 or 2 are the full one
    assert found.interval == (-1, 0)


def test_a_cross_validation_counts_by_the_threshold_of_each_fold(bench: Any, tmp_path: Path) -> None:
    truth = bench.truth([(1, A)], [(1, A)], [], [], types=["chip"])
    dataset = bench.dataset(tmp_path / "d", {"train": truth})
    names = [i.file_name for i in truth.images]
    split = {"train": [], "val": [], "test": names}
    root = create_run(tmp_path, "seg", "d", RunConfig("seg", "somewhere", {}, folds=2), run_split(dataset, split))
    folds = []
    # each fold is certain on another scale: 0.3 is high in the first and low in the second
    for k, (ids, scores) in enumerate((((1, 3), (0.3, 0.05)), ((2, 4), (0.9, 0.6))), 1):
        made = bench.run(
            tmp_path / f"made-{k}", "seg", dataset,
            {"val": [], "test": [bench.prediction(i, 1, A, s) for i, s in zip(ids, scores, strict=True)]},
            train=[], val=[], test=[names[i - 1] for i in ids],
        )  # fmt: skip
        folds.append(msgspec.structs.replace(made, root=made.root.rename(root.root / f"fold-{k}")))
        measure_run(folds[-1], dataset)
    metrics = measure_folds(root, folds, dataset)
    one = read_measured(root, dataset)
    assert {(p.image_id, p.score) for p in one.counted} == {
        (p.image_id, p.score)
        for p, fold in ((p, (p.image_id - 1) % 2) for p in one.predictions)
        if p.score >= metrics.folds.score_thresholds[fold]  # type: ignore[union-attr]
    }
    found = {d.measure: d for d in compare_runs([one], [one], resamples=100).measures}
    assert found["boxes AP"].a == pytest.approx(metrics[BOXES].AP)
    assert found["masks AP"].a == pytest.approx(metrics[MASKS].AP)
    plain = measured(bench, tmp_path, dataset, bench.perfect(truth), train=[], val=[], test=names)
    assert compare_runs([one], [read_measured(plain, dataset)], resamples=100).images == 4  # same images, no folds


def test_other_images_or_another_truth_are_refused(bench: Any, tmp_path: Path) -> None:
    truth = bench.truth([(1, A)], [(2, B)], [])
    dataset = bench.dataset(tmp_path / "d", {"test": truth})
    run = measured(bench, tmp_path, dataset, [])
    fewer = measured(bench, tmp_path, dataset, [], test=["001.png", "002.png"])
    moved = bench.truth([(1, A)], [(2, A)], [])
    other = bench.dataset(tmp_path / "other", {"test": moved})
    changed = measured(bench, tmp_path, other, [])
    untyped = measured(
        bench,
        tmp_path,
        dataset,
        [msgspec.structs.replace(p, category_id=4) for p in bench.perfect(truth)],
        "anomaly",
    )
    for second, data, words in (
        (untyped, dataset, "anomaly/d: does not distinguish defect types"),
        (fewer, dataset, "003.png is tested by"),
        (changed, other, "annotations of 002.png"),
    ):
        with pytest.raises(InputError, match=words):
            compare_runs([read_measured(run, dataset)], [read_measured(second, data)])
    unmeasured = bench.run(tmp_path, "seg", dataset, {"test": []})
    with pytest.raises(InputError, match="not measured"):
        read_measured(unmeasured, dataset)


def test_the_command(bench: Any, tmp_path: Path, capsys: Any) -> None:
    truth = bench.truth([(1, A)], [(1, A)], types=["chip"])
    dataset = bench.dataset(tmp_path / "d", {"test": truth})
    a, b = (measured(bench, tmp_path, dataset, p) for p in ([], bench.perfect(truth)))
    options = ["--dataset", dataset.root, "--resamples", 100]
    assert run_command("evaluate", "compare", a.root, b.root, *options) == 0
    shown = capsys.readouterr()
    line = next(line for line in shown.out.splitlines() if line.split()[:1] == ["missed"])
    assert line.split() == ["missed", "1.000", "0.000", "-1.000", "-1.000", "to", "-1.000", "unclear"]
    assert "seed to seed" in shown.err
    assert "2 of the test images are defective, fewer than 6" in shown.err
    assert run_command("evaluate", "compare", a.root, b.root, *options, "--json") == 0
    parsed = msgspec.convert(json_result(capsys), Comparison)
    assert (parsed.images, parsed.defective, parsed.resamples) == (2, 2, 100)
    assert run_command("evaluate", "compare", a.root, b.root, "--with-b", b.root, *options) == 2
    assert f"{b.root}: is given twice for one side" in only_line(capsys)
    third = measured(bench, tmp_path, dataset, bench.perfect(truth))
    assert run_command("evaluate", "compare", a.root, b.root, "--with-a", third.root, *options) == 0
    assert "seed to seed" in capsys.readouterr().err  # one side alone has several
    several = create_run(tmp_path, "seg", "s", RunConfig("seg", "d", {}, seeds=[0, 1]), read_split(a))
    for number, run in enumerate((a, third)):
        run.root.rename(several.root / f"seed-{number}")
    assert run_command("evaluate", "compare", several.root, several.root, *options) == 0
    assert "seed to seed" not in capsys.readouterr().err
    assert run_command("evaluate", "compare", a.root, tmp_path / "nowhere", *options) == 2
    assert "not a run folder" in only_line(capsys)


def test_few_images_decide_nothing(bench: Any, tmp_path: Path) -> None:
    """B finds all, A nothing: no resample differs. Of 5 that is chance once in 16."""
    for defective, good, verdicts in ((1, 0, "unclear"), (5, 9, "unclear"), (6, 5, "better")):
        truth = bench.truth(*[[(1, A)]] * defective, *[[]] * good, types=["chip"])
        dataset = bench.dataset(tmp_path / f"d{defective}", {"test": truth})
        a, b = (measured(bench, tmp_path, dataset, p) for p in ([], bench.perfect(truth)))
        found = compared(dataset, [a], [b])
        assert {name: found[name].interval for name in ("missed", "defect IoU")} == {
            "missed": (-1, -1), "defect IoU": (1, 1),
        }  # fmt: skip
        assert {d.verdict for name, d in found.items() if name != "false alarms"} == {verdicts}
    alarms = [bench.prediction(i, 1, B, 0.9) for i in range(7, 12)]
    worse = measured(bench, tmp_path, dataset, [*bench.perfect(truth), *alarms])
    assert compared(dataset, [b], [worse])["false alarms"].verdict == "unclear"  # 5 good images


def test_exchanged_sides_of_several_runs_have_mirrored_intervals(bench: Any, tmp_path: Path) -> None:
    truth = bench.truth(*[[(1, A)]] * 8, *[[]] * 2, types=["chip"])
    dataset = bench.dataset(tmp_path / "d", {"test": truth})
    perfect = bench.perfect(truth)
    runs = [measured(bench, tmp_path, dataset, perfect[k : k + 4]) for k in range(4)]
    there, back = compared(dataset, runs[:2], runs[2:]), compared(dataset, runs[2:], runs[:2])
    for name, found in there.items():
        assert back[name].difference == pytest.approx(-found.difference)
        assert back[name].interval == pytest.approx((-found.interval[1], -found.interval[0]))
    assert there["missed"].interval[0] < there["missed"].interval[1]


def test_draws_are_paired(bench: Any, tmp_path: Path) -> None:
    """B finds what A finds and one more of six: never worse in any resample, so the interval ends at 0."""
    truth = bench.truth(*[[(1, A)]] * 6, types=["chip"])
    dataset = bench.dataset(tmp_path / "d", {"test": truth})
    perfect = bench.perfect(truth)
    a, b = (measured(bench, tmp_path, dataset, perfect[:k]) for k in (3, 4))
    found = compared(dataset, [a], [b])["missed"]
    assert found.interval[1] == 0
    assert found.interval[0] >= -4 / 6  # binomial(6, 1/6): 4 or more draws of one image in 0.9 % of resamples
    assert np.isclose(found.difference, -1 / 6)
