"""Images of another part are reported, images with defects are not. Patches are drawn, so distances are known."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor, nn

from annotate import from_good
from features.memory import fit_memory
from features.other_part import GoodPart, is_untrained, learn_part, nearest_tenth, other_images
from features.patches import Grid
from tests.command import run_command
from tests.features.networks import random_resnet, textured

CHANNELS, SIDE = 8, 10
GOOD = 24


def grid(seed: int, level: float, changed: float = 0.0) -> Grid:
    """100 patches around `level`, all moved by about 0.1; the fraction `changed` of them is 1 farther."""
    random = torch.Generator().manual_seed(seed)
    patches: Tensor = level + 0.1 * torch.randn(SIDE**2, CHANNELS, generator=random)
    patches += 0.1 * torch.randn(CHANNELS, generator=random)
    patches[: round(changed * len(patches))] += 1
    return Grid(patches, SIDE, SIDE)


@pytest.mark.parametrize(
    ("level", "changed", "is_other"),
    [(1, 0, False), (1, 0.3, False), (3, 0, True), (1, 0.95, True)],
    ids=["good", "a large defect", "all patches differ", "nearly all patches differ"],
)
def test_another_part_is_distinguished_from_a_defect(level: float, changed: float, is_other: bool) -> None:
    good = [grid(i, 1) for i in range(GOOD)]
    memory = fit_memory(iter(good), GOOD)
    alone = [nearest_tenth(memory.distances(one, without=i)) for i, one in enumerate(good)]
    part = learn_part([one.patches.mean(0) for one in good], alone)
    image = grid(99, level, changed)
    assert (part.compare(image, memory.distances(image)) != "none") is is_other


def test_another_part_on_the_same_background() -> None:
    """Half of the patches are those of the background; the others differ so much that the mean suffices."""
    good = [grid(i, 1) for i in range(GOOD)]
    memory = fit_memory(iter(good), GOOD)
    part = learn_part([one.patches.mean(0) for one in good], [1.0])
    image = grid(99, 1)
    image.patches[50:] += 3
    distances = memory.distances(image)
    assert nearest_tenth(distances) < 1
    assert part.compare(image, distances) != "none"


def test_a_single_possible_image_is_a_large_defect_but_a_folder_of_them_is_another_part() -> None:
    part = GoodPart(torch.zeros(1, CHANNELS), near=1.0, mean=1.0)
    image = Grid(torch.full((SIDE**2, CHANNELS), 1.0), SIDE, SIDE)  # its mean is at a distance of 2.8
    by_near = {near: part.compare(image, np.full((SIDE, SIDE), near, np.float32)) for near in (1.1, 1.7, 2.1)}
    assert by_near == {1.1: "none", 1.7: "possible", 2.1: "clear"}
    many = dict.fromkeys("abcdefgh", by_near[1.1])
    assert other_images({**many, "x": by_near[1.7]}) == []
    assert other_images({**many, "x": by_near[2.1]}) == ["x"]
    assert other_images(dict.fromkeys("xyz", by_near[1.7])) == ["x", "y", "z"]


def test_nearest_tenth() -> None:
    assert nearest_tenth(np.arange(11, dtype=np.float32).reshape(1, 11)) == 1


def test_equal_good_images_do_not_divide_by_zero() -> None:
    good = [grid(1, 1)] * 3
    part = learn_part([one.patches.mean(0) for one in good], [0.5, 0.5, 0.5])
    assert part.mean > 0
    assert part.compare(grid(2, 9), np.full((SIDE, SIDE), 20, np.float32)) == "clear"


def test_untrained_networks() -> None:
    norm = nn.BatchNorm2d(2)
    assert is_untrained(nn.Sequential(norm))
    assert norm.running_mean is not None
    norm.running_mean[1] = 0.5
    assert not is_untrained(nn.Sequential(norm))
    assert not is_untrained(nn.Conv2d(2, 2, 1))


def folder_of(root: Path, count: int, first: int = 0) -> Path:
    root.mkdir()
    for i in range(count):
        Image.fromarray(textured(first + i)).save(root / f"{i}.png")
    return root


def test_the_command_states_what_it_cannot_check_and_warns(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    few, many = folder_of(tmp_path / "few", 5), folder_of(tmp_path / "many", 6)
    new = folder_of(tmp_path / "new", 1, first=50)
    board = (np.indices((160, 160)) // 8).sum(0) % 2 * 255
    Image.fromarray(np.repeat(board[:, :, None].astype(np.uint8), 3, axis=2)).save(new / "board.png")
    weights = random_resnet(tmp_path / "resnet18.pt")
    unchecked = "not checked whether the images show the part of"
    untrained = f"{unchecked} {many}: the weights of the network are untrained"
    command = ("annotate", "propose", new, "--weights", weights)
    assert run_command(*command, "--from-good", few) == 0
    assert f"{unchecked} {few}: there are fewer than 20 good images" in capsys.readouterr().err
    monkeypatch.setattr(from_good, "FEWEST_FOR_PART", 6)
    assert run_command(*command, "--from-good", many) == 0
    assert untrained in capsys.readouterr().err
    state = torch.load(weights, weights_only=True)
    name = next(name for name in state if name.endswith("running_mean"))
    torch.save({**state, name: state[name] + 0.01}, weights)
    assert run_command(*command, "--from-good", many, "--json") == 0
    printed = capsys.readouterr()
    assert json.loads(printed.out)["result"]["other_part"] == ["board.png"]
    assert f"warning: 1 of 2 images seem to show another part, view or light than {many}, such as" in printed.err
