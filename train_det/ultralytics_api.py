"""Ultralytics without its side effects. Only this module imports Ultralytics; the others import from here.

By default, Ultralytics writes a settings file into the home folder, tests the network, reports usage, installs
packages, downloads a model to check half precision, and replaces functions of Pillow and PyTorch that open and
save files. This module switches all of that off before the first import, or restores it right after.
"""

import os
import tempfile
from copy import deepcopy
from pathlib import Path
from typing import Any

import PIL.Image
import torch
from torch import nn

from system.errors import WeightsError
from system.tensors import check_tensors
from system.typed_yaml import read_yaml_as
from train_det.families import FAMILIES_REMEDY, HEADS, YAML, Family, architecture_file
from train_det.options import RANDOM_WEIGHTS
from train_det.options import WEIGHTS_REMEDY as REMEDY
from train_det.published import weights_cache
from train_det.safe_checkpoint import check_architecture, read_checkpoint

_PILLOW_OPEN, _TORCH_SAVE = PIL.Image.open, torch.save
_ASKED_THREADS = os.environ.get("OMP_NUM_THREADS")
_PLACE = {name: os.environ.pop(name) for name in ("RANK", "LOCAL_RANK", "WORLD_SIZE") if name in os.environ}
os.environ.update({"YOLO_VERBOSE": "False", "YOLO_AUTOINSTALL": "False", "YOLO_OFFLINE": "True"})
with tempfile.TemporaryDirectory(prefix="defectline-ultralytics-") as _folder:
    os.environ["YOLO_CONFIG_DIR"] = _folder
    from ultralytics import __version__ as version
    from ultralytics.engine import trainer as engine
    from ultralytics.models.yolo.detect import DetectionTrainer
    from ultralytics.nn.modules import Conv
    from ultralytics.nn.tasks import DetectionModel, RTDETRDetectionModel, SegmentationModel, parse_model
    from ultralytics.utils import NUM_THREADS, SETTINGS, callbacks
    from ultralytics.utils.downloads import GITHUB_ASSETS_NAMES, attempt_download_asset
    from ultralytics.utils.nms import non_max_suppression
    from ultralytics.utils.torch_utils import ModelEMA

PIL.Image.open, torch.save = _PILLOW_OPEN, _TORCH_SAVE
os.environ.update(_PLACE)  # with them Ultralytics, which reads them once, would be a part of its own DDP
if _ASKED_THREADS is None:
    os.environ.pop("OMP_NUM_THREADS", None)
_SWITCHES = ("sync", "clearml", "comet", "dvc", "mlflow", "raytune", "tensorboard", "wandb", "vscode_msg",
             "openvino_msg")  # fmt: skip
dict.update(SETTINGS, dict.fromkeys(_SWITCHES, False))  # SETTINGS.update would write them to a file
callbacks.add_integration_callbacks = lambda _instance: None
# Ultralytics refuses bfloat16 on the CPU, where PyTorch supports it.
engine.autocast = lambda enabled, device: torch.autocast(device, torch.bfloat16, enabled=bool(enabled))

__all__ = [
    "Conv",
    "DetectionModel",
    "DetectionTrainer",
    "ModelEMA",
    "build_model",
    "choose_threads",
    "family_of",
    "family_of_weights",
    "fetch_weights",
    "load_model",
    "new_model",
    "non_max_suppression",
    "version",
]

RANDOM_ARCHITECTURE = "yolo11n.yaml"
_CLASSES: dict[Family, Any] = {
    "yolo": DetectionModel,
    "yolo-seg": SegmentationModel,
    "rtdetr": RTDETRDetectionModel,
}
SPARE_NUMBERS = 10_000_000  # a head for many classes has more weights than a head for few


def choose_threads() -> None:
    """Compute with OMP_NUM_THREADS threads, or one fewer than the number of cores, as Ultralytics does.

    Threads of PyTorch wait for each other at every layer. With one thread per core, a single other busy program
    makes training ten times slower (measured on two cores).
    """
    asked = _ASKED_THREADS or ""
    torch.set_num_threads(int(asked) if asked.isdigit() and int(asked) else NUM_THREADS)


def new_model(weights: str, names: dict[int, str]) -> tuple[nn.Module, str]:
    """A model for the classes `names`, started from `weights`, and the origin of the weights as text.

    `weights` is a path, a name that Ultralytics knows, or none. Raises WeightsError.
    """
    if weights == RANDOM_WEIGHTS or weights.endswith(YAML):
        name = RANDOM_ARCHITECTURE if weights == RANDOM_WEIGHTS else weights
        model: Any = build_model(*architecture_file(name), len(names))
        model.names, model.nc = dict(names), len(names)
        return model, f"random weights of {name}"
    path = fetch_weights(weights)
    pretrained, _ = load_model(path)
    note = _take_rgb(path, pretrained)
    model = _empty_copy(path, pretrained, len(names))
    _check_prototypes(path, model)
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    model.names, model.nc = dict(names), len(names)
    if family_of(model) != "rtdetr":
        model.model[-1].end2end = False  # in two-headed models, the head that needs suppression is better
    model.load(pretrained, verbose=False)
    given = pretrained.state_dict()
    after = model.state_dict()
    taken = sum(
        name in given and given[name].shape == tensor.shape and torch.equal(given[name].float(), tensor.float())
        for name, tensor in after.items()
    )
    if not taken:
        raise WeightsError(weights, "no tensor fits the model", REMEDY)
    return model, f"{taken} of {len(before)} tensors from {weights}{note}"


def _take_rgb(path: Path, model: nn.Module) -> str:
    """Remove the channel of a good map from the first layer of `model`; returns words about it.

    Raises WeightsError if the model is for other images than RGB.
    """
    first = next((module for module in model.modules() if isinstance(module, nn.Conv2d)), None)
    if first is None or first.in_channels == 3:
        return ""
    if not any(getattr(module, "good_map", "") for module in model.modules()):
        raise WeightsError(path, f"is for images of {first.in_channels} channels", "give a model for RGB images")
    first.weight = nn.Parameter(first.weight.detach()[:, :3].clone())
    first.in_channels = 3
    return ", without its channel of the good map"


def read_architecture(path: Path) -> dict[str, object]:
    """The content of the YAML file of a model. Raises InputError."""
    return read_yaml_as(path, dict[str, object], FAMILIES_REMEDY)


def build_model(path: Path, size: str, classes: int) -> nn.Module:
    """A model with random weights as a YAML file describes it, in one of its sizes. Raises WeightsError."""
    described = check_architecture(path, read_architecture(path))
    rows: Any = described["head"]
    if (head := str(rows[-1][2])) not in HEADS:
        raise WeightsError(path, f"describes a model of another kind ({head})", FAMILIES_REMEDY)
    try:
        model: Any = _CLASSES[HEADS[head]](
            {**described, "scale": size, "yaml_file": path.name}, nc=classes, verbose=False
        )
    except Exception as error:  # noqa: BLE001  layers can raise any error for wrong sizes
        problem = f"describes a model that cannot be built ({type(error).__name__})"
        raise WeightsError(path, problem, FAMILIES_REMEDY) from None
    if HEADS[head] != "rtdetr":
        model.model[-1].end2end = False
    _check_prototypes(path, model)
    built: nn.Module = model
    return built


def _check_prototypes(path: Path, model: Any) -> None:
    """Raise WeightsError for a -seg model of other than 32 prototypes of a quarter of the square."""
    if family_of(model) == "yolo-seg" and (int(model.stride[0]) != 8 or model.model[-1].nm != 32):
        raise WeightsError(path, "its masks have another form", "give a -seg model with levels from stride 8 on")


def family_of(model: nn.Module) -> Family:
    """The family of a model that was built or loaded here."""
    return next(family for family, kind in _CLASSES.items() if type(model) is kind)


def family_of_weights(weights: str) -> Family:
    """The family of the model that `new_model` starts from. Raises WeightsError."""
    if weights == RANDOM_WEIGHTS:
        return "yolo"
    if weights.endswith(YAML):
        path, _ = architecture_file(weights)
        rows: Any = check_architecture(path, read_architecture(path))["head"]
        return HEADS.get(str(rows[-1][2]), "yolo")
    return family_of(load_model(fetch_weights(weights))[0])


def ultralytics_task(model: nn.Module) -> str:
    """What Ultralytics calls the task of a model."""
    return "segment" if family_of(model) == "yolo-seg" else "detect"


def _empty_copy(path: Path, pretrained: Any, classes: int) -> Any:
    """A new model with the architecture of `pretrained`. It must not be much larger than `pretrained`."""
    described = check_architecture(path, getattr(pretrained, "yaml", None))
    given = sum(tensor.numel() for tensor in pretrained.parameters())
    try:
        with torch.device("meta"), torch.random.fork_rng(devices=[]):  # sizes without memory
            layers, _ = parse_model(deepcopy({**described, "nc": classes}), ch=3, verbose=False)
        if sum(tensor.numel() for tensor in layers.parameters()) > given * 2 + SPARE_NUMBERS:
            raise WeightsError(path, "describes a larger model than it has weights for", REMEDY)
        return type(pretrained)(described, nc=classes, verbose=False)
    except WeightsError:
        raise
    except Exception as error:  # noqa: BLE001  layers can raise any error for wrong sizes
        problem = f"describes a model that cannot be built ({type(error).__name__})"
        raise WeightsError(path, problem, REMEDY) from None


def load_model(path: Path) -> tuple[nn.Module, dict[str, object]]:
    """The model of an Ultralytics checkpoint, in eval mode on the CPU, and the rest. Raises WeightsError.

    No code from the file is run: see train_det.safe_checkpoint.
    """
    checkpoint = read_checkpoint(path)
    model: Any = checkpoint.get("ema") or checkpoint.get("model")
    if not isinstance(model, nn.Module):
        raise WeightsError(path, "contains no Ultralytics model", REMEDY)
    if type(model) not in _CLASSES.values():
        raise WeightsError(path, f"contains a {type(model).__name__}, not a detector", REMEDY)
    try:
        check_tensors(path, model.state_dict())
        model = model.float().eval()
        for module in model.modules():
            if hasattr(module, "inplace"):
                module.inplace = True
            elif isinstance(module, nn.Upsample) and not hasattr(module, "recompute_scale_factor"):
                module.recompute_scale_factor = None  # models of PyTorch before 1.11 lack it
    except (TypeError, AttributeError, KeyError, RuntimeError, ValueError):  # RecursionError is a RuntimeError
        raise WeightsError(path, "contains no Ultralytics model", REMEDY) from None
    if "criterion" in dict(model.named_children()) or hasattr(model, "criterion"):
        del model.criterion  # that of RT-DETR is a module, and could only be replaced by one
    model.args, model.pt_path, model.task, model.criterion = {}, str(path), ultralytics_task(model), None
    return model, checkpoint


def fetch_weights(name: str) -> Path:
    """The file of `name`: the path itself, or the cached download of a model that Ultralytics publishes.

    Raises WeightsError if the name is unknown or there is no network.
    """
    if Path(name).is_file() or Path(name).name != name:
        return Path(name)
    if name not in GITHUB_ASSETS_NAMES:
        raise WeightsError(name, "neither a file nor a model that Ultralytics publishes", REMEDY)
    kept = weights_cache() / name
    if kept.is_file():
        return kept
    try:
        kept.parent.mkdir(parents=True, exist_ok=True)
        attempt_download_asset(str(kept), retry=0, progress=False)
    except Exception as error:  # noqa: BLE001 - requests, urllib and Ultralytics can raise any error
        reason = type(error.__cause__ or error).__name__
        raise WeightsError(name, f"cannot be fetched ({reason})", REMEDY) from None
    return kept
