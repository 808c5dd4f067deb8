"""The command of a trainer: fit, recipe, predict, evaluate and export, the same for every trainer."""

import inspect
import os
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from system.cluster_address import check_on
from system.console import given, new_app, print_loading, print_status, print_text, run
from system.errors import OptionError
from system.json_output import report
from training import flags as flag
from training.exported_model import MAX_LOSS
from training.fuse_command import fuse_command
from training.options import OptionsT, flag_paths, option_defaults
from training.predict_command import predict_command, without_flags
from training.trainer import Trainer


def run_trainer(trainer: Trainer[OptionsT]) -> NoReturn:
    """Entry point of a trainer's console command."""
    run(trainer_app(trainer), trainer.command)


def trainer_app(trainer: Trainer[OptionsT], predict: Callable[..., None] | None = None) -> typer.Typer:
    """The command of a trainer as a typer app; `predict` replaces the shared one for predictions other than
    defects."""
    app = new_app(trainer.summary)
    predicting = predict or predict_command(trainer)
    fuse = [fuse_command(trainer)] if trainer.fuses else []
    for command in (_fit(trainer), _recipe(trainer), predicting, _evaluate(trainer), *fuse, _export(trainer)):
        app.command()(command)
    return app


def _fit(trainer: Trainer[OptionsT]) -> Callable[..., None]:
    paths = flag_paths(trainer.options)

    def fit(
        ctx: typer.Context,
        dataset: flag.TrainedDataset = None,
        recipe: flag.Recipe = None,
        name: flag.Name = None,
        runs: flag.Runs = Path("runs"),
        folds: flag.Folds = 0,
        seeds: flag.Seeds = 1,
        val: flag.Val = 0.0,
        jobs: flag.Jobs = 1,
        on: flag.On = None,
        devices: flag.Devices = 1,
        nodes: flag.Nodes = 1,
        trust_weights: flag.TrustWeights = False,
        resume: flag.Resume = None,
        **options: object,  # noqa: ARG001  those that were typed are read off the context
    ) -> None:
        """Train on a dataset folder, choose the best epoch on val, measure it on test."""
        from evaluate.run_folder import load_run_of
        from training.asked_devices import asked_devices
        from training.cross_validation import check_fold_flags, cross_validation
        from training.early_checks import check_dataset, check_new_run, check_shared_options
        from training.recipe import asked_options
        from training.resume import check_alone, check_unfinished, dataset_to_train

        asked_processes = asked_devices(devices, nodes, given(ctx, {"folds", "seeds", "jobs", "on"} - set(paths)))
        if trust_weights:
            os.environ[trainer.trust_variable] = "1"  # inherited by the trainings of folds
        if asked_processes.rank:
            from training.several_devices import follow

            follow(trainer, dataset, asked_processes)
            return
        if resume:
            check_alone(resume, given(ctx, (*paths, "recipe", "name", "runs", "folds", "seeds", "val")))
        asked = asked_options(trainer.options, recipe, given(ctx, paths))
        crossed = cross_validation(resume, trainer.task)
        only_folds = {"val", *(["jobs", "on"] if seeds < 2 else [])} - set(paths)
        check_fold_flags(given(ctx, only_folds), crossed=bool(folds or crossed))
        if not resume:
            check_new_run(name, runs, folds, val or 0.0, seeds)
            check_shared_options(asked)
            trainer.check(asked)
            if asked_processes.count > 1:
                trainer.check_devices(asked)
        if crossed and asked_processes.count > 1:
            raise OptionError(f"--devices {devices}", "the run has several trainings", "leave it out; give --jobs")
        if resume and not crossed:
            check_unfinished(load_run_of(resume, trainer.task))
        data = dataset_to_train(dataset, resume, trainer.task)
        if not resume:
            check_dataset(data, asked, trainer.images, several=folds > 0 or seeds > 1, folds=folds)
        check_on(on)
        print_loading()
        from training import fit as fitting

        if crossed or folds or seeds > 1:
            fitting.fit_several(
                trainer, data, asked, runs, name, crossed, seeds=seeds, folds=folds, val=val or 0, jobs=jobs, on=on
            )
            return
        from training.group_start import other_processes

        command = [trainer.python_module, "fit", str(data.root), "--devices", str(devices)]
        with other_processes(asked_processes, command) as others:
            if resume:
                training = fitting.resume(trainer, data, resume, others)
            else:
                training = fitting.start(trainer, data, asked, runs, name, others)
            fitting.train(training)
        fitting.print_run(training.run.root, fitting.finish(training))

    fit.__signature__ = _fit_signature(trainer, fit)  # type: ignore[attr-defined]
    return fit


def _recipe(trainer: Trainer[OptionsT]) -> Callable[..., None]:
    def recipe() -> None:
        """Print the recipe: every option with its unit and its reason, to be changed and given to fit --recipe."""
        from training.recipe import recipe_of

        recipe_text = recipe_of(trainer)
        report({"recipe": recipe_text})
        print_text(recipe_text)

    return recipe


def _evaluate(trainer: Trainer[OptionsT]) -> Callable[..., None]:
    def evaluate(
        run_folder: flag.RunPath,
        split: flag.Split = "test",
        dataset: flag.Dataset = None,
        operating_point: flag.OperatingPoint = None,
        device: flag.Device = "auto",
        tta: flag.Tta = False,
    ) -> None:
        """Predict a run's val and test images again, and measure."""
        from evaluate.run_dataset import open_run_dataset
        from evaluate.run_folder import load_run_of
        from evaluate.tables import print_metrics
        from training.early_checks import check_device, check_rule, check_split
        from training.exported_model import check_model_file
        from training.several_trainings import check_trained_to_the_end, trainings_of

        check_device(device)
        check_rule(operating_point)
        run = load_run_of(run_folder, trainer.task)
        data = open_run_dataset(run, dataset)
        check_split(run, data, split)
        check_trained_to_the_end(run)
        for one in trainings_of(run):
            check_model_file(one)
        print_loading()
        from training.export_metadata import report_other_thresholds
        from training.measure import evaluate_run

        metrics = evaluate_run(
            trainer, run, data, split=split, operating_point=operating_point, device=device, tta=tta
        )
        report({"run": run_folder, "metrics": metrics})
        if metrics:
            print_metrics(metrics)
        for one in trainings_of(run):
            report_other_thresholds(one)

    return without_flags(evaluate, {"tta"} - set(trainer.predict_flags))


def _export(trainer: Trainer[OptionsT]) -> Callable[..., None]:
    def export(
        run_folder: flag.RunPath,
        export_format: flag.Format = "openvino",
        precision: flag.ExportPrecision = "32",
        max_loss: flag.MaxLoss = MAX_LOSS,
        dataset: flag.Dataset = None,
    ) -> None:
        """Export the best weights for use without PyTorch, if they predict the same on images of the dataset."""
        from evaluate.run_dataset import open_run_dataset
        from training.export import export_run, run_to_export
        from training.exported_model import check_max_loss, check_model_file, check_precision, parse_format

        parsed = parse_format(export_format)
        check_precision(parsed, precision)
        check_max_loss(max_loss)
        run = run_to_export(run_folder, trainer.task)
        data = open_run_dataset(run, dataset)
        check_model_file(run)
        print_loading()
        path, parity = export_run(trainer, run, data, parsed, precision, max_loss)
        report({"file": path, "format": export_format, "parity": parity.describe()})
        print_status(f"exported to {path}; {parity.describe()}")

    return export


def _fit_signature(trainer: Trainer[OptionsT], fit: Callable[..., None]) -> inspect.Signature:
    """The parameters of `fit` with a flag for each option of the trainer that has one, in the order of help."""
    flags = {**flag.OPTION_FLAGS, **trainer.flags}
    defaults = option_defaults(trainer.options)
    fixed = {p.name: p for p in inspect.signature(fit).parameters.values() if p.kind is not p.VAR_KEYWORD}
    if not trainer.trust_variable:
        fixed.pop("trust_weights")
    ours = {name: _parameter(name, flags[name], defaults[name]) for name in flags if name in defaults}
    every = {**fixed, **ours}
    own = [name for name in ours if name not in flag.LAST]
    names = [*flag.FIRST, *own, *(name for name in flag.LAST if name in every)]
    return inspect.Signature([every[name].replace(kind=inspect.Parameter.KEYWORD_ONLY) for name in names])


def _parameter(name: str, one: flag.Flag, default: object) -> inspect.Parameter:
    known = not one.default
    option = typer.Option(help=one.help, show_default=one.default or True)
    return inspect.Parameter(
        name,
        inspect.Parameter.KEYWORD_ONLY,
        default=default if known else None,
        annotation=Annotated[one.value_type if known else one.value_type | None, option],
    )
