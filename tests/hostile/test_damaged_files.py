"""Files that are damaged, bombs, pipes and devices: one line, without the memory or the time they ask for."""

import json
import os
import resource
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from datasets.coco import Image
from datasets.formats.coco_file import read_predictions
from datasets.formats.dataset_folder import load_dataset
from evaluate.run_folder import read_config
from system.errors import InputError
from system.json_file import read_json
from system.workers import JOBS_PER_PROCESSOR, max_jobs, started_pool
from system.yaml_file import read_yaml_options
from tests.command import only_line, run_command

IMAGE = Image(1, "a.png", 8, 4)
MASKS: dict[str, dict[str, object]] = {
    "too few": {"size": [4, 8], "counts": "01"},
    "too many": {"size": [4, 8], "counts": "0PQ1"},
    "ends early": {"size": [4, 8], "counts": "0P"},
    "not packed": {"size": [4, 8], "counts": "\u20ac~"},
    "empty": {"size": [4, 8], "counts": ""},
    "negative": {"size": [4, 8], "counts": [-1, 33]},
    "other size": {"size": [40000, 40000], "counts": [1600000000]},
    "sum": {"size": [4, 8], "counts": [1, 2]},
}


@pytest.mark.parametrize("damage", MASKS)
def test_a_damaged_mask_in_predictions_is_one_error(damage: str, tmp_path: Path) -> None:
    path = tmp_path / "predictions.json"
    prediction = {"image_id": 1, "category_id": 1, "bbox": [1, 1, 2, 2], "score": 0.5}
    path.write_text(json.dumps([prediction, {**prediction, "segmentation": MASKS[damage]}]))
    with pytest.raises(InputError, match=r"\$\[1\]\.segmentation"):
        read_predictions(path, [IMAGE])


@pytest.mark.parametrize("damage", [name for name in MASKS if name != "other size"])
@pytest.mark.parametrize("command", ["view", "train_det", "train_seg", "datasets"])
def test_a_damaged_mask_in_a_dataset_is_one_line(
    damage: str, command: str, coco_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = tmp_path / "dataset"
    shutil.copytree(coco_folder, root)
    path = root / "annotations" / "instances_train.json"
    coco = json.loads(path.read_text())
    size = coco["annotations"][0]["segmentation"]["size"]
    coco["annotations"][0]["segmentation"] = {**MASKS[damage], "size": size}
    path.write_text(json.dumps(coco))
    words: dict[str, list[object]] = {
        "view": ["view", root, "--split", "train"],
        "train_det": ["train_det", "fit", root, "--weights", "none", "--runs", tmp_path / "runs"],
        "train_seg": ["train_seg", "fit", root, "--encoder-weights", "none", "--runs", tmp_path / "runs"],
        "datasets": ["datasets", "paste", root, tmp_path / "pasted", "--count", 1],
    }
    assert run_command(*map(str, words[command])) == 2
    assert "$.annotations[0].segmentation" in only_line(capsys)
    assert not (tmp_path / "runs").exists()


def test_bytes_that_are_not_utf8_are_one_error(tmp_path: Path) -> None:
    path = tmp_path / "metrics.json"
    path.write_bytes('{"a": "\u00e9"}'.encode("latin-1"))
    with pytest.raises(InputError, match="not in UTF-8"):
        read_json(path, dict[str, str])
    path.write_text("[" * 100_000)
    with pytest.raises(InputError, match="nested too deeply"):
        read_json(path, list[object])


YAML: dict[str, str] = {
    "brackets": "[" * 50_000,
    "dashes": "- " * 50_000,
    "digits": "folds: " + "9" * 5000,
    "references": "a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]\n",
    "tag": "!!python/object/apply:os.system ['touch marker']",
}


@pytest.mark.parametrize("name", [name for name in YAML if name != "references"])
@pytest.mark.parametrize(
    "read",
    [lambda path: read_config(path.parent), lambda path: read_yaml_options(path, "")],
    ids=["run", "recipe"],
)
def test_a_yaml_bomb_is_one_error(name: str, read: Callable[[Path], object], tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(YAML[name])
    with pytest.raises(InputError):
        read(path)
    assert not Path("marker").exists()


def test_references_in_a_run_are_not_read(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text(YAML["references"])
    with pytest.raises(InputError, match="references"):
        read_config(tmp_path)


@pytest.mark.parametrize("device", ["fifo", "/dev/zero"])
def test_pipes_and_devices_are_refused(device: str, tmp_path: Path, coco_folder: Path) -> None:
    path = tmp_path / "a.json"
    if device == "fifo":
        os.mkfifo(path)
    else:
        path.symlink_to(device)
    with pytest.raises(InputError, match="pipe or a device"):
        read_predictions(path)
    shutil.copy(path, tmp_path / "config.yaml", follow_symlinks=False) if device != "fifo" else os.mkfifo(
        tmp_path / "config.yaml"
    )
    with pytest.raises(InputError, match="pipe or a device"):
        read_config(tmp_path)


def test_a_large_mask_takes_no_memory_before_it_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "predictions.json"
    mask = {"size": [40000, 40000], "counts": [800_000_000, 800_000_000]}
    item = {"image_id": 1, "category_id": 1, "bbox": [0, 0, 1, 1], "score": 0.5, "segmentation": mask}
    path.write_text(json.dumps([item] * 20))
    code = (
        "import sys\nfrom pathlib import Path\nfrom datasets.coco import Image\n"
        "from datasets.formats.coco_file import read_predictions\n"
        "read_predictions(Path(sys.argv[1]), [Image(1, 'a.png', 8, 4)])"
    )

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_AS, (2**30, 2**30))

    done = subprocess.run(
        [sys.executable, "-c", code, str(path)], preexec_fn=limit, capture_output=True, text=True, check=False
    )
    assert "40000 x 40000" in done.stderr.splitlines()[-1]


def test_the_number_of_processes_is_limited() -> None:
    assert max_jobs() >= JOBS_PER_PROCESSOR
    with started_pool(500, pays=True) as pool:
        assert pool is not None
        assert pool.size == max_jobs()


def test_the_datasets_of_these_tests_are_whole(coco_folder: Path) -> None:
    assert load_dataset(coco_folder).splits
