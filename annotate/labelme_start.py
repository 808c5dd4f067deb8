"""Run labelme on a folder, or on some of its images."""

import re
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from annotate.folder_images import FolderImage
from annotate.labelme_program import Labelme, LabelmeError
from annotate.project import CONFIG, FLAGS, LABELS
from system.typed_yaml import read_yaml_as

MAX_SEARCH_LENGTH = 32_767  # UTF-16 code units; the limit of the QLineEdit that holds the search of labelme


def start_labelme(
    labelme: Labelme, root: Path, chosen: Sequence[FolderImage] | None, environ: Mapping[str, str]
) -> None:
    """Open `root` in labelme and wait until its window is closed; `chosen` limits the list of images.

    Raises InputError for a labelme.yaml that cannot be read, LabelmeError if labelme exits with an error.
    """
    config = session_config(root, chosen)
    with tempfile.TemporaryDirectory(prefix="defectline-annotate-") as folder:
        path = Path(folder) / CONFIG
        path.write_bytes(msgspec.yaml.encode(config))
        problem = run_until_closed(labelme_command(labelme, root, path), environ)
    if problem:
        raise LabelmeError(labelme.path, problem, "run annotate setup and try again")


def run_until_closed(command: Sequence[str], environ: Mapping[str, str]) -> str:
    """Run a program with a window until it is closed; what went wrong, empty if nothing did."""
    status = subprocess.run(  # noqa: S603
        command, env=dict(environ), stderr=subprocess.PIPE, text=True, check=False
    )
    if not status.returncode:
        return ""
    last = (status.stderr.strip().splitlines() or ["no message"])[-1]
    return f"exited with status {status.returncode} ({last[:300]})"


def session_config(root: Path, chosen: Sequence[FolderImage] | None) -> dict[str, object]:
    """The configuration in `root`/labelme.yaml (empty if there is none), with a search that lists only `chosen`.

    Raises InputError if the file cannot be read.
    """
    config: dict[str, object] = {}
    if (root / CONFIG).is_file():
        config = read_yaml_as(root / CONFIG, dict[str, object], "run annotate init again")
    if chosen is not None:
        config["file_search"] = search_pattern(chosen)
    return config


def first_that_fit(chosen: Sequence[FolderImage]) -> list[FolderImage]:
    """The longest prefix of `chosen` that fits into the search of labelme."""
    room = MAX_SEARCH_LENGTH - _length(search_pattern(chosen[:1])) + _length(_escaped(chosen[0].name)) + 1
    fitting: list[FolderImage] = []
    for image in chosen:
        room -= _length(_escaped(image.name)) + 1
        if room < 0:
            break
        fitting.append(image)
    return fitting


def search_pattern(chosen: Sequence[FolderImage]) -> str:
    """A regular expression that matches only these images: labelme 6 searches full paths, 7 relative ones."""
    names = "|".join(_escaped(image.name) for image in chosen)
    root = re.escape(str(chosen[0].root.resolve()))
    return rf"^(?:{root}[/\\])?(?:{names})$"


def _escaped(name: str) -> str:
    return re.escape(name).replace("/", r"[/\\]")


def _length(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2


def labelme_command(labelme: Labelme, root: Path, config: Path) -> list[str]:
    """The command line, with the labels and flags of the folder if it has them."""
    command = [str(labelme.path), "--config", str(config), "--logger-level", "warning"]
    for option, name in (("--labels", LABELS), ("--flags", FLAGS)):
        if (root / name).is_file():
            command += [option, str((root / name).resolve())]
    return [*command, str(root.resolve())]
