"""The command `fuse` of a trainer: several trained runs as one."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from training import flags as flag
from training.options import OptionsT
from training.trainer import Trainer

RunsToFuse = Annotated[
    list[Path],
    typer.Argument(metavar="RUN...", help="Run folders; of a run of several seeds, each seed is one."),
]
RefineBy = Annotated[
    Path | None,
    typer.Option(metavar="RUN", help="A run of train_seg whose masks correct the boxes, of train_det only."),
]
TypesBy = Annotated[
    Path | None,
    typer.Option(metavar="RUN", help="A run of train_cls whose probabilities of an image correct the types."),
]
FusedName = Annotated[str | None, typer.Option(help="Name of the fused run [default: DATASET-fused].")]


def fuse_command(trainer: Trainer[OptionsT]) -> Callable[..., None]:
    """The command for `trainer`."""

    def fuse(
        run_folders: RunsToFuse,
        refine_by: RefineBy = None,
        types_by: TypesBy = None,
        name: FusedName = None,
        runs: flag.Runs = Path("runs"),
        dataset: flag.Dataset = None,
        operating_point: flag.OperatingPoint = None,
        device: flag.Device = "auto",
        tta: flag.Tta = False,
    ) -> None:
        """Use several runs as one, and measure it: a run whose predictions are fused from theirs."""
        from evaluate.run_dataset import open_run_dataset
        from system.console import print_loading
        from training.early_checks import check_device, check_new_run, check_rule
        from training.fused_run import asked_fusion

        check_device(device)
        check_rule(operating_point)
        check_new_run(name, runs, 0, 0.0)
        fusion = asked_fusion(trainer.task, run_folders, refine_by, types_by)
        data = open_run_dataset(fusion.members[0], dataset)
        print_loading()
        from training.fuse import fuse_runs

        run, metrics = fuse_runs(
            trainer, fusion, data, runs=runs, name=name, operating_point=operating_point, device=device, tta=tta
        )
        from training.fit import print_run

        print_run(run.root, metrics)

    return fuse
