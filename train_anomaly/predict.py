"""`train_anomaly predict`: what differs from good images, and a warning where good images have changed."""

from system.cluster_address import check_on
from system.on_cluster import On
from training import flags as flag


def predict(
    run_folder: flag.RunPath,
    images: flag.Images = None,
    watch: flag.Watch = None,
    out: flag.Out = None,
    min_score: flag.MinScore = None,
    device: flag.Device = "auto",
    exported: flag.Exported = None,
    maps: flag.Maps = None,
    on: On = None,
) -> None:
    """Find what differs from good images, at the size of the images; warn where good images have changed."""
    from evaluate.operating import operating_score
    from evaluate.run_folder import read_split
    from system.console import print_loading, print_status
    from training.cross_validation import single_run
    from training.early_checks import check_device
    from training.exported_model import check_model_file, parse_format
    from training.image_names import asked_images
    from training.predict import check_predict, dataset_of, write_and_print

    check_predict(out, min_score, maps)
    parsed = parse_format(exported, "--exported") if exported else None
    check_device(device)
    run = single_run(run_folder, "anomaly")
    files = asked_images(run, images, watch, out, {"--maps": maps, "--on": on})
    check_model_file(run, parsed)
    check_on(on)
    print_loading()
    from train_anomaly.drift import compare_scores
    from train_anomaly.learner import AnomalyLearner
    from training.cluster_predict import predicting_on
    from training.device import choose_device
    from training.measure import predict_files
    from training.run_identity import run_identity
    from training.trainer import PredictOptions
    from training.watch import watch_folder

    options = PredictOptions(exported=parsed)
    detector = AnomalyLearner().load(run, choose_device(device), options)
    limit = operating_score(run, detector.default_score) if min_score is None else min_score
    intensities = read_split(run).intensities
    if watch and out:
        watch_folder(detector, watch, out, limit, intensities, model=run_identity(run))
    else:
        with predicting_on(on, run, device, options) as remote:
            listed, predictions = predict_files(detector, files, dataset_of(run), limit, intensities, maps, remote)
        write_and_print(out, listed, predictions, detector.categories)
    drift = compare_scores(detector.image_scores, detector.good_scores, detector.default_score)
    if drift and drift.found:
        print_status(f"warning: {drift.describe()}")
