"""The `train_det` command."""

from pathlib import Path
from typing import NoReturn

from system.console import run
from system.errors import OptionError
from train_det.options import DetectorOptions
from train_det.published import check_options
from training.commands import trainer_app
from training.flags import Flag
from training.trainer import Learner, Trainer


def _learner() -> Learner[DetectorOptions]:
    from train_det.learner import DetectorLearner

    return DetectorLearner()


def _check_devices(options: DetectorOptions) -> None:
    if "rtdetr" in (options.family, Path(options.weights).name[:6]):
        problem = "RT-DETR draws noise for the whole batch, on one device"
        raise OptionError("--devices", problem, "leave it out, or give --weights of a YOLO")


TRAINER = Trainer(
    task="det",
    summary="Train a YOLO or RT-DETR that finds the boxes of defects, measure it, and use it.",
    options=DetectorOptions,
    learner=_learner,
    check=check_options,
    check_devices=_check_devices,
    flags={
        "epochs": Flag("Passes over the training images (0: 60, or more for few images).", int),
        "weights": Flag(
            "A name of Ultralytics (yolo11n.pt, yolo11n-seg.pt, rtdetr-l.yaml), a file, or none (random)."
        ),
        "monitor": Flag("The value on val that chooses the best epoch: AP, AP50, AP75, loss or last."),
        "unlabelled": Flag("Folder of images without labels, which --teacher labels; they are trained on too."),
        "teacher": Flag("With --unlabelled: a run of this trainer, for --folds with the same folds."),
        "unlabelled_score": Flag("Score from which a prediction of the teacher is a label.", float),
        "good_map": Flag("Run of train_anomaly, method features: its map is a further input channel."),
        "good_map_drop": Flag("Share of the training images without this channel.", float),
        "lr": Flag("Highest learning rate.", float, default="to suit the weights"),
    },
    predict_flags=("tta", "tile", "exported"),
    fuses=True,
    trust_variable="DEFECTLINE_TRUST_WEIGHTS",
)

app = trainer_app(TRAINER)


def main() -> NoReturn:
    """Entry point of the console command."""
    run(app, TRAINER.command)


if __name__ == "__main__":
    main()
