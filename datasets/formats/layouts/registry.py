"""All layouts, and the detection of a folder's layout."""

from pathlib import Path
from typing import Literal, cast, get_args

from msgspec.structs import replace

from datasets.formats.layouts.mvtec import MvtecAd
from datasets.formats.layouts.side_by_side import Dagm, Ksdd, Ksdd2, MagneticTile, RealIad, Visa
from datasets.formats.layouts.tree import ImageTree, Layout, subfolders
from datasets.formats.layouts.typed import Btad, Mvtec3d, MvtecAd2, MvtecLoco
from system.errors import InputError, OptionError, raise_together
from system.exclude import NOTHING, Excluder
from system.files import check_unicode

LayoutName = Literal[
    "auto", "mvtec", "btad", "loco", "mvtec3d", "ad2", "visa", "ksdd", "ksdd2", "dagm", "magnetic-tile", "real-iad"
]
# The most distinctive layouts first: MVTec AD's folders are also those of BTAD, MVTec LOCO and MVTec 3D-AD.
LAYOUTS: tuple[Layout, ...] = (
    Btad(),
    MvtecLoco(),
    Mvtec3d(),
    MvtecAd2(),
    Visa(),
    Ksdd2(),
    Dagm(),
    MagneticTile(),
    RealIad(),
    MvtecAd(),
    Ksdd(),
)


def find_layout(root: Path) -> Layout | None:
    """The layout of the folder `root`, None if none is recognised."""
    return next((layout for layout in LAYOUTS if layout.matches(root)), None)


def parse_layout(name: str) -> LayoutName:
    """The value of --layout. Raises OptionError for an unknown one."""
    if name not in get_args(LayoutName):
        raise OptionError(f"--layout {name}", "no such layout", f"give one of {', '.join(get_args(LayoutName))}")
    return cast("LayoutName", name)


def read_tree(
    root: Path,
    layout: LayoutName = "auto",
    exclude: Excluder = NOTHING,
    *,
    faults: list[InputError] | None = None,
) -> ImageTree:
    """List the images of a folder tree and pair them with their masks, by the given or detected layout.

    Files that `exclude` excludes are not listed. If `faults` is given, it gets an error for each image and mask
    that do not pair, and the tree has only the other images.

    Raises InputError if `root` has no known layout, and, with all faults, if images and masks do not pair.
    """
    if not root.is_dir():
        raise InputError(root, "no such folder", "name a category folder (with train, test, ground_truth)")
    chosen = find_layout(root) if layout == "auto" else next(one for one in LAYOUTS if one.name == layout)
    if chosen is None:
        inside = [folder.name for folder in subfolders(root) if find_layout(folder)]
        remedy = f"name one of the folders inside: {', '.join(inside)}" if inside else "name another folder"
        raise InputError(root, "not an MVTec category folder (no train, test or ground_truth in it)", remedy)
    tree = chosen.read(root, exclude)
    if faults is None:
        raise_together(fault.error for fault in tree.faults)
    else:
        faults += [fault.error for fault in tree.faults]
        tree = replace(tree, images=tree.sound_images())
    check_unicode(root, (image.relative for image in tree.images))
    return tree
