"""One session of labelme on a folder, or on some of its pictures."""

import re
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from annotate.labelme_program import Labelme, LabelmeError
from annotate.pictures import Picture
from annotate.project import CONFIG, FLAGS, LABELS
from system.errors import InputError

LONGEST_SEARCH = 32_767  # UTF-16 units; what QLineEdit takes, into which labelme puts the search


def start_labelme(
    labelme: Labelme, root: Path, chosen: Sequence[Picture] | None, environ: Mapping[str, str]
) -> None:
    """Open `root` in labelme and wait until its window is closed; `chosen` limits the list of pictures.

    Raises InputError for a labelme.yaml that cannot be read, LabelmeError where labelme ends with an error.
    """
    config = session_config(root, chosen)
    with tempfile.TemporaryDirectory(prefix="defectline-labelme-") as folder:
        path = Path(folder) / CONFIG
        path.write_bytes(msgspec.yaml.encode(config))
        status = subprocess.run(  # noqa: S603
            labelme_command(labelme, root, path), env=dict(environ), stderr=subprocess.PIPE, text=True, check=False
        )
    if status.returncode:
        said = (status.stderr.strip().splitlines() or ["it said nothing"])[-1]
        raise LabelmeError(
            labelme.path,
            f"ended with status {status.returncode} ({said[:300]})",
            "run annotate setup and try again",
        )


def session_config(root: Path, chosen: Sequence[Picture] | None) -> dict[str, Any]:
    """The configuration of `root`, none where it has no labelme.yaml, with a search that lists only `chosen`."""
    config: dict[str, Any] = {}
    if (root / CONFIG).is_file():
        try:
            config = msgspec.yaml.decode((root / CONFIG).read_bytes(), type=dict[str, Any])
        except msgspec.MsgspecError as error:
            raise InputError(root / CONFIG, f"not a configuration: {error}", "run annotate init again") from None
    if chosen is not None:
        config["file_search"] = search_pattern(chosen)
    return config


def first_that_fit(chosen: Sequence[Picture]) -> list[Picture]:
    """As many of the first of `chosen` as labelme's search can be asked for at once."""
    room = LONGEST_SEARCH - _length(search_pattern(chosen[:1])) + _length(_escaped(chosen[0].name)) + 1
    fitting: list[Picture] = []
    for picture in chosen:
        room -= _length(_escaped(picture.name)) + 1
        if room < 0:
            break
        fitting.append(picture)
    return fitting


def search_pattern(chosen: Sequence[Picture]) -> str:
    """A regular expression for just these pictures: labelme 6 searches full paths, 7 those inside the folder."""
    names = "|".join(_escaped(picture.name) for picture in chosen)
    root = re.escape(str(chosen[0].root.resolve()))
    return rf"^(?:{root}[/\\])?(?:{names})$"


def _escaped(name: str) -> str:
    return re.escape(name).replace("/", r"[/\\]")


def _length(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2


def labelme_command(labelme: Labelme, root: Path, config: Path) -> list[str]:
    """The command line; the labels and flags of the folder are given where it has them."""
    command = [str(labelme.path), "--config", str(config), "--logger-level", "warning"]
    for option, name in (("--labels", LABELS), ("--flags", FLAGS)):
        if (root / name).is_file():
            command += [option, str((root / name).resolve())]
    return [*command, str(root.resolve())]
