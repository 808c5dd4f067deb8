"""The contenders of benchmarks.bottle, and where one keeps its files."""

from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import msgspec

FOLDS = 5
PLAIN = "one-look"  # folder in a run: its predictions and metrics without --tta
YOLO, RESNET, LITE = "yolo11n.pt", "resnet18.pt", "tf_efficientnet_lite0.safetensors"
TYPES = ("--recipe", "recipes/few.yaml", "--weights", LITE)  # of train_cls fit
GOOD_MAP = ("--encoder", "tf_efficientnet_lite0", "--encoder-weights", LITE)  # of train_anomaly fit


class Contender(msgspec.Struct, frozen=True):
    """A trainer and its flags; a file name is that of a file in the folder of weights.

    `stock` is the plain tool, not ours. With `good_map` a run of train_anomaly on the same folds is made first.
    """

    task: Literal["det", "seg"]
    flags: tuple[str, ...]
    stock: bool = False
    good_map: bool = False


class Fused(msgspec.Struct, frozen=True):
    """All seeds of the contenders `members` as one run; boxes are refined by the fused run `refine`.

    With `types`, a classifier of images, by recipes/few.yaml, corrects the types.
    """

    task: Literal["det", "seg"]
    members: tuple[str, ...]
    refine: str = ""
    types: bool = False


CONTENDERS: Mapping[str, Contender] = {
    "stock-det": Contender("det", ("--weights", YOLO), stock=True),
    "det": Contender("det", ("--weights", YOLO)),
    "det-512": Contender("det", ("--weights", YOLO, "--imgsz", "512")),
    "stock-seg": Contender("seg", ("--encoder-weights", RESNET), stock=True),
    "seg": Contender("seg", ("--encoder-weights", RESNET)),
    "seg-224": Contender("seg", ("--encoder-weights", RESNET, "--imgsz", "224", "--epochs", "120")),
    "seg-lite0": Contender("seg", ("--encoder", "tu-tf_efficientnet_lite0", "--encoder-weights", LITE)),
    "seg-good-map": Contender("seg", ("--encoder-weights", RESNET), good_map=True),
}
FUSED: Mapping[str, Fused] = {
    "seg-fused": Fused("seg", ("seg",)),
    "seg-224-fused": Fused("seg", ("seg-224",)),
    "seg-224-typed": Fused("seg", ("seg-224",), types=True),
    "seg-good-map-fused": Fused("seg", ("seg-good-map",)),
    "seg-all-fused": Fused("seg", ("seg", "seg-lite0", "seg-good-map")),
    "det-fused": Fused("det", ("det",)),
    "det-both-sizes-fused": Fused("det", ("det", "det-512")),
    "det-refined": Fused("det", ("det",), refine="seg-all-fused"),
    "det-typed": Fused("det", ("det",), types=True),
    "seg-typed": Fused("seg", ("seg",), types=True),
    "det-refined-typed": Fused("det", ("det",), refine="seg-all-fused", types=True),
}


class Spent(msgspec.Struct, frozen=True):
    """The cost of one fold: wall seconds, processor seconds, peak memory in MB."""

    wall_s: float
    cpu_s: float
    peak_mb: float


class Step(msgspec.Struct, frozen=True):
    """A contender and a seed."""

    work: Path
    contender: str
    seed: int

    @property
    def name(self) -> str:
        """The name of the run, unique in the folder of runs."""
        return f"{self.contender}-{self.seed}"

    @property
    def run(self) -> Path:
        """The cross-validation of our trainer, with --tta."""
        return self.work / "runs" / CONTENDERS[self.contender].task / self.name

    @property
    def plain(self) -> Path:
        """A copy of the run without its weights, without --tta."""
        return self.work / PLAIN / CONTENDERS[self.contender].task / self.name

    @property
    def spent(self) -> Path:
        """The cost; it exists when all folds are finished."""
        return self.work / "spent" / f"{self.name}.json"

    def data(self, fold: int) -> Path:
        """The dataset of a fold for a stock tool; folds count from 1."""
        return self.work / f"folds-{self.seed}" / f"fold-{fold}"

    def stock_predictions(self, fold: int) -> Path:
        """The predictions of a stock tool."""
        return self.work / "stock" / f"{self.name}-{fold}.json"


def with_weights(flags: tuple[str, ...], weights: Path) -> list[str]:
    """The flags with the paths of the files of weights."""
    return [str(weights / word) if word in {YOLO, RESNET, LITE} else word for word in flags]
