"""What labelme is told about a folder: its labels with fixed colours, the flags of images, exact label validation.

Three files beside the pictures, for people to read and to keep under version control:

labels.txt     one label a line; `convert labelme2coco --labels` takes it as well
flags.txt      flags of an image: good, uncertain, reject
labelme.yaml   labelme's configuration, in the form that both labelme 6.3 and 7 understand
"""

import colorsys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from convert.labels import read_labels_file
from datasets.formats.labelme_flags import IMAGE_FLAGS, UNREVIEWED
from datasets.masks.pixel_mask import PALETTE
from system.errors import InputError, OptionError, OutputError
from system.files import write_atomic

LABELS, FLAGS, CONFIG = "labels.txt", "flags.txt", "labelme.yaml"
GOLDEN_ANGLE = 0.381966  # of a turn; successive hues stay apart, however many there are
FALLBACK = (160, 160, 160)


def parse_labels(text: str) -> list[str]:
    """Labels from text like scratch,dent. Raises OptionError for empty, repeated and multi-line ones."""
    labels = [label.strip() for label in text.split(",")]
    if not all(labels):
        raise OptionError(f"--labels {text}", "has an empty label", "give for example scratch,dent")
    for i, label in enumerate(labels):
        if label in labels[:i]:
            raise OptionError(f"--labels {text}", f"has {label} twice", "give each label once")
        if not label.isprintable():
            raise OptionError("--labels", f"{label!r} cannot be printed", "use letters, digits, - and _")
    return labels


def label_colours(labels: Sequence[str]) -> dict[str, tuple[int, int, int]]:
    """A colour (R, G, B, 0 to 255) for each label: those of the pixel masks, whose ids are alphabetical."""
    known = [PALETTE[i : i + 3] for i in range(3, len(PALETTE), 3)]
    colours = {}
    for i, label in enumerate(sorted(labels)):
        if i < len(known):
            red, green, blue = known[i]
        else:
            red, green, blue = (round(255 * v) for v in colorsys.hsv_to_rgb(i * GOLDEN_ANGLE % 1, 0.75, 0.9))
        colours[label] = (red, green, blue)
    return colours


def labelme_config(labels: Sequence[str]) -> dict[str, Any]:
    """labelme's configuration; version 7 translates the colours of version 6 when it reads them."""
    return {
        "auto_save": True,
        "with_image_data": False,
        "validate_label": "exact",
        "sort_labels": False,
        "shape_color": "manual",
        "label_colors": {label: list(colour) for label, colour in label_colours(labels).items()},
        "default_shape_color": list(FALLBACK),
        "label_flags": {".*": [UNREVIEWED]},
    }


def init_project(root: Path, labels: Sequence[str], *, overwrite: bool) -> list[Path]:
    """Write the three files into `root` and return them; the same labels again change nothing.

    Raises InputError where `root` is no folder, OutputError where a file is there that says otherwise.
    """
    if not root.is_dir():
        raise InputError(root, "no such folder", "name the folder of the pictures")
    content = {
        LABELS: "".join(f"{label}\n" for label in labels).encode(),
        FLAGS: "".join(f"{flag}\n" for flag in IMAGE_FLAGS).encode(),
        CONFIG: msgspec.yaml.encode(labelme_config(labels)),
    }
    for name, data in content.items():
        path = root / name
        if path.exists() and path.read_bytes() != data and not overwrite:
            raise OutputError(path, "exists and says something else", "correct it, or add --overwrite")
    for name, data in content.items():
        write_atomic(root / name, data)
    return [root / name for name in content]


def read_labels_of(root: Path) -> list[str]:
    """The labels of a folder that `annotate init` prepared. Raises InputError."""
    if not (root / LABELS).is_file():
        raise InputError(root, f"no {LABELS} in it", "run annotate init with --labels first")
    labels = read_labels_file(root / LABELS)
    if not labels:
        raise InputError(root / LABELS, "it has no label", "write one label a line")
    return labels
