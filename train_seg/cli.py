"""The `train_seg` command."""

from typing import NoReturn

from system.console import run
from train_seg.names import check_options
from train_seg.options import SegmenterOptions
from training.commands import trainer_app
from training.flags import Flag
from training.trainer import Learner, Trainer


def _learner() -> Learner[SegmenterOptions]:
    from train_seg.learner import SegmenterLearner

    return SegmenterLearner()


TRAINER = Trainer(
    task="seg",
    summary="Train a network that finds the pixels of defects, measure it, and use it.",
    options=SegmenterOptions,
    learner=_learner,
    check=check_options,
    check_devices=lambda _options: None,
    flags={
        "epochs": Flag("Passes over the training images (0: 40, or more for few images).", int),
        "arch": Flag("unet, unet++, fpn, deeplabv3+ or segformer."),
        "encoder": Flag("Encoder of segmentation-models-pytorch, or tu- and a network of timm."),
        "encoder_weights": Flag(
            "imagenet (downloaded), none (random), or a state dict file of torchvision, timm or smp."
        ),
        "encoder_depth": Flag("Number of halvings, 3 to 5.", int),
        "from_boxes": Flag("Estimate the masks of annotations that have a box only.", bool),
        "box_map": Flag("With --from-boxes: run of train_anomaly, method features, whose map gives the masks."),
        "monitor": Flag("The value on val that chooses the best epoch: dice, iou or loss."),
        "unlabelled": Flag("Folder of images without labels, which --teacher labels; they are trained on too."),
        "teacher": Flag("With --unlabelled: a run of this trainer, for --folds with the same folds."),
        "unlabelled_score": Flag("Score from which a prediction of the teacher is a label.", float),
        "good_map": Flag("Run of train_anomaly, method features: its map is a further input channel."),
        "good_map_drop": Flag("Share of the training images without this channel.", float),
    },
    predict_flags=("tta", "tile", "exported"),
    fuses=True,
)

app = trainer_app(TRAINER)


def main() -> NoReturn:
    """Entry point of the console command."""
    run(app, TRAINER.command)


if __name__ == "__main__":
    main()
