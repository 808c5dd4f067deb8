"""The maps that `predict --maps` writes for the page."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from evaluate.map_folder import new_maps
from system.errors import OptionError
from training.trainer import Predictor

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

AddMap = Callable[[Path, "NDArray[np.uint8]"], None]


@contextmanager
def map_writer(predictor: Predictor, folder: Path) -> Iterator[AddMap]:
    """A function that adds the map of an image file, given its pixels; `folder` is complete when the block ends.

    Raises OptionError if the model has no map, OutputError if `folder` is another folder.
    """
    maker = predictor.map_maker
    if maker is None:
        raise OptionError("--maps", "this model has no map of an image", "leave it out")
    with new_maps(folder, maker.kind, bounded=maker.bounded) as writer:
        yield lambda file, rgb: writer.add(file.as_posix(), maker.make(rgb))
