"""Many rings in flat arrays, which NumPy processes much faster than single rings."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class RingTable:
    """R rings, none of them empty: `points` is N x 2 of (x, y), ring after ring, not closed.

    `lengths` is the number of points of each ring, `owner` the number of its mask; both int64.
    """

    points: "NDArray[np.float64]"
    lengths: "NDArray[np.int64]"
    owner: "NDArray[np.int64]"

    @property
    def stops(self) -> "NDArray[np.int64]":
        """Where in `points` each ring ends."""
        import numpy as np

        return np.cumsum(self.lengths)

    @property
    def starts(self) -> "NDArray[np.int64]":
        """Where in `points` each ring begins."""
        return self.stops - self.lengths

    def ring_of_point(self) -> "NDArray[np.int64]":
        """The ring of each point."""
        import numpy as np

        return np.repeat(np.arange(len(self.lengths)), self.lengths)

    def owner_of_point(self) -> "NDArray[np.int64]":
        """The owner of each point."""
        import numpy as np

        return np.repeat(self.owner, self.lengths)

    def next_point(self) -> "NDArray[np.int64]":
        """The index of the point after each point; the first point of a ring comes after its last."""
        import numpy as np

        following = np.arange(1, len(self.points) + 1)
        following[self.stops - 1] = self.starts
        return following

    def previous_point(self) -> "NDArray[np.int64]":
        """The index of the point before each point; the last point of a ring comes before its first."""
        import numpy as np

        before = np.arange(-1, len(self.points) - 1)
        before[self.starts] = self.stops - 1
        return before

    def areas(self) -> "NDArray[np.float64]":
        """The enclosed area of each ring: positive for an outer ring, negative for the ring of a hole."""
        import numpy as np

        if not len(self.lengths):
            return np.empty(0)
        x, y = self.points.T
        following = self.next_point()
        doubled = np.add.reduceat(x * y[following] - y * x[following], self.starts)
        return np.asarray(doubled / 2, np.float64)

    def rings(self) -> "list[NDArray[np.float64]]":
        """The points of each ring, as views."""
        bounds = zip(self.starts.tolist(), self.stops.tolist(), strict=True)
        return [self.points[start:stop] for start, stop in bounds]

    def select(self, chosen: "NDArray[np.bool_]") -> "RingTable":
        """The chosen rings."""
        import numpy as np

        points = self.points[np.repeat(chosen, self.lengths)]
        return RingTable(points, self.lengths[chosen], self.owner[chosen])

    def reorder(self, order: "NDArray[np.int64]") -> "RingTable":
        """The rings with these numbers, in this order."""
        import numpy as np

        lengths = self.lengths[order]
        begins = np.cumsum(lengths) - lengths
        source = np.arange(int(lengths.sum())) + np.repeat(self.starts[order] - begins, lengths)
        return RingTable(self.points[source], lengths, self.owner[order])


def ring_table(rings: "Sequence[NDArray[np.float64]]", owner: "Sequence[int] | NDArray[np.int64]") -> RingTable:
    """Rings as one table. None of them may be empty."""
    import numpy as np

    points = np.concatenate(rings) if rings else np.empty((0, 2))
    lengths = np.array([len(ring) for ring in rings], np.int64)
    return RingTable(np.asarray(points, np.float64), lengths, np.asarray(owner, np.int64))


def merge_tables(tables: Sequence[RingTable]) -> RingTable:
    """All rings of the tables, sorted by owner; the rings of one owner are in the order of the tables."""
    import numpy as np

    points = np.concatenate([table.points for table in tables])
    lengths = np.concatenate([table.lengths for table in tables])
    owner = np.concatenate([table.owner for table in tables])
    return RingTable(points, lengths, owner).reorder(np.argsort(owner, kind="stable"))
