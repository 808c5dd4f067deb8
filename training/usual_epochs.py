"""The number of epochs that a new run has if the user leaves it open.

Few images make few steps in an epoch, so a fixed number of epochs would end before the network has learnt them.
"""

from collections.abc import Collection

import msgspec

from datasets.formats.dataset_folder import Dataset
from evaluate.run_folder import Run, read_split
from system.console import print_status
from training.locating_options import LocatingOptions, crop_side
from training.options import OptionsT, SharedOptions, run_options


def training_size(dataset: Dataset, names: Collection[str], options: SharedOptions) -> int:
    """How many images an epoch has: `names` of train, or the crops that will be made of them."""
    if not (isinstance(options, LocatingOptions) and options.tile):
        return len(names)
    defects = sum(not annotation.iscrowd for annotation in dataset.split("train").annotations)
    return round(defects * (1 + options.tile_empty))


def decide_epochs(options: OptionsT, images: int) -> OptionsT:
    """`options` with a number of epochs, if it is 0: that of `usual_length`, or what its steps need.

    `images` are those of an epoch; those of `unlabelled` are not known yet and not among them.
    """
    if options.epochs or options.usual_length is None:
        return options
    usual, steps = options.usual_length
    batches = -(-max(images, 1) // options.batch)
    return msgspec.structs.replace(options, epochs=max(usual, -(-steps // batches)))


def report_epochs(run: Run, options: SharedOptions) -> None:
    """Print how many epochs a new run has, if `options` leave it open and they are more than the usual number."""
    if options.epochs or options.usual_length is None:
        return
    usual, steps = options.usual_length
    epochs = run_options(run, type(options)).epochs
    if epochs > usual:
        tile, images = crop_side(options), len(read_split(run).images["train"])
        few = f"crops of {tile} pixels" if tile else f"{images} training images"
        print_status(f"{few}: {epochs} epochs instead of {usual}, for {steps} steps")


def options_to_train(run: Run, kind: type[OptionsT]) -> OptionsT:
    """The options of a run; with a number of epochs, too, if its configuration has none. Raises InputError."""
    options = run_options(run, kind)
    return options if options.epochs else decide_epochs(options, len(read_split(run).images["train"]))
