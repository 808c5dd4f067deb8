"""Loggers: options once, one entry a column and epoch, all below the run folder; what is missing is named."""

import importlib
import json
import struct
import sys
from contextlib import suppress
from pathlib import Path
from types import ModuleType
from typing import Any

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


def test_mlflow_reads_what_was_logged(tmp_path: Path) -> None:
    mlflow = pytest.importorskip("mlflow", reason="mlflow is not installed, so its store is not tested")
    client = mlflow.MlflowClient(tracking_uri=f"sqlite:///{tmp_path / 'mlflow.db'}")
    log("mlflow", tmp_path, ROWS[:1], stop=True)
    experiment = client.get_experiment_by_name("defectline")
    (interrupted,) = client.search_runs([experiment.experiment_id])
    assert interrupted.info.status == "KILLED"
    log("mlflow", tmp_path, ROWS[1:])  # resumed: the same run continues
    (run,) = client.search_runs([experiment.experiment_id])
    assert run.info.run_id == interrupted.info.run_id
    assert (run.info.status, run.info.run_name) == ("FINISHED", tmp_path.name)
    assert run.data.params == {"epochs": "2", "optimisation.lr": "0.5"}
    seen = {
        name: [(m.step, m.value) for m in client.get_metric_history(run.info.run_id, name)]
        for name in ("loss", "AP")
    }
    assert seen == {"loss": [(1, 0.5), (2, 0.25)], "AP": [(1, 0.25), (2, 0.75)]}
    assert all(name.startswith("mlflow") for name in files_below(tmp_path))


def wandb_records(folder: Path) -> list[Any]:
    """The records that W&B wrote to its one offline run in `folder`, in order.

    The file is a LevelDB log after 7 bytes: blocks of 32 KiB with records of checksum, length and type; records of
    types 1 to 4 are whole, first, middle and last parts.
    """
    record_type = importlib.import_module("wandb.proto.wandb_internal_pb2").Record
    (path,) = folder.glob("*.wandb")
    data, at, parts, records = path.read_bytes(), 7, b"", []
    while at + 7 <= len(data):
        if 32768 - at % 32768 < 7:  # no room for a header: padding
            at += 32768 - at % 32768
            continue
        _, length, kind = struct.unpack("<IHB", data[at : at + 7])
        parts += data[at + 7 : at + 7 + length]
        at += 7 + length
        if kind in {1, 4}:
            records.append(record_type.FromString(parts))
            parts = b""
    return records


def test_wandb_runs_offline_below_the_run(tmp_path: Path) -> None:
    pytest.importorskip("wandb", reason="wandb is not installed, so its offline runs are not tested")
    log("wandb", tmp_path, ROWS[:1], stop=True)
    log("wandb", tmp_path, ROWS[1:])  # resumed: another folder with the same id, which syncing joins
    folders = sorted((tmp_path / "wandb").glob("offline-run-*"))
    assert len({folder.name.rpartition("-")[2] for folder in folders}) == 1
    history, exits, options = [], [], {}
    for folder in folders:
        for record in wandb_records(folder):
            if record.HasField("history"):
                items = {i.key or ".".join(i.nested_key): json.loads(i.value_json) for i in record.history.item}
                history.append({name: value for name, value in items.items() if not name.startswith("_")})
            if record.HasField("exit"):
                exits.append(record.exit.exit_code)
            if record.HasField("run"):
                options |= {u.key: json.loads(u.value_json) for u in record.run.config.update}
    assert history == [{"loss": 0.5, "AP": 0.25}, {"loss": 0.25, "AP": 0.75}]
    assert exits == [1, 0]
    assert {name: options[name] for name in ("epochs", "optimisation.lr")} == {"epochs": 2, "optimisation.lr": 0.5}
    assert all(name.startswith("wandb/") for name in files_below(tmp_path))


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
