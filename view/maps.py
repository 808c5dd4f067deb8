"""Maps of a run as layers of the page: read from the run, or computed and stored in it.

The maps of a cross-validation belong to its folds, because the model of a fold tested its images.
"""

import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from evaluate.map_folder import MapKind, new_maps, read_map, read_maps, stored_maps
from evaluate.new_predictions import predict_images
from evaluate.run_folder import Run, load_run, trainers
from system.console import print_status
from system.errors import OptionError
from view.scene import Scene, SceneImage
from view.shown_run import Model

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SAMPLED = 200  # maps from which the range of colours is chosen


def has_maps(run: Run) -> bool:
    """Whether the model of a run has a map of an image."""
    return run.provides.score_maps or run.provides.image_types


def check_maps(roots: Sequence[Path]) -> None:
    """Raise OptionError if none of the runs has maps."""
    runs = [load_run(root) for root in roots]
    if not any(map(has_maps, runs)):
        known = trainers("score_maps") + " or " + trainers("image_types")
        raise OptionError("--maps", f"a run of train_{runs[0].task} has no maps", f"name a run of {known}")


def with_maps(scene: Scene, *, compute: bool = False) -> Scene:
    """The scene with the maps that its runs contain; with `compute` those that are missing are computed first.

    Outdated maps are reported and not used. Raises InputError for damaged maps, PredictError if a trainer fails.
    """
    models, columns = [], []
    for m, model in enumerate(scene.models):
        run, kind = load_run(model.root), None
        files: dict[str, Path] = {}
        for owner, names in _owners(run, scene, m).items() if has_maps(run) else ():
            found = _stored(owner, scene.split, names)
            if compute and found is None:
                _compute(owner, scene, names)
                found = _stored(owner, scene.split, names)
            if found:
                kind = found[0]
                files |= found[1]
        models.append(_with_range(model, kind, list(files.values())))
        columns.append(files)
    return _filled(scene, models, columns)


def with_new_maps(scene: Scene, maps: Path) -> Scene:
    """The scene of new images with the maps in the folder `maps`, which a trainer wrote."""
    listed = read_maps(maps)
    if listed is None:
        return scene
    by_path = {Path(name).resolve(): maps / file for name, file in listed.images.items()}
    files = {
        shown.image.file_name: by_path[shown.path.resolve()]
        for shown in scene.images
        if shown.path.resolve() in by_path
    }
    return _filled(scene, [_with_range(scene.models[0], listed.kind, list(files.values()))], [files])


def _filled(scene: Scene, models: list[Model], columns: Sequence[Mapping[str, Path]]) -> Scene:
    def fill(shown: SceneImage) -> SceneImage:
        return msgspec.structs.replace(shown, maps=[files.get(shown.image.file_name) for files in columns])

    images = [fill(shown) for shown in scene.images] if any(columns) else scene.images
    return msgspec.structs.replace(scene, models=models, images=images)


def _owners(run: Run, scene: Scene, model: int) -> dict[Run, list[str]]:
    """The run or the folds whose model tested the images, each with the names of its images."""
    owners: dict[Run, list[str]] = {}
    for shown in scene.images:
        fold = shown.folds[model] if shown.folds else None
        owner = run if fold is None else load_run(run.root / f"fold-{fold}")
        owners.setdefault(owner, []).append(shown.image.file_name)
    return owners


def _stored(owner: Run, split: str, names: Sequence[str]) -> tuple[MapKind, dict[str, Path]] | None:
    stored = stored_maps(owner, split)
    if stored is None:
        if names and (owner.root / "maps" / split).is_dir():
            print_status(f"{owner.root}: its maps belong to other predictions and are not shown; give --maps")
        return None
    folder, listed = stored
    if not set(names) <= listed.images.keys():
        return None
    return listed.kind, {name: folder / listed.images[name] for name in names}


def _compute(owner: Run, scene: Scene, names: Sequence[str]) -> None:
    started, folder = time.monotonic(), owner.root / "maps" / scene.split
    print_status(f"{owner.root}: computing the maps of {len(names)} images")
    with tempfile.TemporaryDirectory(prefix="defectline-maps-") as temporary:
        maps = Path(temporary) / "maps"
        predict_images(owner.root, scene.folder, names, maps=maps)
        listed = read_maps(maps)
        assert listed is not None
        wanted = {(scene.folder / name).resolve(): name for name in names}
        with new_maps(folder, listed.kind, owner.predictions(scene.split)) as writer:
            for path, file in listed.images.items():
                if name := wanted.get(Path(path).resolve()):
                    writer.keep(name, maps / file)
    size = sum(path.stat().st_size for path in folder.iterdir())
    print_status(f"{folder}: {len(names)} maps, {size / 1e6:.1f} MB, in {time.monotonic() - started:.0f} s")


def _with_range(model: Model, kind: MapKind | None, files: Sequence[Path]) -> Model:
    if not kind or not files:
        return model
    values = [read_map(path) for path in files[:: max(1, len(files) // SAMPLED)]]
    return msgspec.structs.replace(model, map_kind=kind, map_range=colour_range(values, kind))


def colour_range(maps: "Sequence[NDArray[np.uint8]]", kind: MapKind) -> tuple[float, float]:
    """The values, 0 to 1, at which the colours start and end: of heat maps 0, of score maps the median of all."""
    import numpy as np

    high = max(int(one.max()) for one in maps)
    low = 0.0 if kind == "heat" else float(np.median(np.concatenate([one.ravel() for one in maps])))
    return low / 255, max(high, low + 1) / 255
