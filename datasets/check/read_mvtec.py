"""What `datasets check` reads of an MVTec tree: every picture and mask, paired by name as far as they pair."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from datasets.check.codes import Finding
from datasets.check.facts import Entry, Instance, Listing
from datasets.formats.labelme import is_labelme
from datasets.formats.layouts.mvtec import MvtecAd
from datasets.formats.layouts.tree import GOOD
from datasets.images.image_file import list_images, read_info
from datasets.images.mask_file import read_mask
from datasets.masks.component import components
from system.errors import InputError


def list_mvtec(root: Path) -> Listing | None:
    """Pictures of train and test with their masks, None where `root` is no MVTec tree.

    Without ground_truth, but with labelme files, it is one that `convert coco2labelme` made a labelme folder of.
    """
    if not MvtecAd().matches(root) or (not (root / "ground_truth").is_dir() and _has_labelme(root)):
        return None
    findings: list[Finding] = []
    masks = _list_masks(root, findings)
    entries: list[Entry] = []
    for split in ("test", "train"):
        for folder in _folders(root / split):
            if split == "train" and folder.name != GOOD:
                findings.append(Finding(_name(root, folder), "", "defect-in-train", folder.name))
            entries += _entries(root, split, folder, masks, findings)
    lonely = [_name(root, path) for paths in masks.values() for path in paths]
    findings += [Finding(name, "", "unpaired-mask", "no image of this name") for name in lonely]
    types = {folder.name for split in ("test", "train") for folder in _folders(root / split)} - {GOOD}
    return Listing(entries, sorted(types), findings)


def read_mvtec(entry: Entry, width: int, height: int) -> tuple[list[Instance], list[Finding]]:
    """Components of the mask of one image of width x height pixels (0 where it cannot be read)."""
    mask_name, mask_path, category = entry.details
    if mask_path is None:
        return [], []
    findings = []
    try:
        info = read_info(Path(mask_path))
        if width and (info.width, info.height) != (width, height):
            sizes = f"{info.width} x {info.height}, its image {width} x {height}"
            findings.append(Finding(mask_name, "", "mask-size", sizes))
        mask = read_mask(Path(mask_path), empty_ok=True)
    except InputError as error:
        return [], [*findings, Finding(mask_name, "", "bad-mask", error.problem)]
    if not mask.any():
        findings.append(Finding(mask_name, "", "empty-mask", "all black"))
    found = components(mask)
    return [Instance(f"component {i}", category, c.box, c.area) for i, c in enumerate(found, 1)], findings


def _list_masks(root: Path, findings: list[Finding]) -> dict[tuple[str, str], list[Path]]:
    masks: dict[tuple[str, str], list[Path]] = {}
    for folder in _folders(root / "ground_truth"):
        for path in list_images(folder):
            masks.setdefault((folder.name, path.stem.removesuffix("_mask")), []).append(path)
    rivals = [paths for paths in masks.values() if len(paths) > 1]
    findings += [Finding(_name(root, p[1]), "", "ambiguous-pair", f"beside {p[0].name}") for p in rivals]
    return masks


def _entries(
    root: Path, split: str, folder: Path, masks: dict[tuple[str, str], list[Path]], findings: list[Finding]
) -> Iterable[Entry]:
    entries = []
    seen: dict[str, Path] = {}
    for path in list_images(folder):
        if path.stem in seen:
            findings.append(Finding(_name(root, path), "", "ambiguous-pair", f"beside {seen[path.stem].name}"))
        seen.setdefault(path.stem, path)
        key = (folder.name, path.stem)
        paired = masks.pop(key, []) if split == "test" else []
        mask = paired[0] if paired else None
        if mask is None and folder.name != GOOD:
            findings.append(Finding(_name(root, path), "", "unlabelled-defect", f"no mask {path.stem}_mask.png"))
        details: Any = (mask and _name(root, mask), mask and str(mask), folder.name)
        entries.append(Entry(_name(root, path), str(path), split, folder.name == GOOD, details))
    return entries


def _has_labelme(root: Path) -> bool:
    return any(is_labelme(path) for split in ("test", "train") for path in (root / split).rglob("*"))


def _folders(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    return sorted(p for p in folder.iterdir() if p.is_dir() and not p.name.startswith("."))


def _name(root: Path, path: Path) -> str:
    return path.relative_to(root).as_posix()
