"""`train_cls predict`: the type of each image with its probability."""

from pathlib import Path
from typing import Annotated

import typer

from system.cluster_address import check_on
from system.on_cluster import On
from system.stored_path import FILE
from training import flags as flag

Csv = Annotated[Path | None, typer.Option("--csv", metavar="FILE.csv", help="The types as a table.")]
Abstain = Annotated[
    float | None, typer.Option(metavar="P", help="Name no type where the highest probability is below P.")
]
Out = Annotated[
    Path | None,
    typer.Option(
        click_type=FILE,
        metavar="FILE.json",
        help="COCO results; FILE.types.json gets the types, FILE.images.json ids and names.",
    ),
]


def predict(
    run_folder: flag.RunPath,
    images: flag.Images = None,
    watch: flag.Watch = None,
    out: Out = None,
    csv: Csv = None,
    abstain: Abstain = None,
    min_score: flag.MinScore = None,
    device: flag.Device = "auto",
    tta: flag.Tta = False,
    exported: flag.Exported = None,
    maps: flag.Maps = None,
    on: On = None,
) -> None:
    """Name the type of each image, or good, with the best weights of a run."""
    from datasets.formats.coco_file import write_predictions
    from evaluate.operating import operating_score
    from evaluate.run_folder import read_split
    from system.console import print_loading, print_table
    from system.json_output import report
    from train_cls.typed_files import (
        check_flags,
        found_types,
        type_rows,
        typed_files,
        write_types_csv,
        write_types_json,
    )
    from training.cross_validation import single_run
    from training.early_checks import check_device
    from training.exported_model import check_model_file, parse_format
    from training.image_names import asked_images
    from training.predict import check_predict, dataset_of, write_image_list

    check_predict(out, min_score, maps)
    check_flags(csv, abstain)
    parsed = parse_format(exported, "--exported") if exported else None
    check_device(device)
    run = single_run(run_folder, "cls")
    files = asked_images(run, images, watch, out, {"--maps": maps, "--csv": csv, "--abstain": abstain, "--on": on})
    check_model_file(run, parsed)
    check_on(on)
    print_loading()
    from train_cls.learner import ClassifierLearner
    from training.cluster_predict import predicting_on
    from training.device import choose_device
    from training.measure import predict_files
    from training.run_identity import run_identity
    from training.trainer import PredictOptions
    from training.watch import watch_folder

    options = PredictOptions(tta=tta, exported=parsed)
    predictor = ClassifierLearner().load(run, choose_device(device), options)
    limit = operating_score(run, predictor.default_score) if min_score is None else min_score
    intensities = read_split(run).intensities
    if watch and out:
        watch_folder(predictor, watch, out, limit, intensities, model=run_identity(run))
        return
    with predicting_on(on, run, device, options) as remote:
        listed, predictions = predict_files(predictor, files, dataset_of(run), 0.0, intensities, maps, remote)
    several = run.provides.several_types
    typed = typed_files(listed, predictions, predictor.categories, abstain, several=several)
    if out:
        write_image_list(out, listed)
        write_types_json(out.with_suffix(".types.json"), typed)
        write_predictions(out, found_types(predictions, limit, run.provides, every=min_score is not None))
    if csv:
        write_types_csv(csv, typed)
    report({"images": typed, "file": out})
    print_table("Types", ("image", "type", "probability"), list(type_rows(typed)))
