"""Pretrained weights for the encoder: from smp's hub, from a file, or none; missing tensors are reported."""

import io
import os
import socket
from pathlib import Path
from urllib.parse import urlsplit

from torch import Tensor, nn

from system.errors import WeightsError

UNUSED_HEAD = ("fc.", "classifier.", "head.")
REMEDY = "give --encoder-weights PATH (a torchvision state dict) or --encoder-weights none"


def load_encoder_weights(encoder: nn.Module, name: str, depth: int, source: str) -> list[str]:
    """Load weights into `encoder` (smp's `name`) and return lines for the user about missing tensors.

    `source` is `imagenet` (fetched from or cached by smp's hub), `none`, or a file with a state dict under the
    names of torchvision, read with weights_only so that it cannot run code. Raises WeightsError.
    """
    if source == "none":
        return ["encoder weights: none, the encoder starts from random weights"]
    if source == "imagenet":
        encoder.load_state_dict(_from_hub(name, depth))
        return []
    path = Path(source)
    return _fill(encoder, _from_file(path), path, depth)


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
        lines.append(f"encoder weights: {path.name} lacks {len(in_use)} tensors ({_parts(in_use)}){advice}")
    misfits = [k for k in given if k in wanted and k not in fits]
    if misfits:
        lines.append(
            f"encoder weights: {len(misfits)} tensors of {path.name} have other shapes ({_parts(misfits)})"
        )
    strangers = [k for k in given if k not in wanted and not k.startswith(UNUSED_HEAD)]
    if strangers:
        lines.append(f"encoder weights: {len(strangers)} tensors of {path.name} are unknown ({_parts(strangers)})")
    return lines


def _parts(names: list[str]) -> str:
    return ", ".join(sorted({name.split(".")[0] for name in names}))


def _from_file(path: Path) -> dict[str, Tensor]:
    if not path.is_file():
        raise WeightsError(path, "no such file", REMEDY)
    data = path.read_bytes()
    try:
        loaded = _decode(data, safe=path.suffix == ".safetensors")
    except Exception as error:  # noqa: BLE001  damaged files raise whatever the unpickler fails with
        reason = (
            "it contains more than tensors"
            if "weights_only" in str(error).lower()
            else "damaged or no PyTorch file"
        )
        raise WeightsError(path, f"cannot be read as weights ({reason})", REMEDY) from None
    if isinstance(loaded, dict) and isinstance(loaded.get("state_dict"), dict):
        loaded = loaded["state_dict"]
    if not isinstance(loaded, dict) or not all(isinstance(v, Tensor) for v in loaded.values()):
        raise WeightsError(path, "not a plain state dict of tensors", REMEDY)
    return {str(k).removeprefix("module.").removeprefix("encoder."): v for k, v in loaded.items()}


def _decode(data: bytes, *, safe: bool) -> object:
    import torch

    if safe:
        from safetensors.torch import load

        return load(data)
    return torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)


def _from_hub(name: str, depth: int) -> dict[str, Tensor]:
    import logging

    import huggingface_hub.constants as hub
    from segmentation_models_pytorch.encoders import get_encoder

    # Without a network the hub client tries six times; offline it reads its cache only and fails at once.
    if not _reachable(hub.ENDPOINT):
        hub.HF_HUB_OFFLINE = True
    logging.getLogger("huggingface_hub").setLevel(logging.ERROR)
    try:
        state: dict[str, Tensor] = get_encoder(name, depth=depth, weights="imagenet").state_dict()
    except Exception as error:  # noqa: BLE001  the hub client raises errors of half a dozen libraries
        reason = str(error).splitlines()[0][:100] if str(error) else type(error).__name__
        raise WeightsError(
            f"--encoder-weights imagenet for {name}", f"cannot be downloaded ({reason})", REMEDY
        ) from None
    return state


def _reachable(endpoint: str) -> bool:
    if os.environ.get("HTTPS_PROXY") or os.environ.get("https_proxy"):
        return True
    address = urlsplit(endpoint)
    try:
        socket.create_connection((address.hostname or "", address.port or 443), timeout=3).close()
    except OSError:
        return False
    return True
