"""Cross-validation: each image is tested once by a fold that learnt from good images of the other folds."""

from pathlib import Path

import msgspec

from datasets.formats.coco_file import read_coco
from evaluate.run_folder import load_run, read_split
from tests.command import run_command
from tests.train_anomaly.conftest import SMALL


def test_two_folds(parts: Path, tmp_path: Path) -> None:
    flags = (*SMALL, "--folds", 2, "--alarms", "10%", "--runs", tmp_path / "runs")
    assert run_command("train_anomaly", "fit", parts, *flags) == 0
    root = tmp_path / "runs/anomaly/parts"
    bad, every = set(), []
    for split in ("train", "test"):
        coco = read_coco(parts / f"annotations/instances_{split}.json")
        names = {image.id: image.file_name for image in coco.images}
        every += list(names.values())
        bad |= {names[a.image_id] for a in coco.annotations}
    tested = []
    for k in (1, 2):
        split = read_split(load_run(root / f"fold-{k}")).images
        assert not bad & set(split["train"])
        assert not set(split["train"]) & set(split["test"])
        tested += split["test"]
    assert sorted(tested) == sorted(every)
    metrics = msgspec.json.decode((root / "metrics.json").read_bytes())
    assert metrics["operating_point"]["chosen_on"] == "good images of each fold"
    assert (metrics["images"]["defective"], metrics["images"]["missed"]) == (9, 0)
    assert sum(of["images"] for of in metrics["images"]["per_type"].values()) == 9
