"""Install labelme into its own Python environment, because its Qt conflicts with the one inside OpenCV."""

import os
import shutil
import subprocess
import sys
import venv
from collections.abc import Generator, Iterator, Mapping
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
        for _ in progress(_install(root, requirements, environ), "installing labelme", len(pinned)):
            pass
    version = _check_version(labelme, environ)
    if again or not is_complete:
        marker.write_text(requirements.read_text())
    return labelme, version, again or not is_complete


def _install(root: Path, requirements: Path, environ: Mapping[str, str]) -> Iterator[str]:
    """Create the environment and yield the name of each package: by uv (seconds instead of minutes) where there is
    one, by pip where there is none or where it fails, because uv does not read the settings of pip."""
    uv = find_uv(environ)
    if uv:
        _create(root, with_pip=False)
        failed = yield from _run(
            [uv, "pip", "install", "--python", str(executable_in(root, "python"))], root, requirements
        )
        if not failed:
            return
    _create(root, with_pip=True)
    pip = [str(executable_in(root, "python")), "-P", "-m", "pip", "install", "--disable-pip-version-check"]
    failed = yield from _run([*pip, "--progress-bar", "off"], root, requirements)
    if failed:
        raise LabelmeError(
            "labelme", f"could not be installed ({failed[:200]})", "check the network and try again"
        )


def find_uv(environ: Mapping[str, str]) -> str | None:
    """The uv of this Python environment, in which `make .venv` puts it, or of the PATH."""
    folders = [str(executable_in(Path(sys.prefix), "uv").parent), environ.get("PATH", "")]
    return shutil.which("uv", path=os.pathsep.join(folders))


def _create(root: Path, *, with_pip: bool) -> None:
    """An empty environment in place of what an interrupted installation left."""
    shutil.rmtree(root, ignore_errors=True)
    root.parent.mkdir(parents=True, exist_ok=True)
    venv.create(root, with_pip=with_pip)


def _run(installer: list[str], root: Path, requirements: Path) -> Generator[str, None, str]:
    """Run an installer, yield the name of each package that it names, and return its last line if it failed.

    It runs in `root`, so that the settings of a project in the current folder do not count.
    """
    command = [*installer, "--requirement", str(requirements.absolute())]
    with subprocess.Popen(  # noqa: S603
        command, cwd=root, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        last = "no answer"
        for line in process.stdout or ():
            words = line.split()
            if words[:1] in (["Collecting"], ["+"]):
                yield words[1]
            last = line.strip() or last
    return last if process.returncode else ""


def _check_version(labelme: Labelme, environ: Mapping[str, str]) -> str:
    try:
        return labelme_version(labelme, labelme_environ(environ))
    except LabelmeError as error:
        remedy = f"on Debian and Ubuntu: apt-get install {QT_PACKAGES}"
        raise LabelmeError(error.where, error.problem, remedy) from None
