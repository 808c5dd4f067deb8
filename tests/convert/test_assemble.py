import hashlib
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import pytest

from convert.assemble import assemble
from convert.conversion import Conversion, Converted, Instance, encode_instance
from convert.execution import Execution
from convert.report import Event
from datasets.coco import Annotation, Category, Rle
from datasets.formats.coco_file import read_coco, write_coco
from datasets.formats.dataset_folder import load_dataset
from datasets.formats.file_names import check_stems
from system.errors import InputError, OutputError

CATEGORIES = [Category(1, "a"), Category(2, "b")]
FILLING = "32f0"  # runs of 3, 2 and 22 pixels: two pixels in the second column of 9 x 3


class Named(msgspec.Struct, frozen=True):
    file_name: str


def convert_image(source: Named, dest: Path | None, drop: str = "") -> Converted:
    """One instance per letter of the stem, of category 2 for b; images are one byte."""
    stem = Path(source.file_name).stem
    instances = [
        Instance(1 + (letter == "b"), (i, 0, 1, 2), 2, Rle((3, 9), FILLING) if i % 2 else [[0, 0, 1, 0, 1, 2.5]])
        for i, letter in enumerate(stem)
        if letter != "n"
    ]
    kept = source.file_name != drop
    if dest is not None and kept:
        (dest / "images" / source.file_name).write_bytes(b"x")
    return Converted(
        source.file_name,
        9,
        3,
        hashlib.sha256(stem.encode()).hexdigest(),
        stem,
        [i.category_id for i in instances],
        [encode_instance(i) for i in instances],
        [] if kept else [Event(source.file_name, "", "image-left-out", "")],
        kept,
    )


def conversion(names: list[str], drop: str = "", **changed: Any) -> Conversion[Named]:
    whole = Conversion(
        tool="test",
        origins=["origin"],
        options={},
        categories=CATEGORIES,
        sources=[Named(name) for name in names],
        convert_image=partial(convert_image, drop=drop),
        assign_splits=lambda strata: {n: "val" if "n" in stratum else "train" for n, stratum in strata.items()},
        read={"things": 7},
        events=[],
        pool_pays=False,
    )
    return msgspec.structs.replace(whole, **changed)


def test_files_are_those_that_write_coco_writes(tmp_path: Path) -> None:
    assemble(tmp_path / "d", conversion(["a.png", "x/ab.png", "x/n.png"]), Execution())
    for split, ids in {"train": [1, 2], "val": [3], "test": []}.items():
        path = tmp_path / f"d/annotations/instances_{split}.json"
        coco = read_coco(path)
        assert [image.id for image in coco.images] == ids
        write_coco(tmp_path / "again.json", coco)
        assert path.read_bytes() == (tmp_path / "again.json").read_bytes()
    annotations = load_dataset(tmp_path / "d").splits["train"].annotations
    assert [(a.id, a.image_id, a.category_id) for a in annotations] == [(1, 1, 1), (2, 2, 1), (3, 2, 2)]
    assert annotations[2] == Annotation(3, 2, 2, (1, 0, 1, 2), 2, Rle((3, 9), FILLING))


def test_counts_and_omissions(tmp_path: Path) -> None:
    report = assemble(tmp_path / "d", conversion(["a.png", "b.png", "n.png"], drop="b.png"), Execution())
    assert report.written == {"images": 2, "negatives": 1, "annotations": 1}
    assert report.read == {"things": 7}
    provenance = load_dataset(tmp_path / "d").provenance
    assert provenance is not None
    assert provenance.counts["train"] == {"images": 1, "negatives": 0, "annotations": {"a": 1, "b": 0}}
    assert provenance.counts["val"] == {"images": 1, "negatives": 1, "annotations": {"a": 0, "b": 0}}
    assert provenance.lost == [{"code": "image-left-out", "kind": "lost", "count": 1}]
    assert sorted(p.name for p in (tmp_path / "d").iterdir()) == ["annotations", "dataset.json", "images", "masks"]


def test_a_dry_run_writes_nothing_and_strict_leaves_nothing(tmp_path: Path) -> None:
    todo = conversion(["a.png", "b.png"], drop="b.png")
    dry = assemble(tmp_path / "d", todo, Execution(dry_run=True))
    assert list(tmp_path.iterdir()) == []
    for dry_run in (True, False):
        with pytest.raises(InputError, match="image-left-out"):
            assemble(tmp_path / "d", todo, Execution(strict=True, dry_run=dry_run))
    assert list(tmp_path.iterdir()) == []
    assert dry == assemble(tmp_path / "d", todo, Execution())
    with pytest.raises(OutputError):
        assemble(tmp_path / "d", todo, Execution())
    assemble(tmp_path / "d", todo, Execution(overwrite=True))


def test_images_that_would_share_a_pixel_mask_are_refused(tmp_path: Path) -> None:
    check_stems(["a.png", "x/a.png", "b.png"])
    with pytest.raises(InputError, match=r"x/a\.png: its name differs from x/a\.jpg only in the extension"):
        assemble(tmp_path / "d", conversion(["x/a.jpg", "x/a.png"]), Execution())


def test_more_categories_than_a_byte_counts_are_refused(tmp_path: Path) -> None:
    many = [Category(i, f"c{i}") for i in range(1, 257)]
    with pytest.raises(InputError, match="256 categories"):
        assemble(tmp_path / "d", conversion(["a.png"], categories=many), Execution())
