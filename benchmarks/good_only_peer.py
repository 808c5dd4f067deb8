"""anomalib's PatchCore and PaDiM beside `benchmarks.good_only`: same images, same weights files, our measures.

    python3 -m venv venv-anomalib; venv-anomalib/bin/pip install anomalib
    OMP_NUM_THREADS=1 python -m benchmarks.good_only_peer bottle-good --python venv-anomalib/bin/python \\
        --weights weights/ --work runs-good

anomalib runs in its own environment and only writes score maps and image scores into files; everything else is
computed here. A fifth of the good images, the same as for our methods, is held out and sets the threshold. Rows
that are stored are not repeated.
"""

import argparse
import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

import cv2
import msgspec
import numpy as np
import numpy.typing as npt

from benchmarks.good_only import IMAGE_KEYS, RESULT, collect, row_path
from benchmarks.good_only_table import print_methods
from datasets.coco import Image, Prediction
from datasets.formats.dataset_folder import Dataset, load_dataset
from evaluate.bootstrap import draw_images
from evaluate.images import image_measures
from evaluate.one_type import defect_category
from evaluate.score_maps import score_map_measures
from features.library import normalisation_of_name
from features.score_map import to_scores
from system.console import print_status
from system.json_file import write_json
from train_anomaly.alarms import alarm_threshold, describe_guarantee
from train_anomaly.detector import LIMIT_SCORE
from train_anomaly.good_images import split_good
from train_anomaly.options import AnomalyOptions, parse_alarms, settled
from train_anomaly.threshold import ABOVE

WORKER = Path(__file__).with_name("good_only_peer_worker.py")
LITE = ("tf_efficientnet_lite0", "tf_efficientnet_lite0.safetensors")
RESNET = ("resnet18", "resnet18.pt")


Maps = npt.NDArray[np.float32]


class Job(msgspec.Struct, frozen=True):
    """What the worker needs; `learn` and `score` are image files.

    `coreset` is the share of patches that PatchCore keeps, `features` the number of channels of PaDiM.
    """

    method: str
    encoder: str
    weights: str
    layers: list[str]
    imgsz: int
    seed: int
    mean: Sequence[float]
    std: Sequence[float]
    learn: list[str]
    score: list[str]
    coreset: float = 0.01
    features: int = 100


# Name -> method, encoder, its file of weights, layers, side of the input. 256 is anomalib's default.
PEERS: dict[str, tuple[str, str, str, list[str], int]] = {
    "anomalib PaDiM ResNet-18": ("padim", *RESNET, ["layer1", "layer2", "layer3"], 256),
    "anomalib PatchCore ResNet-18": ("patchcore", *RESNET, ["layer2", "layer3"], 256),
    "anomalib PatchCore Lite0": ("patchcore", *LITE, ["blocks.2", "blocks.4"], 384),
}


def main() -> None:
    """Run what is missing, measure, print the table with our rows and write benchmarks/results/good_only.json."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("dataset", type=Path)
    parser.add_argument("--python", type=Path, required=True, help="of an environment with anomalib")
    parser.add_argument("--weights", type=Path, required=True, help="folder of weights")
    parser.add_argument(
        "--work", type=Path, required=True, help="folder that keeps the rows of benchmarks.good_only"
    )
    parser.add_argument("--only", nargs="+", choices=list(PEERS), default=list(PEERS))
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=RESULT)
    given = parser.parse_args()
    for name in given.only:
        stored = row_path(given.work, given.dataset, name, given.seed)
        if not stored.is_file():
            print_status(name)
            folder = stored.parent.parent / "peers" / stored.stem
            row = row_of(name, load_dataset(given.dataset), folder, given.python, given.weights, given.seed)
            stored.parent.mkdir(parents=True, exist_ok=True)
            write_json(stored, row)
    print_methods(given.dataset.name, collect(given.out, given.work, given.dataset))


def row_of(name: str, dataset: Dataset, folder: Path, python: Path, weights: Path, seed: int) -> dict[str, object]:
    """Run the worker in the folder `folder` and measure what it wrote."""
    method, encoder, file, layers, imgsz = PEERS[name]
    learnt, held_out = split_good(dataset, settled(AnomalyOptions(method="padim", seed=seed)))
    tested = dataset.images("test")

    def paths(images: Sequence[Image]) -> list[str]:
        return [str(dataset.image_path(image).resolve()) for image in images]

    job = Job(
        method, encoder, str(weights.resolve() / file), layers, imgsz, seed, *normalisation_of_name(encoder),
        learn=paths(learnt), score=paths([*held_out, *tested]),
    )  # fmt: skip
    folder.mkdir(parents=True, exist_ok=True)
    write_json(folder / "job.json", job)
    command = [str(python), str(WORKER.resolve()), "job.json", "out.npz"]
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    subprocess.run(command, cwd=folder, check=True, env=environment)
    times = msgspec.json.decode((folder / "times.json").read_bytes())
    with np.load(folder / "out.npz") as stored:
        maps, scores = stored["maps"], stored["scores"]
    return {
        "name": name,
        "flags": f"{method} {encoder} {','.join(layers)} {imgsz} px",
        "seed": seed,
        **measures(dataset, maps, scores, len(held_out)),
        "processor_seconds": round(times["fit_processor_seconds"], 1),
        "peak_memory_mb": round(times["peak_memory_mb"]),
        "seconds_per_image": {"processor": round(times["seconds_per_image"], 3)},
        "threads": 1,
    }


def measures(dataset: Dataset, maps: Maps, scores: Maps, held_out: int) -> dict[str, object]:
    """Our measures of the test images, whose maps and scores follow those of `held_out` good images."""
    limit, guarantee = alarm_threshold(scores[:held_out].tolist(), parse_alarms("1%"), left_out_in_turn=False)
    limit *= ABOVE
    tested = dataset.images("test")
    truth = dataset.split("test")
    category = defect_category(dataset.categories)
    found = [
        Prediction(image.id, category.id, [0.0, 0.0, float(image.width), float(image.height)], float(score))
        for image, score in zip(tested, scores[held_out:] / (scores[held_out:] + limit), strict=True)
    ]
    level = float(np.median([one.max() for one in maps[:held_out]]))
    by_id = {image.id: one for image, one in zip(tested, maps[held_out:], strict=True)}

    def score_map(image: Image) -> Maps:
        size = image.width, image.height
        return np.asarray(cv2.resize(to_scores(by_id[image.id], level), size, interpolation=cv2.INTER_LINEAR))

    draws = draw_images(len(tested), 0)
    images = image_measures(
        truth, found, [one for one in found if one.score >= LIMIT_SCORE], LIMIT_SCORE, draws=draws
    )
    return {
        "images": {key: getattr(images, key) for key in IMAGE_KEYS},
        "score_maps": msgspec.to_builtins(score_map_measures(truth, score_map, draws)),
        "operating_point": {"chosen_on": describe_guarantee(guarantee)},
    }


if __name__ == "__main__":
    main()
