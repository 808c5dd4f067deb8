"""What boxes without masks and images without labels are worth to the segmenter, beside masks of the same images.

    python -m benchmarks.semi_labelled --bottle mvtec/bottle --weights resnet18.pt --work FOLDER [--seeds 3]
        [--map-weights tf_efficientnet_lite0.safetensors]
    python -m benchmarks.semi_labelled --quick --work FOLDER      # whether it runs: synthetic bottles, one epoch

A third of the images is tested, as in benchmarks.labels, by their true masks. Of the other defective images (those
of the half chosen by the seed):

* masks: all have masks;
* boxes: all have boxes only, `--from-boxes`;
* boxes, map: the same with `--box-map`, a run of train_anomaly on the good images in training; with --map-weights;
* half: half of them have masks, the others are not there;
* half, boxes: as half, the others have boxes only, `--from-boxes`;
* half, unlabelled: as half, the others have no label, `--unlabelled` with the model of `half` as teacher.

All train with the same options. Finished rows are kept in `--work`; the results are written to
benchmarks/results/semi_labelled.json, with --quick to `--work`.
"""

import argparse
import os
import statistics
from collections.abc import Sequence
from pathlib import Path

import msgspec
import numpy as np

from benchmarks.bottle import measured
from benchmarks.labels_data import Pool, make_pool, write_labelled
from benchmarks.labels_options import options_parser, parse
from datasets.formats.coco_file import write_coco
from datasets.formats.dataset_folder import annotation_path, load_dataset
from evaluate.metrics import read_metrics
from system.console import print_status, print_table
from system.json_file import write_json

VARIANTS = ("masks", "boxes", "boxes, map", "half", "half, boxes", "half, unlabelled")
RESULT = Path(__file__).with_name("results") / "semi_labelled.json"


class Row(msgspec.Struct, frozen=True):
    """A training: how many defective images have masks, boxes only and no label, and what its model reaches."""

    variant: str
    seed: int
    masks: int
    boxes: int
    unlabelled: int
    pixel_ap: float | None
    dice: float | None
    ap_masks: float | None
    missed: int
    defective: int
    false_alarms: int
    good: int
    processor_seconds: float


def main() -> None:
    """Train what is missing, write the results and print the means."""
    parser = options_parser(__doc__ or "", imgsz=192, out=RESULT)
    parser.add_argument("--map-weights", help="Encoder weights of train_anomaly for the rows with a map.")
    parser.add_argument("--only", nargs="+", choices=VARIANTS, default=VARIANTS)
    given = parse(parser)
    given.map_weights = "none" if given.quick else given.map_weights
    chosen = [one for one in given.only if "map" not in one or given.map_weights]
    rows: list[Row] = []
    for seed in range(given.seeds):
        pool = make_pool(given.bottle, given.work, given.size, seed)
        rows += [row_of(given, pool, variant, seed) for variant in chosen]
    settings = {"size": given.size, "imgsz": given.imgsz, "epochs": given.epochs}
    write_json(given.out, {"settings": settings, "rows": rows})
    print_table("Means over seeds", ("variant", "pixel AP", "Dice", "AP of masks", "missed"), means(rows))


def row_of(given: argparse.Namespace, pool: Pool, variant: str, seed: int) -> Row:
    """The row of a variant and seed, trained unless it is finished."""
    name = f"{variant.replace(', ', '-')}-{seed}"
    stored = given.work / "rows" / f"{name}.json"
    if stored.is_file():
        return msgspec.json.decode(stored.read_bytes(), type=Row)
    print_status(name)
    half = np.random.default_rng([seed, 2]).permutation(pool.defective).tolist()[: len(pool.defective) // 2]
    others = sorted(set(pool.defective) - set(half))
    masked = {"masks": pool.defective, "boxes": [], "boxes, map": []}.get(variant, half)
    boxed = {"boxes": pool.defective, "boxes, map": pool.defective, "half, boxes": others}.get(variant, [])
    data = write_labelled(pool, given.work / "data" / name, [*masked, *boxed])
    leave_boxes(data, boxed)
    flags = ["--from-boxes"] if boxed else []
    if "map" in variant:
        flags += ["--box-map", good_map(given, pool, seed)]
    unlabelled = others if variant == "half, unlabelled" else []
    if unlabelled:
        folder = link_images(pool, unlabelled, given.work / "unlabelled" / str(seed))
        flags = ["--unlabelled", folder, "--teacher", given.work / "runs" / "seg" / f"half-{seed}"]
    run = given.work / "runs" / "seg" / name
    begun = ["--resume", run] if run.is_dir() else [
        data, "--runs", given.work / "runs", "--name", name, "--encoder-weights", given.weights,
        "--device", given.device, "--imgsz", given.imgsz, "--epochs", given.epochs, "--seed", seed, *flags,
    ]  # fmt: skip
    spent = measured("train_seg", "fit", *begun)
    metrics = read_metrics(run / "metrics.json")
    images, maps = metrics.images, metrics.score_maps  # type: ignore[attr-defined]
    row = Row(
        variant, seed, len(masked), len(boxed), len(unlabelled),
        pixel_ap=maps.pixel_ap if maps else None,
        dice=metrics.pixels.defect.dice,  # type: ignore[attr-defined]
        ap_masks=metrics.masks.AP,  # type: ignore[attr-defined]
        missed=images.missed, defective=images.defective, false_alarms=images.false_alarms, good=images.good,
        processor_seconds=round(spent.cpu_s, 1),
    )  # fmt: skip
    stored.parent.mkdir(exist_ok=True)
    write_json(stored, row)
    return row


def good_map(given: argparse.Namespace, pool: Pool, seed: int) -> Path:
    """The run of train_anomaly on the good images in training."""
    run = given.work / "runs" / "anomaly" / f"map-{seed}"
    if not (run / "metrics.json").is_file():
        data = write_labelled(pool, given.work / "data" / f"good-{seed}", [])
        size = ["--imgsz", given.imgsz] if given.quick else []
        begun = ["--resume", run] if run.is_dir() else [
            data, "--runs", given.work / "runs", "--name", run.name, "--encoder-weights", given.map_weights,
            "--device", given.device, "--seed", seed, *size,
        ]  # fmt: skip
        measured("train_anomaly", "fit", *begun)
    return run


def leave_boxes(folder: Path, names: Sequence[str]) -> None:
    """Remove the masks of the images `names` from the split train of a dataset folder."""
    train = load_dataset(folder).split("train")
    ids = {image.id for image in train.images if image.file_name in set(names)}
    annotations = [
        msgspec.structs.replace(a, segmentation=[]) if a.image_id in ids else a for a in train.annotations
    ]
    write_coco(annotation_path(folder, "train"), msgspec.structs.replace(train, annotations=annotations))


def link_images(pool: Pool, names: Sequence[str], folder: Path) -> Path:
    """A folder with hard links of the images `names`."""
    for name in names:
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if not target.exists():
            os.link(pool.images / name, target)
    return folder


def means(rows: Sequence[Row]) -> list[tuple[str, ...]]:
    """The mean of each variant over its seeds, as text."""
    table = []
    for variant in VARIANTS:
        own = [row for row in rows if row.variant == variant]
        cells = []
        for field in ("pixel_ap", "dice", "ap_masks", "missed"):
            values = [getattr(row, field) for row in own if getattr(row, field) is not None]
            cells.append(f"{statistics.fmean(values):.3f}" if values else "-")
        table.append((variant, *cells))
    return table


if __name__ == "__main__":
    main()
