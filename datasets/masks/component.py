"""Binary masks: reading them, taking them apart into components, and to COCO run-length form and back."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


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
