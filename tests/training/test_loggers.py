"""Loggers: options once, one entry a column and epoch, all below the run folder; what is missing is named."""

import importlib
import sys
from contextlib import suppress
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any, ClassVar

import pytest

from evaluate.run_folder import Run
from system.errors import OptionError
from training.loggers import check_logger, flat, logging_to

OPTIONS = {"epochs": 2, "optimisation": {"lr": 0.5}}
ROWS = [{"epoch": 1.0, "loss": 0.5, "AP": 0.25}, {"epoch": 2.0, "loss": 0.25, "AP": 0.75}]


def files_below(folder: Path) -> set[str]:
    return {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()}


def log(name: str, root: Path, rows: list[dict[str, float]], *, stop: bool = False) -> None:
    with suppress(KeyboardInterrupt), logging_to(name, Run(root, "det"), OPTIONS) as write:
        for row in rows:
            write(row)
        if stop:
            raise KeyboardInterrupt


def test_blocks_of_options_become_paths() -> None:
    assert flat(OPTIONS) == {"epochs": 2, "optimisation.lr": 0.5}


def test_none_writes_nothing(tmp_path: Path) -> None:
    log("none", tmp_path, ROWS)
    assert not files_below(tmp_path)


def test_tensorboard_reads_what_was_logged(tmp_path: Path) -> None:
    reason = "tensorboard is not installed, so its files are not tested"
    reader = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator", reason=reason)
    make_ndarray = importlib.import_module("tensorboard.util.tensor_util").make_ndarray
    log("tensorboard", tmp_path, ROWS[:1], stop=True)
    log("tensorboard", tmp_path, ROWS[1:])  # resumed: a second file in the same folder
    assert all(name.startswith("tensorboard/events.") for name in files_below(tmp_path))
    events = reader.EventAccumulator(str(tmp_path / "tensorboard"))
    events.Reload()
    seen = {
        tag: [(e.step, float(make_ndarray(e.tensor_proto))) for e in events.Tensors(tag)] for tag in ("loss", "AP")
    }
    assert seen == {"loss": [(1, 0.5), (2, 0.25)], "AP": [(1, 0.25), (2, 0.75)]}
    assert b"| optimisation.lr | 0.5 |" in make_ndarray(events.Tensors("options")[0].tensor_proto).item()


class FakeClient:
    """Remembers what MLflow's client was told, by the address of its store."""

    stores: ClassVar[dict[str, list[tuple[Any, ...]]]] = {}

    def __init__(self, tracking_uri: str) -> None:
        self.told = self.stores.setdefault(tracking_uri, [])

    def get_experiment_by_name(self, _name: str) -> object:
        return SimpleNamespace(experiment_id="7") if self.told else None

    def create_experiment(self, name: str, artifact_location: str) -> str:
        self.told.append(("experiment", name, artifact_location))
        return "7"

    def create_run(self, experiment: str, run_name: str) -> object:
        self.told.append(("run", experiment, run_name))
        return SimpleNamespace(info=SimpleNamespace(run_id="r1"))

    def search_runs(self, _experiments: list[str]) -> list[object]:
        return [SimpleNamespace(info=SimpleNamespace(run_id="r1"))]

    def update_run(self, run: str, status: str) -> None:
        self.told.append((run, status))

    def log_param(self, run: str, name: str, value: object) -> None:
        self.told.append((run, name, value))

    def log_metric(self, run: str, name: str, value: float, step: int) -> None:
        self.told.append((run, name, value, step))

    def set_terminated(self, run: str, status: str) -> None:
        self.told.append((run, status))


@pytest.fixture
def fake_mlflow(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[tuple[Any, ...]]]:
    module = ModuleType("mlflow")
    module.MlflowClient = FakeClient  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "mlflow", module)
    FakeClient.stores.clear()
    return FakeClient.stores


def test_mlflow_is_told_the_options_once_and_goes_on_after_a_stop(
    tmp_path: Path, fake_mlflow: dict[str, list[tuple[Any, ...]]]
) -> None:
    log("mlflow", tmp_path, ROWS[:1], stop=True)
    log("mlflow", tmp_path, ROWS[1:])
    assert fake_mlflow == {
        f"sqlite:///{tmp_path / 'mlflow.db'}": [
            ("experiment", "defectline", (tmp_path / "mlflow").as_uri()), ("run", "7", tmp_path.name),
            ("r1", "epochs", 2), ("r1", "optimisation.lr", 0.5),
            ("r1", "loss", 0.5, 1), ("r1", "AP", 0.25, 1), ("r1", "KILLED"),
            ("r1", "RUNNING"), ("r1", "loss", 0.25, 2), ("r1", "AP", 0.75, 2), ("r1", "FINISHED"),
        ]
    }  # fmt: skip


def test_wandb_runs_offline_below_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[Any] = []

    class FakeRun:
        def log(self, values: dict[str, float], step: int) -> None:
            told.append((values, step))

        def finish(self, exit_code: int) -> None:
            told.append(exit_code)

    def init(**settings: Any) -> FakeRun:
        told.append(settings)
        return FakeRun()

    module = ModuleType("wandb")
    module.init, module.Settings = init, lambda **_: None  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "wandb", module)
    log("wandb", tmp_path, ROWS, stop=True)
    assert told[0]["mode"] == "offline"
    assert told[0]["dir"] == str(tmp_path)
    assert told[0]["config"] == {"epochs": 2, "optimisation.lr": 0.5}
    assert told[1:] == [({"loss": 0.5, "AP": 0.25}, 1), ({"loss": 0.25, "AP": 0.75}, 2), 1]


@pytest.mark.parametrize("name", ["tensorboard", "mlflow", "wandb"])
def test_a_missing_package_is_named_with_the_way_to_get_it(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(OptionError) as error:
        check_logger(name)
    assert str(error.value) == (
        f'--logger {name}: needs the package {name}; install it: pip install "defectline[{name}]"'
    )


def test_a_tool_that_does_not_start_ends_in_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    module = ModuleType("wandb")
    monkeypatch.setitem(sys.modules, "wandb", module)
    with pytest.raises(OptionError, match=r"^--logger wandb: cannot be started \(module 'wandb' has no attribute"):
        log("wandb", tmp_path, ROWS)
