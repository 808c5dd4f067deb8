"""Every fault of each layout of images and masks other than that of MVTec AD, and the words that state it."""

import shutil
from collections.abc import Callable
from pathlib import Path

from tests.datasets.formats.layouts.test_layouts import image, mask

NO_MASK = "no mask for this defect image"


def copy(root: Path, old: str, new: str) -> None:
    (root / new).parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(root / old, root / new)


def empty_folder(root: Path, name: str) -> None:
    (root / name).mkdir(parents=True)


def btad_faults(root: Path) -> list[str]:
    (root / "ground_truth/ko/0.png").unlink()
    mask(root / "ground_truth/ko/77.png")
    mask(root / "ground_truth/other/1.png")
    empty_folder(root, "test/good")
    return [NO_MASK, "no image for this mask (77.* is missing)", "masks of a type that has no images",
            "has both ok and good as folders of good images"]  # fmt: skip


def loco_faults(root: Path) -> list[str]:
    (root / "test/logical/0.png").unlink()
    empty_folder(root, "ground_truth/logical/44")
    image(root / "test/logical/44.png")
    return ["no image for this mask (0.* is missing)", "this folder of masks is empty", NO_MASK]


def mvtec3d_faults(root: Path) -> list[str]:
    (root / "test/crack/gt/0.png").unlink()
    copy(root, "test/good/rgb/0.png", "test/good/rgb/0.bmp")
    return [NO_MASK, "its name is ambiguous with 0.bmp"]


def ad2_faults(root: Path) -> list[str]:
    (root / "test_public/ground_truth/bad/0_regular_mask.png").unlink()
    mask(root / "test_public/ground_truth/bad/77_mask.png")
    return [NO_MASK, "no image for this mask (77.* is missing)"]


def visa_faults(root: Path) -> list[str]:
    (root / "Data/Masks/Anomaly/0.png").unlink()
    mask(root / "Data/Masks/Anomaly/77.png")
    return [NO_MASK, "no image for this mask (77.* is missing)"]


def ksdd2_faults(root: Path) -> list[str]:
    (root / "train/10_GT.png").unlink()
    mask(root / "test/77_GT.png")
    return [NO_MASK, "no image for this mask (77.* is missing)"]


def ksdd_faults(root: Path) -> list[str]:
    (root / "kos01/Part0.jpg").unlink()
    image(root / "kos01/Part9.jpg")
    return ["no image for this mask (Part0.* is missing)", NO_MASK]


def dagm_faults(root: Path) -> list[str]:
    (root / "Train/0576.PNG").unlink()
    mask(root / "Test/Label/77_label.PNG")
    return ["no image for this mask (0576.* is missing)", "no image for this mask (77.* is missing)"]


def magnetic_tile_faults(root: Path) -> list[str]:
    (root / "MT_Blowhole/Imgs/a.png").unlink()
    image(root / "MT_Free/Imgs/x.bmp")
    return [NO_MASK, "neither a JPEG image nor a PNG mask"]


def real_iad_faults(root: Path) -> list[str]:
    (root / "NG/AK/S0003/c.jpg").unlink()
    image(root / "OK/S0001/x.bmp")
    return ["no image for this mask (c.* is missing)", "neither a JPEG image nor a PNG mask"]


def mvtec_faults(root: Path) -> list[str]:
    defect = next(folder for folder in sorted((root / "test").iterdir()) if folder.name != "good")
    image(defect / "77.png")
    mask(root / f"ground_truth/{defect.name}/88_mask.png")
    wanted = f"ground_truth/{defect.name}/77_mask.png"
    return [f"no mask for this defect image ({wanted} is missing)",
            f"no image for this mask (test/{defect.name}/88.* is missing)"]  # fmt: skip


FAULTS: dict[str, Callable[[Path], list[str]]] = {
    "mvtec": mvtec_faults,
    "btad": btad_faults,
    "loco": loco_faults,
    "mvtec3d": mvtec3d_faults,
    "ad2": ad2_faults,
    "visa": visa_faults,
    "ksdd2": ksdd2_faults,
    "ksdd": ksdd_faults,
    "dagm": dagm_faults,
    "magnetic-tile": magnetic_tile_faults,
    "real-iad": real_iad_faults,
}
