"""Weights that Ultralytics publishes, known without importing Ultralytics, which takes seconds."""

import ast
import difflib
import os
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from system.errors import WeightsError
from train_det.checkpoint_classes import check_checkpoint
from train_det.families import YAML, architecture_file, check_task
from train_det.options import RANDOM_WEIGHTS, DetectorOptions
from train_det.options import WEIGHTS_REMEDY as REMEDY
from training.early_checks import check_named_runs

SOURCE, NAMES = Path("utils", "downloads.py"), "GITHUB_ASSETS_NAMES"


@cache
def published_names() -> frozenset[str]:
    """The names in the source text of the installed Ultralytics; empty if they cannot be found."""
    spec = find_spec("ultralytics")
    if spec is None or spec.origin is None:
        return frozenset()
    try:
        tree = ast.parse((Path(spec.origin).parent / SOURCE).read_text(encoding="utf-8"))
        values = [
            node.value
            for node in tree.body
            if isinstance(node, ast.Assign)
            and any(isinstance(t, ast.Name) and t.id == NAMES for t in node.targets)
        ]
        code = compile(ast.Expression(values[0]), str(SOURCE), "eval")
        return frozenset(eval(code, {"__builtins__": {}, "frozenset": frozenset}))  # noqa: S307  the installed package
    except Exception:  # noqa: BLE001  another version may be written differently
        return frozenset()


def weights_cache() -> Path:
    """The folder of downloaded weights."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "defectline" / "weights"


def check_options(options: DetectorOptions) -> None:
    """Raise WeightsError if the weights are neither none, nor a file, nor a name, of weights or an architecture.

    Raises InputError for a folder that is not a run. Passes a name if the published ones cannot be found; training
    then refuses it.
    """
    check_named_runs("det", options.good_map, options.teacher, options.unlabelled)
    name, known = options.weights, published_names()
    if name == RANDOM_WEIGHTS:
        return
    if name.endswith(YAML):
        architecture_file(name)
        return
    check_task(name)
    if Path(name).is_file():
        check_checkpoint(Path(name))
        return
    if Path(name).name != name:
        raise WeightsError(Path(name), "no such file", REMEDY)
    if known and name not in known:
        near = difflib.get_close_matches(name, sorted(known), 1, 0.8)
        remedy = f"did you mean {near[0]}?" if near else REMEDY
        raise WeightsError(name, "neither a file nor a model that Ultralytics publishes", remedy)
