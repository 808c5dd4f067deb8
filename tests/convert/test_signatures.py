import inspect
from importlib import import_module
from pathlib import Path
from typing import get_type_hints

import msgspec
import pytest

from convert.cli import make_app
from convert.conversion import Conversion, recorded_options
from convert.execution import Execution
from convert.labelme2coco import LabelmeOptions
from convert.masks2coco import MasksOptions
from convert.report import Report

CONVERTERS = sorted(str(command.name) for command in make_app().registered_commands)


def test_every_conversion_is_listed() -> None:
    assert {"mvtec2coco", "labelme2coco", "masks2coco", "yolo2coco", "coco2yolo", "coco2labelme"} <= set(
        CONVERTERS
    )


@pytest.mark.parametrize("name", CONVERTERS)
def test_all_converters_have_one_signature(name: str) -> None:
    function = getattr(import_module(f"convert.{name}"), name)
    parameters = list(inspect.signature(function).parameters.values())
    hints = get_type_hints(function)
    assert [p.name for p in parameters[1:]] == ["dest", "options", "execution"]
    assert parameters[0].name in {"source", "sources"}
    assert hints["dest"] is Path
    assert hints["execution"] is Execution
    assert parameters[3].default == Execution()
    assert hints["options"].__name__.endswith("Options")
    assert hints["options"].__struct_config__.frozen
    assert hints["return"] is Report


def test_option_classes_have_different_names() -> None:
    hints = [get_type_hints(getattr(import_module(f"convert.{n}"), n))["options"] for n in CONVERTERS]
    assert len({hint.__name__ for hint in hints}) == len(hints)


def test_folders_of_this_machine_are_not_recorded() -> None:
    recorded = recorded_options(LabelmeOptions(images=Path("/here/images"), labels=Path("/here/labels.txt")))
    assert not {"images", "labels"} & set(recorded)
    assert recorded["unlabelled"] == "leave-out"
    assert "masks" not in recorded_options(MasksOptions(Path("/here/masks"), ("a",)))
    assert "/here" not in msgspec.json.encode(recorded).decode()


def test_a_conversion_takes_keywords_only() -> None:
    with pytest.raises(TypeError):
        Conversion("tool", [], {}, [], [], None, None, {}, [], pool_pays=False)  # type: ignore[misc,arg-type]
