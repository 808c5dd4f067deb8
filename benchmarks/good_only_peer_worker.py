"""anomalib's PatchCore or PaDiM on given images, for `benchmarks.good_only_peer`; runs in anomalib's environment.

    PYTHON benchmarks/good_only_peer_worker.py job.json out.npz

Imports nothing of this project. `job.json` names the images, the weights file and the settings (see `Job` in
`benchmarks.good_only_peer`). `out.npz` gets the score map and the image score of each image, as anomalib's model
gives them, and `times.json` beside it the seconds.
"""

import json
import resource
import sys
import time
from pathlib import Path

import numpy as np
import torch
from anomalib.models.image.padim.torch_model import PadimModel
from anomalib.models.image.patchcore.torch_model import PatchcoreModel
from PIL import Image
from safetensors.torch import load_file
from torchvision.transforms.v2 import functional

BATCH = 16


def main(job_path: Path, out: Path) -> None:
    """Learn the images of `learn` and write the maps of those of `score`."""
    job = json.loads(job_path.read_bytes())
    torch.manual_seed(job["seed"])
    options = {"backbone": job["encoder"], "layers": job["layers"], "pre_trained": False}
    if job["method"] == "padim":
        model = PadimModel(**options, n_features=job["features"])
    else:
        model = PatchcoreModel(**options, num_neighbors=9)
    fill(model.feature_extractor.feature_extractor, job["weights"])
    started = time.process_time()
    model.train()
    with torch.no_grad():
        for k in range(0, len(job["learn"]), BATCH):
            model(torch.cat([read(path, job) for path in job["learn"][k : k + BATCH]]))
    if job["method"] == "padim":
        model.fit()
    else:
        model.subsample_embedding(job["coreset"])
    fitted = time.process_time()
    model.eval()
    maps, scores, seconds = [], [], []
    with torch.no_grad():
        for path in job["score"]:
            image = read(path, job)
            begun = time.process_time()
            found = model(image)
            seconds.append(time.process_time() - begun)
            maps.append(found.anomaly_map.squeeze().numpy().astype(np.float32))
            scores.append(float(found.pred_score))
    np.savez(out, maps=np.stack(maps), scores=np.array(scores))
    times = {
        "fit_processor_seconds": fitted - started,
        "seconds_per_image": float(np.median(seconds)),
        "peak_memory_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }
    (out.parent / "times.json").write_text(json.dumps(times))


def read(path: str, job: dict) -> torch.Tensor:  # type: ignore[type-arg]
    """An image as anomalib's default transform gives it: resized to a square and normalised, 1 x 3 x S x S."""
    with Image.open(path) as opened:
        pixels = torch.from_numpy(np.array(opened.convert("RGB"))).permute(2, 0, 1)
    small = functional.resize(pixels, [job["imgsz"], job["imgsz"]], antialias=True).float() / 255
    return functional.normalize(small, job["mean"], job["std"])[None]


def fill(network: torch.nn.Module, weights: str) -> None:
    """Load the tensors of the weights file; ends with an error if one is missing."""
    is_safe = weights.endswith(".safetensors")
    given = load_file(weights) if is_safe else torch.load(weights, weights_only=True)
    wanted = network.state_dict()
    missing = [name for name in wanted if name not in given and not name.endswith("num_batches_tracked")]
    if missing:
        sys.exit(f"{weights} lacks {missing[:3]}")
    network.load_state_dict({name: given[name] for name in wanted if name in given}, strict=False)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
