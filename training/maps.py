"""The maps of images for the page: written by `predict --maps`, or kept while score maps are measured."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from datasets.coco import Image
from evaluate.map_folder import MapWriter, new_maps
from evaluate.metric import ScoreMap
from evaluate.run_folder import Run
from system.errors import OptionError
from training.trainer import MapMaker, Predictor

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class ImageMaps:
    """Makes the maps of image files and writes them into a folder."""

    def __init__(self, maker: MapMaker, writer: MapWriter) -> None:
        self._writer = writer
        self.make = maker.make

    def add(self, file: Path, values: "NDArray[np.float32]") -> None:
        """Write the map (H x W) of an image file."""
        self._writer.add(file.as_posix(), values)


@contextmanager
def map_writer(predictor: Predictor, folder: Path) -> Iterator[ImageMaps]:
    """What makes and adds the map of an image file; `folder` is complete when the block ends.

    Raises OptionError if the model has no map, OutputError if `folder` is another folder.
    """
    maker = predictor.map_maker
    if maker is None:
        raise OptionError("--maps", "this model has no map of an image", "leave it out")
    with new_maps(folder, maker.kind, bounded=maker.bounded) as writer:
        yield ImageMaps(maker, writer)


@contextmanager
def kept_score_maps(run: Run, score_map: ScoreMap | None) -> Iterator[ScoreMap | None]:
    """`score_map`, which also stores each map in RUN/maps/test if the predictions of `run` come from its maps.

    They do where defects are not distinguished by type; of other runs, the maps are a by-product. Masks are needed
    to measure maps, so without them there is none to store.
    """
    if score_map is None or run.provides.types:
        yield score_map
        return
    with new_maps(run.root / "maps" / "test", "score", run.predictions("test")) as writer:

        def keep(image: Image) -> "NDArray[np.float32]":
            values = score_map(image)
            writer.add(image.file_name, values)
            return values

        yield keep
