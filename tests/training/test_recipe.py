"""Recipes: read as people write them, refused in one line, and the shipped ones state the defaults."""

from importlib import resources
from pathlib import Path

import msgspec
import pytest
import yaml

from system.errors import DefectlineError
from tests.command import run_command
from train_anomaly.options import AnomalyOptions
from train_cls.options import ClassifierOptions
from train_det.options import DetectorOptions
from train_seg.options import SegmenterOptions
from training.options import flag_paths, option_types, options_from_flags
from training.recipe import asked_options, read_recipe, shipped_recipe

TRAINERS = {
    "train_anomaly": AnomalyOptions,
    "train_cls": ClassifierOptions,
    "train_det": DetectorOptions,
    "train_seg": SegmenterOptions,
}


def recipe(folder: Path, text: str) -> Path:
    path = folder / "my.yaml"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize("trainer", TRAINERS)
def test_the_shipped_recipe_is_the_defaults_and_states_every_option(trainer: str) -> None:
    kind = TRAINERS[trainer]
    path = Path(str(resources.files("recipes"))) / f"{trainer}.yaml"
    assert asked_options(kind, path, {}) == kind()
    values = yaml.safe_load(shipped_recipe(trainer))
    named = {f"{name}.{inner}" for name, block in values.items() if isinstance(block, dict) for inner in block}
    named |= {name for name, value in values.items() if not isinstance(value, dict)}
    assert named == set(option_types(kind))


@pytest.mark.parametrize("trainer", TRAINERS)
def test_every_option_of_the_shipped_recipe_has_a_comment(trainer: str) -> None:
    for line in shipped_recipe(trainer).splitlines():
        if ":" in line.split("#")[0] and line.strip() != "optimisation:":
            assert len(line.partition("#")[2]) > 10, line


@pytest.mark.parametrize("trainer", TRAINERS)
def test_the_last_part_of_a_path_is_unique_so_that_a_flag_means_one_option(trainer: str) -> None:
    kind = TRAINERS[trainer]
    assert len(flag_paths(kind)) == len(option_types(kind))


@pytest.mark.parametrize("trainer", TRAINERS)
def test_the_shipped_recipe_is_printed(trainer: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command(trainer, "recipe") == 0
    assert capsys.readouterr().out == shipped_recipe(trainer)


def test_numbers_are_read_as_people_write_them(tmp_path: Path) -> None:
    text = "negatives: 0.25\nprecision: 32\ndevice: 0\noptimisation:\n  lr: 3e-3\n  final_lr: 5E-2\n"
    options = asked_options(DetectorOptions, recipe(tmp_path, text), {"epochs": 7})
    assert (options.negatives, options.precision, options.device, options.epochs) == ("0.25", "32", "0", 7)
    assert (options.optimisation.lr, options.optimisation.final_lr) == (0.003, 0.05)


def test_an_empty_recipe_changes_nothing(tmp_path: Path) -> None:
    assert read_recipe(recipe(tmp_path, "# nothing yet\n"), DetectorOptions) == {}


@pytest.mark.parametrize(
    ("text", "reported"),
    [
        ("epochs: 3\nepochs: 4\n", "line 2: epochs is given twice"),
        ("augmentation:\n  flip: true\n  flip: false\n", "line 3: flip is given twice"),
        ("epochs: [3\n", "line 2: expected"),
        ("? [a]\n: 3\n", "line 1: a name is expected"),
        ("- 3\n", "not a list of options"),
        ("epoch: 3\n", "epoch: no such option; did you mean epochs?"),
        ("lr: 0.1\n", "lr: no such option; did you mean optimisation.lr?"),
        (
            "augmentation:\n  scale: 3\n",
            "augmentation.scale = 3: not a value it takes; give a number of at least 0",
        ),
        ("3: 4\n", "3: no such option"),
        ("patience: 5\nmonitor: last\n", "patience = 5: monitor last watches no value"),
        ("\x00", "not YAML"),
        (
            "!!python/object/apply:os.getcwd []\n",
            "line 1: the tag tag:yaml.org,2002:python/object/apply:os.getcwd is not read",
        ),
    ],
)
def test_a_bad_recipe_is_refused_in_one_line_with_its_place(tmp_path: Path, text: str, reported: str) -> None:
    path = recipe(tmp_path, text)
    with pytest.raises(DefectlineError) as error:
        read_recipe(path, DetectorOptions)
    assert str(error.value).startswith(f"{path}: {reported}")


def test_a_recipe_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(DefectlineError, match=r"none\.yaml: cannot be read"):
        read_recipe(tmp_path / "none.yaml", DetectorOptions)


@pytest.mark.parametrize("kind", TRAINERS.values())
def test_the_options_of_a_run_are_a_recipe(tmp_path: Path, kind: type[msgspec.Struct]) -> None:
    changed = {"epochs": 3, "lr": 0.5, "brightness": 0.0}
    options = options_from_flags(kind, {}, {name: changed[name] for name in changed.keys() & flag_paths(kind)})
    path = tmp_path / "again.yaml"
    path.write_bytes(msgspec.yaml.encode(msgspec.to_builtins(options)))
    assert asked_options(kind, path, {}) == options
