"""The options that both trainers have on the command line, said once so that they mean the same."""

from pathlib import Path
from typing import Annotated

import typer

DatasetPath = Annotated[Path, typer.Argument(metavar="DATASET", help="A COCO dataset folder made by convert.")]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda, a number of a CUDA device, or mps.")]
Tta = Annotated[
    bool, typer.Option("--tta", help="Average over the 8 rotations and mirror images: 8 times as slow.")
]
Exported = Annotated[str | None, typer.Option(help="Run what was exported: onnx or openvino.")]
Recipe = Annotated[
    Path | None, typer.Option(metavar="FILE.yaml", help="Take options from here; flags override them.")
]
Epochs = Annotated[int, typer.Option(help="Passes over the training images.")]
Imgsz = Annotated[int, typer.Option(help="Side of the network's square, pixels.")]
Batch = Annotated[int, typer.Option(help="Images in a step.")]
Seed = Annotated[int, typer.Option(help="The same seed on a CPU gives the same metrics.")]
Workers = Annotated[int, typer.Option(help="Processes that augment, 0: none beside.")]
Name = Annotated[str | None, typer.Option(help="Name of the run [default: the dataset's].")]
Runs = Annotated[Path, typer.Option(help="Where runs are kept.")]
Gamma = Annotated[
    float, typer.Option(help="Exponent of pixel values from 0 to 1; below 1 dark parts get more of the range.")
]
Negatives = Annotated[
    str, typer.Option(help="Good images in training: all, a count, or a ratio to the defective ones.")
]
Paste = Annotated[
    int, typer.Option(help="Training images made by pasting defects onto good images, for each fold its own.")
]
Folds = Annotated[int, typer.Option(help="Cross-validate: so many trainings, each image tested once. 0: no.")]
Val = Annotated[float, typer.Option(help="With --folds: share of val; 0 trains on all and takes the last epoch.")]
Jobs = Annotated[int, typer.Option(help="With --folds: how many are trained side by side.")]
Patience = Annotated[int, typer.Option(help="End after so many epochs without a better one, 0: never.")]
Precision = Annotated[str, typer.Option(help="32, bf16, or auto: bf16 where the device has it.")]
Logger = Annotated[
    str, typer.Option(help="Log the history for tensorboard, mlflow or wandb (offline) too, or none.")
]
Resume = Annotated[Path | None, typer.Option(metavar="RUN", help="Continue this run, with its own options.")]
Images = Annotated[list[Path], typer.Argument(metavar="IMAGES...", help="Pictures, or folders with pictures.")]
Out = Annotated[
    Path | None, typer.Option(metavar="FILE.json", help="COCO results; FILE.images.json gets ids and names.")
]
Split = Annotated[str, typer.Option(help="Which split to predict anew besides val.")]
Dataset = Annotated[Path | None, typer.Option(help="Where the dataset is now, if it was moved.")]
OperatingPoint = Annotated[str, typer.Option(help="max-f1, miss<=X or alarms<=Y, chosen on val.")]
Form = Annotated[str, typer.Option("--format", help="onnx or openvino.")]
ExportPrecision = Annotated[
    str, typer.Option("--precision", help="32, or bf16 (OpenVINO): faster where the CPU has bfloat16, less exact.")
]
