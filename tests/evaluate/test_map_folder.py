"""A folder of maps: size, scale, freshness, and damaged content."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from evaluate.map_folder import LIST, MAP_SIDE, new_maps, read_map, read_maps, stored_maps
from evaluate.run_folder import Run
from system.errors import InputError, OutputError


def test_bounded_maps_keep_their_values(tmp_path: Path) -> None:
    values = np.linspace(0, 1, 12, dtype=np.float32).reshape(3, 4)
    with new_maps(tmp_path / "maps", "score") as writer:
        writer.add("a/x.png", values)
        writer.add("b/x.png", np.full((2000, 1000), 0.5, np.float32))
    listed = read_maps(tmp_path / "maps")
    assert listed is not None
    assert (listed.kind, list(listed.images)) == ("score", ["a/x.png", "b/x.png"])
    first, second = (read_map(tmp_path / "maps" / file) for file in listed.images.values())
    np.testing.assert_array_equal(first, np.rint(values * 255))
    assert second.shape == (MAP_SIDE, MAP_SIDE // 2)
    assert set(second.ravel().tolist()) == {128}


def test_unbounded_maps_share_a_scale(tmp_path: Path) -> None:
    """With 11 maps, the 90th percentile of the highest values 0 to 10 is that of the second highest map, 9."""
    with new_maps(tmp_path / "maps", "heat", bounded=False) as writer:
        for height in range(11):
            writer.add(f"{height}.png", np.array([[0, height]], np.float32) * 7)
        writer.add("none.png", np.zeros((1, 2), np.float32))
    listed = read_maps(tmp_path / "maps")
    assert listed is not None
    found = {name: int(read_map(tmp_path / "maps" / file)[0, 1]) for name, file in listed.images.items()}
    scale = np.percentile(7 * np.arange(1, 11), 90)
    assert found == {f"{k}.png": round(min(255, 255 * 7 * k / scale)) for k in range(11)} | {"none.png": 0}


def test_maps_of_other_predictions_are_outdated(tmp_path: Path) -> None:
    run = Run(tmp_path, "seg")
    predictions = run.predictions("test")
    predictions.parent.mkdir()
    predictions.write_text("[]")
    assert stored_maps(run, "test") is None
    with new_maps(tmp_path / "maps" / "test", "score", run.predictions("test")) as writer:
        writer.add("x.png", np.zeros((2, 2), np.float32))
    assert stored_maps(run, "test") is not None
    predictions.write_text("[ ]")
    assert stored_maps(run, "test") is None


def test_only_a_folder_of_maps_is_replaced(tmp_path: Path) -> None:
    for _ in range(2):
        with new_maps(tmp_path / "maps", "score") as writer:
            writer.add("x.png", np.zeros((2, 2), np.float32))
    (tmp_path / "maps" / LIST).unlink()
    with pytest.raises(OutputError, match="did not write"), new_maps(tmp_path / "maps", "score"):
        pass


@pytest.mark.parametrize("damage", ["text", "colour", "missing"])
def test_a_damaged_map_is_one_line(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "0.png"
    if damage == "text":
        path.write_text("no image")
    elif damage == "colour":
        Image.new("RGB", (2, 2)).save(path)
    with pytest.raises(InputError, match="not a map"):
        read_map(path)
