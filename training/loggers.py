"""`--logger`: options and history of a training for TensorBoard, MLflow or W&B, inside the run folder.

history.csv and curves.png are always written; nothing is sent over a network.
"""

import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module
from typing import Any, Protocol

from evaluate.run_folder import Run
from system.errors import OptionError, first_line
from system.links import check_own_folder

PROJECT = "defectline"
Row = Mapping[str, float]


class TrainingLogger(Protocol):
    """One training in one tool."""

    def write(self, row: Row) -> None:
        """Log a row of the history; its `epoch` counts from 1."""

    def close(self, *, complete: bool) -> None:
        """Flush and close; `complete` unless the training was interrupted."""


def check_logger(name: str) -> None:
    """Raise OptionError if the package for `--logger name` is not installed."""
    if name == "none":
        return
    _be_quiet()
    try:
        import_module(name)
    except ImportError as error:
        missing = error.name or name
        remedy = f'install it: pip install "defectline[{name}]"'
        raise OptionError(f"--logger {name}", f"needs the package {missing}", remedy) from None


@contextmanager
def logging_to(name: str, run: Run, options: Mapping[str, object]) -> Iterator[Callable[[Row], None]]:
    """Log `options` once, yield a function that logs a history row, and close at the end.

    Raises OptionError, and InputError if the run links to a place where the tool would write.
    """
    if name == "none":
        yield lambda _: None
        return
    check_logger(name)
    for path in (run.root / name, run.root / f"{name}.db"):
        check_own_folder(path)
    try:
        adapter = LOGGERS[name](run, flat(options))
    except Exception as error:  # noqa: BLE001  the tools raise errors of many types
        reason = first_line(error, 100)
        raise OptionError(f"--logger {name}", f"cannot be started ({reason})", "choose another logger") from None
    complete = False
    try:
        yield adapter.write
        complete = True
    finally:
        adapter.close(complete=complete)


def flat(options: Mapping[str, object], prefix: str = "") -> dict[str, object]:
    """Nested options as one level of paths: `optimisation.lr`."""
    paths: dict[str, object] = {}
    for name, value in options.items():
        paths |= flat(value, f"{prefix}{name}.") if isinstance(value, Mapping) else {prefix + name: value}
    return paths


class TensorBoard:
    """Event files in RUN/tensorboard; read them with `tensorboard --logdir RUN`."""

    def __init__(self, run: Run, options: Mapping[str, object]) -> None:
        from tensorboard.plugins.text.summary_v2 import text_pb
        from tensorboard.summary.writer.event_file_writer import EventFileWriter

        self._writer = EventFileWriter(str(run.root / "tensorboard"))
        rows = "".join(f"| {name} | {value} |\n" for name, value in options.items())
        self._add(0, text_pb("options", f"| option | value |\n|---|---|\n{rows}"))

    def write(self, row: Row) -> None:
        """One scalar for each column."""
        from tensorboard.plugins.scalar.summary_v2 import scalar_pb

        for name, value in values_of(row).items():
            self._add(int(row["epoch"]), scalar_pb(name, value))
        self._writer.flush()

    def close(self, *, complete: bool) -> None:  # noqa: ARG002
        """Close the file."""
        self._writer.close()

    def _add(self, step: int, summary: object) -> None:
        from tensorboard.compat.proto.event_pb2 import Event

        self._writer.add_event(Event(wall_time=time.time(), step=step, summary=summary))


class MLflow:
    """A store in RUN/mlflow.db; read it with `mlflow ui --backend-store-uri sqlite:///RUN/mlflow.db`."""

    def __init__(self, run: Run, options: Mapping[str, object]) -> None:
        mlflow: Any = import_module("mlflow")
        root = run.root.resolve()
        self._client = mlflow.MlflowClient(tracking_uri=f"sqlite:///{root / 'mlflow.db'}")
        known = self._client.get_experiment_by_name(PROJECT)
        if known:  # a resumed training continues the same MLflow run
            self._run = self._client.search_runs([known.experiment_id])[0].info.run_id
            self._client.update_run(self._run, status="RUNNING")
            return
        experiment = self._client.create_experiment(PROJECT, artifact_location=(root / "mlflow").as_uri())
        self._run = self._client.create_run(experiment, run_name=run.root.name).info.run_id
        for name, value in options.items():
            self._client.log_param(self._run, name, value)

    def write(self, row: Row) -> None:
        """One metric for each column."""
        for name, value in values_of(row).items():
            self._client.log_metric(self._run, name, value, step=int(row["epoch"]))

    def close(self, *, complete: bool) -> None:
        """Record how it ended."""
        self._client.set_terminated(self._run, "FINISHED" if complete else "KILLED")


class WeightsAndBiases:
    """An offline run in RUN/wandb; send it with `wandb sync RUN/wandb/offline-run-*`."""

    def __init__(self, run: Run, options: Mapping[str, object]) -> None:
        os.environ.setdefault("WANDB_CACHE_DIR", str(run.root / "wandb" / "cache"))
        wandb: Any = import_module("wandb")
        earlier = sorted((run.root / "wandb").glob("offline-run-*"))  # the same id, so that syncing joins them
        self._run = wandb.init(
            id=earlier[0].name.rpartition("-")[2] if earlier else None,
            project=PROJECT, name=run.root.name, dir=str(run.root), mode="offline", config=dict(options),
            settings=wandb.Settings(console="off", silent=True, disable_git=True, disable_code=True,
                                    x_disable_stats=True, x_disable_meta=True),
        )  # fmt: skip

    def write(self, row: Row) -> None:
        """All columns at once."""
        self._run.log(values_of(row), step=int(row["epoch"]))

    def close(self, *, complete: bool) -> None:
        """Finish the run, as failed where the training was interrupted."""
        self._run.finish(exit_code=0 if complete else 1)


LOGGERS: dict[str, Callable[[Run, Mapping[str, object]], TrainingLogger]] = {
    "tensorboard": TensorBoard,
    "mlflow": MLflow,
    "wandb": WeightsAndBiases,
}


def values_of(row: Row) -> dict[str, float]:
    """The columns of a history row without `epoch`."""
    return {name: float(value) for name, value in row.items() if name != "epoch"}


def _be_quiet() -> None:
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    os.environ.setdefault("MLFLOW_LOGGING_LEVEL", "WARNING")
    os.environ.setdefault("WANDB_ERROR_REPORTING", "false")
