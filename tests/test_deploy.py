"""The program in docs/deploy.md, in a process that can import neither defectline nor PyTorch."""

import json
import re
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from datasets.coco import Prediction
from datasets.formats.coco_file import read_predictions
from datasets.masks.rle import decode
from tests.command import run_command
from tests.tiny_runs import TinyRuns

ROOT = Path(__file__).parents[1]
FORMATS = {"det": "onnx", "seg": "openvino", "cls": "onnx", "anomaly": "openvino"}
ALLOWED = ("numpy", "numpy.libs", "cv2", "opencv_python_headless.libs", "openvino", "onnxruntime")
# Runs the program on each model and image of a list, with masks as the hexadecimal digits of their bits.
DRIVER = """
import importlib.util, json, runpy, sys
folder, program, jobs = sys.argv[1:]
sys.path.append(folder)
for name in ("torch", "ultralytics", "msgspec", "system", "datasets", "training", "train_det"):
    assert importlib.util.find_spec(name) is None, name
deploy = runpy.run_path(program)
answers = []
for model, images in json.loads(jobs):
    metadata, run = deploy["load"](model)
    for image in images:
        found = deploy["find"](metadata, run, deploy["read_rgb"](image, metadata))
        for defect in found:
            if "mask" in defect:
                defect["mask"] = deploy["np"].packbits(defect["mask"]).tobytes().hex()
        answers.append(found)
print(json.dumps(answers))
"""


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All Python blocks of the page, one after the other, as its text asks."""
    blocks = re.findall(
        r"^```python\n(.*?)^```", (ROOT / "docs/deploy.md").read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL
    )
    path = tmp_path_factory.mktemp("program") / "deploy.py"
    path.write_text("\n\n".join(blocks), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the packages that the page names, and nothing else."""
    folder = tmp_path_factory.mktemp("packages")
    for name in ("openvino", "onnxruntime", "onnxscript"):
        pytest.importorskip(name, reason=f"{name} is not installed, so exports are not tested")
    numpy = find_spec("numpy")
    assert numpy is not None
    assert numpy.origin is not None
    installed = Path(numpy.origin).parents[1]
    for name in ALLOWED:
        if (installed / name).exists():
            (folder / name).symlink_to(installed / name)
    return folder


def test_the_program_finds_what_predict_finds(
    tiny_runs: TinyRuns, coco_folder: Path, tmp_path: Path, program: Path, packages: Path
) -> None:
    """Images of the dataset, one of another shape and one of 12 bits; random weights reach the threshold."""
    example_images = sorted((coco_folder / "images/test").rglob("*.png"))[:3]
    odd = tmp_path / "odd.png"
    pixels = cv2.imread(str(example_images[0]))
    assert pixels is not None
    cv2.imwrite(str(odd), cv2.resize(pixels, (211, 90)))
    deep = tmp_path / "deep.png"
    cv2.imwrite(str(deep), cv2.cvtColor(pixels, cv2.COLOR_BGR2GRAY).astype(np.uint16) * 16)
    example_images += [odd, deep]
    jobs, expected = [], []
    for task, form in FORMATS.items():
        run = Path(shutil.copytree(tiny_runs(task), tmp_path / task))
        lower_thresholds(run, {"det": 0.0007, "seg": 0.15, "cls": 0.2, "anomaly": 0.35}[task])
        assert run_command(f"train_{task}", "export", run, "--format", form) == 0
        out = tmp_path / f"{task}.json"
        assert run_command(f"train_{task}", "predict", run, *example_images, "--exported", form, "--out", out) == 0
        model = next((run / "weights").glob("best.onnx" if form == "onnx" else "best.xml"))
        jobs.append((str(model), [str(image) for image in example_images]))
        expected.append(by_image(out))
    answers = run_isolated(packages, program, jobs)
    assert [len(found) for found in answers] == [len(found) for of_task in expected for found in of_task]
    counts = [sum(len(found) for found in of_task) for of_task in expected]
    assert min(counts) > 0
    images = [cv2.imread(str(image)) for image in example_images]
    for number, (found, other) in enumerate(zip(answers, [f for task in expected for f in task], strict=True)):
        height, width = images[number % len(images)].shape[:2]  # type: ignore[union-attr]
        found.sort(key=lambda one: (one["type"], -one["score"], one["box"]))
        other.sort(key=lambda one: (one[0], -one[1].score, one[1].bbox))
        for one, (name, prediction) in zip(found, other, strict=True):
            assert one["type"] == name
            assert one["score"] == pytest.approx(prediction.score, abs=1e-4)
            assert one["box"] == pytest.approx(prediction.bbox, abs=0.5 if "mask" not in one else 1)
            if "mask" in one:
                bits = np.unpackbits(np.frombuffer(bytes.fromhex(one["mask"]), np.uint8))
                mask = bits[: height * width].reshape(height, width)
                assert (mask != decode(prediction.segmentation or [], height, width)).mean() < 1e-3


def test_the_program_refuses_what_it_does_not_cover(program: Path) -> None:
    """A detector with masks, a segmenter with a map of good parts, and an image larger than a tile."""
    import runpy  # noqa: PLC0415

    find = runpy.run_path(str(program))["find"]
    covered = {"task": "seg", "network": "unet", "input": {"channels": 3}, "tile": 0}
    for other in ({"network": "yolo-seg"}, {"input": {"channels": 4}}, {"tile": 64}):
        with pytest.raises(SystemExit, match="not covered"):
            find({**covered, **other}, None, np.zeros((65, 40, 3), np.uint8))


def lower_thresholds(run: Path, score: float) -> None:
    metrics = json.loads((run / "metrics.json").read_text())
    metrics["operating_point"]["score_threshold"] = score
    (run / "metrics.json").write_text(json.dumps(metrics))


def by_image(out: Path) -> list[list[tuple[str, Prediction]]]:
    """The predictions of each image with the names of their types."""
    listed = json.loads(out.with_suffix(".images.json").read_text())
    predictions = read_predictions(out)
    names = ["broken_large", "broken_small", "contamination", "defect"]
    return [[(names[p.category_id - 1], p) for p in predictions if p.image_id == image["id"]] for image in listed]


def run_isolated(packages: Path, program: Path, jobs: list[tuple[str, list[str]]]) -> list[list[dict[str, Any]]]:
    command = [sys.executable, "-I", "-S", "-c", DRIVER, str(packages), str(program), json.dumps(jobs)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=packages)
    assert done.returncode == 0, done.stderr
    answers: list[list[dict[str, Any]]] = json.loads(done.stdout)
    return answers
