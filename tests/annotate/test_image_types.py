"""`annotate propose` from a classifier, whose predictions are not shapes."""

from pathlib import Path

import pytest

from evaluate.run_folder import RunConfig, RunSplit
from tests.annotate.conftest import draw_image
from tests.command import only_line, run_command
from training.new_run import create_run


@pytest.mark.parametrize("source", ["--from", "--predictions"])
def test_types_of_images_are_not_proposed_as_shapes(
    source: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "images").mkdir()
    draw_image(tmp_path / "images/a.png")
    config, split = RunConfig("cls", "some/where", {}), RunSplit("mine", None, {"test": ["a.png"]})
    run = create_run(tmp_path / "runs", "cls", "mine", config, split)
    stored = '[{"image_id": 1, "category_id": 1, "bbox": [0, 0, 9, 9], "score": 0.9}]'
    run.predictions("test").write_text(stored)
    given = run.root if source == "--from" else run.predictions("test")
    assert run_command("annotate", "propose", tmp_path / "images", source, given) == 2
    message = only_line(capsys)
    assert f"{run.root}: a run of train_cls predicts the type of an image and no boxes; name a run of" in message
    assert [path.name for path in (tmp_path / "images").iterdir()] == ["a.png"]
