"""The command that the page copies opens the same predictions in labelme."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from tests.command import run_command
from tests.view.browser import Open, set_confidence, settle
from tests.view.fakes import make_cross_validation, make_dataset, make_run


@pytest.mark.parametrize("folds", [False, True], ids=["a run", "a cross-validation"])
def test_the_copied_command_proposes_what_the_page_shows_for_that_image(
    folds: bool, opened: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = [f"a b/größe 'ä' {i}.png" for i in range(12)]
    root = make_dataset(tmp_path / "my data", names=names)
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
    config = pathlib.Path(sys.argv[sys.argv.index("--config") + 1]).read_text("utf-8")
    pathlib.Path({str(asked)!r}).write_text(json.dumps([config, sys.argv[-1]]))
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
    subprocess.run(["/bin/sh", "-c", copied], env=environ, check=True, cwd=tmp_path)
    (written,) = (moved / "images").rglob("*.json")
    assert written == (moved / "images" / image).with_suffix(".json")
    shapes = json.loads(written.read_text())["shapes"]
    proposed = {shape["description"].split()[0] for shape in shapes}
    assert proposed == {f"score={score:.3f}" for score in shown_scores}
    config, opened_folder = json.loads(asked.read_text())
    assert Path(opened_folder) == moved / "images"
    pattern = msgspec.yaml.decode(config.encode())["file_search"]
    assert [name for name in names if re.search(pattern, name)] == [image]
