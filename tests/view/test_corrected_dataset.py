"""Runs made before a correction of their dataset: page and comparison count them on the corrected annotations."""

from pathlib import Path

import msgspec
import pytest

from datasets.formats.coco_file import write_coco
from datasets.formats.dataset_folder import annotation_path, load_dataset
from datasets.formats.provenance import make_provenance, write_provenance
from evaluate.run_folder import load_run
from evaluate.truth import corrections_since
from tests.command import only_line, run_command
from tests.view.browser import Open, figures
from tests.view.fakes import make_dataset, make_run

PROVENANCE = make_provenance("test", [], {}, {}, [], [], [], "first")


def correct(root: Path, contents: list[str]) -> None:
    """Remove an annotation of a test image, and record corrections of the former `contents`."""
    coco = load_dataset(root).splits["test"]
    write_coco(annotation_path(root, "test"), msgspec.structs.replace(coco, annotations=coco.annotations[1:]))
    entries: list[dict[str, object]] = [{"content_sha256_before": content} for content in contents]
    write_provenance(root, msgspec.structs.replace(PROVENANCE, content_sha256="now", corrections=entries))


def test_a_former_run_is_counted_on_the_corrected_annotations(
    opened: Open, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = make_dataset(tmp_path / "data")
    write_provenance(root, PROVENANCE)
    run = make_run(tmp_path / "runs", root)
    defects = len(load_dataset(root).splits["test"].annotations)
    assert corrections_since(load_run(run), load_dataset(root)) == 0
    correct(root, ["first", "second"])
    assert corrections_since(load_run(run), load_dataset(root)) == 2
    assert run_command("view", run) == 0
    page = opened(run / "view.html", "tab=tables")
    found = figures(page)
    assert int(found["Right"]) + int(found["Not found"]) == defects - 1
    assert "corrected 2 times since this run was made" in page.inner_text(".corrected")
    capsys.readouterr()
    assert run_command("evaluate", "compare", run, run) == 0
    assert "data was corrected since; the corrected annotations count" in capsys.readouterr().err


def test_another_content_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = make_dataset(tmp_path / "data")
    write_provenance(root, PROVENANCE)
    run = make_run(tmp_path / "runs", root)
    correct(root, ["another"])
    for command in (("view", run), ("evaluate", "compare", run, run)):
        capsys.readouterr()
        assert run_command(*command) == 2
        line = only_line(capsys)
        assert f"made on another content of {root}" in line
        assert "give --dataset" in line
