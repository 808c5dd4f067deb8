"""The command `predict` of trainers whose predictions are defects."""

import inspect
from collections.abc import Callable, Sequence
from collections.abc import Set as AbstractSet

from datasets.coco import Prediction
from evaluate.run_folder import TASKS, Provides
from system.cluster_address import check_on
from system.console import print_loading
from system.on_cluster import On
from training import flags as flag
from training.options import OptionsT
from training.trainer import PredictFlag, Trainer

PREDICT_FLAGS: Sequence[PredictFlag] = ("tta", "tile", "exported")


def predict_command(trainer: Trainer[OptionsT]) -> Callable[..., None]:
    """The command of a trainer whose predictions are defects."""

    def predict(
        run_folder: flag.RunPath,
        images: flag.Images = None,
        watch: flag.Watch = None,
        out: flag.Out = None,
        min_score: flag.MinScore = None,
        device: flag.Device = "auto",
        tta: flag.Tta = False,
        tile: flag.Tile = None,
        exported: flag.Exported = None,
        maps: flag.Maps = None,
        on: On = None,
    ) -> None:
        """Find defects in images with the best weights of a run, at the size of the images."""
        from evaluate.operating import operating_scores
        from evaluate.run_folder import read_split
        from evaluate.type_thresholds import counted_predictions, lowest_threshold
        from training.cross_validation import single_run
        from training.early_checks import check_device
        from training.exported_model import check_model_file, parse_format
        from training.image_names import asked_images
        from training.predict import check_predict, check_side, dataset_of, write_and_print
        from training.trainer import PredictOptions

        check_predict(out, min_score, maps)
        check_side(tile)
        parsed = parse_format(exported, "--exported") if exported else None
        check_device(device)
        one = single_run(run_folder, trainer.task)
        files = asked_images(one, images, watch, out, {"--maps": maps, "--on": on})
        check_model_file(one, parsed)
        check_on(on)
        print_loading()
        from training.cluster_predict import predicting_on
        from training.device import choose_device
        from training.fused_predictor import load_predictor
        from training.measure import predict_files
        from training.run_identity import run_identity
        from training.watch import watch_folder

        options = PredictOptions(tta=tta, tile=tile, exported=parsed)
        predictor = load_predictor(trainer, one, choose_device(device), options)
        point = operating_scores(one, predictor.default_score)
        limit = lowest_threshold(point) if min_score is None else min_score
        intensities, names = read_split(one).intensities, {c.id: c.name for c in predictor.categories}

        def counted(predictions: list[Prediction]) -> list[Prediction]:
            return predictions if min_score is not None else counted_predictions(predictions, point, names)

        if watch and out:
            watch_folder(predictor, watch, out, limit, intensities, counted, model=run_identity(one))
            return
        with predicting_on(on, one, device, options) as remote:
            listed, predictions = predict_files(
                predictor, files, dataset_of(one), limit, intensities, maps, remote
            )
        write_and_print(out, listed, counted(predictions), predictor.categories)

    has_maps = TASKS.get(trainer.task, Provides()).score_maps
    left_out = set(PREDICT_FLAGS) - set(trainer.predict_flags)
    return without_flags(predict, left_out if has_maps else {*left_out, "maps"})


def without_flags(command: Callable[..., None], names: AbstractSet[str]) -> Callable[..., None]:
    """`command` without the parameters `names`, which keep their defaults."""
    kept = [p for p in inspect.signature(command).parameters.values() if p.name not in names]
    command.__signature__ = inspect.Signature(kept)  # type: ignore[attr-defined]
    return command
