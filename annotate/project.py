"""Settings of labelme for a folder: labels with fixed colours, image flags, exact label validation.

Three text files next to the images, suitable for version control:

labels.txt     one label per line; `convert labelme2coco --labels` also reads it
flags.txt      image flags: good, uncertain, reject
labelme.yaml   configuration in a form that labelme 6.3 and 7 both read
"""

import colorsys
from collections.abc import Sequence
from pathlib import Path

import msgspec

from annotate.label_folder import check_label_folder
from convert.labels import read_labels_file
from datasets.formats.labelme_flags import IMAGE_FLAGS, LABELS_FILE, UNREVIEWED
from datasets.masks.pixel_mask import PALETTE
from system.errors import InputError, OptionError, OutputError
from system.files import write_atomic

LABELS, FLAGS, CONFIG = LABELS_FILE, "flags.txt", "labelme.yaml"
GOLDEN_ANGLE_TURNS = 0.381966  # keeps successive hues apart, however many there are
DEFAULT_COLOUR = (160, 160, 160)


def parse_labels(text: str) -> list[str]:
    """Labels from text such as scratch,dent.

    Raises OptionError for empty, repeated and unprintable ones, and for the name of an image flag.
    """
    labels = [label.strip() for label in text.split(",")]
    if not all(labels):
        raise OptionError(f"--labels {text}", "has an empty label", "give for example scratch,dent")
    for i, label in enumerate(labels):
        if label in labels[:i]:
            raise OptionError(f"--labels {text}", f"has {label} twice", "give each label once")
        if label in {*IMAGE_FLAGS, UNREVIEWED}:
            problem = f"{label} is the name of a flag"
            raise OptionError(f"--labels {text}", problem, "leave it out; good images are flagged, not labelled")
        if not label.isprintable():
            raise OptionError("--labels", f"{label!r} cannot be printed", "use letters, digits, - and _")
    return labels


def label_colours(labels: Sequence[str]) -> dict[str, tuple[int, int, int]]:
    """A colour (R, G, B, each 0 to 255) for each label, the same as in pixel masks, where ids are alphabetical."""
    known = [PALETTE[i : i + 3] for i in range(3, len(PALETTE), 3)]
    colours = {}
    for i, label in enumerate(sorted(labels)):
        if i < len(known):
            red, green, blue = known[i]
        else:
            red, green, blue = (round(255 * v) for v in colorsys.hsv_to_rgb(i * GOLDEN_ANGLE_TURNS % 1, 0.75, 0.9))
        colours[label] = (red, green, blue)
    return colours


def labelme_config(labels: Sequence[str]) -> dict[str, object]:
    """Content of labelme.yaml; labelme 7 converts the colour settings of version 6 when it reads them."""
    return {
        "auto_save": True,
        "with_image_data": False,
        "validate_label": "exact",
        "sort_labels": False,
        "shape_color": "manual",
        "label_colors": {label: list(colour) for label, colour in label_colours(labels).items()},
        "default_shape_color": list(DEFAULT_COLOUR),
        "label_flags": {".*": [UNREVIEWED]},
    }


def init_project(root: Path, labels: Sequence[str], *, overwrite: bool) -> list[Path]:
    """Write the three files into `root` and return their paths; a second call changes nothing.

    Raises InputError if `root` is not a folder, OutputError if a file with other content exists, unless
    `overwrite`.
    """
    if not root.is_dir():
        raise InputError(root, "no such folder", "name the folder of the images")
    check_label_folder(root)
    content = {
        LABELS: "".join(f"{label}\n" for label in labels).encode(),
        FLAGS: "".join(f"{flag}\n" for flag in IMAGE_FLAGS).encode(),
        CONFIG: msgspec.yaml.encode(labelme_config(labels)),
    }
    for name, data in content.items():
        path = root / name
        if path.exists() and path.read_bytes() != data and not overwrite:
            raise OutputError(path, "exists with other content", "correct it, or add --overwrite")
    for name, data in content.items():
        write_atomic(root / name, data)
    return [root / name for name in content]


def read_labels_of(root: Path) -> list[str]:
    """The labels of a folder prepared by `annotate init`. Raises InputError if it has no labels."""
    if not (root / LABELS).is_file():
        raise InputError(root, f"has no {LABELS}", "run annotate init with --labels first")
    labels = read_labels_file(root / LABELS)
    if not labels:
        raise InputError(root / LABELS, "has no label", "write one label per line")
    return labels
