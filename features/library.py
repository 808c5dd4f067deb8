"""Networks of torchvision and timm by name: which library has one, its weights, and their normalisation.

`option` is the flag by which the user named the network, for the messages.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

import msgspec
from torch import Tensor, nn

from features.weights import prepare_hub
from system.errors import OptionError, WeightsError, first_line

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)
Library = Literal["torchvision", "timm"]
MeanOrStd = tuple[float, float, float]
_Level = Annotated[float, msgspec.Meta(ge=0, le=1)]
_Spread = Annotated[float, msgspec.Meta(ge=1e-3, le=1)]  # 1/255 is that of weights trained on values of 0 to 255
StoredMean = tuple[_Level, _Level, _Level]  # of a weights file, refused outside these ranges
StoredStd = tuple[_Spread, _Spread, _Spread]


def libraries_with(name: str, option: str, *, without: frozenset[str] = frozenset()) -> list[Library]:
    """The libraries that have the network `name`, leaving out those of torchvision in `without`.

    Raises OptionError if none has.
    """
    import timm
    from torchvision import models

    known: list[Library] = ["torchvision"] if name in set(models.list_models(module=models)) - without else []
    if timm.is_model(name.partition(".")[0]):
        known.append("timm")
    if not known:
        problem = "neither torchvision nor timm has a network of that name"
        remedy = "give a name such as resnet18, mobilenet_v2 or tf_efficientnet_lite0"
        raise OptionError(f"{option} {name}", problem, remedy)
    return known


def build_network(library: Library, name: str, option: str, outputs: int | None = None) -> nn.Module:
    """The network with random weights and `outputs` logits, by default those of ImageNet.

    Raises OptionError if it cannot be built.
    """
    size = {} if outputs is None else {"num_classes": outputs}
    try:
        if library == "torchvision":
            from torchvision import models

            net: nn.Module = models.get_model(name, weights=None, **size)
        else:
            import timm

            net = timm.create_model(name, pretrained=False, **size)
    except (RuntimeError, ValueError, TypeError, KeyError) as error:
        raise OptionError(
            f"{option} {name}", f"cannot be built ({first_line(error, 80)})", "give another name"
        ) from None
    return net


def published_weights(library: Library, name: str, option: str, remedy: str) -> dict[str, Tensor]:
    """The weights of ImageNet, downloaded or from the library's cache. Raises WeightsError with `remedy`."""
    try:
        if library == "torchvision":
            from torchvision import models

            return dict(models.get_model_weights(name).DEFAULT.get_state_dict(progress=False, check_hash=True))
        import timm

        prepare_hub()
        return dict(timm.create_model(name, pretrained=True).state_dict())
    except Exception as error:  # noqa: BLE001  downloads raise errors of several libraries
        problem = f"cannot be downloaded ({first_line(error, 100)})"
        raise WeightsError(f"{option} imagenet for {name}", problem, remedy) from None


def normalisation(library: Library, net: nn.Module) -> tuple[MeanOrStd, MeanOrStd]:
    """Mean and standard deviation of pixel values, 0 to 1, with which the library's weights were trained."""
    return _normalisation(getattr(net, "pretrained_cfg", None) if library == "timm" else None)


def normalisation_of_name(name: str) -> tuple[MeanOrStd, MeanOrStd]:
    """`normalisation` of timm's weights `name`; that of ImageNet for any other name."""
    import timm

    config = timm.get_pretrained_cfg(name) if timm.is_model(name) else None
    return _normalisation(config.to_dict() if config else None)


def _normalisation(config: Mapping[str, Any] | None) -> tuple[MeanOrStd, MeanOrStd]:
    if not config or len(config.get("mean", ())) != 3:
        return IMAGENET_MEAN, IMAGENET_STD
    (r, g, b), (sr, sg, sb) = config["mean"], config["std"]
    return (r, g, b), (sr, sg, sb)


def padding_colour(mean: MeanOrStd) -> tuple[int, int, int]:
    """The colour, 0 to 255, that is nearest to zero after the normalisation.

    >>> padding_colour(IMAGENET_MEAN)
    (124, 116, 104)
    """
    red, green, blue = (round(255 * value) for value in mean)
    return red, green, blue
