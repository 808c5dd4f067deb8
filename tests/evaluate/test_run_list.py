"""The commands evaluate list and best, and what they print."""

import shutil
from pathlib import Path
from typing import Any

import pytest

from evaluate.measure import measure_run
from evaluate.run_folder import RunConfig
from evaluate.run_list import ListedRun, facts_of
from tests.command import json_document, json_result, only_line, run_command
from training.new_run import create_fold, create_run, run_split

A = (0, 0, 10, 10)


def measured(bench: Any, folder: Path, dataset: Any, predictions: list[Any]) -> Any:
    run = bench.run(folder, "seg", dataset, {"test": predictions})
    measure_run(run, dataset)
    return run


def test_runs_are_listed_and_sorted(bench: Any, tmp_path: Path, capsys: Any) -> None:
    truth = bench.truth([(1, A)], [], types=["chip"])
    dataset = bench.dataset(tmp_path / "d", {"test": truth})
    runs = tmp_path / "runs"
    bad = measured(bench, runs, dataset, [])
    good = measured(bench, runs, dataset, bench.perfect(truth))
    bench.run(runs, "det", dataset, {})  # not measured
    assert run_command("evaluate", "list", runs, "--json") == 0
    listed = json_result(capsys)
    assert [Path(one["run"]).parent.name for one in listed] == ["det", "seg", "seg"]
    assert [one["numbers"].get("defect Dice") for one in listed] == [None, 0, 1]
    assert listed[2]["intervals"]["missed"] == pytest.approx([0, 0.975])  # exact binomial: 0 of 1
    assert listed[0]["seconds"] is None
    for by, first in (("masks AP", good), ("missed", good), ("boxes gain, missed", good)):
        assert run_command("evaluate", "best", runs, "--by", by, "--json") == 0
        ranked = json_result(capsys)
        assert [Path(one["run"]).name for one in ranked] == [first.root.name, bad.root.name]
    assert run_command("evaluate", "best", runs, "--by", "defect Dice", "--most", "1") == 0
    assert str(good.root) in capsys.readouterr().out
    assert run_command("evaluate", "best", runs, "--by", "speed") == 2
    assert "not a number of any of the runs; known: PQ" in only_line(capsys)
    assert run_command("evaluate", "list", tmp_path / "d") == 2
    assert "contains no run" in only_line(capsys)


def test_a_damaged_run_is_named_and_the_others_are_listed(bench: Any, tmp_path: Path, capsys: Any) -> None:
    truth = bench.truth([(1, A)], types=["chip"])
    dataset = bench.dataset(tmp_path / "d", {"test": truth})
    runs = tmp_path / "runs"
    good, other, third = (measured(bench, runs, dataset, bench.perfect(truth)) for _ in range(3))
    (tmp_path / "runs" / "config.yaml").mkdir()  # no run
    other.metrics.write_bytes(b'{"images": 5}')
    third.config.write_bytes(b"folds: \xff")
    (third.root / "fold-0").mkdir()
    shutil.copy(good.config, third.root / "fold-0")  # not listed: it belongs to a damaged run
    for arguments in (("list",), ("best", "--by", "defect Dice")):
        command = ("evaluate", arguments[0], runs, *arguments[1:])
        assert run_command(*command) == 2
        captured = capsys.readouterr()
        assert str(good.root) in captured.out
        first, second = captured.err.splitlines()
        assert first.startswith(f"evaluate: {other.metrics}")
        assert second.startswith(str(third.config))
        assert run_command(*command, "--json") == 2
        document = json_document(capsys)
        assert [one["run"] for one in document["result"]] == [good.root.as_posix()]
        assert [one["file"] for one in document["errors"]] == [str(other.metrics), str(third.config)]
    good.config.unlink()
    assert run_command("evaluate", "list", runs, "--json") == 2
    document = json_document(capsys)
    assert (document["result"], len(document["errors"])) == (None, 2)


def test_folds_of_seeds_are_not_listed(bench: Any, tmp_path: Path, capsys: Any) -> None:
    truth = bench.truth([(1, A)], types=["chip"])
    dataset = bench.dataset(tmp_path / "d", {"test": truth})
    split, runs = run_split(dataset, {"test": ["001.png"]}), tmp_path / "runs"
    several = create_run(runs, "seg", "d", RunConfig("seg", "d", {}, seeds=[0, 1]), split)
    for seed in range(2):
        crossed = create_run(tmp_path / "made", "seg", "d", RunConfig("seg", "d", {}, folds=2), split)
        for number in (1, 2):
            create_fold(crossed, number, RunConfig("seg", "d", {}), split)
        crossed.root.rename(several.root / f"seed-{seed}")
    assert run_command("evaluate", "list", runs, "--json") == 0
    listed = [(one["run"], one["folds"], one["seeds"]) for one in json_result(capsys)]
    assert listed == [(several.root.as_posix(), 2, [0, 1])]


def test_what_all_runs_share_is_named_once() -> None:
    def run(name: str, data: str, **options: object) -> ListedRun:
        whole = {"weights": "w/yolo.pt", "epochs": 60, "seed": 0, "augmentation": {"flip": True}, **options}
        return ListedRun(
            run=name, task="det", dataset=data, folds=5, seeds=[], options=whole, numbers={}, intervals={},
            seconds=None,
        )  # fmt: skip

    runs = [
        run("a", "/data/coco", teacher=""),
        run("b", "/data/coco", teacher="runs/det/a", seed=1, augmentation={"flip": False}),
        run("c", "/old/coco", teacher="runs/det/a", lr=0.0),
    ]
    common, facts = facts_of(runs)
    assert common == ["5 folds", "yolo.pt", "epochs 60"]
    assert facts == [
        ["dataset /data/coco", "seed 0", "flip"],  # of two datasets of one name, the whole path
        ["dataset /data/coco", "seed 1", "teacher a"],
        ["dataset /old/coco", "seed 0", "flip", "teacher a"],
    ]
    assert facts_of(runs[:1])[0] == ["dataset coco", "5 folds", "yolo.pt", "epochs 60", "seed 0"]


def test_a_terminal_that_is_too_narrow_for_the_table_gets_lines_for_each_run(
    bench: Any, tmp_path: Path, capsys: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    truth = bench.truth([(1, A)], [], types=["chip"])
    dataset = bench.dataset(tmp_path / "d", {"test": truth})
    runs = [measured(bench, tmp_path, dataset, found) for found in ([], bench.perfect(truth))]
    monkeypatch.chdir(tmp_path)
    for width, narrow in ((80, True), (400, False), (None, False)):
        monkeypatch.setattr("evaluate.run_list_text.terminal_width", lambda width=width: width)
        assert run_command("evaluate", "list", ".") == 0
        lines = capsys.readouterr().out.splitlines()
        assert (max(map(len, lines)) < 80) == narrow
        for run in runs:
            assert any(line.split()[:1] == [str(run.root.relative_to(tmp_path))] for line in lines)
        text = " ".join(" ".join(lines).split())
        assert ("defect Dice 1.000 (" in text) == narrow
