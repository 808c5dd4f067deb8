"""The anomaly detector for the shared commands: build, train, store, apply and export it."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar

import msgspec
import torch

from datasets.formats.dataset_folder import Dataset
from evaluate.one_type import defect_category
from evaluate.run_folder import Run
from features.encoder import Encoder, load_encoder
from features.patches import leave_one_core_free
from system.console import print_status
from train_anomaly.detector import AnomalyDetector, load_detector, trained_scorer
from train_anomaly.export import AnomalyExporter
from train_anomaly.features_method import FeaturesScorer
from train_anomaly.good_images import frame_of, load_inputs, split_good
from train_anomaly.loop import BEST, STATE, EpochLoop, GoodInputs, OnePassLoop
from train_anomaly.made_defects import as_canvases, pasted_defects, read_sources
from train_anomaly.methods import METHODS, needs_encoder, new_scorer
from train_anomaly.options import AnomalyOptions, settled
from train_anomaly.scorer import OnePassScorer, TrainedScorer
from train_anomaly.spec import AnomalySpec, load_anomaly, save_anomaly
from train_anomaly.state import AnomalyState, read_state
from train_anomaly.threshold import with_threshold
from training.trainer import Learner, Loop, PredictOptions, Work


class AnomalyLearner(Learner[AnomalyOptions]):
    """All methods of train_anomaly."""

    state_file: ClassVar[str] = STATE
    keeps_state: ClassVar[bool] = False
    operating_rule: ClassVar[str] = "good"
    shown: ClassVar[Sequence[str]] = ("train_loss", "val_loss")
    curves: ClassVar[Mapping[str, Sequence[str]]] = {"loss": ("train_loss", "val_loss")}

    def settle(self, options: AnomalyOptions) -> AnomalyOptions:
        """The number of epochs and the share of val of the method."""
        return settled(options)

    def check_model(self, dataset: Dataset, options: AnomalyOptions) -> None:
        """Load the encoder and discard it."""
        del dataset
        _encoder(options)

    def epochs_done(self, state: Path) -> int:
        """The epoch of last.ckpt."""
        return read_state(state).epoch

    def prepare(self, work: Work[AnomalyOptions]) -> Loop:
        """Good images in memory and a new network, or the one in the state."""
        leave_one_core_free()
        dataset, options = work.dataset, work.options
        learnt, held_out = split_good(dataset, options)
        rows, columns = frame_of(learnt, options)
        encoder = _encoder(options)
        spec = AnomalySpec(
            rows,
            columns,
            options,
            defect_category(dataset.categories),
            encoder.spec if encoder else None,
            learnt=[dataset.sha256(image) for image in learnt],
            held_out=[dataset.sha256(image) for image in held_out],
            enlarging=METHODS[options.method].enlarging,
        )
        scorer = new_scorer(spec, encoder)
        state = read_state(work.state) if work.state else AnomalyState()
        sizes = [(image.height, image.width) for image in held_out or learnt]
        inputs = GoodInputs(
            load_inputs(dataset, learnt, rows, columns), load_inputs(dataset, held_out, rows, columns), sizes
        )
        print_status(f"{len(learnt)} good images to learn from, {len(held_out)} held out")
        if isinstance(scorer, TrainedScorer):
            return EpochLoop(work, scorer, spec, inputs, state)
        if isinstance(scorer, FeaturesScorer) and options.synthetic_from:
            sources, digests = read_sources(Path(options.synthetic_from), dataset)
            canvases = as_canvases(dataset, learnt)
            spec = msgspec.structs.replace(spec, pasted=digests)
            scorer.pasted = lambda count: pasted_defects(sources, canvases, count, options.seed, (rows, columns))
        assert isinstance(scorer, OnePassScorer)
        return OnePassLoop(work, scorer, spec, inputs, state.epoch)

    def calibrate(self, work: Work[AnomalyOptions]) -> None:
        """Set the threshold by the held-out good images and store it in the weights."""
        path = work.run.weights / BEST
        state, spec = load_anomaly(path)
        if spec.limits is not None:
            return
        scorer = trained_scorer(path, state, spec).to(work.device).eval()
        _, held_out = split_good(work.dataset, work.options)
        inputs = load_inputs(work.dataset, held_out, spec.rows, spec.columns)
        with torch.inference_mode():
            raw = [scorer(image[None].to(work.device))[0].float().cpu().numpy() for image in inputs]
        sizes = [(image.height, image.width) for image in held_out]
        save_anomaly(path, state, with_threshold(spec, raw, sizes, left_out_in_turn=False))

    def load(self, run: Run, device: torch.device, options: PredictOptions) -> AnomalyDetector:
        """The network in best.safetensors, or its export."""
        return load_detector(run.weights / BEST, device, exported=options.exported)

    def exporter(self, run: Run) -> AnomalyExporter:
        """Exports best.safetensors."""
        return AnomalyExporter(run)


def _encoder(options: AnomalyOptions) -> Encoder | None:
    if not needs_encoder(options):
        return None
    encoder, lines = load_encoder(options.encoder, options.encoder_weights, options.layer_names)
    for line in lines:
        print_status(line)
    return encoder
