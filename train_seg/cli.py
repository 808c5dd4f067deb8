"""The `train_seg` command."""

from pathlib import Path
from typing import Annotated, NoReturn

import typer

from datasets.console import given, new_app, progress, run, say
from datasets.options import flag_paths
from datasets.trainer_flags import (
    Batch,
    Dataset,
    DatasetPath,
    Device,
    Epochs,
    Exported,
    Folds,
    Form,
    Gamma,
    Images,
    Imgsz,
    Jobs,
    Logger,
    Name,
    Negatives,
    OperatingPoint,
    Out,
    Paste,
    Patience,
    Precision,
    Recipe,
    Resume,
    Runs,
    Seed,
    Split,
    Tta,
    Val,
    Workers,
)
from train_seg.options import FitOptions

app = new_app("Train a U-Net that finds the pixels of defects, measure it, and use it.")
DEFAULT = FitOptions()
NEW_RUN = (*flag_paths(FitOptions), "recipe", "name", "runs", "folds", "val")

RunPath = Annotated[Path, typer.Argument(metavar="RUN", help="A run folder made by train_seg fit.")]
Tile = Annotated[
    int | None,
    typer.Option(help="Look at squares of so many pixels, for pictures much larger than those of the training."),
]


@app.command()
def fit(
    ctx: typer.Context,
    dataset: DatasetPath,
    recipe: Recipe = None,
    encoder: Annotated[str, typer.Option(help="Encoder name of smp.")] = DEFAULT.encoder,
    encoder_weights: Annotated[
        str, typer.Option(help="imagenet (fetched), none (random), or a file with a torchvision state dict.")
    ] = DEFAULT.encoder_weights,
    encoder_depth: Annotated[int, typer.Option(help="Number of halvings, 3 to 5.")] = DEFAULT.encoder_depth,
    epochs: Epochs = DEFAULT.epochs,
    imgsz: Imgsz = DEFAULT.imgsz,
    batch: Batch = DEFAULT.batch,
    device: Device = DEFAULT.device,
    seed: Seed = DEFAULT.seed,
    workers: Workers = DEFAULT.workers,
    name: Name = None,
    runs: Runs = Path("runs"),
    gamma: Gamma = DEFAULT.gamma,
    negatives: Negatives = DEFAULT.negatives,
    paste: Paste = DEFAULT.paste,
    folds: Folds = 0,
    val: Val = 0.0,
    jobs: Jobs = 1,
    monitor: Annotated[
        str, typer.Option(help="What chooses the best epoch on val: dice, iou or loss.")
    ] = DEFAULT.monitor,
    patience: Patience = DEFAULT.patience,
    lr: Annotated[float, typer.Option(help="Highest learning rate.")] = DEFAULT.optimisation.lr,
    precision: Precision = DEFAULT.precision,
    logger: Logger = DEFAULT.logger,
    resume: Resume = None,
) -> None:
    """Train on a dataset folder, choose the best epoch on val, measure it on test."""
    from datasets.crossval import cross_validation, folds_of, train_folds
    from datasets.folder import load_dataset
    from datasets.recipe import asked_options
    from datasets.resume import check_alone
    from evaluate.folds import measure_folds
    from evaluate.tables import print_metrics

    if resume:
        check_alone(resume, given(ctx, NEW_RUN))
    options = asked_options(FitOptions, recipe, given(ctx, flag_paths(FitOptions)))
    data = load_dataset(dataset)
    from train_seg import fit as trainer
    from train_seg.finish import finish

    crossed = cross_validation(resume)
    if folds:
        crossed = trainer.start_folds(data, options, runs, name, folds, val, progress)
    if crossed:
        train_folds(crossed, ["train_seg", "fit", str(dataset)], jobs)
        print_metrics(measure_folds(crossed, folds_of(crossed), data))
        say(f"the run is in {crossed.root}")
        return
    if resume:
        training = trainer.resume(data, resume, progress, say)
    else:
        training = trainer.start(data, options, runs, name, progress, say)
    if lack := trainer.cannot_choose(training):
        say(f"val has no {lack}: the last epoch is taken for the best")
    made = trainer.train(training, say)
    metrics = finish(made, data, training.device, progress)
    if metrics:
        print_metrics(metrics)
    else:
        say("test has no image: nothing is measured")
    say(f"the run is in {made.root}")


@app.command()
def recipe() -> None:
    """Print the recipe with every option, its unit and its reason, to be changed and given to fit --recipe."""
    from datasets.recipe import shipped_recipe

    typer.echo(shipped_recipe("train_seg"), nl=False)


@app.command()
def predict(
    run_folder: RunPath,
    images: Images,
    out: Out = None,
    min_score: Annotated[
        float | None, typer.Option(help="Leave out predictions below this score [default: the pixel threshold].")
    ] = None,
    device: Device = "auto",
    tta: Tta = False,
    tile: Tile = None,
    exported: Exported = None,
) -> None:
    """Find defects in pictures with the best weights of a run, at the size of the pictures."""
    from datasets.crossval import single_run
    from datasets.errors import OptionError
    from datasets.pictures import list_pictures
    from datasets.predicted import check_predict, dataset_of, give_predictions

    check_predict(out, min_score)
    if tile is not None and tile < 32:
        raise OptionError(f"--tile {tile}", "less than 32 pixels", "give the side of a training picture")
    made = single_run(run_folder)
    from train_seg.device import choose_device
    from train_seg.predict import predict_files
    from train_seg.record import BEST
    from train_seg.segmenter import load_segmenter

    files = list_pictures(images)
    segmenter = load_segmenter(made.weights / BEST, choose_device(device), tta=tta, tile=tile, exported=exported)
    least = segmenter.spec.pixel_threshold if min_score is None else min_score
    listed, found = predict_files(segmenter, files, dataset_of(made), least, progress)
    give_predictions(out, listed, found, segmenter.spec.categories)


@app.command()
def evaluate(
    run_folder: RunPath,
    split: Split = "test",
    dataset: Dataset = None,
    operating_point: OperatingPoint = "max-f1",
    device: Device = "auto",
    tta: Tta = False,
) -> None:
    """Predict a run's val and test images anew, and measure."""
    from datasets.crossval import folds_of
    from datasets.folder import load_dataset
    from datasets.run_view import run_view
    from datasets.runs import load_run, read_config
    from evaluate.folds import measure_folds
    from evaluate.tables import print_metrics

    made = load_run(run_folder)
    data = load_dataset(dataset or Path(read_config(made.root).dataset))
    from train_seg.device import choose_device
    from train_seg.finish import measure
    from train_seg.record import BEST
    from train_seg.segmenter import load_segmenter

    folds = folds_of(made)
    for one in folds or [made]:
        view = run_view(one, data)
        view.split(split)
        segmenter = load_segmenter(one.weights / BEST, choose_device(device), tta=tta)
        metrics = measure(one, view, segmenter, sorted({"val", split}), progress, operating_point)
    if folds:
        metrics = measure_folds(made, folds, data, operating_point=operating_point)
    if metrics:
        print_metrics(metrics)


@app.command()
def export(
    run_folder: RunPath,
    form: Form = "openvino",
    dataset: Dataset = None,
) -> None:
    """Write the best weights in a form for the line, if it finds the same in up to 8 images of val or test."""
    from datasets.crossval import single_run
    from datasets.folder import load_dataset
    from datasets.runs import read_config

    made = single_run(run_folder)
    data = load_dataset(dataset or Path(read_config(made.root).dataset))
    from train_seg.data import read_picture
    from train_seg.export import export_model
    from train_seg.finish import split_truth
    from train_seg.record import BEST

    images = [image for split in ("val", "test", "train") for image in split_truth(made, data, split).images]
    path, parity = export_model(made.weights / BEST, form, [read_picture(data, image) for image in images[:8]])
    say(
        f"exported to {path}; on {parity.pictures} images no share differs by more than {parity.share:.1g},"
        f" {parity.mask:.2%} of the found pixels and {parity.boxes:g} pixels at a box"
    )


def main() -> NoReturn:
    """Entry point of the console command."""
    run(app, "train_seg")


if __name__ == "__main__":
    main()
