"""What `--json` of fit, evaluate and predict prints on success, as docs/json.md states it."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.command import json_document, run_command
from tests.tiny_runs import TINY, TinyRuns


def document_of(capsys: pytest.CaptureFixture[str], *command: object) -> dict[str, Any]:
    """The document of a command that succeeds; nothing else is on its standard output."""
    capsys.readouterr()
    assert run_command(*map(str, command), "--json") == 0
    document = json_document(capsys)
    assert (document["schema"], document["status"], document["errors"], document["more_errors"]) == (1, 0, [], 0)
    assert document["command"] == " ".join(map(str, command[:2]))
    return document


def test_fit(coco_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    result = document_of(capsys, "train_seg", "fit", coco_folder, "--runs", tmp_path, *TINY["seg"])["result"]
    assert result.keys() == {"run", "metrics"}
    run = Path(result["run"])
    assert run == tmp_path / "seg" / coco_folder.name
    assert result["metrics"] == json.loads((run / "metrics.json").read_text())


def test_evaluate(
    coco_folder: Path, tmp_path: Path, tiny_runs: TinyRuns, capsys: pytest.CaptureFixture[str]
) -> None:
    result = document_of(capsys, "train_seg", "evaluate", tiny_runs("seg"), "--split", "test")["result"]
    assert result.keys() == {"run", "metrics"}
    assert result["metrics"] == json.loads((tiny_runs("seg") / "metrics.json").read_text())


@pytest.mark.parametrize("task", ["det", "seg"])
def test_predict(
    task: str, tiny_runs: TinyRuns, small_image: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "found.json"
    given = (f"train_{task}", "predict", tiny_runs(task), small_image, "--out", out, "--min-score", 0)
    result = document_of(capsys, *given)["result"]
    assert result.keys() == {"images", "predictions", "types", "file"}
    assert Path(result["file"]) == out
    assert result["predictions"] == json.loads(out.read_text())
    (image,) = result["images"]
    assert Path(image["file_name"]).name == small_image.name
    assert {p["image_id"] for p in result["predictions"]} <= {image["id"]}
    assert {str(p["category_id"]) for p in result["predictions"]} <= result["types"].keys()
    assert all(isinstance(name, str) for name in result["types"].values())


def test_predict_of_a_classifier(
    tiny_runs: TinyRuns, small_image: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    result = document_of(capsys, "train_cls", "predict", tiny_runs("cls"), small_image)["result"]
    assert result.keys() == {"images", "file"}
    assert result["file"] is None
    (image,) = result["images"]
    assert small_image.name in json.dumps(image)
