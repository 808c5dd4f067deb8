"""A run, an export, an image or a folder that is not there is refused before PyTorch is loaded."""

from pathlib import Path

import pytest

from datasets.formats.dataset_folder import load_dataset, write_annotations
from system.console import print_loading
from tests.command import only_line, run_command
from tests.view.fakes import make_dataset, make_run

NOWHERE = "dask://127.0.0.1:1"
TASKS = ("det", "seg", "cls", "anomaly")  # those of the project; tests register a toy beside them
REFUSED_ON = f"--on {NOWHERE}: no scheduler of dask.distributed answers there; start one"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dataset, and runs of a detector and a segmenter without weights."""
    root = tmp_path_factory.mktemp("refused")
    make_dataset(root / "data", images=8)
    for task in ("det", "seg"):
        make_run(root / "runs", root / "data", task, seed=1, measured=False)
    make_run(root / "finished", root / "data", "det", seed=1)
    for task in TASKS:
        run = make_run(root / "trained", root / "data", task, seed=1, measured=False)
        (run / "weights").mkdir(exist_ok=True)
        (run / "weights/best.pt").touch()
    (root / "good").mkdir()
    whole = load_dataset(root / "data")
    test = whole.split("test")
    bad = [image for image in test.images if image.id in test.defective()]
    good = [image for image in test.images if image not in bad]
    for name, split, images in (("bad", "train", bad), ("good-only", "train", good), ("untrained", "test", bad)):
        shown = {image.id for image in images}
        annotations = [one for one in test.annotations if one.image_id in shown]
        (root / name).mkdir()
        write_annotations(root / name, {split: images}, annotations, whole.categories)
        (root / name / "images").symlink_to(root / "data" / "images")
    return root


@pytest.mark.parametrize(
    ("command", "refusal"),
    [
        ("train_det evaluate none", "none: not a run folder (no config.yaml)"),
        ("train_det evaluate runs/seg/data", "runs/seg/data: a run of train_seg"),
        (
            "train_seg evaluate runs/seg/data --split train",
            "data: the split train has no image; name one of val, test",
        ),
        ("train_seg evaluate runs/seg/data --dataset none", "none: no such folder"),
        ("train_seg export none", "none: not a run folder (no config.yaml)"),
        ("train_seg export runs/seg/data --dataset none", "none: no such folder"),
        ("train_det fuse runs/det/data", "runs/det/data: a single run; name at least two"),
        ("train_det fuse runs/seg/data runs/det/data", "runs/seg/data: a run of train_seg; name one of train_det"),
        ("train_det fuse runs/det/data none", "none: not a run folder (no config.yaml)"),
        ("train_det predict runs/det/data new.png", "new.png: no such image; check the path"),
        ("train_seg predict runs/seg/data data/images --exported onnx", "best.onnx: no such file; make it with"),
        ("annotate propose data/images --from-good none", "none: no such folder; name a folder of good images"),
        ("annotate propose data/images --from-good good", "good: no image in this folder"),
        (
            "train_seg evaluate runs/seg/data",
            "weights: no weights of a finished epoch; check whether the training",
        ),
        ("train_seg export runs/seg/data", "runs/seg/data/weights: no weights of a finished epoch"),
        ("train_seg predict runs/seg/data data/images", "weights: no weights of a finished epoch"),
        ("train_det predict runs/det/data data/images", "weights: no weights of a finished epoch"),
        (
            "train_seg fit bad --good-map runs/seg/data",
            "runs/seg/data: a run of train_seg; name one of train_anomaly",
        ),
        (
            "train_seg fit bad --encoder-weights none --folds 99",
            "images cannot be split into so many folds; give 2 to",
        ),
        (
            "train_seg fit bad --encoder-weights none --seeds 2",
            "bad: the split test has no image, so seeds cannot be measured; add --folds",
        ),
        ("train_det fit bad --good-map none", "none: not a run folder (no config.yaml)"),
        (
            "train_seg fit bad --teacher runs/det/data --unlabelled x",
            "runs/det/data: a run of train_det; name one of",
        ),
        (
            "train_seg fit bad --teacher runs/seg/data --unlabelled good",
            "good: no image in this folder; name a folder",
        ),
        (
            "train_det fit bad --teacher runs/det/data --unlabelled none",
            "none: no such folder; name a folder of images",
        ),
        ("train_anomaly fit bad --encoder-weights none", "the split train has no good image to learn from"),
        ("train_anomaly fit bad --encoder-weights none --folds 2", "there is no good image to learn from"),
        ("train_seg fit good-only --encoder-weights none", "the split train has no annotation to learn from"),
        ("train_det fit untrained --weights none", "the split train has no image; name one of test"),
        ("train_det fit --resume finished/det/data", "finished/det/data: the run is finished; start a new one"),
        ("train_seg fit --resume runs/seg/data", "runs/seg/data/weights/last.*: no such file, nothing to resume"),
        *((f"train_{task} fit data --folds 2 --on {NOWHERE}", REFUSED_ON) for task in TASKS),
        ("train_det predict trained/det/data data/images --on dask://127.0.0.1", "not an address of a cluster"),
        *((f"train_{task} predict trained/{task}/data data/images --on {NOWHERE}", REFUSED_ON) for task in TASKS),
    ],
)
def test_refused_before_pytorch_is_loaded(
    command: str,
    refusal: str,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def loading() -> None:
        pytest.fail("PyTorch would be loaded")

    for module in ("training.commands", "training.predict_command", "system.console", "annotate.cli_propose"):
        monkeypatch.setattr(f"{module}.{print_loading.__name__}", loading)
    monkeypatch.chdir(folder)
    assert run_command(*command.split()) == 2
    assert refusal in only_line(capsys)
