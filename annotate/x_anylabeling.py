"""Open a folder in the annotation program X-AnyLabeling, with its labels, colours and flags.

X-AnyLabeling keeps the keys of a shape and of a file that it does not know, so its files are read like labelme's.
Source: https://github.com/CVHub520/X-AnyLabeling, `app.py`, `config.py`, `views/labeling/label_file.py`. Tried
with version 4.2.1.
"""

import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from annotate.folder_images import FolderImage
from annotate.labelme_program import SECONDS_TO_ANSWER, LabelmeError, named_executable, program_environ
from annotate.labelme_start import run_until_closed, search_pattern, session_config
from annotate.project import FLAGS, LABELS
from datasets.formats.labelme import read_labelme
from datasets.formats.yolo_description import read_lines
from datasets.images.image_file import read_info
from system.errors import InputError
from system.files import read_file, write_atomic

NAME = "X-AnyLabeling"
PACKAGE = "x_anylabeling_cvhub"
COMMAND = "xanylabeling"
VARIABLE = "DEFECTLINE_X_ANYLABELING"
REMEDY = "install x-anylabeling-cvhub[cpu] in an environment of its own, and name it with --x-anylabeling PATH"
CONFIG = ".xanylabelingrc"
KEYS_OF_LABELME = ("auto_save", "validate_label", "sort_labels", "shape_color", "label_colors",
                   "default_shape_color", "label_flags")  # fmt: skip
SHAPE_TYPES = frozenset(
    {"polygon", "rectangle", "rotation", "quadrilateral", "point", "line", "circle", "linestrip", "cuboid"}
)
UPRIGHT = 1  # EXIF orientation


class XAnyLabelingError(LabelmeError):
    """X-AnyLabeling is not installed or cannot be started."""


class _Models(msgspec.Struct, frozen=True):
    """The models that a person loaded, of its configuration."""

    custom_models: list[object] = []


class XAnyLabeling(msgspec.Struct, frozen=True):
    """An executable and what located it."""

    path: Path
    found_by: str


def find_x_anylabeling(given: Path | None, environ: Mapping[str, str] = os.environ) -> XAnyLabeling:
    """Locate X-AnyLabeling: --x-anylabeling, DEFECTLINE_X_ANYLABELING, the PATH, in this order.

    Raises InputError if the option or the variable names no executable, XAnyLabelingError if it is not found.
    """
    if given is not None:
        return XAnyLabeling(named_executable(given, "--x-anylabeling", REMEDY), "--x-anylabeling")
    if environ.get(VARIABLE):
        return XAnyLabeling(named_executable(Path(environ[VARIABLE]), VARIABLE, REMEDY), VARIABLE)
    on_path = shutil.which(COMMAND, path=environ.get("PATH"))
    if on_path:
        return XAnyLabeling(Path(on_path), "the PATH")
    raise XAnyLabelingError(NAME, "not found", REMEDY)


def x_anylabeling_environ(environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Environment variables for X-AnyLabeling, with a separate home folder.

    It writes its whole configuration, with the labels of the opened folder, into the home folder.
    """
    return program_environ("x-anylabeling-home", environ)


def x_anylabeling_version(program: XAnyLabeling, environ: Mapping[str, str]) -> str:
    """Ask X-AnyLabeling for its version. Raises XAnyLabelingError if it does not answer."""
    try:
        done = subprocess.run(  # noqa: S603
            [str(program.path), "version"], env={**environ, "QT_QPA_PLATFORM": "offscreen"}, capture_output=True,
            text=True, timeout=SECONDS_TO_ANSWER, check=False,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired) as error:
        raise XAnyLabelingError(program.path, f"does not start ({error})", REMEDY) from None
    words = done.stdout.split()
    if done.returncode or len(words) != 1:
        last = (done.stderr.strip().splitlines() or ["no answer"])[-1]
        raise XAnyLabelingError(program.path, f"does not report its version ({last[:200]})", REMEDY)
    return words[0]


def images_it_shows(images: Sequence[FolderImage]) -> tuple[list[FolderImage], dict[str, str]]:
    """The images that X-AnyLabeling shows correctly, and name -> reason of the others.

    It cannot open a file with a mask shape, and does not turn an image by its EXIF orientation, unlike labelme and
    defectline. Raises InputError for a file that cannot be read.
    """
    shown, reasons = [], {}
    for image in images:
        kinds = {shape.kind for shape in read_labelme(image.label_path).shapes} if image.labelled else set()
        unknown = sorted(kinds - SHAPE_TYPES)
        if unknown:
            reasons[image.name] = f"{NAME} has no shape type {unknown[0]}"
        elif read_info(image.path).orientation != UPRIGHT:
            reasons[image.name] = f"{NAME} does not turn images by their EXIF orientation"
        else:
            shown.append(image)
    return shown, reasons


def x_anylabeling_config(root: Path, chosen: Sequence[FolderImage] | None) -> dict[str, object]:
    """The configuration for the folder `root`; `chosen` limits the list of images.

    The scan for EXIF orientations is off, because it offers to overwrite images. Raises InputError if
    labelme.yaml, labels.txt or flags.txt cannot be read.
    """
    of_folder = session_config(root, None)
    config: dict[str, object] = {"auto_save": True, "store_data": False, "exif_scan_enabled": False}
    config |= {key: of_folder[key] for key in KEYS_OF_LABELME if key in of_folder}
    for key, name in (("labels", LABELS), ("flags", FLAGS)):
        if (root / name).is_file():
            config[key] = list(dict.fromkeys(read_lines(root / name)))
    if not config.get("labels"):  # it does not start with a validation of labels that it does not have
        config.pop("validate_label", None)
    if chosen is not None:
        config["file_search"] = f"<{search_pattern(chosen)}>"  # its form of a regular expression
    return config


def start_x_anylabeling(
    program: XAnyLabeling, root: Path, chosen: Sequence[FolderImage] | None, environ: Mapping[str, str]
) -> None:
    """Open `root` in X-AnyLabeling and wait until its window is closed; `chosen` limits the list of images.

    Its configuration is the file in its home folder: that file gets each model that a person loads, also where
    --config names another one, in which the model is then not found.

    Raises InputError for a labelme.yaml that cannot be read, XAnyLabelingError if it exits with an error.
    """
    home = Path(environ["HOME"])
    config = {**x_anylabeling_config(root, chosen), "custom_models": _loaded_models(home / CONFIG)}
    write_atomic(home / CONFIG, msgspec.yaml.encode(config))
    command = [
        str(program.path), "--no-auto-update-check", "--logger-level", "warning",
        "--work-dir", str(home), "--filename", str(root.resolve()),
    ]  # fmt: skip
    if problem := run_until_closed(command, environ):
        raise XAnyLabelingError(program.path, problem, REMEDY)


def _loaded_models(config: Path) -> list[object]:
    """The models that were loaded in earlier sessions; none where the file cannot be read."""
    try:
        return msgspec.yaml.decode(read_file(config), type=_Models).custom_models
    except (InputError, OSError, ValueError):  # ValueError: also what msgspec raises, and wrong UTF-8
        return []
