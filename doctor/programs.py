"""Other programs: labelme, a browser for the page of `view`, and the packages that run exported models."""

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

from annotate.labelme_program import LabelmeError, check_screen, find_labelme
from doctor.check import Check
from doctor.packages import installed
from system.errors import InputError

AREA = "Programs"
BROWSERS = (
    "firefox", "chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "microsoft-edge",
    "brave-browser", "xdg-open",
)  # fmt: skip
RUNTIMES = {"openvino": "openvino", "onnxruntime": "onnx"}


def check_programs() -> Iterator[Check]:
    """labelme and a screen for it, a browser, OpenVINO and ONNX Runtime."""
    yield _labelme()
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
    """labelme by its files: to start it takes seconds."""
    try:
        found = find_labelme(None)
    except (LabelmeError, InputError) as error:
        return Check(AREA, "labelme", "note", error.problem, f"only for annotate open: {error.remedy}")
    environment = found.path.parent.parent
    versions = sorted(environment.glob("[Ll]ib*/**/site-packages/labelme-*.dist-info"))
    version = (
        versions[-1].name.removeprefix("labelme-").removesuffix(".dist-info") if versions else "of unknown version"
    )
    return Check(AREA, "labelme", "ok", f"{version}, by {found.found_by}: {_short(found.path)}")


def _short(path: Path) -> str:
    home = str(Path.home())
    return f"~{str(path)[len(home) :]}" if str(path).startswith(home) else str(path)
