"""The scene of images that belong to no dataset: predicted by a run, without truth."""

from pathlib import Path

import msgspec

from datasets.coco import Category, Image
from datasets.images.image_file import find_images, read_info
from evaluate.new_predictions import predict_with_run
from evaluate.run_folder import load_run, read_split
from system.errors import InputError
from system.links import check_inside
from view.maps import with_new_maps
from view.scene import Scene, SceneImage, what_is_judged
from view.shown_run import model_of, short_names


def new_images_scene(root: Path, folder: Path, dataset: Path | None = None, maps: Path | None = None) -> Scene:
    """Predict the images below `folder` with the run folder `root`.

    `maps` is a new folder for the map of each image, which must remain until the page is written. `dataset` is the
    location of the dataset of the run, if it was moved. Raises InputError if the run, its dataset or an image
    cannot be read, if an image is a link out of `folder` or `folder` is not a folder, PredictError if the trainer
    fails.
    """
    run = load_run(root)
    if not folder.is_dir():
        raise InputError(folder, "no such folder", "name a folder of images with --images DIR")
    files = find_images([folder])
    for file in files:  # a page that is passed on would contain a private file that a link names
        check_inside(file, [folder])
    names = [path.relative_to(folder).as_posix() for path in files]
    predicted = predict_with_run(root, folder, names, dataset=dataset, maps=maps)
    intensities = read_split(run).intensities
    images = []
    for number, name in enumerate(sorted(names), 1):
        height, width = read_info(folder / name).upright_size
        image = Image(number, name, width, height)
        of_image = [predicted.by_image.get(name, [])]
        images.append(SceneImage(image, folder / name, "", [], of_image, intensities=intensities))
    propose = ["--from", str(root), *(["--dataset", str(dataset)] if dataset else [])]
    model = model_of(run, short_names([root])[0], propose)
    categories = [Category(i, name) for i, name in sorted(predicted.labels.items())]
    shown = folder.resolve().name
    scene = Scene(f"{model.name} on {shown}", shown, folder, "", categories, [model], images, has_truth=False)
    scene = msgspec.structs.replace(scene, judging=what_is_judged([run.provides]))
    return with_new_maps(scene, maps) if maps else scene
