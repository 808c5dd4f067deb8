"""The types of shapes that labelme, AnyLabeling and X-AnyLabeling draw: one table, which all readers use.

To add a type, add a row; a type that is drawn in a new way also needs a function in `labelme_shapes`.
"""

from typing import Literal

import msgspec


class ShapeType(msgspec.Struct, frozen=True):
    """How a shape is drawn, and how many points it may have (any number where empty).

    polygon: the points, or the box of two opposite corners; circle: centre and a point on it; mask: a PNG between
    two corners; line: only with a line width; nothing: it has no area in the image.
    """

    drawn: Literal["polygon", "circle", "mask", "line", "nothing"]
    points: tuple[int, ...] = ()


SHAPE_TYPES = {
    "polygon": ShapeType("polygon"),
    "rectangle": ShapeType("polygon", (2, 4)),  # X-AnyLabeling writes all four corners
    "oriented_rectangle": ShapeType("polygon", (4,)),
    "rotation": ShapeType("polygon", (4,)),  # X-AnyLabeling's word for it
    "quadrilateral": ShapeType("polygon", (4,)),
    "circle": ShapeType("circle", (2,)),
    "mask": ShapeType("mask", (2,)),
    "point": ShapeType("line", (1,)),
    "points": ShapeType("line"),
    "line": ShapeType("line", (2,)),
    "linestrip": ShapeType("line"),
    "cuboid": ShapeType("nothing"),  # X-AnyLabeling
}
