"""Names of files of a run, and names of encoders, checked without importing libraries, which takes seconds."""

import difflib
import re
from functools import cache

from features.names import ENCODER_WEIGHTS_REMEDY as WEIGHTS_REMEDY
from features.names import check_weights_file, source_texts, timm_names
from system.errors import OptionError
from train_seg.options import SegmenterOptions
from training.early_checks import check_named_runs

BEST, LAST, STATE = "best.safetensors", "last.safetensors", "last.ckpt"
RECORDER = "Recorder"  # the key of the recorder's state in last.ckpt: the name of its class
ENCODER = re.compile(r'^    "([\w-]+)": \{', re.MULTILINE)


@cache
def encoder_names() -> frozenset[str]:
    """The encoders that smp names itself; empty if its source text cannot be found."""
    texts = source_texts("segmentation_models_pytorch", "encoders")
    return frozenset(name for text in texts for name in ENCODER.findall(text))


def check_options(options: SegmenterOptions) -> None:
    """Raise OptionError for an unknown encoder, WeightsError for wrong weights, InputError for a wrong run."""
    check_named_runs("seg", options.good_map, options.teacher, options.unlabelled)
    check_named_runs("seg", options.box_map, "")
    check_encoder(options.encoder)
    check_weights_file(options.encoder_weights, options.encoder.removeprefix("tu-"), WEIGHTS_REMEDY)


def check_encoder(name: str) -> None:
    """Raise OptionError unless smp has the encoder `name`: its own, or `tu-` and `timm-` before a name of timm.

    Passes if the source texts cannot be read; building the network then refuses the name.
    """
    own, timm = encoder_names(), timm_names()
    prefix, _, rest = name.partition("-")
    if not own or not timm or name in own or (prefix in {"tu", "timm"} and _is_of_timm(rest, timm)):
        return
    if name.partition(".")[0] in timm:
        remedy = f"give tu-{name}, networks of timm have the prefix tu-"
        raise OptionError(f"--encoder {name}", "not an encoder of segmentation-models-pytorch", remedy)
    near = difflib.get_close_matches(name, sorted(own | {f"tu-{one}" for one in timm}), 1, 0.8)
    near = near or [f"tu-{one}" for one in difflib.get_close_matches(name, sorted(timm), 1, 0.8)]
    remedy = f"did you mean {near[0]}?" if near else "give a name like resnet18 or resnet34, or tu-NAME of timm"
    raise OptionError(f"--encoder {name}", "not an encoder of segmentation-models-pytorch", remedy)


def _is_of_timm(name: str, known: frozenset[str]) -> bool:
    """smp calls the mobilenetv3 networks of timm's `tf_` family `timm-mobilenetv3`."""
    plain = name.partition(".")[0]
    return plain in known or f"tf_{plain}" in known
