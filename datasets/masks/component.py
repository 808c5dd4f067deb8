"""A component: some pixels of a mask, stored as a crop of the box around them."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Component:
    """Pixels of a mask: `box` is (x, y, w, h) in pixels, `pixels` the h x w bool crop inside the box."""

    box: tuple[int, int, int, int]
    pixels: "NDArray[np.bool_]"

    @property
    def area(self) -> int:
        """Number of pixels."""
        import numpy as np

        return int(np.count_nonzero(self.pixels))


def mask_to_component(mask: "NDArray[np.bool_]") -> Component:
    """All pixels of an H x W bool mask in the box around them. The mask must have a pixel."""
    import numpy as np

    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    x0, y0, x1, y1 = int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1
    return Component((x0, y0, x1 - x0, y1 - y0), mask[y0:y1, x0:x1])


def join_components(components: "list[Component]") -> Component:
    """The union of one or more components."""
    import numpy as np

    if len(components) == 1:
        return components[0]
    x0, y0 = (min(c.box[i] for c in components) for i in (0, 1))
    x1, y1 = (max(c.box[i] + c.box[i + 2] for c in components) for i in (0, 1))
    pixels = np.zeros((y1 - y0, x1 - x0), np.bool_)
    for component in components:
        x, y, w, h = component.box
        pixels[y - y0 : y - y0 + h, x - x0 : x - x0 + w] |= component.pixels
    return Component((x0, y0, x1 - x0, y1 - y0), pixels)


def shared_pixels(first: Component, second: Component) -> int:
    """Number of pixels that are in both components."""
    import numpy as np

    (ax, ay, aw, ah), (bx, by, bw, bh) = first.box, second.box
    x0, y0, x1, y1 = max(ax, bx), max(ay, by), min(ax + aw, bx + bw), min(ay + ah, by + bh)
    if x0 >= x1 or y0 >= y1:
        return 0
    one, other = (c.pixels[y0 - c.box[1] : y1 - c.box[1], x0 - c.box[0] : x1 - c.box[0]] for c in (first, second))
    return int(np.count_nonzero(one & other))


def fill_holes(pixels: "NDArray[np.bool_]") -> "NDArray[np.bool_]":
    """The h x w bool mask with every hole filled. A hole is background not 4-connected to the border."""
    import cv2
    import numpy as np

    _, labels = cv2.connectedComponents(np.pad(~pixels, 1, constant_values=True).astype(np.uint8), connectivity=4)
    filled: NDArray[np.bool_] = (labels != labels[0, 0])[1:-1, 1:-1]
    return filled
