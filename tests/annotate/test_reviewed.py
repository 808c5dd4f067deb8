"""A proposal that a person changed is reviewed, also if `unreviewed` is still set; accept confirms the rest."""

import base64
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from annotate.folder_images import list_folder_images
from annotate.proposals import Proposal, propose
from annotate.type_proposals import propose_types
from convert.labelme2coco import LabelmeOptions, labelme2coco
from datasets.coco import Prediction
from datasets.formats.coco_file import read_coco
from datasets.formats.labelme import read_labelme
from datasets.formats.labelme_flags import is_unreviewed, set_flags
from datasets.masks.rle import encode
from tests.annotate.conftest import HEIGHT, WIDTH, box, draw_image, write_labels
from tests.command import json_result, run_command


def prediction(*, hole: bool = False) -> Prediction:
    mask = np.zeros((HEIGHT, WIDTH), bool)
    mask[20:50, 10:40] = True
    if hole:
        mask[30:40, 20:30] = False
    return Prediction(1, 1, (0, 0, 1, 1), 0.75, encode(mask))


def proposed(root: Path, name: str = "a.png", *, label: str = "defect", hole: bool = False) -> Path:
    draw_image(root / name)
    (image,) = [one for one in list_folder_images(root) if one.name == name]
    propose(image, [Proposal(prediction(hole=hole), label, "m")])
    return (root / name).with_suffix(".json")


def change(path: Path, **keys: Any) -> None:
    """Change keys of the first shape and write the file as labelme does, with all other keys."""
    raw = json.loads(path.read_bytes())
    raw["shapes"][0].update(keys)
    path.write_text(json.dumps(raw, indent=2))


def waits(path: Path) -> bool:
    return any(map(is_unreviewed, read_labelme(path).shapes))


def test_a_proposal_waits_until_its_label_or_outline_changes(tmp_path: Path) -> None:
    path = proposed(tmp_path)
    first = json.loads(path.read_bytes())["shapes"][0]
    assert waits(path)
    change(path, description="looked at", group_id=7, flags={"unreviewed": True, "other": False})
    assert waits(path)  # neither label nor outline
    change(path, label="chip")
    assert not waits(path)
    change(path, label="defect")
    assert waits(path)
    moved = [[first["points"][0][0] + 1, first["points"][0][1]], *first["points"][1:]]
    change(path, points=moved)
    assert not waits(path)
    change(path, points=[*first["points"], [5, 5]])
    assert not waits(path)


def test_a_mask_is_compared_by_its_pixels(tmp_path: Path) -> None:
    """labelme compresses the PNG again, which changes its bytes."""
    path = proposed(tmp_path, hole=True)
    shape = json.loads(path.read_bytes())["shapes"][0]
    assert shape["shape_type"] == "mask"
    with Image.open(io.BytesIO(base64.b64decode(shape["mask"]))) as png:
        pixels = np.array(png)

    def packed(values: Any, level: int) -> str:
        out = io.BytesIO()
        Image.fromarray(values).save(out, "PNG", compress_level=level)
        return base64.b64encode(out.getvalue()).decode()

    change(path, mask=packed(pixels, 0))
    assert json.loads(path.read_bytes())["shapes"][0]["mask"] != shape["mask"]
    assert waits(path)
    pixels[0, 0] = not pixels[0, 0]
    change(path, mask=packed(pixels, 9))
    assert not waits(path)
    change(path, mask="no png")
    assert not waits(path)


def test_a_shape_without_a_mark_waits_as_its_flag_states(tmp_path: Path) -> None:
    """Files of earlier versions."""
    path = write_labels(draw_image(tmp_path / "a.png"), [box("chip", 1, 1, 9, 9, flags={"unreviewed": True})])
    assert waits(path)
    change(path, defectline_proposed=5)
    assert waits(path)


def test_eighteen_proposals_of_which_seventeen_are_relabelled(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The flag of all is still set; 17 images get into the dataset, and the last line counts the other."""
    for k in range(18):
        path = proposed(tmp_path / "images", f"{k:02}.png")
        if k:
            change(path, label="chip")
    assert run_command("convert", "labelme2coco", tmp_path / "images", tmp_path / "d") == 0
    line = (
        "1 image waits for a review and is left out: correct with annotate open, or confirm with annotate accept"
    )
    assert capsys.readouterr().err.splitlines()[-1] == line
    images = [read_coco(p).images for p in (tmp_path / "d/annotations").glob("*.json")]
    assert sum(map(len, images)) == 17
    assert run_command("datasets", "check", tmp_path / "images") in {0, 1}
    assert capsys.readouterr().err.splitlines()[-1] == line
    assert run_command("annotate", "status", tmp_path / "images", "--json") == 0
    assert json_result(capsys)["unreviewed"] == 1


def test_accept(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    paths = [proposed(tmp_path, name, label="chip") for name in ("a.png", "b.png", "night/c.png")]
    assert run_command("annotate", "accept", tmp_path, "--only", "night/*", "--json") == 0
    assert json_result(capsys) == {"images": 1, "shapes": 1, "types": 0, "unknown": 0}
    assert [waits(path) for path in paths] == [True, True, False]
    raw = json.loads(paths[2].read_bytes())["shapes"][0]
    assert raw["flags"] == {"unreviewed": False}
    assert "defectline_proposed" not in raw
    assert run_command("annotate", "accept", tmp_path, "--only", "a.png") == 0
    assert [waits(path) for path in paths] == [False, True, False]
    assert run_command("annotate", "accept", tmp_path) == 0
    assert not any(map(waits, paths))
    before = [path.read_bytes() for path in paths]
    assert run_command("annotate", "accept", tmp_path, "--json") == 0
    capsys.readouterr()
    assert [path.read_bytes() for path in paths] == before
    assert len(labelme2coco(tmp_path, tmp_path.parent / "d", LabelmeOptions()).events) == 0


def test_accept_leaves_unknown_labels(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = proposed(tmp_path)
    assert run_command("annotate", "init", tmp_path, "--labels", "chip,dent") == 0
    assert run_command("annotate", "accept", tmp_path) == 0
    assert "give these shapes a type of" in capsys.readouterr().err
    assert waits(path)
    change(path, label="dent")
    assert run_command("annotate", "accept", tmp_path) == 0
    assert json.loads(path.read_bytes())["shapes"][0]["flags"] == {"unreviewed": False}


def test_flags_of_an_image_that_a_person_changed_are_reviewed(tmp_path: Path) -> None:
    draw_image(tmp_path / "a.png")
    (image,) = list_folder_images(tmp_path)
    assert propose_types(image, ["chip"], 0.9, "m") == "proposed"
    path = tmp_path / "a.json"
    assert "unreviewed" in set_flags(read_labelme(path))
    raw = json.loads(path.read_bytes())
    raw["flags"] |= {"good": False, "uncertain": False}
    path.write_text(json.dumps(raw))
    assert "unreviewed" in set_flags(read_labelme(path))  # labelme writes all flags that it offers
    raw["flags"] |= {"chip": False, "good": True}
    path.write_text(json.dumps(raw))
    assert set_flags(read_labelme(path)) == ["good"]
    assert run_command("annotate", "accept", tmp_path) == 0
    assert json.loads(path.read_bytes())["flags"]["unreviewed"] is False
