import ast
import json
from pathlib import Path

import pytest
from PIL import Image as PillowImage

from convert.mvtec2coco import MvtecOptions, mvtec2coco
from datasets.formats.dataset_folder import annotation_path, load_dataset
from evaluate.history_file import read_history
from evaluate.run_folder import (
    TASKS,
    Provides,
    Run,
    RunConfig,
    RunSplit,
    load_run,
    read_config,
    read_split,
    trainers,
)
from system.errors import InputError, OptionError
from training.history import draw_curves, write_history
from training.new_run import create_run, run_split

CONFIG = RunConfig("det", "some/where", {"epochs": 3, "lr": 0.01, "weights": "none"})
SPLIT = RunSplit("bottle", None, {"train": ["a.png"], "test": []})


@pytest.fixture(autouse=True)
def without_the_toy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the trainers of this project: other tests add one of their own to TASKS."""
    monkeypatch.delitem(TASKS, "toy", raising=False)


def test_a_run_is_never_overwritten(tmp_path: Path) -> None:
    roots = [create_run(tmp_path, "det", "bottle", CONFIG, SPLIT).root for _ in range(3)]
    assert [r.relative_to(tmp_path).as_posix() for r in roots] == ["det/bottle", "det/bottle-2", "det/bottle-3"]
    run = load_run(roots[0])
    assert run.task == "det"
    assert read_config(run.root) == CONFIG
    assert read_split(run) == SPLIT
    environment = json.loads((run.root / "environment.json").read_text())
    assert environment["packages"]["torch"]
    assert run.weights.is_dir()
    assert run.predictions("val").parent.is_dir()


@pytest.mark.parametrize(
    ("images", "problem"),
    [
        ({"train": ["b.png"], "test": ["a.png", "a.png"]}, "a.png is twice in test"),
        ({"train": ["a.png"], "val": [], "test": ["a.png"]}, "a.png is in train and in test"),
    ],
)
def test_an_image_is_in_one_split_once(tmp_path: Path, images: dict[str, list[str]], problem: str) -> None:
    """Twice in test it would count twice; in train too, the model would be tested on what it learnt."""
    run = create_run(tmp_path, "det", "bottle", CONFIG, RunSplit("bottle", None, images))
    with pytest.raises(InputError, match=f"split.json: {problem}; make the run again"):
        read_split(run)


@pytest.mark.parametrize("name", ["", "a/b", "../x", ".hidden", ".."])
def test_a_name_is_a_folder_name(tmp_path: Path, name: str) -> None:
    with pytest.raises(OptionError):
        create_run(tmp_path, "det", name, CONFIG, SPLIT)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("task", "provides"),
    [
        ("det", {"boxes", "types"}),
        ("seg", {"boxes", "masks", "score_maps", "types"}),
        ("cls", {"image_types", "types"}),
        ("anomaly", {"boxes", "masks", "score_maps"}),
    ],
)
def test_a_task_decides_what_a_run_provides(task: str, provides: set[str]) -> None:
    found = Run(Path(), task).provides
    assert {name for name in Provides.__struct_fields__ if getattr(found, name)} == provides


def test_a_task_that_nobody_trains_is_refused(tmp_path: Path) -> None:
    run = create_run(tmp_path, "pose", "bottle", RunConfig("pose", "some/where", {}), SPLIT)
    assert "kind: pose" in run.config.read_text()
    with pytest.raises(InputError, match=r"config\.yaml: unknown task 'pose'; known: det, seg, cls, anomaly"):
        _ = load_run(run.root).provides


def test_trainers_are_listed_by_what_their_runs_provide() -> None:
    assert trainers("image_types") == "train_cls"
    assert trainers("boxes") == "train_det, train_seg or train_anomaly"
    assert trainers("masks") == "train_seg or train_anomaly"


def test_no_code_compares_task_names() -> None:
    root = Path(__file__).parents[2]
    rooms = ("evaluate", "training", "annotate", "view", "datasets", "convert", "system")
    for path in (path for room in rooms for path in (root / room).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            values = [node.left, *node.comparators] if isinstance(node, ast.Compare) else []
            asked = {value.value for value in values if isinstance(value, ast.Constant)} & TASKS.keys()
            assert not asked, f"{path}:{node.lineno} compares with {asked}"  # type: ignore[attr-defined]


def test_a_folder_without_a_run_is_refused(tmp_path: Path) -> None:
    every = "train_det, train_seg, train_cls or train_anomaly"
    with pytest.raises(InputError, match=rf"not a run folder .*; name a folder made by {every} fit"):
        load_run(tmp_path)
    (tmp_path / "config.yaml").write_text("kind: [")
    with pytest.raises(InputError):
        load_run(tmp_path)


def test_the_split_names_the_datasets_content(coco_folder: Path) -> None:
    dataset = load_dataset(coco_folder)
    split = run_split(dataset, {"train": ["x.png"]})
    assert split.content_sha256 == json.loads((coco_folder / "dataset.json").read_text())["content_sha256"]
    assert split.dataset == "bottle-coco"


def test_history_round_trip_and_curves(tmp_path: Path) -> None:
    rows = [{"epoch": 1, "loss": 0.5}, {"epoch": 2, "loss": 0.25, "AP": 0.125}]
    write_history(tmp_path / "h.csv", rows)
    assert (tmp_path / "h.csv").read_text() == "epoch,loss,AP\n1,0.5,\n2,0.25,0.125\n"
    assert read_history(tmp_path / "h.csv") == rows
    assert read_history(tmp_path / "absent.csv") == []
    draw_curves(tmp_path / "c.png", rows, {"loss": ["loss"], "score": ["AP", "absent"]})
    assert PillowImage.open(tmp_path / "c.png").width > 500


def test_a_dataset_whose_splits_disagree_is_refused(tree: Path, tmp_path: Path) -> None:
    mvtec2coco([tree], tmp_path / "out", MvtecOptions())
    test = annotation_path(tmp_path / "out", "test")
    content = json.loads(test.read_text())
    test.write_text(json.dumps(content | {"categories": content["categories"][:2], "annotations": []}))
    with pytest.raises(InputError, match="categories differ"):
        load_dataset(tmp_path / "out")
    test.write_text(annotation_path(tmp_path / "out", "train").read_text())
    with pytest.raises(InputError, match="is also in train"):
        load_dataset(tmp_path / "out")
    test.write_text(json.dumps(content))
    (tmp_path / "out/images" / content["images"][0]["file_name"]).unlink()
    with pytest.raises(InputError, match=r"listed in instances_test\.json but missing"):
        load_dataset(tmp_path / "out")
