"""From several trained runs to one measured run that uses them together."""

from collections.abc import Sequence
from pathlib import Path

from evaluate.metrics import Metrics
from evaluate.run_dataset import open_run_dataset
from evaluate.run_folder import Run, load_run, seeds_of
from system.errors import OptionError
from training.fused_run import Fusion, check_types_by, expand_seeds, new_fused_run
from training.measure import evaluate_run
from training.new_run import removed_on_failure
from training.options import OptionsT
from training.trainer import Trainer


def fuse_runs(
    trainer: Trainer[OptionsT],
    roots: Sequence[Path],
    refine_by: Path | None,
    types_by: Path | None,
    *,
    runs: Path,
    name: str | None,
    dataset: Path | None,
    operating_point: str | None,
    device: str,
    tta: bool,
) -> tuple[Run, Metrics | None]:
    """Make a run of the runs in `roots`, predict val and test with it, and measure.

    The other arguments are those of evaluate_run.
    Its splits and folds are those of the first run, which has to be one of `trainer`. Raises InputError,
    OptionError, WeightsError; no run is left then.
    """
    members = expand_seeds([load_run(root) for root in roots])
    refine = load_run(refine_by) if refine_by else None
    types = load_run(types_by) if types_by else None
    if members[0].task != trainer.task:
        problem = f"a run of train_{members[0].task}"
        raise OptionError(str(roots[0]), problem, f"name one of {trainer.command} first")
    if len(members) == 1 and not (refine or types):
        raise OptionError(str(roots[0]), "a single run", "name at least two, or a run of several seeds")
    if refine and seeds_of(refine):
        raise OptionError(f"--refine-by {refine.root}", "several seeds", "fuse them first, or name one")
    check_types_by(types)
    if types and seeds_of(types):
        raise OptionError(f"--types-by {types.root}", "several seeds", "name one of them")
    trainer.learner().check_fused(members, refine)
    data = open_run_dataset(members[0], dataset)
    run = new_fused_run(trainer.task, Fusion(members, refine, types), data, runs, name or f"{data.name}-fused")
    with removed_on_failure(run):
        metrics = evaluate_run(
            trainer,
            run.root,
            split="test",
            dataset=dataset,
            operating_point=operating_point,
            device=device,
            tta=tta,
        )
    return run, metrics
