"""The `train_anomaly` command."""

from typing import NoReturn

from system.console import run
from train_anomaly.good_choice import GOOD_IMAGES
from train_anomaly.options import AnomalyOptions
from train_anomaly.predict import predict
from training.commands import trainer_app
from training.flags import Flag
from training.trainer import Learner, Trainer


def _learner() -> Learner[AnomalyOptions]:
    from train_anomaly.learner import AnomalyLearner

    return AnomalyLearner()


def _check(options: AnomalyOptions) -> None:
    from features.common_networks import check_layers
    from features.names import ENCODER_WEIGHTS_REMEDY, check_network, check_weights_file

    check_network(options.encoder, "--encoder")
    check_weights_file(options.encoder_weights, options.encoder, ENCODER_WEIGHTS_REMEDY)
    check_layers(options.encoder, options.layer_names, "--layers")


TRAINER = Trainer(
    task="anomaly",
    summary="Learn what good images look like, from good images alone, and find what differs from them.",
    options=AnomalyOptions,
    learner=_learner,
    check=_check,
    flags={
        "method": Flag("features, padim, ocsvm, autoencoder, gan or deepsvdd."),
        "encoder": Flag("Name of a network of torchvision or timm."),
        "encoder_weights": Flag(
            "imagenet (downloaded), none (random), or a file with a state dict of torchvision or timm."
        ),
        "layers": Flag("Layers of the encoder: strides in pixels, or modules, separated by commas."),
        "stride": Flag("Side of a patch in pixels of the network's input: 4, 8, 16 or 32.", int),
        "alarms": Flag("Share of good images that may raise a false alarm; sets the threshold."),
        "val": Flag(
            "Share of the good images of train and val held out to set the threshold, those of val first; 0 "
            "leaves each out in turn. With --folds also the share of val.",
            float,
            default="0 for features without --synthetic, else 0.2",
        ),
        "epochs": Flag("Passes over the training images, of methods that train (0: the method's own).", int),
        "smoothing": Flag("Standard deviation of the blur of score maps, as a share of the longer side.", float),
        "search": Flag("Compare patches with good ones of the same place, or anywhere."),
        "radius": Flag("With --search place: patches of the neighbourhood that count as the same place.", int),
        "patches": Flag("Good patches to remember: for each place, or with --search anywhere in all.", int),
        "sample": Flag("Choose remembered patches by coreset (greedy), random, or mixed: half of each."),
        "reweight": Flag("Neighbours that weight the distance to the nearest good patch (0: off).", int),
        "layer_weights": Flag("features: factors of the layers, by rising stride, such as 2,1,1,1."),
        "synthetic": Flag("features: defects made on good images, from which to learn what a defect is.", int),
        "synthetic_from": Flag("Dataset whose defects are pasted for a half of --synthetic."),
        "pooled": Flag("ocsvm: learn the mean features of images instead of those of patches.", bool),
        "nu": Flag("ocsvm: upper bound of the share of training samples outside.", float),
        "compare": Flag("autoencoder: compare images with their reconstruction by l2 or ssim."),
        "begin": Flag("deepsvdd: start from pretrained features, or from an autoencoder."),
    },
    predict_flags=("exported",),
    images=GOOD_IMAGES,
)

app = trainer_app(TRAINER, predict)


def main() -> NoReturn:
    """Entry point of the console command."""
    run(app, TRAINER.command)


if __name__ == "__main__":
    main()
