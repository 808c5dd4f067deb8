"""The classifier for the shared commands: build, train, store, apply and export it."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar

import msgspec
import numpy as np
import torch

from datasets.coco import CocoFile
from datasets.formats.dataset_folder import Dataset
from evaluate.run_folder import Run
from evaluate.type_of_image import types_of_images
from system.console import print_status
from system.errors import InputError
from train_cls.balanced_dataset import with_new_images
from train_cls.classifier import Classifier, load_classifier
from train_cls.data import check_single_types, load_typed
from train_cls.export import ClassifierExporter
from train_cls.fitted_loop import FittedLoop, grid_side, new_fitted
from train_cls.loop import BEST, STATE, ClassifierLoop
from train_cls.model import ClassifierNet, save_classifier
from train_cls.options import ClassifierOptions
from train_cls.patch_truth import patch_covers
from train_cls.pretrained import new_classifier
from train_cls.scores import logits_of
from train_cls.state import TrainingState, read_state
from train_cls.stored_net import load_classifier_net
from train_cls.temperature import choose_temperature
from training.trainer import Learner, Loop, PredictOptions, Work


class ClassifierLearner(Learner[ClassifierOptions]):
    """A network of torchvision or timm."""

    state_file: ClassVar[str] = STATE
    keeps_state: ClassVar[bool] = False
    shown: ClassVar[Sequence[str]] = ("train_loss", "val_loss", "val_accuracy")
    curves: ClassVar[Mapping[str, Sequence[str]]] = {
        "loss": ("train_loss", "val_loss"),
        "validation": ("val_accuracy", "val_balanced_accuracy"),
        "learning rate": ("lr",),
    }

    def check_model(self, dataset: Dataset, options: ClassifierOptions) -> None:
        """Build a network once, and check that each image has one type where that is asked for."""
        check_single_types(dataset, options.several)
        build = new_fitted if options.head == "fitted" else new_classifier
        build(dataset.categories, options)

    def settle(self, options: ClassifierOptions) -> ClassifierOptions:
        """A fitted head has one epoch, and its features are computed with 32 bits."""
        if options.head == "trained":
            return options
        return msgspec.structs.replace(options, epochs=1, precision="32")

    def epochs_done(self, state: Path) -> int:
        """The epoch of last.ckpt."""
        return read_state(state).epoch

    def prepare(self, work: Work[ClassifierOptions]) -> Loop:
        """Images in memory, with new ones if requested, and a new network or the one in the state."""
        dataset, options = work.dataset, work.options
        check_single_types(dataset, options.several)
        if options.balance == "deepsmote":
            dataset = with_new_images(work.run, dataset, options)
        state = read_state(work.state) if work.state else None
        if options.head == "fitted":
            return _fitted_loop(work, state)
        if state:
            network, spec, pretrained = ClassifierNet(state.spec), state.spec, state.pretrained
            network.load_state_dict(state.network)
        else:
            new = new_classifier(dataset.categories, options)
            network, spec, pretrained = new.network, new.spec, new.pretrained
            for line in new.lines:
                print_status(line)
        train = load_typed(dataset, dataset.split("train"), options.imgsz, spec.mean)
        val = load_typed(dataset, _val(dataset), options.imgsz, spec.mean)
        return ClassifierLoop(work, network, spec, pretrained, train, val, state)

    def calibrate(self, work: Work[ClassifierOptions]) -> None:
        """Choose the temperature on val and store it in the weights."""
        path = work.run.weights / BEST
        network, spec = load_classifier_net(path)
        val = load_typed(work.dataset, _val(work.dataset), spec.imgsz, spec.mean)
        if not len(val):
            print_status("val has no image: probabilities are not calibrated")
            return
        logits = logits_of(network.to(work.device), val, work.options.batch, work.device)
        truth = val.labels if spec.several_types else val.types
        temperature = choose_temperature(logits.numpy().astype(np.float64), truth)
        if temperature is None:
            print_status("every val image is right: probabilities are not calibrated")
        else:
            spec = msgspec.structs.replace(spec, temperature=temperature)
            save_classifier(path, network.state_dict(), spec)

    def load(self, run: Run, device: torch.device, options: PredictOptions) -> Classifier:
        """The network in best.safetensors, or its export. Raises InputError if its scores are of another kind."""
        found = load_classifier(run.weights / BEST, device, tta=options.tta, exported=options.exported)
        if found.spec.several_types != run.provides.several_types:
            weights, stated = ("several", "one") if found.spec.several_types else ("one", "several")
            problem = f"states {stated} types of an image (several), and the weights find {weights}"
            raise InputError(run.config, problem, "copy the whole run again")
        return found

    def exporter(self, run: Run) -> ClassifierExporter:
        """Exports best.safetensors."""
        return ClassifierExporter(run)


def _val(dataset: Dataset) -> CocoFile:
    return dataset.splits.get("val", CocoFile([], [], dataset.categories))


def _fitted_loop(work: Work[ClassifierOptions], state: TrainingState | None) -> FittedLoop:
    dataset, options = work.dataset, work.options
    network, lines = new_fitted(dataset.categories, options)
    if state:
        network.load_state_dict(state.network)
    for line in lines:
        print_status(line)
    coco = dataset.split("train")
    train = load_typed(dataset, coco, options.imgsz, network.spec.mean)
    covers = patch_covers(coco, types_of_images(coco)[0], options.imgsz, grid_side(options.imgsz))
    val = load_typed(dataset, _val(dataset), options.imgsz, network.spec.mean)
    return FittedLoop(work, network, train, covers, val, state.epoch if state else 0)
