"""The `train_seg` command."""

import math
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from system.console import given, new_app, print_status, run
from train_seg import TASK
from train_seg.options import FitOptions
from training import flags as flag
from training.options import flag_paths

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
    dataset: flag.DatasetPath,
    recipe: flag.Recipe = None,
    encoder: Annotated[str, typer.Option(help="Encoder name of smp.")] = DEFAULT.encoder,
    encoder_weights: Annotated[
        str, typer.Option(help="imagenet (fetched), none (random), or a file with a torchvision state dict.")
    ] = DEFAULT.encoder_weights,
    encoder_depth: Annotated[int, typer.Option(help="Number of halvings, 3 to 5.")] = DEFAULT.encoder_depth,
    epochs: flag.Epochs = DEFAULT.epochs,
    imgsz: flag.Imgsz = DEFAULT.imgsz,
    batch: flag.Batch = DEFAULT.batch,
    device: flag.Device = DEFAULT.device,
    seed: flag.Seed = DEFAULT.seed,
    workers: flag.Workers = DEFAULT.workers,
    name: flag.Name = None,
    runs: flag.Runs = Path("runs"),
    gamma: flag.Gamma = DEFAULT.gamma,
    negatives: flag.Negatives = DEFAULT.negatives,
    paste: flag.Paste = DEFAULT.paste,
    folds: flag.Folds = 0,
    val: flag.Val = 0.0,
    jobs: flag.Jobs = 1,
    monitor: Annotated[
        str, typer.Option(help="What chooses the best epoch on val: dice, iou or loss.")
    ] = DEFAULT.monitor,
    patience: flag.Patience = DEFAULT.patience,
    lr: Annotated[float, typer.Option(help="Highest learning rate.")] = DEFAULT.optimisation.lr,
    precision: flag.Precision = DEFAULT.precision,
    logger: flag.Logger = DEFAULT.logger,
    resume: flag.Resume = None,
) -> None:
    """Train on a dataset folder, choose the best epoch on val, measure it on test."""
    from datasets.formats.dataset_folder import load_dataset
    from evaluate.folds import measure_folds
    from evaluate.tables import print_metrics
    from training.cross_validation import check_fold_flags, cross_validation, folds_of, train_folds
    from training.recipe import asked_options
    from training.resume import check_alone

    if resume:
        check_alone(resume, given(ctx, NEW_RUN))
    options = asked_options(FitOptions, recipe, given(ctx, flag_paths(FitOptions)))
    crossed = cross_validation(resume, TASK)
    check_fold_flags(given(ctx, ("val", "jobs")), crossed=bool(folds or crossed))
    data = load_dataset(dataset)
    from train_seg import fit as trainer
    from train_seg.finish import finish

    if folds:
        crossed = trainer.start_folds(data, options, runs, name, folds, val)
    if crossed:
        train_folds(crossed, ["train_seg", "fit", str(dataset)], jobs)
        print_metrics(measure_folds(crossed, folds_of(crossed), data))
        print_status(f"the run is in {crossed.root}")
        return
    training = trainer.resume(data, resume) if resume else trainer.start(data, options, runs, name)
    trainer.train(training)
    metrics = finish(training)
    if metrics:
        print_metrics(metrics)
    else:
        print_status("test has no image: nothing is measured")
    print_status(f"the run is in {training.run.root}")


@app.command()
def recipe() -> None:
    """Print the recipe with every option, its unit and its reason, to be changed and given to fit --recipe."""
    from training.recipe import shipped_recipe

    typer.echo(shipped_recipe("train_seg"), nl=False)


@app.command()
def predict(
    run_folder: RunPath,
    images: flag.Images,
    out: flag.Out = None,
    min_score: Annotated[
        float | None, typer.Option(help="Leave out predictions below this score [default: as chosen on val].")
    ] = None,
    device: flag.Device = "auto",
    tta: flag.Tta = False,
    tile: Tile = None,
    exported: flag.Exported = None,
) -> None:
    """Find defects in pictures with the best weights of a run, at the size of the pictures."""
    from datasets.images.image_file import find_images
    from evaluate.operating import operating_score
    from system.errors import OptionError
    from training.cross_validation import single_run
    from training.predict import check_predict, dataset_of, give_predictions

    check_predict(out, min_score)
    if tile is not None and tile < 32:
        raise OptionError(f"--tile {tile}", "less than 32 pixels", "give the side of a training picture")
    made = single_run(run_folder, TASK)
    from train_seg.predict import predict_files
    from train_seg.record import BEST
    from train_seg.segmenter import load_segmenter
    from training.device import choose_device

    files = find_images(images)
    segmenter = load_segmenter(made.weights / BEST, choose_device(device), tta=tta, tile=tile, exported=exported)
    least = operating_score(made, segmenter.spec.pixel_threshold) if min_score is None else min_score
    listed, found = predict_files(segmenter, files, dataset_of(made), least)
    give_predictions(out, listed, found, segmenter.spec.categories)


@app.command()
def evaluate(
    run_folder: RunPath,
    split: flag.Split = "test",
    dataset: flag.Dataset = None,
    operating_point: flag.OperatingPoint = "max-f1",
    device: flag.Device = "auto",
    tta: flag.Tta = False,
) -> None:
    """Predict a run's val and test images anew, and measure."""
    from evaluate.folds import measure_folds
    from evaluate.operating import parse_rule
    from evaluate.run_folder import load_run_of
    from evaluate.tables import print_metrics
    from training.cross_validation import folds_of
    from training.run_dataset import open_dataset, run_view

    parse_rule(operating_point)
    made = load_run_of(run_folder, TASK)
    data = open_dataset(made, dataset)
    from train_seg.finish import measure
    from train_seg.record import BEST
    from train_seg.segmenter import load_segmenter
    from training.device import choose_device

    folds = folds_of(made)
    for one in folds or [made]:
        view = run_view(one, data)
        view.split(split)
        segmenter = load_segmenter(one.weights / BEST, choose_device(device), tta=tta)
        metrics = measure(one, view, segmenter, sorted({"val", split}), operating_point)
    if folds:
        metrics = measure_folds(made, folds, data, operating_point=operating_point)
    if metrics:
        print_metrics(metrics)


@app.command()
def export(
    run_folder: RunPath,
    form: flag.Form = "openvino",
    precision: flag.ExportPrecision = "32",
    dataset: flag.Dataset = None,
) -> None:
    """Write the best weights in a form for the line, if it finds the same in up to 8 images of the dataset."""
    from training.cross_validation import single_run
    from training.run_dataset import open_dataset

    made = single_run(run_folder, TASK)
    data = open_dataset(made, dataset)
    from train_seg.export import export_run

    path, parity = export_run(made, data, form, precision)
    boxes = "another number of defects in one of them"
    if parity.boxes < math.inf:
        boxes = f"{parity.boxes:g} pixels at a box"
    print_status(
        f"exported to {path}; on {parity.pictures} images no share differs by more than {parity.share:.1g},"
        f" {parity.mask:.2%} of the found pixels, {boxes}"
    )


def main() -> NoReturn:
    """Entry point of the console command."""
    run(app, "train_seg")


if __name__ == "__main__":
    main()
