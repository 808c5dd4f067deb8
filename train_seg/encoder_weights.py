"""Pretrained weights for the encoder, from the hub of smp, from a file, or none; missing tensors are reported."""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from torch import Tensor, nn

from features.library import IMAGENET_MEAN, IMAGENET_STD, MeanOrStd, normalisation_of_name
from features.names import ENCODER_WEIGHTS_REMEDY as REMEDY
from features.weights import count_fitting, part_names, prepare_hub, read_state_dict, report_prefix
from features.wrapped_names import network_in
from system.errors import WeightsError, first_line

UNUSED = ("fc.", "classifier.", "head.", "conv_head.", "bn2.", "head_", "norm_pre.", "_fc.", "last_linear.")
MIN_SHARE = 0.6  # of the tensors of the encoder; ResNet-18 has 0.52 of those of ResNet-34, and 0.75 without layer4
AS_IN_TIMM = {  # encoders of smp -> timm's names of the networks with the same weights
    "xception": "legacy_xception",
    "inceptionv4": "inception_v4",
    "inceptionresnetv2": "inception_resnet_v2",
}
DENSE = re.compile(r"(denselayer\d+\.(?:norm|conv))\.(\d)")


def load_encoder_weights(encoder: nn.Module, name: str, depth: int, source: str) -> list[str]:
    """Load weights into `encoder` (`name` in smp) and return lines for the user about missing tensors.

    `source` is `imagenet` (from the hub of smp or its cache), `none`, or a file with a state dict that uses the
    names of torchvision, timm or smp, also that of a larger model that contains the encoder, such as a segmenter
    of smp, or of the checkpoint of a training. The file is read with weights_only, so it cannot run code. Raises
    WeightsError.
    """
    if source == "none":
        return ["encoder weights: none, the encoder starts from random weights"]
    if source == "imagenet":
        encoder.load_state_dict(_from_hub(name, depth))
        return []
    path = Path(source)
    wanted = encoder.state_dict()

    def fitting(tensors: dict[str, Tensor]) -> int:
        return count_fitting(wanted, _named_as(wanted, tensors))

    given, prefix = network_in(read_state_dict(path, REMEDY), fitting)
    lines = _fill(encoder, name, _named_as(wanted, given), path, depth)
    return [*lines, *report_prefix("encoder weights", path, prefix, len(given))]


def _fill(encoder: nn.Module, name: str, given: dict[str, Tensor], path: Path, depth: int) -> list[str]:
    wanted = encoder.state_dict()
    whole = [k for k, v in given.items() if k in wanted and wanted[k].is_floating_point() > v.is_floating_point()]
    if whole:
        problem = f"its tensor {whole[0]} has whole numbers, as quantised weights do"
        raise WeightsError(path, problem, REMEDY)
    fits = {k: v for k, v in given.items() if k in wanted and v.shape == wanted[k].shape}
    if not any(k.endswith("weight") and v.ndim == 4 for k, v in fits.items()):
        raise WeightsError(path, f"none of its {len(given)} tensors fits the encoder", REMEDY)
    trained = [k for k in wanted if not k.endswith("num_batches_tracked")]
    in_use = [k for k in trained if depth == 5 or not k.startswith("layer4.")]
    found = sum(k in fits for k in in_use)
    if found < MIN_SHARE * len(in_use):
        problem = f"fills {found} of the {len(in_use)} tensors of {name}, so it is of another network"
        raise WeightsError(path, problem, REMEDY)
    nn.Module.load_state_dict(encoder, fits, strict=False)  # some encoders of smp override it without `strict`
    lines = []
    lacking = [k for k in in_use if k not in given]
    if lacking:
        advice = ""
        if depth == 5 and all(k.startswith("layer4.") for k in lacking):
            advice = "; layer4 stays random, --encoder-depth 4 does without it"
        lines.append(f"encoder weights: {path.name} lacks {len(lacking)} tensors ({_parts(lacking)}){advice}")
    misfits = [k for k in given if k in wanted and k not in fits]
    if misfits:
        lines.append(
            f"encoder weights: {len(misfits)} tensors of {path.name} have other shapes ({_parts(misfits)})"
        )
    strangers = [k for k in given if k not in wanted and not k.removeprefix("model.").startswith(UNUSED)]
    if strangers:
        what = "are unknown" if depth == 5 else f"are unknown or not used at --encoder-depth {depth}"
        lines.append(f"encoder weights: {len(strangers)} tensors of {path.name} {what} ({_parts(strangers)})")
    return lines


def _parts(tensors: Iterable[str]) -> str:
    return part_names(name.removeprefix("model.") for name in tensors)


def encoder_normalisation(name: str) -> tuple[MeanOrStd, MeanOrStd]:
    """Mean and standard deviation, of pixel values of 0 to 1, under which the weights of an encoder were trained.

    smp calls timm's networks `tu-NAME`, and those that it changed `timm-NAME`. Of its own, some have weights that
    timm has too, trained under another normalisation than ImageNet's; all others are ImageNet's.
    """
    if name.startswith("dpn") or name in AS_IN_TIMM:
        return normalisation_of_name(AS_IN_TIMM.get(name, name))
    for prefix in ("tu-", "timm-"):
        if name.startswith(prefix):
            return normalisation_of_name(name.removeprefix(prefix))
    return IMAGENET_MEAN, IMAGENET_STD


def _named_as(wanted: Mapping[str, Tensor], state: dict[str, Tensor]) -> dict[str, Tensor]:
    """`state` under the names of the encoder with the tensors `wanted`, as far as they can be derived.

    smp's `tu-` encoders keep timm's network as `model`, and timm joins the outer levels of names with `_` there
    (`stages.0.blocks` becomes `stages_0.blocks`). Old files of torchvision's DenseNet have `norm.1` where newer
    ones have `norm1`.
    """
    by_letters: dict[str, str] = {}
    for name in wanted:
        by_letters.setdefault(_letters(name), name)
    renamed: dict[str, Tensor] = {}
    for name, value in state.items():
        own = name if name in wanted else by_letters.get(_letters(name), name)
        renamed.setdefault(own if own not in state or own == name else name, value)
    return renamed


def _letters(name: str) -> str:
    """A name without the differences of naming between the libraries."""
    return DENSE.sub(r"\1\2", name.removeprefix("model.")).replace(".", "_")


def _from_hub(name: str, depth: int) -> dict[str, Tensor]:
    from segmentation_models_pytorch.encoders import get_encoder

    prepare_hub()
    try:
        state: dict[str, Tensor] = get_encoder(name, depth=depth, weights="imagenet").state_dict()
    except Exception as error:  # noqa: BLE001  the hub client raises errors of several libraries
        reason = first_line(error, 100)
        raise WeightsError(
            f"--encoder-weights imagenet for {name}", f"cannot be downloaded ({reason})", REMEDY
        ) from None
    return state
