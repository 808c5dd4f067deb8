"""What is read of labelme files, run folders, recipes, weights and images: a result or a DefectlineError.

Each target takes the path of one file with any bytes. `python -m tests.fuzz.atheris_run` fuzzes them guided by
coverage; `test_corpus.py` runs the corpus that this left, and random changes of it.
"""

import contextlib
from collections.abc import Callable
from pathlib import Path

from annotate.fixes import fix_shapes
from datasets.check.image_facts import read_image_facts
from datasets.check.labelme_annotations import shape_annotations
from datasets.coco import Category, CocoFile, Image
from datasets.formats.coco_file import read_predictions
from datasets.formats.labelme import read_labelme
from datasets.formats.labelme_document import raw_shapes, read_document
from datasets.formats.provenance import Provenance
from datasets.images.image_file import read_info
from datasets.images.mask_file import read_index_pages, read_mask_pages
from datasets.images.pixels import read_rgb
from evaluate.history_file import read_history
from evaluate.metrics import read_metrics
from evaluate.run_folder import Provides, Run, RunSplit, load_run, read_config
from evaluate.truth import check_predictions
from system.errors import DefectlineError
from system.json_file import read_json
from training.options import run_options
from training.recipe import read_recipe

WIDTH, HEIGHT = 60, 40
LIMIT = (
    "DEFECTLINE_MAX_MEGAPIXELS",
    "4",
)  # in the environment of a fuzz run, so that inputs take little memory


def labelme(path: Path) -> None:
    """Shapes, their pixels, and the fixes of `annotate check --fix`."""
    file = read_labelme(path)
    shape_annotations(path.name, list(enumerate(file.shapes)), (HEIGHT, WIDTH))
    fix_shapes(raw_shapes(read_document(path)), (HEIGHT, WIDTH), ["dent"])  # type: ignore[arg-type]


def config(path: Path) -> None:
    """config.yaml and the options of each trainer in it."""
    from train_anomaly.options import AnomalyOptions  # noqa: PLC0415
    from train_cls.options import ClassifierOptions  # noqa: PLC0415
    from train_det.options import DetectorOptions  # noqa: PLC0415
    from train_seg.options import SegmenterOptions  # noqa: PLC0415

    read_config(path.parent)
    run = load_run(path.parent)
    assert run.provides
    for options in (AnomalyOptions, ClassifierOptions, DetectorOptions, SegmenterOptions):
        with contextlib.suppress(DefectlineError):
            run_options(run, options)


def recipe(path: Path) -> None:
    """A recipe for each trainer."""
    from train_anomaly.options import AnomalyOptions  # noqa: PLC0415
    from train_cls.options import ClassifierOptions  # noqa: PLC0415
    from train_det.options import DetectorOptions  # noqa: PLC0415
    from train_seg.options import SegmenterOptions  # noqa: PLC0415

    for options in (AnomalyOptions, ClassifierOptions, DetectorOptions, SegmenterOptions):
        with contextlib.suppress(DefectlineError):
            read_recipe(path, options)


def predictions(path: Path) -> None:
    """COCO results with masks, boxes and image types."""
    images = [Image(1, "a.png", WIDTH, HEIGHT), Image(2, "b.png", 8, 8)]
    truth = CocoFile(images, [], [Category(1, "dent")])
    read_predictions(path)
    read = read_predictions(path, images)
    for provides in (Provides(boxes=True), Provides(boxes=True, masks=True), Provides(image_types=True)):
        with contextlib.suppress(DefectlineError):
            check_predictions(path, truth, read, provides)


def metrics(path: Path) -> None:
    """metrics.json as `view` and the folds read it, and its operating point."""
    from evaluate.operating import operating_score  # noqa: PLC0415

    with contextlib.suppress(DefectlineError):
        read_metrics(path)
    operating_score(Run(path.parent, "det"), 0.5)


def segmenter_weights(path: Path) -> None:
    """The specification and the tensors of the segmenter."""
    from train_seg.model import load_model  # noqa: PLC0415

    load_model(path)


def classifier_weights(path: Path) -> None:
    """The specification and the tensors of the classifier."""
    from train_cls.stored_net import load_classifier_net  # noqa: PLC0415

    load_classifier_net(path)


def anomaly_weights(path: Path) -> None:
    """The specification and the tensors of the anomaly detector."""
    import torch  # noqa: PLC0415

    from train_anomaly.detector import load_detector  # noqa: PLC0415

    load_detector(path, torch.device("cpu"))


def detector_weights(path: Path) -> None:
    """A checkpoint of Ultralytics."""
    from train_det.checkpoints import load_state  # noqa: PLC0415

    load_state(path)


def state_dict(path: Path) -> None:
    """Pretrained weights."""
    from features.weights import read_state_dict  # noqa: PLC0415

    read_state_dict(path, "")


def image(path: Path) -> None:
    """An image and a mask."""
    for read in (
        read_info,
        read_rgb,
        read_image_facts,
        lambda one: read_mask_pages(one, 1),
        lambda one: read_index_pages(one, 3),
    ):
        with contextlib.suppress(DefectlineError):
            read(path)


# Name -> the name of the file, and what reads it.
TARGETS: dict[str, tuple[str, Callable[[Path], object]]] = {
    "labelme": ("a.json", labelme),
    "config": ("config.yaml", config),
    "recipe": ("recipe.yaml", recipe),
    "split": ("split.json", lambda path: read_json(path, RunSplit)),
    "metrics": ("metrics.json", metrics),
    "dataset": ("dataset.json", lambda path: read_json(path, Provenance)),
    "predictions": ("test.json", predictions),
    "history": ("history.csv", read_history),
    "segmenter": ("best.safetensors", segmenter_weights),
    "classifier": ("best.safetensors", classifier_weights),
    "anomaly": ("best.safetensors", anomaly_weights),
    "detector": ("last.pt", detector_weights),
    "state_dict": ("weights.pth", state_dict),
    "image": ("a.png", image),
}


def survives(name: str, folder: Path, data: bytes) -> None:
    """Let a target read `data`; everything but a result and a DefectlineError is raised."""
    file, target = TARGETS[name]
    path = folder / file
    path.write_bytes(data)
    with contextlib.suppress(DefectlineError):
        target(path)
