"""Features, memory, regions and the finder, with random weights, which also distinguish textures."""

import json
import pickle
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image
from torchvision.models import resnet18

from annotate.features import Grid, load_extractor
from annotate.folder_images import FolderImage
from annotate.from_good import fit_finder, propose_regions
from annotate.memory import fit_memory
from annotate.regions import DistanceLimits, enlarge, find_regions, learn_limits
from datasets.formats.labelme import read_labelme
from datasets.masks.rle import decode
from system.errors import InputError, WeightsError
from tests.command import only_line, run_command

SIDE = 160


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A state dict like shared/weights/resnet18.pt, without layer4, of a network that learnt nothing."""
    torch.manual_seed(3)
    state = {k: v for k, v in resnet18(weights=None).state_dict().items() if not k.startswith(("layer4.", "fc."))}
    path = tmp_path_factory.mktemp("weights") / "resnet18.pt"
    torch.save(state, path)
    return path


def surface(number: int, spot: tuple[int, int, int, int] | None = None) -> NDArray[np.uint8]:
    """Faint grey grain; a spot (x0, y0, x1, y1) has coarse stripes."""
    random = np.random.default_rng(number)
    pixels = 120 + random.normal(0, 4, (SIDE, SIDE, 3))
    if spot:
        x0, y0, x1, y1 = spot
        rows = np.arange(y0, y1)[:, None, None]
        pixels[y0:y1, x0:x1] += 90 * ((rows // 3) % 2)
    return np.clip(pixels, 0, 255).astype(np.uint8)


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("good")
    for i in range(8):
        Image.fromarray(surface(i)).save(root / f"{i}.png")
    return root


def quiet(items, _label, _total):  # type: ignore[no-untyped-def]
    return items


def grid_of(*values: float) -> Grid:
    return Grid(torch.tensor([[v, 0.0] for v in values]), 1, len(values))


def test_grid_follows_the_shape_of_the_image(weights: Path) -> None:
    extractor = load_extractor(weights, 64)
    grid = extractor.grid(np.zeros((100, 200, 3), np.uint8))
    assert (grid.rows, grid.columns) == (4, 8)  # 32 x 64 pixels at a stride of 8
    assert grid.patches.shape == (32, 128 + 256)
    same = extractor.grid(np.zeros((100, 200, 3), np.uint8))
    assert torch.equal(grid.patches, same.patches)


def test_features_are_those_of_torchvision(weights: Path) -> None:
    net = resnet18(weights=None).eval()
    net.load_state_dict(torch.load(weights, weights_only=True), strict=False)
    extractor = load_extractor(weights, 64)
    rgb = surface(1)[:64, :64]
    mean, std = (torch.tensor(v).view(1, 3, 1, 1) for v in ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)))
    x = (torch.from_numpy(rgb).permute(2, 0, 1)[None].float() / 255 - mean) / std
    with torch.inference_mode():
        middle = net.layer2(net.layer1(net.maxpool(net.relu(net.bn1(net.conv1(x))))))
        # the mean of a 3 x 3 neighbourhood that is wholly inside
        expected = middle[0, :, 2:5, 3:6].mean((1, 2))
    row, column = 3, 4
    assert torch.allclose(extractor.grid(rgb).patches[row * 8 + column, :128], expected, atol=1e-5)


def test_weights_that_do_not_do(tmp_path: Path, weights: Path) -> None:
    with pytest.raises(WeightsError, match="no such file"):
        load_extractor(tmp_path / "absent.pt", 64)
    text = tmp_path / "text.pt"
    text.write_text("hello")
    with pytest.raises(WeightsError, match="cannot be read as weights"):
        load_extractor(text, 64)
    state = torch.load(weights, weights_only=True)
    torch.save({k: v for k, v in state.items() if not k.startswith("layer3.")}, tmp_path / "part.pt")
    with pytest.raises(WeightsError, match=r"lacks \d+ tensors of a ResNet-18 \(layer3"):
        load_extractor(tmp_path / "part.pt", 64)
    torch.save({**state, "conv1.weight": torch.zeros(1)}, tmp_path / "other.pt")
    with pytest.raises(WeightsError, match="does not fit a ResNet-18"):
        load_extractor(tmp_path / "other.pt", 64)


def test_weights_cannot_run_code(tmp_path: Path) -> None:
    ran = tmp_path / "ran"

    class Attack:
        def __reduce__(self) -> tuple[object, tuple[object, ...]]:
            return (Path.touch, (ran,))

    path = tmp_path / "attack.pt"
    path.write_bytes(pickle.dumps(Attack()))
    with pytest.raises(WeightsError):
        load_extractor(path, 64)
    torch.save({"conv1.weight": Attack()}, path)
    with pytest.raises(WeightsError):
        load_extractor(path, 64)
    assert not ran.exists()


def test_distance_to_the_nearest_patch_and_to_the_nearest_of_another_image() -> None:
    memory = fit_memory([grid_of(0.0, 1.0), grid_of(5.0, 9.0)], count=2, size=4)
    assert memory.distances(grid_of(0.0, 3.0, 20.0)).tolist() == [[0.0, 2.0, 11.0]]
    assert memory.distances(grid_of(0.0, 5.0), without=0).tolist() == [[5.0, 0.0]]
    assert memory.distances(grid_of(0.0, 5.0), without=1).tolist() == [[0.0, 4.0]]


def test_memory_takes_equally_many_of_each_image_and_the_same_each_time() -> None:
    grids = [Grid(torch.arange(200.0).view(100, 2) + i, 10, 10) for i in range(4)]
    first, second = (fit_memory(grids, count=4, size=40) for _ in range(2))
    assert torch.bincount(first.owners).tolist() == [10, 10, 10, 10]
    assert torch.equal(first.patches, second.patches)


def test_limits_come_from_the_values_given() -> None:
    maps = [np.full((10, 10), 1.0, np.float32) for _ in range(20)]
    for i, values in enumerate(maps):
        values[0, 0] = 2.0 + i  # the peaks are 2 to 21, their 95 % quantile 2 + 0.95 * 19
    limits = learn_limits(maps)
    assert limits.usual == 1.0
    assert limits.peak == pytest.approx(20.05)
    assert 1.0 < limits.floor < limits.peak


def test_a_region_reaches_to_half_of_its_peak() -> None:
    # a tent of height 8 above 1, falling by 1 a column: half is 5, reached 4 columns away, not included
    across = np.maximum(1.0, 9.0 - np.abs(np.arange(41) - 20))
    values = np.repeat(across[None], 41, axis=0).astype(np.float32)
    (region,) = find_regions(values, DistanceLimits(usual=1.0, floor=2.0, peak=6.0), 41, 41)
    columns = np.flatnonzero(region.pixels.any(axis=0))
    assert (columns[0], columns[-1]) == (17, 23)
    assert region.score == pytest.approx(9 / 15)
    assert find_regions(values, DistanceLimits(usual=1.0, floor=2.0, peak=9.5), 41, 41) == []


def test_two_regions_best_first_and_holes_filled() -> None:
    values = np.ones((40, 60), np.float32)
    values[5:15, 5:15] = 8.0
    values[25:35, 40:50] = 10.0
    values[29:31, 44:46] = 1.0
    found = find_regions(values, DistanceLimits(usual=1.0, floor=2.0, peak=4.0), 80, 120)
    assert [(r.pixels.shape, int(r.pixels.sum())) for r in found] == [((80, 120), 400), ((80, 120), 400)]
    assert found[0].pixels[60, 90]
    assert found[0].score > found[1].score > 0.5


def test_enlarging_keeps_the_proportions() -> None:
    assert enlarge(np.zeros((20, 40), np.float32)).shape == (112, 225)


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
    assert run_command("annotate", "propose", root, "--from-good", good) == 2
    assert "give --weights PATH" in only_line(capsys)
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


def test_12_bit_images_are_scaled_alike(weights: Path, tmp_path: Path) -> None:
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
