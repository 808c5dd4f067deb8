"""The installed packages and their versions, compared with the pinned ones; no package is imported."""

import re
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path

from doctor.check import Check
from system import __version__

AREA = "Packages"
PROJECT = Path(__file__).parents[1] / "pyproject.toml"
CONSTRAINTS = Path(__file__).parents[1] / "constraints.txt"
REQUIREMENT = re.compile(r"([A-Za-z0-9._-]+)[^;]*(?:;.*extra == [\"'](\w+)[\"'])?")
EXTRAS = ("export", "tensorboard", "mlflow", "wandb")
MIN_PYTHON = (3, 11)
INSTALL = "run make .venv"


def check_packages(constraints: Path = CONSTRAINTS) -> Iterator[Check]:
    """Python, defectline, every package that it needs, and those of its extras."""
    found = sys.version.split()[0]
    good = sys.version_info[:2] >= MIN_PYTHON
    yield Check(AREA, "python", "ok" if good else "problem", found, "" if good else "install Python 3.11 or newer")
    needed = _requirements()
    if needed is None:
        yield Check(AREA, "defectline", "problem", f"{__version__}, not installed", INSTALL)
        return
    yield Check(AREA, "defectline", "ok", __version__)
    pins = read_pins(constraints)
    if not pins:
        remedy = "compare with constraints.txt of the sources"
        yield Check(AREA, "pinned versions", "note", f"no {constraints.name} beside the packages", remedy)
    for name, extra in needed:
        if not extra:
            yield _check(name, pins, "problem", INSTALL)
        elif extra in EXTRAS:
            yield _check(name, pins, "note", f'pip install "defectline[{extra}]", if you want it')
    yield from _check_opencv()


def read_pins(path: Path) -> dict[str, str]:
    """Package -> version in a file of lines NAME==VERSION; empty if there is no such file."""
    if not path.is_file():
        return {}
    pairs = (line.split("==") for line in path.read_text(encoding="utf-8").splitlines() if "==" in line)
    return {_plain(name): pinned.strip() for name, pinned in pairs}


def installed(name: str) -> str | None:
    """The installed version of a package, None without it."""
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _requirements() -> list[tuple[str, str]] | None:
    """(package, extra or nothing) of all requirements of defectline; None if it is not installed.

    Those of the sources, if they are there: the installed list may be of an earlier state of them.
    """
    if PROJECT.is_file():
        project = tomllib.loads(PROJECT.read_text(encoding="utf-8"))["project"]
        extras = {extra: project["optional-dependencies"][extra] for extra in EXTRAS}
        listed = [
            *project["dependencies"],
            *(f"{one}; extra == '{e}'" for e, many in extras.items() for one in many),
        ]
    else:
        try:
            listed = requires("defectline") or []
        except PackageNotFoundError:
            return None
    matches = [match for line in listed if (match := REQUIREMENT.match(line))]
    pairs = [(match[1], match[2] or "") for match in matches if match[1] != "defectline"]
    return sorted(set(pairs), key=lambda pair: (pair[1], pair[0].lower()))


def _check(name: str, pins: dict[str, str], missing: str, remedy: str) -> Check:
    found, pinned = installed(name), pins.get(_plain(name))
    if found is None:
        return Check(AREA, name, "problem" if missing == "problem" else "note", "not installed", remedy)
    if pinned and found.partition("+")[0] != pinned.partition("+")[0]:
        return Check(AREA, name, "note", f"{found}, tested with {pinned}", INSTALL)
    return Check(AREA, name, "ok", found)


def _check_opencv() -> Iterator[Check]:
    """Two builds of OpenCV share one folder, so their versions must agree."""
    both = [installed(name) for name in ("opencv-python", "opencv-python-headless")]
    if all(both) and both[0] != both[1]:
        remedy = f"pip install opencv-python=={both[1]}"
        yield Check(AREA, "opencv-python", "problem", f"{both[0]} beside opencv-python-headless {both[1]}", remedy)


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
