"""What `train_seg fit` can be asked, as one typed value that is saved in the run."""

import math

import msgspec

from datasets.errors import OptionError

MONITORS = ("dice", "iou", "loss")
PRECISIONS = ("auto", "32", "bf16")
MAX_SEED = 2**32 - 1


class FitOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How to train; sizes in pixels.

    `encoder_depth` 4 is the default because the fifth stage of a ResNet-18 holds three quarters of its parameters,
    sees a 256 px picture as 8 x 8, and there is little to learn it from. `batch` 4: with so few images the
    number of steps decides. `encoder_weights` is `imagenet`, `none` or a path. `negatives` is all, a count, or a
    ratio to the images with annotations.
    """

    encoder: str = "resnet18"
    encoder_weights: str = "imagenet"
    encoder_depth: int = 4
    epochs: int = 40
    imgsz: int = 256
    batch: int = 4
    device: str = "auto"
    seed: int = 0
    workers: int = 0
    negatives: str = "0.5"
    monitor: str = "dice"
    lr: float = 1e-3
    precision: str = "auto"


def check_options(options: FitOptions) -> None:
    """Raise OptionError for values no training can use, naming the option."""
    for flag, value, least in (
        ("--epochs", options.epochs, 1),
        ("--batch", options.batch, 1),
        ("--workers", options.workers, 0),
        ("--seed", options.seed, 0),
    ):
        if value < least:
            raise OptionError(f"{flag} {value}", f"less than {least}", f"give {least} or more")
    if options.seed > MAX_SEED:
        raise OptionError(f"--seed {options.seed}", "larger than 32 bits", f"give at most {MAX_SEED}")
    if not 3 <= options.encoder_depth <= 5:
        raise OptionError(
            f"--encoder-depth {options.encoder_depth}", "not a depth of the encoder", "give 3, 4 or 5"
        )
    check_imgsz(options.imgsz, options.encoder_depth)
    if options.monitor not in MONITORS:
        raise OptionError(f"--monitor {options.monitor}", "not a metric", f"give one of {', '.join(MONITORS)}")
    if options.precision not in PRECISIONS:
        remedy = f"give one of {', '.join(PRECISIONS)}"
        raise OptionError(f"--precision {options.precision}", "not a number type", remedy)
    if not (math.isfinite(options.lr) and 0 < options.lr <= 1):
        raise OptionError(
            f"--lr {options.lr}", "not a learning rate", "give more than 0 and at most 1, like 0.001"
        )


def check_imgsz(imgsz: int, encoder_depth: int) -> None:
    """Raise OptionError unless the encoder can halve `imgsz` `encoder_depth` times and leave at least 2 x 2."""
    step = 2**encoder_depth
    if imgsz < 2 * step or imgsz % step:
        below = max(2, imgsz // step) * step
        raise OptionError(
            f"--imgsz {imgsz}",
            f"not a multiple of {step} of at least {2 * step}, as --encoder-depth {encoder_depth} needs",
            f"give {below} or {below + step}",
        )
