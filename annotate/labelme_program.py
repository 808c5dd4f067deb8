"""The labelme program: its location, its version, and an environment that leaves the user's own settings alone."""

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import msgspec

from system.errors import DefectlineError, InputError

VARIABLE = "DEFECTLINE_LABELME"
NAMED_REMEDY = "correct the path, or run annotate setup"
SECONDS_TO_ANSWER = 300  # the first start compiles everything
PACKAGE = "[Ll]abelme"


class LabelmeError(DefectlineError):
    """labelme is not installed or cannot be started."""

    code = "labelme"


class Labelme(msgspec.Struct, frozen=True):
    """An executable and what located it."""

    path: Path
    found_by: str


def own_folder(environ: Mapping[str, str] = os.environ) -> Path:
    """The folder in which defectline keeps labelme and the settings and logs that labelme writes."""
    base = environ.get("XDG_DATA_HOME") or str(Path("~/.local/share").expanduser())
    return Path(base) / "defectline"


def own_environment(environ: Mapping[str, str] = os.environ) -> Path:
    """The Python environment that `annotate setup` creates for labelme only."""
    return own_folder(environ) / "labelme"


def complete_marker(environment: Path) -> Path:
    """The file that lists what a complete environment contains; it is written last."""
    return environment / "defectline-installed.txt"


def executable_in(environment: Path, name: str) -> Path:
    """The executable `name` of a Python environment."""
    return environment / "Scripts" / f"{name}.exe" if sys.platform == "win32" else environment / "bin" / name


def find_labelme(given: Path | None, environ: Mapping[str, str] = os.environ) -> Labelme:
    """Locate labelme: --labelme, DEFECTLINE_LABELME, its own environment, the PATH, in this order.

    Raises InputError if --labelme or DEFECTLINE_LABELME names no executable (nothing else is tried then),
    LabelmeError if labelme is not found.
    """
    if given is not None:
        return Labelme(named_executable(given, "--labelme", NAMED_REMEDY), "--labelme")
    if environ.get(VARIABLE):
        return Labelme(named_executable(Path(environ[VARIABLE]), VARIABLE, NAMED_REMEDY), VARIABLE)
    own = executable_in(own_environment(environ), "labelme")
    if own.is_file() and complete_marker(own_environment(environ)).is_file():
        return Labelme(own, "its own environment")
    on_path = shutil.which("labelme", path=environ.get("PATH"))
    if on_path:
        return Labelme(Path(on_path), "the PATH")
    raise LabelmeError("labelme", "not found", "run annotate setup, or name it with --labelme PATH")


def version_of_files(program: Path, package: str) -> str | None:
    """The version of `package` by the files of the Python environment of `program`, None if they do not show it.

    Starting such a program takes seconds, on a busy machine a minute.
    """
    environment = program.resolve().parent.parent
    folders = (*environment.glob("lib*/python3*/site-packages"), environment / "Lib" / "site-packages")
    versions = sorted(found for folder in folders for found in folder.glob(f"{package}-*.dist-info"))
    return versions[-1].name.removesuffix(".dist-info").split("-")[1] if versions else None


def labelme_version(labelme: Labelme, environ: Mapping[str, str]) -> str:
    """Ask labelme for its version, which needs no screen. Raises LabelmeError if it does not answer."""
    command = [str(labelme.path), "--version"]
    try:
        done = subprocess.run(  # noqa: S603
            command, env={**environ, "QT_QPA_PLATFORM": "offscreen"}, capture_output=True, text=True,
            timeout=SECONDS_TO_ANSWER, check=False,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired) as error:
        raise LabelmeError(labelme.path, f"does not start ({error})", "run annotate setup") from None
    words = done.stdout.split()
    if done.returncode or len(words) < 2 or words[0].lower() != "labelme":
        last = (done.stderr.strip().splitlines() or ["no answer"])[-1]
        raise LabelmeError(labelme.path, f"does not report its version ({last[:200]})", "run annotate setup")
    return words[1]


def labelme_environ(environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Environment variables for labelme, with a separate home folder so that ~/.labelmerc is not changed.

    labelme writes that file, its log and its window layout on every start, whatever --config contains.
    """
    return program_environ("labelme-home", environ)


def program_environ(home_name: str, environ: Mapping[str, str]) -> dict[str, str]:
    """Environment variables for an annotation program, with the home folder `home_name`, which is created.

    Variables that point to the Qt of another Python package are removed.
    """
    home = own_folder(environ) / home_name
    home.mkdir(parents=True, exist_ok=True)
    mine = {k: v for k, v in environ.items() if k not in {"PYTHONPATH", "PYTHONHOME", "QT_PLUGIN_PATH"}}
    mine.pop("QT_QPA_PLATFORM_PLUGIN_PATH", None)
    authority = Path(environ.get("HOME", "~")).expanduser() / ".Xauthority"
    if "XAUTHORITY" not in mine and authority.is_file():
        mine["XAUTHORITY"] = str(authority)  # X reads it from the home folder
    return {**mine, "HOME": str(home), "USERPROFILE": str(home), "XDG_CONFIG_HOME": str(home / ".config")}


def check_screen(program: str = "labelme", environ: Mapping[str, str] = os.environ) -> None:
    """Raise LabelmeError if no window can be opened, as on a server; `program` is named in the message."""
    if sys.platform in {"win32", "darwin"} or environ.get("DISPLAY") or environ.get("WAYLAND_DISPLAY"):
        return
    if environ.get("QT_QPA_PLATFORM"):
        return
    raise LabelmeError(
        program,
        "there is no screen (DISPLAY is not set)",
        "run it at a desktop, or with ssh -X, or under xvfb-run",
    )


def named_executable(path: Path, by: str, remedy: str) -> Path:
    """The executable `path`, named by the option or variable `by`. Raises InputError with `remedy` if there is
    none."""
    executable = shutil.which(str(path))
    if executable is None:
        problem = "not executable" if path.exists() else "no such program"
        raise InputError(path, f"{problem} (named by {by})", remedy)
    return Path(executable)
