"""The architectures of segmentation-models-pytorch that a segmenter can have, and a trial of their encoders."""

from collections.abc import Sequence
from typing import get_args

import torch
from torch import nn

from system.errors import OptionError, first_line
from train_seg.names import check_encoder
from train_seg.options import Architecture

PYRAMID_CHANNELS, MERGED_CHANNELS, CONTEXT_CHANNELS = 128, 64, 128  # half the defaults of smp, as for the U-Net
# The errors with which smp and timm refuse an encoder or a size.
REFUSALS = (KeyError, ValueError, RuntimeError, TypeError, AssertionError, NotImplementedError, AttributeError)


def build_network(
    arch: Architecture, encoder: str, depth: int, channels: Sequence[int], outputs: int
) -> nn.Module:
    """A network with random weights, N x 3 x S x S to N x `outputs` x S x S.

    `channels` are those of the stages of the decoder, from the deepest, which only `unet` and `unet++` have.
    Raises OptionError for an encoder that `arch` cannot use at this depth.
    """
    import segmentation_models_pytorch as smp

    shared = {"encoder_depth": depth, "encoder_weights": None, "classes": outputs}
    check_encoder(encoder)
    try:
        if arch in {"unet", "unet++"}:
            build = smp.Unet if arch == "unet" else smp.UnetPlusPlus
            net: nn.Module = build(encoder, decoder_channels=tuple(channels[:depth]), **shared)
        elif arch == "fpn":
            net = smp.FPN(
                encoder,
                decoder_pyramid_channels=PYRAMID_CHANNELS,
                decoder_segmentation_channels=MERGED_CHANNELS,
                upsampling=2 ** (depth - 3),  # its finest level is 3 halvings above the deepest
                **shared,
            )
        elif arch == "deeplabv3+":
            net = _without_batch_statistics(
                smp.DeepLabV3Plus(encoder, decoder_channels=CONTEXT_CHANNELS, **shared)
            )
        else:
            net = smp.Segformer(encoder, decoder_segmentation_channels=CONTEXT_CHANNELS, **shared)
    except REFUSALS as error:
        raise _unusable(arch, encoder, depth, error) from None
    return net


def check_network(arch: Architecture, encoder: str, depth: int, imgsz: int) -> None:
    """Raise OptionError if `arch` with this encoder cannot be trained to give a map of `imgsz` pixels.

    The network is built and applied on the meta device of PyTorch, on which tensors have no values, so neither
    memory nor time for large networks is needed. A few networks need values and are only built.
    """
    try:
        with torch.device("meta"), torch.random.fork_rng(devices=[]), torch.no_grad():
            net = build_network(arch, encoder, depth, (8,) * depth, 2)
            size = tuple(net(torch.zeros(1, 3, imgsz, imgsz)).shape)
    except OptionError as error:
        if "meta tensors" not in str(error):
            raise
        with torch.random.fork_rng(devices=[]):
            build_network(arch, encoder, depth, (8,) * depth, 2)
        return
    except REFUSALS as error:
        if "meta" not in str(error):
            raise _unusable(arch, encoder, depth, error) from None
        return
    if size != (1, 2, imgsz, imgsz):
        raise _unusable(arch, encoder, depth, ValueError(f"its output has {size[2]} x {size[3]} pixels"))


def _unusable(arch: Architecture, encoder: str, depth: int, error: Exception) -> OptionError:
    reason = first_line(error, 80)
    if "more than 1 value per channel" in reason:
        problem = f"leaves a single pixel for its norms at --encoder-depth {depth}"
        return OptionError(f"--encoder {encoder}", problem, "give a larger --imgsz, or another encoder")
    if arch == "deeplabv3+" and ("dilated" in str(error) or "output_stride" in str(error)):
        problem = "cannot be dilated, which --arch deeplabv3+ needs"
        return OptionError(
            f"--encoder {encoder}", problem, "give --encoder resnet18, or --arch unet, fpn or segformer"
        )
    others = ", ".join(one for one in get_args(Architecture) if one != arch)
    return OptionError(
        f"--encoder {encoder}",
        f"not an encoder of depth {depth} for --arch {arch} ({reason})",
        f"give another name, like resnet18, another --encoder-depth, or --arch {others}",
    )


def _without_batch_statistics(net: nn.Module) -> nn.Module:
    """`net` with the norm after its global pooling replaced by one that needs no second image in a batch.

    The pooled map has one pixel, and a batch norm cannot be trained on one value per channel.
    """
    from segmentation_models_pytorch.decoders.deeplabv3.decoder import ASPPPooling

    for module in net.modules():
        if isinstance(module, ASPPPooling):
            for place, inner in enumerate(module):
                if isinstance(inner, nn.BatchNorm2d):
                    module[place] = nn.GroupNorm(1, inner.num_features)
    return net
