"""The `train_cls` command."""

from typing import NoReturn

from system.console import run
from system.errors import OptionError
from train_cls.options import WEIGHTS_REMEDY, ClassifierOptions
from train_cls.oversample import oversample
from train_cls.predict import predict
from training.commands import trainer_app
from training.flags import Flag
from training.trainer import Learner, Trainer


def _learner() -> Learner[ClassifierOptions]:
    from train_cls.learner import ClassifierLearner

    return ClassifierLearner()


def _check(options: ClassifierOptions) -> None:
    from features.common_networks import check_layers
    from features.names import check_network, check_weights_file

    check_network(options.arch, "--arch")
    check_weights_file(options.weights, options.arch, WEIGHTS_REMEDY)
    if options.head == "fitted":
        check_layers(options.arch, options.layer_names, "--layers")


def _check_devices(options: ClassifierOptions) -> None:
    if options.head == "fitted":
        raise OptionError("--devices", "a fitted head is computed in one pass on one device", "leave it out")


TRAINER = Trainer(
    task="cls",
    summary="Train a network that names the type of defect an image shows, measure it, and use it.",
    options=ClassifierOptions,
    learner=_learner,
    check=_check,
    check_devices=_check_devices,
    flags={
        "arch": Flag("Name of a network of torchvision or timm."),
        "weights": Flag(
            "imagenet (downloaded), none (random), or a file with a state dict of torchvision or timm."
        ),
        "freeze": Flag("Train only what the weights lack: the last layer.", bool),
        "head": Flag("trained, or fitted: linear models of the features of a network that stays unchanged."),
        "layers": Flag("With a fitted head: its layers, by stride or name; the last one is pooled."),
        "several": Flag("Images with several types: largest (area decides), refuse, or multi (each by itself)."),
        "balance": Flag("For types with few images: none, weights, sampler, logit-adjust or deepsmote."),
        "mixup": Flag("Mix training images; parameter of the Beta distribution of the shares (0: off).", float),
        "label_smoothing": Flag("Share of each label that is spread over all types.", float),
        "monitor": Flag("The value on val that chooses the best epoch: loss, accuracy or balanced_accuracy."),
    },
    predict_flags=("tta", "exported"),
)

app = trainer_app(TRAINER, predict)
app.command()(oversample)


def main() -> NoReturn:
    """Entry point of the console command."""
    run(app, TRAINER.command)


if __name__ == "__main__":
    main()
