"""The command-line flags that all trainers share, stated once so that they mean the same everywhere."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from system.stored_path import ADDED, FILE, READ, UPDATED


class Flag(msgspec.Struct, frozen=True):
    """A flag of `fit` that sets one option of the training: its help text and the type of its value.

    The option's own default is shown, or, if that is not a `value_type`, the words `default`.
    """

    help: str
    value_type: type[object] = str
    default: str = ""


OPTION_FLAGS: Mapping[str, Flag] = {
    "epochs": Flag("Passes over the training images.", int),
    "imgsz": Flag("Side of the network's square, in pixels.", int),
    "batch": Flag("Images in a training step.", int),
    "device": Flag("auto, cpu, cuda, a number of a CUDA device, or mps."),
    "seed": Flag("The same seed gives the same metrics on a CPU.", int),
    "workers": Flag("Data-loading worker processes (0: main process only).", int),
    "gamma": Flag("Exponent of pixel values from 0 to 1; below 1, dark parts get more of the range.", float),
    "tile": Flag("Train on crops of this many pixels, and predict on such squares (0: whole images).", int),
    "negatives": Flag("Good images in training: all, a count, or a ratio to the defective ones."),
    "paste": Flag("Extra training images, made by pasting defects onto good images (each fold its own).", int),
    "monitor": Flag("The value on val that chooses the best epoch."),
    "patience": Flag("End after this many epochs without a better one (0: never).", int),
    "lr": Flag("Highest learning rate.", float),
    "precision": Flag("32, bf16, or auto: bf16 where the device supports it."),
    "logger": Flag("Also log the history for tensorboard, mlflow or wandb (offline), or none."),
}

# The order in which `fit --help` lists its flags; a trainer's own flags come after --recipe.
FIRST = ("ctx", "dataset", "recipe")
LAST = (
    "epochs", "imgsz", "batch", "device", "seed", "workers", "name", "runs", "gamma", "tile", "negatives", "paste",
    "folds", "seeds", "val", "jobs", "on", "devices", "nodes", "monitor", "patience", "lr", "precision", "logger",
    "trust_weights", "resume",
)  # fmt: skip

DatasetPath = Annotated[
    Path, typer.Argument(click_type=READ, metavar="DATASET", help="A COCO dataset folder made by convert.")
]
TrainedDataset = Annotated[
    Path | None,
    typer.Argument(
        click_type=READ,
        metavar="DATASET",
        help="A COCO dataset folder made by convert. With --resume, the run's own if left out.",
        show_default=False,
    ),
]
Recipe = Annotated[
    Path | None, typer.Option(metavar="FILE.yaml", help="Take options from this file; flags override them.")
]
Name = Annotated[str | None, typer.Option(help="Name of the run [default: the dataset's].")]
Runs = Annotated[Path, typer.Option(click_type=ADDED, help="Folder for all runs.")]
Folds = Annotated[int, typer.Option(help="Number of cross-validation folds (0: off).")]
Val = Annotated[
    float, typer.Option(help="With --folds: share of val; 0 trains on all images and takes the last epoch.")
]
Seeds = Annotated[
    int, typer.Option(help="Number of trainings, with the seeds SEED, SEED + 1 and so on, measured together.")
]
Jobs = Annotated[
    int, typer.Option(help="With --folds or --seeds: trainings at the same time, at most 4 per processor.")
]
On = Annotated[
    str | None,
    typer.Option(
        metavar="dask://HOST:PORT", help="With --folds or --seeds: train on a Dask cluster (docs/cluster.md)."
    ),
]
Devices = Annotated[
    int, typer.Option(metavar="N", help="Train on N devices of this machine: GPUs, or processes on a CPU.")
]
Nodes = Annotated[
    int, typer.Option(metavar="M", help="Machines with N devices each; torchrun starts the command on each.")
]
Resume = Annotated[
    Path | None, typer.Option(click_type=UPDATED, metavar="RUN", help="Continue this run, with its own options.")
]

TrustWeights = Annotated[
    bool,
    typer.Option("--trust-weights", help="Load --weights of unknown classes too; such a file can run any code."),
]

RunPath = Annotated[Path, typer.Argument(click_type=UPDATED, metavar="RUN", help="A run folder made by fit.")]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda, a number of a CUDA device, or mps.")]
Tta = Annotated[
    bool, typer.Option("--tta", help="Average over the 8 rotations and mirror images: 8 times as slow.")
]
Tile = Annotated[
    int | None,
    typer.Option(
        help="Predict squares of this many pixels, for images much larger than those of the training "
        "[default: those of fit --tile]."
    ),
]
Exported = Annotated[str | None, typer.Option(help="Use the exported model: onnx or openvino.")]
MinScore = Annotated[
    float | None, typer.Option(help="Leave out predictions below this score [default: the run's operating point].")
]
Images = Annotated[
    list[Path] | None,
    typer.Argument(
        click_type=READ,
        metavar="IMAGES...",
        help="Images, or folders with images; - reads names from standard input.",
    ),
]
Watch = Annotated[
    Path | None,
    typer.Option(
        metavar="DIR",
        help="Instead of IMAGES: predict the images in this folder, and those that come, each once, into "
        "--out FILE.jsonl, until Ctrl-C.",
    ),
]
Out = Annotated[
    Path | None,
    typer.Option(click_type=FILE, metavar="FILE.json", help="COCO results; FILE.images.json gets ids and names."),
]
Maps = Annotated[
    Path | None,
    typer.Option(metavar="DIR", help="Also write a small map of each image into this folder; slower."),
]
Split = Annotated[str, typer.Option(help="The split to predict again in addition to val.")]
Dataset = Annotated[Path | None, typer.Option(click_type=READ, help="Where the dataset is now, if it was moved.")]
OperatingPoint = Annotated[
    str | None,
    typer.Option(
        help="max-f1, miss<=X or alarms<=Y, chosen on val (followed by /type: a threshold of each type), or good: "
        "the model's own, from good images [default: max-f1; of train_anomaly good]."
    ),
]
Format = Annotated[str, typer.Option("--format", help="onnx or openvino.")]
ExportPrecision = Annotated[
    str,
    typer.Option(
        "--precision", help="32, bf16 or int8 (both OpenVINO): faster, less exact; int8 needs the package nncf."
    ),
]
MaxLoss = Annotated[
    float,
    typer.Option(
        help="With bf16 or int8: the most that AP, Dice, accuracy or AUROC may lose on val and test; no more "
        "images may be missed."
    ),
]
