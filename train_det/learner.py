"""The detector for the shared commands: build, train, store, apply and export a YOLO or RT-DETR."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar

import msgspec
import torch
from torch import nn

from datasets.formats.dataset_folder import Dataset
from evaluate.run_folder import Run, trainers
from features.good_map import GoodMap, load_good_map
from system.console import print_status, progress
from system.errors import OptionError
from train_det import ultralytics_api
from train_det.checkpoints import LAST, State, epochs_of, load_state
from train_det.data import TrainingImages, read_samples
from train_det.export import DetectorExporter
from train_det.fit import DetectorLoop
from train_det.fused_detector import FusedDetector
from train_det.gamma import add_good_map, set_gamma
from train_det.options import DetectorOptions, with_learning_rate
from train_det.predict import Detector, load_run_detector
from train_det.validation import Validation
from training.crops import crop_view, remove_crops
from training.early_stopping import stored_best
from training.furnish import check_furnished, furnish_run
from training.good_channel import COPY
from training.trainer import Learner, PredictOptions, Predictor, Work


class DetectorLearner(Learner[DetectorOptions]):
    """A YOLO or RT-DETR of Ultralytics."""

    state_file: ClassVar[str] = LAST
    shown: ClassVar[Sequence[str]] = ("train_loss", "val_loss", "AP", "AP50")
    curves: ClassVar[Mapping[str, Sequence[str]]] = {
        "loss": ("train_loss", "val_loss"),
        "on val": ("AP", "AP50", "AP75"),
        "learning rate": ("lr",),
    }

    def settle(self, options: DetectorOptions) -> DetectorOptions:
        """The learning rate for pretrained or random weights, and the family of the weights."""
        family = ultralytics_api.family_of_weights(options.weights)
        if options.family not in {"yolo", family}:
            raise OptionError(f"family {options.family}", f"{options.weights} is {family}", "leave it out")
        return msgspec.structs.replace(with_learning_rate(options), family=family)

    def check_model(self, dataset: Dataset, options: DetectorOptions) -> None:
        """Build a model and discard it."""
        new_model(dataset, options)

    def furnish(self, run: Run, dataset: Dataset, options: DetectorOptions) -> None:
        """Copy the weights of `good_map`, and label the images of `unlabelled`."""
        furnish_run(run, dataset, options, self.load)

    def epochs_done(self, state: Path) -> int:
        """The number of the epoch in last.pt."""
        return epochs_of(load_state(state)[1])

    def prepare(self, work: Work[DetectorOptions]) -> DetectorLoop:
        """Images in memory and a model, new or with the state after the last epoch."""
        check_furnished(work.run, work.options)
        dataset, options = work.dataset, work.options
        if options.tile:
            dataset = crop_view(work.run, dataset, side=options.tile, empty=options.tile_empty, seed=options.seed)
        state: State | None = None
        good_map = load_good_map(work.run.weights / COPY) if options.good_map else None
        if work.state:
            model, state = load_state(work.state)
        else:
            model, origin = new_model(dataset, options)
            print_status(f"starting from {origin}")
            if good_map:
                add_good_map(model, good_map.sha256)
        return DetectorLoop(
            work,
            model,
            training_images(dataset, options, good_map),
            Validation(dataset, options, good_map),
            state,
            done=epochs_of(state) if state else 0,
            best=stored_best(state or {}),
        )

    def calibrate(self, work: Work[DetectorOptions]) -> None:
        """Nothing is chosen on val; the crops are not needed any more."""
        remove_crops(work.run)

    def load(self, run: Run, device: torch.device, options: PredictOptions) -> Detector:
        """The network in best.pt, or its export."""
        return load_run_detector(run, device, tta=options.tta, tile=options.tile, exported=options.exported)

    def check_fused(self, members: Sequence[Run], refine: Run | None) -> None:
        """All need boxes of defects by type, and the run that refines them masks."""
        for run in members:
            if not (run.provides.boxes and run.provides.types):
                raise OptionError(str(run.root), "has no boxes by type", f"name runs of {trainers('boxes')}")
        if refine and not (refine.provides.masks and refine.provides.types):
            raise OptionError(f"--refine-by {refine.root}", "has no masks by type", "name a run of train_seg")

    def fuse(
        self, members: Sequence[Predictor], refine: Predictor | None, types: Predictor | None
    ) -> FusedDetector:
        """Weighted boxes, and those of the masks that overlap them."""
        return FusedDetector(members, refine, types)

    def exporter(self, run: Run) -> DetectorExporter:
        """Exports best.pt."""
        return DetectorExporter(run)


def new_model(dataset: Dataset, options: DetectorOptions) -> tuple[nn.Module, str]:
    """A model for the categories of `dataset`, and the origin of its weights. Raises WeightsError."""
    torch.manual_seed(options.seed)
    model, origin = ultralytics_api.new_model(
        options.weights, {k: c.name for k, c in enumerate(dataset.categories)}
    )
    set_gamma(model, options.gamma)
    return model, origin


def training_images(dataset: Dataset, options: DetectorOptions, good_map: GoodMap | None = None) -> TrainingImages:
    """The images of train, decoded once, with the map as a fourth channel if there is one.

    Images with boxes without masks are rotated by right angles only.
    """
    train = dataset.split("train")
    masks_for = options.imgsz if options.family == "yolo-seg" else 0
    samples = read_samples(dataset, train.images, train.by_image(), masks_for, hide_ignored=True)
    augmentation = options.augmentation
    if augmentation.rotation == "any" and not all(sample.exact for sample in samples):
        print_status("some annotations have no mask: images are rotated by right angles only")
        augmentation = msgspec.structs.replace(augmentation, rotation="right")
    drop = options.good_map_drop if good_map else 0.0
    images = TrainingImages(samples, options.imgsz, augmentation, options.seed, good_map, drop)
    for number in progress(range(len(images)), "reading images"):
        images[0, number]
    return images
