"""Binary masks: reading them, taking them apart into components, and to COCO run-length form and back."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from datasets.coco import Box, Rle, Segmentation
from datasets.images.image_file import lift_pixel_limit
from system.errors import InputError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

PNG_MOST = 8 * 1040  # pixels in a byte of a PNG: deflate repeats at most 258 bytes with 2 bits
PLAIN_MODE = {"1": "L", "CMYK": "RGB", "YCbCr": "RGB", "LAB": "RGB", "HSV": "RGB"}


@dataclass(frozen=True, slots=True)
class Component:
    """Some pixels of a mask that belong together.

    `box` is (x, y, w, h) in pixels, `pixels` the h x w bool crop of the mask inside the box.
    """

    box: tuple[int, int, int, int]
    pixels: "NDArray[np.bool_]"

    @property
    def area(self) -> int:
        """Number of pixels."""
        import numpy as np

        return int(np.count_nonzero(self.pixels))


def read_mask(path: Path, threshold: int | None = None, *, empty_ok: bool = False) -> "NDArray[np.bool_]":
    """Decode a ground-truth mask to H x W bool, True where the defect is.

    Without `threshold` the mask must hold at most two values, one of them 0. With it, pixels of that grey value
    and above are the defect. Raises InputError for more values, for colours and, unless `empty_ok`, for a mask
    without a defect.
    """
    import numpy as np

    grey = _read_grey(path)
    if threshold is not None:
        mask = grey >= threshold
        if not (empty_ok or mask.any()):
            raise InputError(
                path, f"no pixel reaches --threshold {threshold} (largest is {grey.max()})", "lower it"
            )
        return mask
    largest = grey.max()
    if largest == 0 and not empty_ok:
        raise InputError(path, "the mask is all black", "draw the defect, or move the image to the good ones")
    mask = grey == largest if largest else np.zeros(grey.shape, np.bool_)
    if np.count_nonzero(grey) != np.count_nonzero(mask):
        values = np.unique(grey)
        some = ", ".join(str(v) for v in values[:6]) + (", ..." if len(values) > 6 else "")
        raise InputError(
            path,
            f"{len(values)} grey values ({some}) where a mask has 0 and one other",
            "give --threshold T to take values >= T as the defect",
        )
    return mask


def read_indices(path: Path, count: int) -> "NDArray[np.integer]":
    """Decode an index mask to H x W integers: 0 background, k the k-th of `count` categories.

    Raises InputError for larger values and for colours without a palette.
    """
    import numpy as np

    indices = _read_grey(path)
    if indices.dtype.kind not in "iu":
        raise InputError(path, "an index mask with fractions", "save it as an 8-bit picture")
    if indices.max() > count or indices.min() < 0:
        unknown = [int(v) for v in np.unique(indices) if not 0 <= v <= count]
        some = ", ".join(map(str, unknown[:6])) + (", ..." if len(unknown) > 6 else "")
        problem = f"values {some} in an index mask of {count} categories"
        raise InputError(path, problem, "name more categories or repaint the mask")
    return indices


def components(mask: "NDArray[np.bool_]", *, connectivity: int = 8, merge_gap: int = 0) -> "list[Component]":
    """Connected components of an H x W bool mask, from top to bottom, then from left to right.

    With `merge_gap` > 0, components with fewer than that many pixels of background between them (straight line
    between the nearest pixels) are one.
    """
    import cv2
    import numpy as np

    if not mask.any():
        return []
    whole = mask_to_component(mask)  # most of a mask is background, which need not be searched
    left, top, _, _ = whole.box
    count, labels, stats, _ = cv2.connectedComponentsWithStats(
        whole.pixels.astype(np.uint8), connectivity=connectivity
    )
    groups = [[i] for i in range(1, count)]
    if merge_gap > 0 and count > 2:
        groups = _near_groups(labels, stats, merge_gap)
    found = []
    for group in groups:
        x0, y0 = stats[group, 0].min(), stats[group, 1].min()
        x1 = (stats[group, 0] + stats[group, 2]).max()
        y1 = (stats[group, 1] + stats[group, 3]).max()
        crop = labels[y0:y1, x0:x1]
        pixels = crop == group[0] if len(group) == 1 else np.isin(crop, group)
        found.append(Component((left + int(x0), top + int(y0), int(x1 - x0), int(y1 - y0)), pixels))
    return sorted(found, key=lambda c: (c.box[1], c.box[0], c.box[3], c.box[2], -c.area))


def mask_to_component(mask: "NDArray[np.bool_]") -> Component:
    """All pixels of an H x W bool mask that is not empty, in the box around them."""
    import numpy as np

    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    x0, y0, x1, y1 = int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1
    return Component((x0, y0, x1 - x0, y1 - y0), mask[y0:y1, x0:x1])


def fill_holes(pixels: "NDArray[np.bool_]") -> "NDArray[np.bool_]":
    """The h x w mask with every hole filled: background that reaches no border by 4-connected steps."""
    import cv2
    import numpy as np

    _, labels = cv2.connectedComponents(np.pad(~pixels, 1, constant_values=True).astype(np.uint8), connectivity=4)
    filled: NDArray[np.bool_] = (labels != labels[0, 0])[1:-1, 1:-1]
    return filled


def component_to_rle(component: Component, height: int, width: int) -> Rle:
    """COCO run-length form of a component within a picture of height x width pixels."""
    import numpy as np

    x, y, w, h = component.box
    full = np.zeros((height, width), np.uint8, order="F")
    full[y : y + h, x : x + w] = component.pixels
    return encode(full)


def encode(mask: "NDArray[np.uint8] | NDArray[np.bool_]") -> Rle:
    """COCO run-length form of an H x W mask, non-zero is inside."""
    import numpy as np
    from pycocotools import mask as coco_mask

    rle = coco_mask.encode(np.asfortranarray(mask, np.uint8))
    return Rle((int(rle["size"][0]), int(rle["size"][1])), rle["counts"].decode("ascii"))


def decode(segmentation: Segmentation, height: int, width: int) -> "NDArray[np.uint8]":
    """H x W uint8 mask of 0 and 1 of an annotation's segmentation, as pycocotools draws it."""
    import numpy as np
    from pycocotools import mask as coco_mask

    rle = to_rle(segmentation, height, width)
    if rle is None:
        return np.zeros((height, width), np.uint8)
    mask: NDArray[np.uint8] = coco_mask.decode({"size": list(rle.size), "counts": rle.counts})
    return mask


def to_rle(segmentation: Segmentation, height: int, width: int) -> Rle | None:
    """Compressed run-length form of any segmentation, None where it is empty."""
    from pycocotools import mask as coco_mask

    if isinstance(segmentation, Rle):
        if isinstance(segmentation.counts, str):
            return segmentation
        packed = coco_mask.frPyObjects(
            {"size": list(segmentation.size), "counts": segmentation.counts}, height, width
        )
    elif segmentation:
        packed = coco_mask.merge(coco_mask.frPyObjects([list(p) for p in segmentation], height, width))
    else:
        return None
    return Rle((height, width), packed["counts"].decode("ascii"))


def rle_area(rle: Rle) -> int:
    """Number of pixels inside."""
    from pycocotools import mask as coco_mask

    return int(coco_mask.area({"size": list(rle.size), "counts": rle.counts}))


def rle_box(rle: Rle) -> Box:
    """Pixel extents (x, y, w, h) of a compressed run-length mask."""
    from pycocotools import mask as coco_mask

    x, y, w, h = (int(v) for v in coco_mask.toBbox({"size": list(rle.size), "counts": rle.counts}))
    return (x, y, w, h)


def _read_grey(path: Path) -> "NDArray[np.int32]":
    import numpy as np
    from PIL import Image, UnidentifiedImageError

    lift_pixel_limit()
    try:
        with Image.open(path) as image:
            if image.format == "PNG" and image.width * image.height > PNG_MOST * path.stat().st_size:
                raise InputError(
                    path, f"{image.width} x {image.height} pixels in so few bytes", "replace it by a whole copy"
                )
            plain = PLAIN_MODE.get(image.mode)
            values = np.asarray(image.convert(plain) if plain else image)
    except UnidentifiedImageError:
        raise InputError(path, "not a picture", "replace it by a PNG mask") from None
    except (OSError, SyntaxError, ValueError) as error:
        raise InputError(path, f"cannot be read as a mask ({error})", "replace it by a whole copy") from None
    if values.ndim == 3:
        colours = values[:, :, : 1 if values.shape[2] == 2 else 3]
        if (colours != colours[:, :, :1]).any():
            raise InputError(path, "the mask is coloured", "save it as a grey picture with 0 and 255")
        if values.shape[2] in {2, 4} and colours[values[:, :, -1] == 0].any():
            raise InputError(path, "the mask has a value where it is transparent", "save it without transparency")
        values = colours[:, :, 0]
    return values


def _near_groups(labels: "NDArray[np.int32]", stats: "NDArray[np.int32]", gap: int) -> list[list[int]]:
    import cv2
    import numpy as np

    count = len(stats)
    parent = list(range(count))

    def root(i: int) -> int:
        while parent[i] != i:
            i = parent[i]
        return i

    for i in range(1, count):
        x, y, w, h = (int(v) for v in stats[i, :4])
        y0, x0 = max(0, y - gap - 1), max(0, x - gap - 1)
        window = labels[y0 : y + h + gap + 1, x0 : x + w + gap + 1]
        distance = cv2.distanceTransform((window != i).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
        for j in np.unique(window[(distance < gap + 1) & (window > i)]):
            parent[root(int(j))] = root(i)
    groups: dict[int, list[int]] = {}
    for i in range(1, count):
        groups.setdefault(root(i), []).append(i)
    return list(groups.values())
