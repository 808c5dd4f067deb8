"""Pictures that are in no dataset: predicted by a run's own command, then shown without truth."""

from pathlib import Path

from annotate.pictures import Picture as Bare
from annotate.pictures import upright_size
from annotate.predictions import predict_with_run
from datasets.coco import Category, Image
from datasets.images.image_file import find_images
from evaluate.run_folder import load_run
from system.errors import InputError
from view.scene import Picture, Scene, model_of, short_names


def new_pictures_scene(root: Path, folder: Path, dataset: Path | None = None) -> Scene:
    """Predict the pictures below `folder` with the run `root`, whose dataset is at `dataset` if it was moved.

    Raises InputError, PredictError.
    """
    run = load_run(root)
    if not folder.is_dir():
        raise InputError(folder, "no such folder", "name a folder of pictures with --images DIR")
    names = [path.relative_to(folder).as_posix() for path in find_images([folder])]
    predicted = predict_with_run(root, [Bare(folder, name, labelled=False) for name in names], dataset=dataset)
    pictures = []
    for number, name in enumerate(sorted(names), 1):
        height, width = upright_size(folder / name)
        found = predicted.by_picture.get(name, [])
        pictures.append(Picture(Image(number, name, width, height), folder / name, "", [], [found]))
    propose = ["--from", str(root), *(["--dataset", str(dataset)] if dataset else [])]
    model = model_of(run, short_names([root])[0], propose)
    categories = [Category(i, name) for i, name in sorted(predicted.labels.items())]
    shown = folder.resolve().name
    return Scene(f"{model.name} on {shown}", shown, folder, "", categories, [model], pictures, has_truth=False)
