"""Folders opened in X-AnyLabeling: its configuration, what it cannot show, and the real program if it is
installed."""

import json
from pathlib import Path

import msgspec
import numpy as np
import pytest
from PIL import Image

from annotate.folder_images import list_folder_images
from annotate.labelme_program import executable_in
from annotate.project import init_project
from annotate.proposals import Proposal, propose
from annotate.x_anylabeling import (
    XAnyLabeling,
    XAnyLabelingError,
    find_x_anylabeling,
    images_it_shows,
    x_anylabeling_config,
    x_anylabeling_environ,
    x_anylabeling_version,
)
from datasets.coco import Prediction
from datasets.formats.labelme import read_labelme
from datasets.formats.labelme_flags import is_unreviewed
from datasets.masks.rle import encode
from system.errors import InputError
from tests.annotate.conftest import HEIGHT, WIDTH, box, draw_image, write_labels
from tests.annotate.test_labelme_program import program
from tests.command import json_result, only_line, run_command

DRIVER = Path(__file__).with_name("drive_x_anylabeling.py")
ANSWER = 'if [ "$1" = version ]; then echo 4.2.1; exit; fi'


@pytest.fixture
def proposed(tmp_path: Path) -> Path:
    """Images with a rectangle, a polygon and a mask as proposals, one that EXIF turns, and one without shapes."""
    root = tmp_path / "my images"
    for name in ("box.png", "empty.png", "hole.png", "sub/polygon.png"):
        draw_image(root / name)
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (WIDTH, HEIGHT)).save(root / "turned.jpg", exif=exif)
    mask = np.zeros((HEIGHT, WIDTH), bool)
    mask[10:40, 10:50] = True
    ring = mask.copy()
    ring[20:30, 20:30] = False
    given = {
        "box.png": Prediction(1, 1, (10, 10, 20, 15), 0.5),
        "sub/polygon.png": Prediction(1, 1, (0, 0, 1, 1), 0.75, encode(mask)),
        "hole.png": Prediction(1, 1, (0, 0, 1, 1), 0.75, encode(ring)),
    }
    for image in list_folder_images(root):
        if image.name in given:
            propose(image, [Proposal(given[image.name], "dent", "det/run")])
    init_project(root, ["chip", "dent"], overwrite=False)
    return root


def test_it_is_found_by_option_variable_or_path(tmp_path: Path) -> None:
    given, named, on_path = (program(tmp_path / d / "xanylabeling", ANSWER) for d in ("a", "b", "c"))
    environ = {"PATH": str(on_path.parent)}
    assert find_x_anylabeling(None, environ) == XAnyLabeling(on_path, "the PATH")
    environ["DEFECTLINE_X_ANYLABELING"] = str(named)
    assert find_x_anylabeling(None, environ).path == named
    assert find_x_anylabeling(given, environ) == XAnyLabeling(given, "--x-anylabeling")
    with pytest.raises(InputError, match=r"no such program \(named by --x-anylabeling\); install x-anylabeling"):
        find_x_anylabeling(tmp_path / "absent", environ)
    with pytest.raises(XAnyLabelingError, match="not found"):
        find_x_anylabeling(None, {"PATH": str(tmp_path)})


def test_version(tmp_path: Path) -> None:
    assert x_anylabeling_version(XAnyLabeling(program(tmp_path / "x", ANSWER), "x"), {}) == "4.2.1"
    broken = XAnyLabeling(program(tmp_path / "broken", "echo libEGL.so.1 is missing >&2; exit 1"), "x")
    with pytest.raises(XAnyLabelingError, match=r"does not report its version \(libEGL"):
        x_anylabeling_version(broken, {})


def test_it_has_its_own_home(tmp_path: Path) -> None:
    made = x_anylabeling_environ({"HOME": str(tmp_path), "XDG_DATA_HOME": str(tmp_path / "d"), "PYTHONPATH": "x"})
    assert made["HOME"] == str(tmp_path / "d/defectline/x-anylabeling-home")
    assert "PYTHONPATH" not in made


def test_images_that_it_cannot_show_are_left_out_with_a_reason(proposed: Path) -> None:
    shown, reasons = images_it_shows(list_folder_images(proposed))
    assert [image.name for image in shown] == ["box.png", "empty.png", "sub/polygon.png"]
    assert reasons == {
        "hole.png": "X-AnyLabeling has no shape type mask",
        "turned.jpg": "X-AnyLabeling does not turn images by their EXIF orientation",
    }


def test_configuration(proposed: Path, tmp_path: Path) -> None:
    config = x_anylabeling_config(proposed, None)
    assert (config["labels"], config["flags"]) == (["chip", "dent"], ["good", "uncertain", "reject"])
    assert config["label_flags"] == {".*": ["unreviewed"]}
    assert (config["validate_label"], config["exif_scan_enabled"], config["store_data"]) == ("exact", False, False)
    assert set(config) & {"file_search", "with_image_data"} == set()
    chosen = list_folder_images(proposed)[:1]
    search = str(x_anylabeling_config(proposed, chosen)["file_search"])
    assert search.startswith("<^")
    assert search.endswith("$>")
    assert "box" in search
    draw_image(tmp_path / "bare/a.png")
    assert not {"labels", "validate_label"} & set(x_anylabeling_config(tmp_path / "bare", None))


@pytest.mark.parametrize("name", ["labels.txt", "flags.txt"])
def test_a_list_that_is_not_text_is_one_line(
    name: str,
    proposed: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("DISPLAY", ":9")
    (proposed / name).write_bytes(b"\xff\xfe")
    given = ("--with", "x-anylabeling", "--x-anylabeling", program(tmp_path / "xanylabeling", ANSWER))
    assert run_command("annotate", "open", proposed, *given) == 2
    assert f"{name}: not UTF-8 text; save it as UTF-8" in capsys.readouterr().err.splitlines()[-1]


def test_open_states_what_is_left_out_and_starts_it(
    proposed: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = tmp_path / "seen"
    script = f'{ANSWER}\ncat "$HOME/.xanylabelingrc" > {seen}'
    given = ("--with", "x-anylabeling", "--x-anylabeling", program(tmp_path / "xanylabeling", script))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("DISPLAY", ":9")
    assert run_command("annotate", "open", proposed, *given) == 0
    first = capsys.readouterr().err.splitlines()[0]
    assert first == (
        "2 of 5 images are left out, such as hole.png (X-AnyLabeling has no shape type mask); open them in labelme"
    )
    config = msgspec.yaml.decode(seen.read_bytes())
    assert "polygon" in config["file_search"]
    assert "hole" not in config["file_search"]
    assert config["custom_models"] == []
    models = [{"config_file": "/runs/det/x-anylabeling/model.yaml", "name": "defectline-det"}]
    own = tmp_path / "data/defectline/x-anylabeling-home/.xanylabelingrc"
    own.write_bytes(msgspec.yaml.encode({"labels": ["of another folder"], "custom_models": models}))
    assert run_command("annotate", "open", proposed, *given) == 0
    config = msgspec.yaml.decode(seen.read_bytes())
    assert (config["labels"], config["custom_models"]) == (["chip", "dent"], models)
    own.write_text("custom_models: 3")
    assert run_command("annotate", "open", proposed, *given) == 0
    assert msgspec.yaml.decode(seen.read_bytes())["custom_models"] == []
    capsys.readouterr()
    queue = tmp_path / "queue.txt"
    queue.write_text("sub/polygon.png\nbox.png\n")
    assert run_command("annotate", "open", proposed, "--only", queue, "--in-order", "--json", *given) == 0
    assert json_result(capsys)["images"] == ["sub/polygon.png", "box.png"]
    assert run_command("annotate", "open", proposed, "--only", "hole.png", *given) == 2
    assert "has no shape type mask; open the folder in labelme" in only_line(capsys)
    assert run_command("annotate", "open", proposed, "--x-anylabeling", given[-1]) == 2
    assert "belongs to --with x-anylabeling" in only_line(capsys)
    failing = program(tmp_path / "failing", f"{ANSWER}\necho no display >&2; exit 1")
    assert run_command("annotate", "open", proposed, *given[:3], failing) == 2
    assert "exited with status 1 (no display)" in capsys.readouterr().err
    monkeypatch.delenv("DISPLAY")
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    monkeypatch.delenv("QT_QPA_PLATFORM", raising=False)
    assert run_command("annotate", "open", proposed, *given) == 2
    assert "X-AnyLabeling: there is no screen" in only_line(capsys)


def test_a_rectangle_that_it_wrote_as_four_corners_is_not_reviewed(proposed: Path) -> None:
    """Unlike one of which a corner was moved."""
    path = proposed / "box.json"
    raw = json.loads(path.read_text())
    (x0, y0), (x1, y1) = raw["shapes"][0]["points"]
    for moved, unreviewed in ((0, True), (3, False)):
        raw["shapes"][0]["points"] = [[x0, y0], [x1 + moved, y0], [x1 + moved, y1], [x0, y1]]
        path.write_text(json.dumps(raw))
        assert is_unreviewed(read_labelme(path).shapes[0]) is unreviewed


def test_the_real_program_shows_our_files_and_its_own_are_read(
    proposed: Path, screen: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    try:
        found = find_x_anylabeling(None)
    except XAnyLabelingError:
        pytest.skip("X-AnyLabeling is not installed (DEFECTLINE_X_ANYLABELING), so its window is not tested")
    write_labels(proposed / "empty.png", [box("chip", 60, 2, 75, 12, note="mine")], team="night")
    before = {path: path.read_bytes() for path in proposed.rglob("*.json")}
    report, plan = tmp_path / "report.json", tmp_path / "plan.json"
    plan.write_text(json.dumps({"report": str(report), "move": ["polygon.png", 4, -3]}))
    python = executable_in(found.path.parent.parent, "python")
    driven = program(tmp_path / "xanylabeling", f'exec "{python}" "{DRIVER}" "{plan}" "$@"')
    monkeypatch.setenv("DISPLAY", screen)
    monkeypatch.setenv("LANG", "C.UTF-8")
    given = ("--with", "x-anylabeling", "--x-anylabeling", driven)
    assert run_command("annotate", "open", proposed, *given) == 0
    shown = json.loads(report.read_text())
    images = {Path(name).relative_to(proposed.resolve()).as_posix(): v for name, v in shown["images"].items()}
    assert sorted(images) == ["box.png", "empty.png", "sub/polygon.png"]
    assert (shown["labels"], shown["flags"]) == (["chip", "dent"], ["good", "uncertain", "reject"])
    (rectangle,) = images["box.png"]
    assert rectangle["points"] == [[10, 10], [30, 10], [30, 25], [10, 25]]
    assert (rectangle["flags"], rectangle["colour"]) == ({"unreviewed": True}, [86, 180, 233])
    changed = proposed / "sub/polygon.json"
    assert {path for path in before if path.read_bytes() != before[path]} == {changed}
    (now,) = read_labelme(changed).shapes
    x, y = json.loads(before[changed])["shapes"][0]["points"][0]
    assert now.points[0] == (x + 4, y - 3)
    assert (now.label, now.description) == ("dent", "score=0.750 model=det/run")
    assert not is_unreviewed(now)
    assert json.loads(changed.read_text())["defectline"] == json.loads(before[changed])["defectline"]
