"""The finder of `propose --from-good`, with random weights, which also distinguish textures."""

import json
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image
from torchvision.models import ResNet18_Weights

from annotate.folder_images import FolderImage
from annotate.from_good import fit_finder, propose_regions
from datasets.formats.labelme import read_labelme
from datasets.masks.rle import decode
from system.errors import InputError
from tests.command import only_line, run_command
from tests.features.networks import random_resnet
from tests.features.networks import textured as surface

SIDE = 160


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return random_resnet(tmp_path_factory.mktemp("weights") / "resnet18.pt")


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("good")
    for i in range(8):
        Image.fromarray(surface(i)).save(root / f"{i}.png")
    return root


def quiet(items, _label, _total):  # type: ignore[no-untyped-def]
    return items


def test_finder_finds_a_spot_and_leaves_good_images(good: Path, weights: Path, tmp_path: Path) -> None:
    finder = fit_finder(sorted(good.iterdir()), weights, quiet, side=SIDE)
    Image.fromarray(surface(90, (60, 50, 110, 100))).save(tmp_path / "bad.png")
    found = propose_regions(finder, FolderImage(tmp_path, "bad.png", labelled=False))
    truth = np.zeros((SIDE, SIDE), bool)
    truth[50:100, 60:110] = True
    best = found[0]
    assert (best.label, best.model) == ("defect", "from-good")
    assert best.prediction.segmentation is not None
    pixels = decode(best.prediction.segmentation, SIDE, SIDE).astype(bool)
    assert (pixels & truth).sum() / (pixels | truth).sum() > 0.5
    assert best.prediction.score > 0.5
    marked = sum(bool(finder.regions(surface(200 + i))) for i in range(6))
    assert marked <= 2


def test_too_few_good_images(good: Path, weights: Path) -> None:
    with pytest.raises(InputError, match="3 good images, but at least 5 are needed"):
        fit_finder(sorted(good.iterdir())[:3], weights, quiet)


def test_command(good: Path, weights: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = tmp_path / "new images"
    root.mkdir()
    Image.fromarray(surface(90, (60, 50, 110, 100))).save(root / "bäd.png")
    assert run_command("annotate", "propose", root, "--from-good", good, "--weights", root / "no.pt") == 2
    assert "no such file; give --weights PATH" in only_line(capsys)
    assert run_command("annotate", "propose", root, "--from-good", good, "--weights", weights) == 0
    before = (root / "bäd.json").read_bytes()
    corners = max(len(shape["points"]) for shape in json.loads(before)["shapes"])
    assert b"model=from-good" in before
    assert run_command("annotate", "propose", root, "--from-good", good, "--weights", weights) == 0
    assert (root / "bäd.json").read_bytes() == before
    assert "already proposed earlier" in capsys.readouterr().out
    (root / "bäd.json").unlink()
    options = ("--from-good", good, "--weights", weights, "--tolerance", 0)
    assert run_command("annotate", "propose", root, *options) == 0
    exact = json.loads((root / "bäd.json").read_bytes())["shapes"]
    assert max(len(shape["points"]) for shape in exact) > 2 * corners


def test_12_bit_images_are_scaled_by_one_range(weights: Path, tmp_path: Path) -> None:
    """The proposals are those for the highest 8 of 12 bits, though the bad image alone would count as 10 bits."""
    bad = surface(90, (60, 50, 110, 100)) // 4
    for name, factor in (("8 bits", 1), ("12 bits", 16)):
        for folder, images in (("good", [surface(i) // 4 for i in range(8)]), ("new", [bad])):
            (tmp_path / name / folder).mkdir(parents=True)
            for i, image in enumerate(images):
                if folder == "good" and i == 0:
                    image[:2, :2] = 255  # the only bright pixels of all images
                values = image[:, :, ::-1].astype(np.uint16) * factor + factor // 2
                stored = values if factor > 1 else values.astype(np.uint8)
                cv2.imwrite(str(tmp_path / name / folder / f"{i}.png"), stored)
        made = ("propose", tmp_path / name / "new", "--from-good", tmp_path / name / "good", "--weights", weights)
        assert run_command("annotate", *made) == 0
    first, second = (read_labelme(tmp_path / name / "new" / "0.json").shapes for name in ("8 bits", "12 bits"))
    assert first
    assert [(shape.label, shape.points) for shape in first] == [(shape.label, shape.points) for shape in second]


def test_published_weights_by_name(
    good: Path, weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Those in the cache of torchvision are used, and the command states where they come from."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    cache = tmp_path / "torch/hub/checkpoints"
    cache.mkdir(parents=True)
    shutil.copy(weights, cache / ResNet18_Weights.DEFAULT.url.rpartition("/")[2])
    root = tmp_path / "new"
    root.mkdir()
    Image.fromarray(surface(90, (60, 50, 110, 100))).save(root / "bad.png")
    assert run_command("annotate", "propose", root, "--from-good", good) == 0
    assert "weights of resnet18: those of torchvision" in capsys.readouterr().err
    assert (root / "bad.json").is_file()
