"""Install labelme into its own Python environment, because its Qt conflicts with the one inside OpenCV."""

import shutil
import subprocess
import sys
import venv
from collections.abc import Iterator, Mapping
from pathlib import Path

from annotate.labelme_program import (
    Labelme,
    LabelmeError,
    complete_marker,
    executable_in,
    labelme_environ,
    labelme_version,
    own_environment,
)
from system.progress import Progress

QT_PACKAGES = (
    "libxcb-icccm4 libxcb-keysyms1 libxcb-xinerama0 libxcb-image0 libxcb-render-util0 libxcb-shape0 libxcb-xkb1 "
    "libxkbcommon-x11-0 libgl1 libegl1"
)


def requirements_file(python: tuple[int, int]) -> Path:
    """The pinned packages for a Python version: labelme 7 requires 3.12, 6.3 is the last version for 3.11."""
    return Path(__file__).with_name("labelme-7.txt" if python >= (3, 12) else "labelme-6.txt")


def setup_labelme(
    environ: Mapping[str, str], progress: Progress, *, again: bool = False
) -> tuple[Labelme, str, bool]:
    """Create the environment, and return labelme, its version and whether anything was installed.

    A complete environment is kept unless `again`; an incomplete one is replaced. Raises LabelmeError if labelme
    cannot be installed or does not start.
    """
    root = own_environment(environ)
    labelme = Labelme(executable_in(root, "labelme"), "its own environment")
    requirements = requirements_file(sys.version_info[:2])
    pinned = [line for line in requirements.read_text().splitlines() if line]
    marker = complete_marker(root)
    is_complete = marker.is_file() and marker.read_text() == requirements.read_text()
    if again or not is_complete:
        shutil.rmtree(root, ignore_errors=True)
        root.parent.mkdir(parents=True, exist_ok=True)
        venv.create(root, with_pip=True)
        for _ in progress(_install(root, requirements), "installing labelme", len(pinned)):
            pass
    version = _check_version(labelme, environ)
    if again or not is_complete:
        marker.write_text(requirements.read_text())
    return labelme, version, again or not is_complete


def _install(root: Path, requirements: Path) -> Iterator[str]:
    """Run pip and yield the name of each package it collects."""
    command = [
        str(executable_in(root, "python")), "-P", "-m", "pip", "install", "--disable-pip-version-check",
        "--progress-bar", "off", "--requirement", str(requirements),
    ]  # fmt: skip
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as pip:  # noqa: S603
        last = "no answer"
        for line in pip.stdout or ():
            if line.startswith("Collecting "):
                yield line.split()[1]
            last = line.strip() or last
    if pip.returncode:
        raise LabelmeError("labelme", f"could not be installed ({last[:200]})", "check the network and try again")


def _check_version(labelme: Labelme, environ: Mapping[str, str]) -> str:
    try:
        return labelme_version(labelme, labelme_environ(environ))
    except LabelmeError as error:
        remedy = f"on Debian and Ubuntu: apt-get install {QT_PACKAGES}"
        raise LabelmeError(error.where, error.problem, remedy) from None
