"""Annotations of a dataset are corrected in labelme and taken back: what nobody touched is the same, byte for
byte."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from PIL import Image

from annotate.correction import correction_folder
from datasets.coco import Annotation, CocoFile
from datasets.formats.coco_file import read_coco, write_coco
from datasets.formats.dataset_folder import annotation_path, load_dataset
from datasets.masks.rle import decode, encode
from evaluate.run_folder import RunSplit
from system.json_file import write_json
from tests.command import json_result, only_line, run_command

SQUARE = [[20, 20], [40, 20], [40, 30], [20, 30]]


@pytest.fixture
def dataset(coco_folder: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(coco_folder, tmp_path / "data"))


def defective(dataset: Path, *, parts: int = 1) -> tuple[str, list[Annotation]]:
    """The first image of train with at least so many annotations, and they."""
    coco = read_coco(annotation_path(dataset, "train"))
    of_image = coco.by_image()
    image = next(image for image in coco.images if len(of_image[image.id]) >= parts)
    return image.file_name, of_image[image.id]


def opened(dataset: Path, *words: object) -> int:
    return run_command("annotate", "correct", dataset, *words, "--no-open")


def edit(dataset: Path, name: str, change: Callable[[list[dict[str, Any]]], Any], **keys: Any) -> None:
    path = (correction_folder(dataset) / name).with_suffix(".json")
    raw = json.loads(path.read_bytes())
    change(raw["shapes"])
    path.write_text(json.dumps({**raw, **keys}, indent=1))


def files_of(root: Path) -> dict[str, bytes]:
    return {p.relative_to(root).as_posix(): p.read_bytes() for p in root.rglob("*") if p.is_file()}


def annotations(dataset: Path) -> dict[int, Annotation]:
    splits = load_dataset(dataset).splits.values()
    return {annotation.id: annotation for coco in splits for annotation in coco.annotations}


def new_shape(label: str, **keys: Any) -> dict[str, Any]:
    return {"label": label, "points": SQUARE, "group_id": None, "shape_type": "polygon", "flags": {}, **keys}


def test_without_a_correction_nothing_is_written(dataset: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = files_of(dataset)
    assert opened(dataset, "*") == 0
    capsys.readouterr()
    assert run_command("annotate", "correct", dataset, "--apply", "--json") == 0
    result = json_result(capsys)
    assert (result["images"], result["changed"], result["added"], result["removed"]) == (0, 0, 0, 0)
    assert result["kept"] == len(annotations(dataset))
    assert files_of(dataset) == before


def test_images_that_are_open_keep_their_files(
    dataset: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    name, _ = defective(dataset)
    assert opened(dataset, name) == 0
    before = files_of(correction_folder(dataset))
    capsys.readouterr()
    assert opened(dataset, name) == 0
    folder = tmp_path.resolve() / "data-correction"
    assert f"1 of these images are already open in {folder} and keep their files" in capsys.readouterr().err
    assert files_of(correction_folder(dataset)) == before


def test_relabelled_redrawn_deleted_and_new(dataset: Path, capsys: pytest.CaptureFixture[str]) -> None:
    name, mine = defective(dataset)
    labels = {category.id: category.name for category in load_dataset(dataset).categories}
    other = next(label for label in labels.values() if label != labels[mine[0].category_id])
    before, everything = files_of(dataset), annotations(dataset)
    assert opened(dataset, name) == 0
    edit(dataset, name, lambda shapes: (shapes[0].update(label=other), shapes.append(new_shape(other))))
    assert run_command("annotate", "correct", dataset, "--apply") == 0
    after = annotations(dataset)
    new = max(everything) + 1
    assert after.keys() == everything.keys() | {new}
    assert {k: v for k, v in after.items() if k not in {mine[0].id, new}} == {
        k: v for k, v in everything.items() if k != mine[0].id
    }
    assert labels[after[mine[0].id].category_id] == other
    # the corners 20, 20 and 40, 30 are 20 x 10 pixels
    assert (after[new].bbox, after[new].area, labels[after[new].category_id]) == ((20, 20, 20, 10), 200, other)
    now = files_of(dataset)
    mask = f"masks/{Path(name).with_suffix('.png').as_posix()}"
    assert {k for k in before | now if before.get(k) != now.get(k)} == {
        "annotations/instances_train.json", "dataset.json", mask,
    }  # fmt: skip
    with Image.open(dataset / mask) as png:
        indices = np.array(png)
    assert (indices[20:30, 20:40] == after[new].category_id).all()
    provenance = json.loads(now["dataset.json"])
    (entry,) = provenance["corrections"]
    assert entry["changed_images"] == [name]
    assert (entry["changed"], entry["added"], entry["removed"]) == (1, 1, 0)
    assert provenance["content_sha256"] != entry["content_sha256_before"]
    counts = provenance["counts"]["train"]["annotations"]
    assert sum(counts.values()) == len(read_coco(annotation_path(dataset, "train")).annotations)
    earlier = correction_folder(dataset) / ".before-1" / "instances_train.json"
    assert earlier.read_bytes() == before["annotations/instances_train.json"]
    capsys.readouterr()
    assert run_command("annotate", "correct", dataset, "--apply") == 2
    assert "was applied before" in only_line(capsys)
    assert opened(dataset, name) == 0  # begins again
    edit(dataset, name, lambda shapes: shapes.clear())
    assert run_command("annotate", "correct", dataset, "--apply") == 0
    assert not [a for a in annotations(dataset).values() if a.image_id == mine[0].image_id]
    assert len(json.loads((dataset / "dataset.json").read_bytes())["corrections"]) == 2


def test_predictions_become_truth_only_if_reviewed(
    dataset: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of three predictions one is relabelled, of one the flag is cleared, and one is left."""
    name, _ = defective(dataset)
    coco = read_coco(annotation_path(dataset, "train"))
    image = next(image for image in coco.images if image.file_name == name)
    run = tmp_path / "runs/det/r"
    (run / "predictions").mkdir(parents=True)
    (run / "config.yaml").write_text(f"kind: det\ndataset: {dataset}\noptions: {{}}\n")
    write_json(run / "split.json", RunSplit("data", None, {"test": [name]}))
    boxes = [[1, 1, 6, 6], [80, 1, 8, 6], [1, 80, 6, 8], [80, 80, 9, 9]]
    found = [
        {"image_id": image.id, "category_id": 1, "bbox": b, "score": s}
        for b, s in zip(boxes, [0.9, 0.8, 0.7, 0.1], strict=True)
    ]
    (run / "predictions/test.json").write_text(json.dumps(found))
    assert opened(dataset, name, "--from", run, "--min-score", 0.5) == 0
    raw = json.loads((correction_folder(dataset) / name).with_suffix(".json").read_bytes())
    proposals = [shape for shape in raw["shapes"] if shape["flags"].get("unreviewed")]
    assert [p["description"].split()[0] for p in proposals] == ["score=0.900", "score=0.800", "score=0.700"]
    everything = annotations(dataset)
    second = load_dataset(dataset).categories[1]

    def review(shapes: list[dict[str, Any]]) -> None:
        shapes[-3]["label"] = second.name
        shapes[-2]["flags"] = {"unreviewed": False}

    edit(dataset, name, review)
    capsys.readouterr()
    assert run_command("annotate", "correct", dataset, "--apply", "--json") == 0
    result = json_result(capsys)
    assert (result["added"], result["changed"], result["removed"], result["dropped"]) == (2, 0, 0, 1)
    new = [a for k, a in annotations(dataset).items() if k not in everything]
    assert [(a.bbox, a.category_id) for a in new] == [((1, 1, 6, 6), second.id), ((80, 1, 8, 6), 1)]


def test_conflicts_and_faults_leave_the_dataset(dataset: Path, capsys: pytest.CaptureFixture[str]) -> None:
    name, mine = defective(dataset)
    assert opened(dataset, name) == 0
    before = files_of(dataset)

    def refused(words: str) -> None:
        capsys.readouterr()
        assert run_command("annotate", "correct", dataset, "--apply") == 2
        assert words in only_line(capsys)
        assert files_of(dataset) == before

    edit(dataset, name, lambda shapes: shapes.append(new_shape("rust")))
    refused("label 'rust' is not a category of the dataset")
    edit(
        dataset,
        name,
        lambda shapes: shapes[-1].update(label=shapes[0]["label"], points=[[-9, -9], [-2, -9], [-2, -2]]),
    )
    refused("has no pixel in the image")
    edit(dataset, name, lambda shapes: shapes.pop(), flags={"reject": True})
    refused("is flagged reject")
    edit(dataset, name, lambda shapes: shapes.clear(), flags={})
    path = annotation_path(dataset, "train")
    coco = read_coco(path)
    write_coco(path, msgspec.structs.replace(coco, annotations=coco.annotations[:-1]))
    before = files_of(dataset)
    refused("changed since its images were opened")
    assert opened(dataset, name) == 2
    assert "changed since the correction here was begun" in only_line(capsys)
    assert mine


def test_a_file_or_a_name_that_would_be_ignored_is_refused(
    dataset: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    name, _ = defective(dataset)
    assert opened(dataset, name) == 0
    folder = correction_folder(dataset)
    edit(dataset, name, lambda shapes: shapes[0].update(points=SQUARE, shape_type="polygon"))
    opened_file = (folder / name).with_suffix(".json")
    stranger = opened_file.with_name("stranger.json")
    shutil.copy(opened_file, stranger)
    before = files_of(dataset)
    capsys.readouterr()
    assert run_command("annotate", "correct", dataset, "--apply") == 2
    assert "stranger.json: its image was not opened by this correction; move it away" in only_line(capsys)
    stranger.unlink()
    manifest = folder / ".correction.json"
    opened_names = manifest.read_text()
    manifest.write_text(opened_names.replace(json.dumps(name), f'{json.dumps(name)}, "gone.png"'))
    assert run_command("annotate", "correct", dataset, "--apply") == 2
    assert ".correction.json: 'gone.png' is not an image of" in only_line(capsys)
    assert files_of(dataset) == before
    manifest.write_text(opened_names)
    assert run_command("annotate", "correct", dataset, "--apply") == 0


def test_a_copied_shape_is_a_new_annotation_and_a_lost_part_changes_its_own(dataset: Path) -> None:
    """An annotation of two parts whose second part was deleted keeps its id and has the pixels of the first."""
    path = annotation_path(dataset, "train")
    coco = read_coco(path)
    image = coco.images[0]
    mask = np.zeros((image.height, image.width), np.uint8)
    mask[10:20, 10:20] = mask[40:60, 40:50] = 1
    own = Annotation(9000, image.id, 1, (10, 10, 40, 50), 300, encode(mask.astype(bool)))
    others = [a for a in coco.annotations if a.image_id != image.id]
    write_coco(path, CocoFile(coco.images, [*others, own], coco.categories))
    assert opened(dataset, image.file_name) == 0

    def change(shapes: list[dict[str, Any]]) -> None:
        assert [shape["group_id"] for shape in shapes] == [1, 1]
        assert [shape["defectline_annotation"] for shape in shapes] == ["9000/2", "9000/2"]
        copied = [{**shape, "group_id": 7} for shape in shapes]
        shapes.extend(copied)

    edit(dataset, image.file_name, change)
    assert run_command("annotate", "correct", dataset, "--apply") == 0
    after = annotations(dataset)
    assert after[9000] == own
    assert after[9001].area == 300
    assert opened(dataset, image.file_name) == 0
    edit(dataset, image.file_name, lambda shapes: shapes.__delitem__(slice(1, None)))
    assert run_command("annotate", "correct", dataset, "--apply") == 0
    after = annotations(dataset)
    assert 9001 not in after
    assert after[9000].area in {100, 200}
    assert decode(after[9000].segmentation, image.height, image.width).sum() == after[9000].area


def test_names_of_images(dataset: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    name, _ = defective(dataset)
    for word in (name, dataset / "images" / name):
        assert opened(dataset, word, "--json") == 0
        assert json_result(capsys)["opened"]["images"] in {0, 1}
    for words, message in [
        (("none.png",), "none.png: neither an image of"),
        (("gone/names.txt",), "gone/names.txt: no such list of images; check the path"),
        (("night/*",), "night/*: matches no image of"),
        ((Path(__file__),), "test_correct.py: not an image of"),
        ((), "names no image"),
        (("000.png", "--apply"), "without IMAGES"),
        ((name, "--min-score", 0.5), "not a score of predictions"),
    ]:
        assert run_command("annotate", "correct", dataset, *words) == 2
        assert message in only_line(capsys)
    other = next(i.file_name for i in load_dataset(dataset).split("train").images if i.file_name != name)
    names = tmp_path / "names.txt"
    names.write_text(f"{name}\n\n{other}\n")
    shutil.rmtree(correction_folder(dataset))
    assert opened(dataset, names, "--json") == 0
    assert json_result(capsys)["opened"]["images"] == 2
    for content, message in (
        (b"absent.png\n", "absent.png: neither an image of"),
        (b"\n", "the list is empty"),
        (b"\xff", "not UTF-8"),
    ):
        names.write_bytes(content)
        assert opened(dataset, names) == 2
        assert message in only_line(capsys)
    (dataset / "dataset.json").unlink()
    assert opened(dataset, name) == 2
    assert "not written by defectline" in only_line(capsys)
