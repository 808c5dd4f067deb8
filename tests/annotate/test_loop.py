"""The walk-through of docs/loop.md from start to end, with trainings much too short for good results."""

import json
from pathlib import Path

import msgspec
import pytest
import torch
from torchvision.models import resnet18

from annotate.folder_images import list_folder_images
from benchmarks.loop import STATE, Loop, Settings, State, run_loop, unreviewed
from datasets.formats.dataset_folder import load_dataset
from system.json_file import read_json
from tests.command import run_command


@pytest.fixture(scope="module")
def walked(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Loop]:
    root = tmp_path_factory.mktemp("loop")
    torch.manual_seed(3)
    state = {k: v for k, v in resnet18(weights=None).state_dict().items() if not k.startswith(("layer4.", "fc."))}
    torch.save(state, root / "random.pt")
    settings = Settings(str(root / "random.pt"), count=30, size=96, epochs=1, imgsz=64, seed=7)
    return root, run_loop(root, settings, call)


def call(room: str, *arguments: object) -> None:
    # in this process: separate processes would each load torch again
    assert run_command(room, *arguments) == 0


def test_every_defect_was_accepted_corrected_or_drawn(walked: tuple[Path, Loop]) -> None:
    _, loop = walked
    for done in (loop.first, loop.second):
        assert done.images > 0
        assert done.accepted + done.relabelled + done.redrawn + done.drawn == done.defects > 0
    # no type is known before the first round, so every defect needs at least a new label
    assert loop.first.accepted == 0
    assert loop.first.touched >= loop.first.defects


def test_corrected_shapes_are_trained_on(walked: tuple[Path, Loop]) -> None:
    root, loop = walked
    data = load_dataset(root / "coco")
    images = [image for coco in data.splits.values() for image in coco.images]
    annotations = [annotation for coco in data.splits.values() for annotation in coco.annotations]
    assert len(images) == loop.first.images
    assert len(annotations) == loop.first.defects
    for kind in ("det", "seg"):
        assert any((root / "runs" / kind / "coco/weights").glob("best.*"))


def test_the_queue_has_the_new_images_and_the_second_round_is_reviewed(walked: tuple[Path, Loop]) -> None:
    root, loop = walked
    assert sorted(loop.queued) == [image.name for image in list_folder_images(root / "round-2")]
    assert unreviewed(root / "round-1") == unreviewed(root / "round-2") == 0
    flagged = [json.loads(path.read_text())["flags"]["good"] for path in (root / "round-2/good").glob("*.json")]
    assert flagged
    assert all(flagged)


def test_finished_steps_are_not_repeated(walked: tuple[Path, Loop]) -> None:
    root, loop = walked
    settings = read_json(root / STATE, State).settings
    assert run_loop(root, settings, lambda *words: pytest.fail(f"{words} ran again")) == loop
    with pytest.raises(ValueError, match="other settings"):
        run_loop(root, msgspec.structs.replace(settings, epochs=2), call)
