"""The segmenter for the shared commands: build, train, store, apply and export a network."""

import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import msgspec
import torch

from datasets.coco import CocoFile
from datasets.formats.dataset_folder import Dataset
from evaluate.run_folder import Run
from features.good_map import GoodMap, load_good_map
from features.safetensors_file import read_tensors
from system.console import print_status
from system.errors import OptionError, WeightsError
from system.tensors import check_stored, check_tensors, raise_lack_of_memory
from train_seg.architectures import check_network
from train_seg.box_masks import record_box_masks, with_box_masks
from train_seg.data import PlainSet, TrainingSet, load_cached
from train_seg.encoder_weights import encoder_normalisation, load_encoder_weights
from train_seg.export import SegmenterExporter
from train_seg.fused_segmenter import FusedSegmenter
from train_seg.model import ModelSpec, SegmentationModel, read_spec, save_model
from train_seg.names import BEST, LAST, RECORDER, STATE
from train_seg.options import SegmenterOptions
from train_seg.segmenter import Segmenter, load_segmenter
from train_seg.sizes import usual_sizes
from train_seg.threshold import choose_pixel_threshold
from training.crops import crop_view, remove_crops
from training.early_stopping import Best, stored_best
from training.furnish import check_furnished, furnish_run
from training.good_channel import BOX_COPY, COPY, copy_good_map, widen
from training.options import run_options
from training.trainer import Learner, PredictOptions, Predictor, Work

if TYPE_CHECKING:
    from train_seg.fit import SegmenterLoop


class SegmenterLearner(Learner[SegmenterOptions]):
    """A network of segmentation-models-pytorch, trained by Lightning."""

    state_file: ClassVar[str] = STATE
    keeps_state: ClassVar[bool] = False
    shown: ClassVar[Sequence[str]] = ("train_loss", "val_loss", "val_dice", "val_iou")
    curves: ClassVar[Mapping[str, Sequence[str]]] = {
        "loss": ("train_loss", "val_loss"),
        "validation": ("val_dice", "val_iou"),
        "learning rate": ("lr",),
    }

    def settle(self, options: SegmenterOptions) -> SegmenterOptions:
        """Nothing is left open; the network is checked before images are read. Raises OptionError."""
        if options.arch != "unet" or options.encoder.startswith("tu-"):
            check_network(options.arch, options.encoder, options.encoder_depth, options.imgsz)
        return options

    def check_model(self, dataset: Dataset, options: SegmenterOptions) -> None:
        """Build a model and discard it."""
        new_model(dataset, options)

    def epochs_done(self, state: Path) -> int:
        """The number of history rows in last.ckpt."""
        return _progress_in(state)[0]

    def furnish(self, run: Run, dataset: Dataset, options: SegmenterOptions) -> None:
        """Copy the weights of `good_map` and `box_map`, and label the images of `unlabelled`."""
        if options.box_map:
            copy_good_map(run, dataset, Path(options.box_map), BOX_COPY)
        furnish_run(run, dataset, options, self.load)

    def prepare(self, work: Work[SegmenterOptions]) -> "SegmenterLoop":
        """Images in memory and a new model; Lightning restores its weights if there is a state."""
        from train_seg.fit import SegmenterLoop  # imports Lightning, which only a training needs

        check_furnished(work.run, work.options)
        (dataset, estimated), options = training_images(work), work.options
        done, best = 0, Best()
        if work.state:
            done, best = _progress_in(work.state)
            model, spec, _ = new_model(dataset, msgspec.structs.replace(options, encoder_weights="none"))
        else:
            model, spec, lines = new_model(dataset, options)
            for line in lines:
                print_status(line)
        spec = msgspec.structs.replace(spec, sizes=usual_sizes(dataset.split("train")))
        good_map = None
        if options.good_map:
            good_map = load_good_map(work.run.weights / COPY)
            spec = msgspec.structs.replace(spec, good_map=good_map.sha256)
            widen(model.net)
        images = _load(dataset, options, spec, good_map, estimated)
        return SegmenterLoop(work, spec, model, *images, done=done, best=best)

    def calibrate(self, work: Work[SegmenterOptions]) -> None:
        """Choose the pixel threshold on val and store it in both weights files."""
        remove_crops(work.run)
        dataset = work.dataset
        if work.options.from_boxes:
            dataset, _ = with_box_masks(dataset, ("val",), box_map_of(work))
        val = dataset.splits.get("val")
        if val is None:
            return
        segmenter = load_segmenter(work.run.weights / BEST, work.device, tile=work.options.tile or None)
        threshold = choose_pixel_threshold(segmenter, dataset, val)
        if threshold is not None:
            for name in (BEST, LAST):
                store_threshold(work.run.weights / name, threshold)

    def load(self, run: Run, device: torch.device, options: PredictOptions) -> Segmenter:
        """The network in best.safetensors, or its export."""
        tile = options.tile or run_options(run, SegmenterOptions).tile or None
        return load_segmenter(run.weights / BEST, device, tta=options.tta, tile=tile, exported=options.exported)

    def check_fused(self, members: Sequence[Run], refine: Run | None) -> None:
        """Probabilities of pixels are averaged, which only segmenters have."""
        for run in members:
            if run.task != "seg":
                raise OptionError(str(run.root), f"a run of train_{run.task}", "name runs of train_seg")
        if refine:
            raise OptionError(f"--refine-by {refine.root}", "refines the boxes of detectors", "use train_det fuse")

    def fuse(
        self, members: Sequence[Predictor], refine: Predictor | None, types: Predictor | None
    ) -> FusedSegmenter:
        """The mean of their probabilities."""
        del refine  # see check_fused
        return FusedSegmenter([member for member in members if isinstance(member, Segmenter)], types)

    def exporter(self, run: Run) -> SegmenterExporter:
        """Exports best.safetensors."""
        return SegmenterExporter(run)


def new_model(dataset: Dataset, options: SegmenterOptions) -> tuple[SegmentationModel, ModelSpec, list[str]]:
    """A model for the categories of `dataset`, its specification, and lines about weights that do not fit.

    Raises OptionError for an unknown encoder, WeightsError.
    """
    mean, std = encoder_normalisation(options.encoder)
    spec = ModelSpec(
        options.encoder, options.encoder_depth, options.imgsz, dataset.categories, gamma=options.gamma,
        mean=mean, std=std, arch=options.arch,
    )  # fmt: skip
    torch.manual_seed(options.seed)
    model = SegmentationModel(spec)
    lines = load_encoder_weights(
        model.net.encoder, options.encoder, options.encoder_depth, options.encoder_weights
    )
    return model, spec, lines


def training_images(work: Work[SegmenterOptions]) -> tuple[Dataset, frozenset[int]]:
    """What the network learns from: the images of the run, or crops of them, with masks.

    Also the ids of annotations of train whose masks are estimated, which crops do not keep.
    """
    options = work.options
    dataset = work.dataset
    estimated: frozenset[int] = frozenset()
    if options.from_boxes:
        dataset, counts = with_box_masks(dataset, good_map=box_map_of(work))
        record_box_masks(work.run, counts)
        annotations = work.dataset.split("train").annotations
        estimated = frozenset(a.id for a in annotations if not a.segmentation and not a.iscrowd)
    if not options.tile:
        return dataset, estimated
    crops = crop_view(work.run, dataset, side=options.tile, empty=options.tile_empty, seed=options.seed)
    return crops, frozenset()


def box_map_of(work: Work[SegmenterOptions]) -> GoodMap | None:
    """The map that gives the masks in boxes, if there is one. Raises WeightsError."""
    return load_good_map(work.run.weights / BOX_COPY) if work.options.box_map else None


def store_threshold(path: Path, threshold: float) -> None:
    """Replace the pixel threshold in a weights file."""
    save_model(path, read_tensors(path), msgspec.structs.replace(read_spec(path), pixel_threshold=threshold))


def _progress_in(state: Path) -> tuple[int, Best]:
    """The number of finished epochs in a resume state, and the best of them. Raises WeightsError."""
    try:
        check_stored(state, "start again without --resume", archive=True)
        stored = torch.load(io.BytesIO(state.read_bytes()), map_location="cpu", weights_only=True)
        kept = stored["callbacks"][RECORDER]
        check_tensors(state, stored["state_dict"], "start again without --resume")
        return len(kept["rows"]), stored_best(kept)
    except WeightsError:
        raise
    except Exception as error:  # noqa: BLE001  damaged files can raise any error
        raise_lack_of_memory(state, error)
        raise WeightsError(state, "damaged, the run cannot be resumed", "start again without --resume") from None


def _load(
    dataset: Dataset,
    options: SegmenterOptions,
    spec: ModelSpec,
    good_map: GoodMap | None,
    estimated: frozenset[int],
) -> tuple[TrainingSet, PlainSet]:
    val = dataset.splits.get("val", CocoFile([], [], dataset.categories))
    train = load_cached(dataset, dataset.split("train"), options.imgsz, spec.padding, good_map, estimated)
    plain = load_cached(dataset, val, options.imgsz, spec.padding, good_map)
    drop = options.good_map_drop
    return TrainingSet(train, options.seed, options.augmentation, spec.padding, drop), PlainSet(plain)
