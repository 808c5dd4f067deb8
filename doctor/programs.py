"""Other programs: labelme, X-AnyLabeling, a browser for the page of `view`, packages that run exported models."""

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

from annotate.labelme_program import PACKAGE, LabelmeError, check_screen, find_labelme, version_of_files
from annotate.x_anylabeling import PACKAGE as X_PACKAGE
from annotate.x_anylabeling import find_x_anylabeling
from doctor.check import Check
from doctor.packages import installed
from system.errors import InputError

AREA = "Programs"
BROWSERS = (
    "firefox", "chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "microsoft-edge",
    "brave-browser", "xdg-open",
)  # fmt: skip
UNKNOWN = "of unknown version"
RUNTIMES = {"openvino": "openvino", "onnxruntime": "onnx"}


def check_programs() -> Iterator[Check]:
    """labelme, X-AnyLabeling and a screen for them, a browser, OpenVINO and ONNX Runtime."""
    yield _labelme()
    yield _x_anylabeling()
    try:
        check_screen()
        yield Check(AREA, "screen", "ok", "found")
    except LabelmeError as error:
        yield Check(AREA, "screen", "note", error.problem, f"only for annotate open: {error.remedy}")
    browser = next((name for name in BROWSERS if shutil.which(name)), None)
    if browser or sys.platform in {"win32", "darwin"}:
        yield Check(AREA, "browser", "ok", browser or "of the system")
    else:
        yield Check(
            AREA, "browser", "note", "none on the PATH", "copy the HTML file of view to a machine with one"
        )
    for package, form in RUNTIMES.items():
        found = installed(package)
        remedy = "" if found else 'pip install "defectline[export]", for export and predict --exported'
        yield Check(
            AREA,
            f"--exported {form}",
            "ok" if found else "note",
            f"{package} {found or 'is not installed'}",
            remedy,
        )


def _labelme() -> Check:
    try:
        found = find_labelme(None)
    except (LabelmeError, InputError) as error:
        return Check(AREA, "labelme", "note", error.problem, f"only for annotate open: {error.remedy}")
    version = version_of_files(found.path, PACKAGE) or UNKNOWN
    return Check(AREA, "labelme", "ok", f"{version}, by {found.found_by}: {_short(found.path)}")


def _x_anylabeling() -> Check:
    name = "X-AnyLabeling"
    try:
        found = find_x_anylabeling(None)
    except (LabelmeError, InputError) as error:
        remedy = f"only for annotate open --with x-anylabeling: {error.remedy}"
        return Check(AREA, name, "note", error.problem, remedy)
    version = version_of_files(found.path, X_PACKAGE) or UNKNOWN
    return Check(AREA, name, "ok", f"{version}, by {found.found_by}: {_short(found.path)}")


def _short(path: Path) -> str:
    home = str(Path.home())
    return f"~{str(path)[len(home) :]}" if str(path).startswith(home) else str(path)
