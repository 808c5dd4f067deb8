"""Pretrained weights for the encoder, from the hub of smp, from a file, or none; missing tensors are reported."""

from pathlib import Path

from torch import Tensor, nn

from features.library import IMAGENET_MEAN, IMAGENET_STD, MeanOrStd, normalisation_of_name
from features.names import ENCODER_WEIGHTS_REMEDY as REMEDY
from features.weights import part_names, prepare_hub, read_state_dict
from system.errors import WeightsError, first_line

UNUSED_HEAD = ("fc.", "classifier.", "head.", "conv_head.", "bn2.")


def load_encoder_weights(encoder: nn.Module, name: str, depth: int, source: str) -> list[str]:
    """Load weights into `encoder` (`name` in smp) and return lines for the user about missing tensors.

    `source` is `imagenet` (from the hub of smp or its cache), `none`, or a file with a state dict that uses the
    names of torchvision or timm. The file is read with weights_only, so it cannot run code. Raises WeightsError.
    """
    if source == "none":
        return ["encoder weights: none, the encoder starts from random weights"]
    if source == "imagenet":
        encoder.load_state_dict(_from_hub(name, depth))
        return []
    path = Path(source)
    return _fill(encoder, _named_as(encoder, read_state_dict(path, REMEDY)), path, depth)


def _fill(encoder: nn.Module, given: dict[str, Tensor], path: Path, depth: int) -> list[str]:
    wanted = encoder.state_dict()
    fits = {k: v for k, v in given.items() if k in wanted and v.shape == wanted[k].shape}
    if not any(k.endswith("weight") and v.ndim == 4 for k, v in fits.items()):
        raise WeightsError(path, f"none of its {len(given)} tensors fits the encoder", REMEDY)
    encoder.load_state_dict(fits, strict=False)
    lines = []
    counters = {k for k in wanted if k.endswith("num_batches_tracked")}
    lacking = [k for k in wanted if k not in given and k not in counters]
    in_use = [k for k in lacking if depth == 5 or not k.startswith("layer4.")]
    if in_use:
        advice = ""
        if depth == 5 and all(k.startswith("layer4.") for k in in_use):
            advice = "; layer4 stays random, --encoder-depth 4 does without it"
        lines.append(f"encoder weights: {path.name} lacks {len(in_use)} tensors ({part_names(in_use)}){advice}")
    misfits = [k for k in given if k in wanted and k not in fits]
    if misfits:
        lines.append(
            f"encoder weights: {len(misfits)} tensors of {path.name} have other shapes ({part_names(misfits)})"
        )
    strangers = [k for k in given if k not in wanted and not k.startswith(UNUSED_HEAD)]
    if strangers:
        lines.append(
            f"encoder weights: {len(strangers)} tensors of {path.name} are unknown ({part_names(strangers)})"
        )
    return lines


def encoder_normalisation(name: str) -> tuple[MeanOrStd, MeanOrStd]:
    """Mean and standard deviation, of pixel values of 0 to 1, under which the weights of an encoder were trained.

    smp calls timm's networks `tu-NAME`, and those that it changed `timm-NAME`; all others are ImageNet's.
    """
    for prefix in ("tu-", "timm-"):
        if name.startswith(prefix):
            return normalisation_of_name(name.removeprefix(prefix))
    return IMAGENET_MEAN, IMAGENET_STD


def _named_as(encoder: nn.Module, state: dict[str, Tensor]) -> dict[str, Tensor]:
    """`state` under the names of `encoder`: smp's `tu-` encoders keep timm's network as `model`."""
    plain = {name.removeprefix("encoder."): value for name, value in state.items()}
    wanted = encoder.state_dict()
    if any(name in wanted for name in plain):
        return plain
    return {f"model.{name}" if f"model.{name}" in wanted else name: value for name, value in plain.items()}


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
