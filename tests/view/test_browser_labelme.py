"""The command that the page copies opens the same predictions in labelme."""

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from datasets.formats.provenance import make_provenance, write_provenance
from tests.command import json_result, run_command
from tests.view.browser import Open, set_confidence, settle, shown
from tests.view.fakes import make_cross_validation, make_dataset, make_run


@pytest.mark.parametrize("folds", [False, True], ids=["a run", "a cross-validation"])
def test_the_copied_command_corrects_the_image_with_what_the_page_shows(
    folds: bool, opened: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = [f"a b/größe 'ä' {i}.png" for i in range(12)]
    root = make_dataset(tmp_path / "my data", names=names)
    write_provenance(root, make_provenance("test", [], {}, {}, [], [], [], "0"))
    run = make_cross_validation(tmp_path / "runs", root) if folds else make_run(tmp_path / "runs", root)
    moved = root.rename(tmp_path / "moved data")
    assert run_command("view", run, "--dataset", moved) == 0
    page = opened(run / "view.html", permissions=["clipboard-read", "clipboard-write"])
    if not folds:
        set_confidence(page, 0.45)
    image = page.evaluate(
        """() => { const { chosen, judged } = window.defectline.results();
          return chosen.filter((image) => judged[0][image.index].count).map((image) => image.name).at(-1); }"""
    )
    shown_scores = page.evaluate(
        """(name) => { const { chosen, judged } = window.defectline.results();
          const image = chosen.find((one) => one.name === name);
          return image.runs[0].predictions.slice(0, judged[0][image.index].count).map((p) => p.score); }""",
        image,
    )
    page.evaluate("(name) => window.defectline.store.change({ image: name })", image)
    settle(page)
    page.click("text=Copy the command")
    page.wait_for_function("() => document.getElementById('note').innerText.startsWith('Command copied')")
    copied = page.evaluate("() => navigator.clipboard.readText()")
    asked = tmp_path / "asked.json"
    labelme = tmp_path / "labelme"
    labelme.write_text(
        f"""#!{sys.executable}
import json, pathlib, sys
if "--version" in sys.argv:
    print("labelme 6.3.1")
else:
    pathlib.Path({str(asked)!r}).write_text(json.dumps(sys.argv[-1]))
"""
    )
    labelme.chmod(0o755)
    (tmp_path / "annotate").write_text(f'#!/bin/sh\nexec "{sys.executable}" -m annotate "$@"\n')
    (tmp_path / "annotate").chmod(0o755)
    environ = {
        **os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}", "DEFECTLINE_LABELME": str(labelme),
        "DISPLAY": ":0", "XDG_DATA_HOME": str(tmp_path / "home"),
        "PYTHONPATH": str(Path(__file__).parents[2]),
    }  # fmt: skip
    subprocess.run(["/bin/sh", "-c", copied], env=environ, check=True, cwd="/")
    corrected = tmp_path / "moved data-correction"
    written = (corrected / image).with_suffix(".json")
    assert not list((moved / "images").rglob("*.json"))
    shapes = json.loads(written.read_text())["shapes"]
    proposed = {shape["description"].split()[0] for shape in shapes if shape["flags"].get("unreviewed")}
    assert proposed <= {f"score={score:.3f}" for score in shown_scores}  # those on the truth are not shown twice
    truth = [shape for shape in shapes if "defectline_annotation" in shape]
    assert len(truth) + len(proposed) == len(shapes) >= len(shown_scores)
    assert Path(json.loads(asked.read_text())) == corrected


def test_one_command_corrects_the_shown_images(
    opened: Open, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The shown ones alone, with predictions from the threshold of the page upwards."""
    root = make_dataset(tmp_path / "data", images=6)
    write_provenance(root, make_provenance("test", [], {}, {}, [], [], [], "0"))
    run = make_run(tmp_path / "runs", root)
    assert run_command("view", run) == 0
    page = opened(run / "view.html", permissions=["clipboard-read", "clipboard-write"])
    set_confidence(page, 0.45)
    page.evaluate("() => window.defectline.store.change({ show: ['defective'] })")
    settle(page)
    expected = shown(page)
    page.click("#share summary")
    page.click("#copy-correct")
    page.wait_for_function("() => document.getElementById('note').innerText.startsWith('Command copied')")
    words = shlex.split(page.evaluate("() => navigator.clipboard.readText()"))
    assert words[:3] == ["annotate", "correct", str(root)]
    assert words[3:] == [*expected, "--from", str(run), "--min-score", "0.45"]
    capsys.readouterr()
    assert run_command(*words, "--no-open", "--json") == 0
    assert json_result(capsys)["opened"]["images"] == len(expected) > 1
