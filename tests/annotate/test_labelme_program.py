import re
import subprocess
import sys
from pathlib import Path

import pytest

from annotate.folder_images import FolderImage, list_folder_images
from annotate.labelme_program import (
    Labelme,
    LabelmeError,
    check_screen,
    complete_marker,
    executable_in,
    find_labelme,
    labelme_environ,
    labelme_version,
    own_environment,
)
from annotate.labelme_setup import find_uv, requirements_file, setup_labelme
from annotate.labelme_start import (
    MAX_SEARCH_LENGTH,
    first_that_fit,
    labelme_command,
    search_pattern,
    session_config,
    start_labelme,
)
from annotate.project import init_project
from system.errors import InputError
from tests.annotate.conftest import draw_image
from tests.command import only_line, run_command

PRINT_VERSION = "echo Labelme 6.3.1"


def program(path: Path, script: str) -> Path:
    """A shell script in place of labelme."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path


def test_a_named_labelme_comes_first_and_each_reports_how_it_was_found(tmp_path: Path) -> None:
    given, named, on_path = (program(tmp_path / d / "labelme", PRINT_VERSION) for d in ("a", "b", "c"))
    environ = {"XDG_DATA_HOME": str(tmp_path / "data"), "PATH": str(on_path.parent)}
    assert find_labelme(None, environ) == Labelme(on_path, "the PATH")
    own = program(executable_in(own_environment(environ), "labelme"), PRINT_VERSION)
    assert find_labelme(None, environ).found_by == "the PATH"  # an interrupted installation does not count
    complete_marker(own_environment(environ)).write_text("")
    assert find_labelme(None, environ) == Labelme(own, "its own environment")
    environ["DEFECTLINE_LABELME"] = str(named)
    assert find_labelme(None, environ) == Labelme(named, "DEFECTLINE_LABELME")
    assert find_labelme(given, environ) == Labelme(given, "--labelme")


def test_a_named_labelme_that_is_missing_is_an_error_even_if_another_exists(tmp_path: Path) -> None:
    on_path = program(tmp_path / "labelme", PRINT_VERSION)
    environ = {"XDG_DATA_HOME": str(tmp_path), "PATH": str(on_path.parent)}
    with pytest.raises(InputError, match=r"no such program \(named by --labelme\)"):
        find_labelme(tmp_path / "absent", environ)
    plain = tmp_path / "plain"
    plain.write_text("")
    with pytest.raises(InputError, match=r"not executable \(named by DEFECTLINE_LABELME\)"):
        find_labelme(None, {**environ, "DEFECTLINE_LABELME": str(plain)})


def test_nowhere_to_be_found(tmp_path: Path) -> None:
    with pytest.raises(LabelmeError, match="run annotate setup"):
        find_labelme(None, {"XDG_DATA_HOME": str(tmp_path), "PATH": str(tmp_path)})


def test_version(tmp_path: Path) -> None:
    labelme = Labelme(program(tmp_path / "labelme", PRINT_VERSION), "--labelme")
    assert labelme_version(labelme, {"PATH": "/usr/bin:/bin"}) == "6.3.1"


@pytest.mark.parametrize(
    ("script", "problem"),
    [("echo libGL.so.1 is missing >&2; exit 1", "libGL.so.1 is missing"), ("echo hello you", "no answer")],
)
def test_a_program_that_is_not_labelme_or_does_not_start(tmp_path: Path, script: str, problem: str) -> None:
    labelme = Labelme(program(tmp_path / "labelme", script), "--labelme")
    with pytest.raises(LabelmeError, match=problem):
        labelme_version(labelme, {})


def test_labelme_has_its_own_home_and_no_variables_of_another_python(tmp_path: Path) -> None:
    (tmp_path / ".Xauthority").touch()
    environ = {"HOME": str(tmp_path), "XDG_DATA_HOME": str(tmp_path / "data"), "PYTHONPATH": "x", "DISPLAY": ":3"}
    made = labelme_environ(environ)
    home = tmp_path / "data" / "defectline" / "labelme-home"
    assert home.is_dir()
    assert made["HOME"] == str(home)
    assert made["XDG_CONFIG_HOME"] == str(home / ".config")
    assert made["XAUTHORITY"] == str(tmp_path / ".Xauthority")
    assert made["DISPLAY"] == ":3"
    assert "PYTHONPATH" not in made


@pytest.mark.skipif(sys.platform != "linux", reason="only X and Wayland locate the screen in the environment")
def test_without_a_screen() -> None:
    with pytest.raises(LabelmeError, match=r"there is no screen \(DISPLAY is not set\)"):
        check_screen(environ={})
    for variable in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"):
        check_screen(environ={variable: "x"})


def test_pinned_packages_for_both_labelmes() -> None:
    six, seven = (requirements_file(v).read_text().splitlines() for v in ((3, 11), (3, 12)))
    assert "labelme==6.3.1" in six
    assert "labelme==7.9.1" in seven
    assert all("==" in line for line in six + seven)
    assert requirements_file((3, 13)) == requirements_file((3, 12))


@pytest.fixture
def no_uv(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("annotate.labelme_setup.find_uv", lambda environ: None)


@pytest.mark.parametrize("fails", [False, True])
def test_setup_uses_uv_and_pip_where_uv_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, fails: bool
) -> None:
    """As where only the settings of pip name the company's index."""
    seen, made = tmp_path / "seen", []
    environ = {"XDG_DATA_HOME": str(tmp_path), "PATH": "/usr/bin:/bin"}
    end = "echo error: no such index; exit 2" if fails else "echo Resolved; echo ' + labelme==6.3.1'"
    uv = program(tmp_path / "uv", f'pwd > {seen}; echo "$@" >> {seen}; {end}')
    monkeypatch.setattr("annotate.labelme_setup.find_uv", lambda environ: str(uv))

    def create(path: Path, *, with_pip: bool) -> None:
        made.append(with_pip)
        program(executable_in(path, "labelme"), PRINT_VERSION)
        program(executable_in(path, "python"), "echo Collecting labelme==6.3.1 by pip")

    monkeypatch.setattr("annotate.labelme_setup.venv.create", create)
    names: list[str] = []
    setup_labelme(environ, lambda items, _label, _total: names.extend(items) or ())  # type: ignore[func-returns-value, arg-type]
    assert names == ["labelme==6.3.1"]
    assert made == ([False, True] if fails else [False])
    root = own_environment(environ)
    folder, arguments = seen.read_text().splitlines()
    assert folder == str(root)
    requirements = requirements_file(sys.version_info[:2])
    assert arguments == f"pip install --python {executable_in(root, 'python')} --requirement {requirements}"


def test_uv_beside_this_python_comes_before_that_of_the_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.prefix", str(tmp_path / "own"))
    assert find_uv({"PATH": str(tmp_path)}) is None
    on_path = program(tmp_path / "uv", "")
    assert find_uv({"PATH": str(tmp_path)}) == str(on_path)
    own = program(executable_in(tmp_path / "own", "uv"), "")
    assert find_uv({"PATH": str(tmp_path)}) == str(own)


@pytest.mark.usefixtures("no_uv")
def test_setup_keeps_a_complete_environment_and_replaces_an_interrupted_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    environ = {"XDG_DATA_HOME": str(tmp_path), "PATH": "/usr/bin:/bin"}
    root = own_environment(environ)
    made = []

    def create(path: Path, *, with_pip: bool) -> None:
        made.append(with_pip)
        program(executable_in(path, "labelme"), PRINT_VERSION)
        program(
            executable_in(path, "python"), "echo Collecting labelme==6.3.1; echo Downloading; echo Collecting x"
        )

    monkeypatch.setattr("annotate.labelme_setup.venv.create", create)
    seen: list[str] = []

    def progress(items: object, label: str, total: int) -> object:
        assert total > 20
        seen.extend(items)  # type: ignore[call-overload]
        return []

    (root / "left over").mkdir(parents=True)
    assert setup_labelme(environ, progress) == (
        Labelme(root / "bin/labelme", "its own environment"),
        "6.3.1",
        True,
    )
    assert seen == ["labelme==6.3.1", "x"]
    assert not (root / "left over").exists()
    assert setup_labelme(environ, progress)[2] is False
    assert made == [True]
    assert setup_labelme(environ, progress, again=True)[2] is True
    assert made == [True, True]
    assert find_labelme(None, environ).found_by == "its own environment"


@pytest.mark.usefixtures("no_uv")
def test_setup_without_a_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    environ = {"XDG_DATA_HOME": str(tmp_path), "PATH": ""}
    monkeypatch.setattr(
        "annotate.labelme_setup.venv.create",
        lambda path, with_pip: program(
            executable_in(path, "python"), "echo ERROR: No matching distribution; exit 1"
        ),
    )
    with pytest.raises(
        LabelmeError, match=r"could not be installed .*No matching distribution.*; check the network"
    ):
        setup_labelme(environ, lambda items, _label, _total: items)
    assert not complete_marker(own_environment(environ)).exists()


@pytest.mark.usefixtures("no_uv")
def test_setup_names_the_libraries_qt_needs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def create(path: Path, *, with_pip: bool) -> None:
        program(executable_in(path, "labelme"), "echo libGL.so.1: cannot open >&2; exit 1")
        program(executable_in(path, "python"), "true")

    monkeypatch.setattr("annotate.labelme_setup.venv.create", create)
    with pytest.raises(LabelmeError, match=r"libGL\.so\.1: cannot open.*apt-get install libxcb-icccm4"):
        setup_labelme({"XDG_DATA_HOME": str(tmp_path), "PATH": ""}, lambda items, _label, _total: items)


def test_a_search_that_finds_just_the_chosen_images(tmp_path: Path) -> None:
    for name in ("a.png", "ba.png", "sub dir/a.png", "größe (1).png", "aXpng.png"):
        draw_image(tmp_path / name)
    images = list_folder_images(tmp_path)
    chosen = [p for p in images if p.name in {"a.png", "größe (1).png"}]
    pattern = search_pattern(chosen)
    assert [p.name for p in images if re.search(pattern, str(p.path.resolve()))] == [p.name for p in chosen]
    assert [p.name for p in images if re.search(pattern, p.name)] == [p.name for p in chosen]  # labelme 7


@pytest.mark.parametrize("stem", ["a", "größe (瓶) 😀", "x/" * 40])
def test_of_thousands_of_images_the_first_that_the_search_of_labelme_takes(stem: str) -> None:
    images = [FolderImage(Path("/images"), f"{stem}{i:05d}.png", labelled=False) for i in range(5000)]
    fitting = first_that_fit(images)
    assert fitting == images[: len(fitting)]
    assert 100 < len(fitting) < 5000
    taken, more = (len(search_pattern(images[:n]).encode("utf-16-le")) for n in (len(fitting), len(fitting) + 1))
    assert taken <= 2 * MAX_SEARCH_LENGTH < more
    assert first_that_fit(images[:50]) == images[:50]


def test_session_takes_the_configuration_of_the_folder_and_leaves_it_alone(tmp_path: Path) -> None:
    draw_image(tmp_path / "a.png")
    assert session_config(tmp_path, None) == {}
    init_project(tmp_path, ["dent"], overwrite=False)
    before = (tmp_path / "labelme.yaml").read_bytes()
    config = session_config(tmp_path, list_folder_images(tmp_path))
    assert config["validate_label"] == "exact"
    assert "a\\.png" in config["file_search"]
    assert (tmp_path / "labelme.yaml").read_bytes() == before
    (tmp_path / "labelme.yaml").write_text("[1, 2]")
    with pytest.raises(InputError, match="run annotate init again"):
        session_config(tmp_path, None)


def test_command_line_of_labelme(tmp_path: Path) -> None:
    labelme, config = Labelme(Path("/opt/labelme"), "--labelme"), tmp_path / "labelme.yaml"
    assert labelme_command(labelme, tmp_path, config)[:3] == ["/opt/labelme", "--config", str(config)]
    assert "--labels" not in labelme_command(labelme, tmp_path, config)
    init_project(tmp_path, ["dent"], overwrite=False)
    command = labelme_command(labelme, tmp_path, config)
    assert command[command.index("--labels") + 1] == str(tmp_path / "labels.txt")
    assert command[command.index("--flags") + 1] == str(tmp_path / "flags.txt")
    assert command[-1] == str(tmp_path)


def test_a_labelme_that_aborts_is_reported_in_one_line(tmp_path: Path) -> None:
    labelme = Labelme(program(tmp_path / "labelme", "echo 'no Qt platform plugin' >&2; exit 134"), "the PATH")
    with pytest.raises(LabelmeError, match=r"exited with status 134 \(no Qt platform plugin\)"):
        start_labelme(labelme, draw_image(tmp_path / "p" / "a.png").parent, None, {"PATH": "/usr/bin:/bin"})


def test_open_reports_what_it_uses_and_starts_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    root = draw_image(tmp_path / "my images" / "a.png").parent
    log = tmp_path / "log"
    labelme = program(tmp_path / "labelme", f'echo "$@" >> {log}; {PRINT_VERSION}')
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("DISPLAY", ":9")
    assert run_command("annotate", "open", root, "--labelme", labelme) == 0
    assert capsys.readouterr().err == f"labelme 6.3.1 by --labelme: {labelme}\n"
    assert log.read_text().splitlines()[-1].endswith(str(root))
    monkeypatch.delenv("DISPLAY")
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    monkeypatch.delenv("QT_QPA_PLATFORM", raising=False)
    assert run_command("annotate", "open", root, "--labelme", labelme) == 2
    assert "there is no screen" in only_line(capsys)


def test_in_order_opens_one_image_after_the_other(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """labelme would list them by name."""
    root = tmp_path / "images"
    for name in ("a.png", "b.png", "c.png"):
        draw_image(root / name)
    seen, queue = tmp_path / "seen", tmp_path / "queue.txt"
    queue.write_text("c.png\na.png\n")
    labelme = program(tmp_path / "labelme", f'cat "$2" >> {seen} 2>/dev/null; {PRINT_VERSION}')
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("DISPLAY", ":9")
    options = ("--only", queue, "--in-order", "--labelme", labelme)
    assert run_command("annotate", "open", root, *options) == 0
    assert capsys.readouterr().err.splitlines()[1:] == ["1 of 2: c.png", "2 of 2: a.png"]
    searches = [line for line in seen.read_text().splitlines() if line.startswith("file_search")]
    assert [next(name for name in "abc" if f"(?:{name}" in line) for line in searches] == ["c", "a"]


def test_help_loads_nothing_heavy() -> None:
    code = (
        "import sys, annotate.cli; print([m for m in ('torch', 'cv2', 'numpy', 'matplotlib') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
