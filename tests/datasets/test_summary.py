from pathlib import Path

import numpy as np
from PIL import Image as PillowImage

from datasets.summary import NEGATIVE, describe_sizes, summarise
from tests.command import json_result, only_line, run_command


def small_tree(root: Path) -> Path:
    for folder, count in (("train/good", 3), ("test/good", 1), ("test/dent", 2)):
        (root / folder).mkdir(parents=True)
        for i in range(count):
            PillowImage.fromarray(np.full((10, 12, 3), 9, np.uint8)).save(root / folder / f"{i}.png")
    (root / "ground_truth/dent").mkdir(parents=True)
    for i, boxes in enumerate(([(1, 1, 2, 3)], [(0, 0, 4, 4), (6, 6, 2, 2)])):
        mask = np.zeros((10, 12), np.uint8)
        for x, y, w, h in boxes:
            mask[y : y + h, x : x + w] = 255
        PillowImage.fromarray(mask).save(root / f"ground_truth/dent/{i}_mask.png")
    return root


def test_a_tree_by_hand(tmp_path: Path) -> None:
    summary = summarise(small_tree(tmp_path / "jar"))
    assert (summary.kind, summary.images, summary.splits) == ("MVTec tree", 6, {"train": 3, "test": 3})
    assert summary.sizes == {"12 x 10": 6}
    assert summary.modes == {"RGB": 6}
    assert list(summary.types) == ["dent", "good"]
    dent = summary.types["dent"]
    assert (dent.images, dent.instances) == ({"test": 2}, 3)
    assert (dent.area.median, dent.area.min, dent.area.max) == (6, 4, 16)
    assert (dent.box_width.median, dent.box_height.max) == (2, 4)
    assert summary.types["good"].images == {"test": 1, "train": 3}
    assert summary.types["good"].area is None


def test_the_coco_folder_and_the_tree_have_the_same_counts(synth_tree: Path, coco_folder: Path) -> None:
    tree, coco = summarise(synth_tree), summarise(coco_folder)
    assert tree.images == coco.images == sum(coco.splits.values())
    assert list(coco.splits) == ["train", "val", "test"]
    for name in ("broken_large", "broken_small", "contamination"):
        assert tree.types[name].instances == coco.types[name].instances
        assert tree.types[name].area == coco.types[name].area
    assert sum(coco.types[NEGATIVE].images.values()) == sum(tree.types["good"].images.values())


def test_json_and_table_agree(synth_tree: Path, capsys) -> None:
    assert run_command("datasets", "summary", synth_tree, "--json") == 0
    reported = json_result(capsys)
    assert reported["images"] == 40
    assert run_command("datasets", "summary", synth_tree) == 0
    table = capsys.readouterr().out
    for word in ("MVTec tree", "40", "96 x 96 (40)", "RGB", "3: broken_large, broken_small, contamination"):
        assert word in table


def test_neither_tree_nor_dataset(tmp_path: Path, capsys) -> None:
    small_tree(tmp_path / "jar")
    assert run_command("datasets", "summary", tmp_path) == 2
    assert "name one of the folders inside: jar" in only_line(capsys)
    assert run_command("datasets", "summary", tmp_path / "absent") == 2
    assert "no such folder" in only_line(capsys)


def test_the_real_bottle(real_bottle: Path) -> None:
    summary = summarise(real_bottle)
    assert list(summary.types) == ["broken_large", "broken_small", "contamination", "good"]
    assert (summary.images, summary.splits) == (292, {"train": 209, "test": 83})
    assert [t.images.get("test") for t in summary.types.values()] == [20, 22, 21, 20]
    assert summary.sizes == {"900 x 900": 292}
    assert summary.modes == {"RGB": 292}
    assert sum(t.instances for t in summary.types.values()) == 68


def test_many_sizes_are_a_few_and_a_range():
    assert describe_sizes({"12 x 10": 6, "640 x 480": 1}) == "12 x 10 (6), 640 x 480 (1)"
    sizes = {f"{width} x {200 - width}": 1 + width % 2 for width in range(100, 110)}
    assert describe_sizes(sizes) == (
        "101 x 99 (2), 103 x 97 (2), 105 x 95 (2), 107 x 93 (2), 109 x 91 (2), 100 x 100 (1) and 4 others; "
        "widths 100 to 109, heights 91 to 100"
    )
