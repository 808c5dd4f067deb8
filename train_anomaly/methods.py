"""The methods by name."""

from features.encoder import Encoder
from train_anomaly.autoencoder import AutoencoderScorer
from train_anomaly.deepsvdd import DeepSvddScorer
from train_anomaly.features_method import FeaturesScorer
from train_anomaly.gan import GanScorer
from train_anomaly.ocsvm import OcsvmScorer
from train_anomaly.options import AnomalyOptions, Method
from train_anomaly.padim import PadimScorer
from train_anomaly.scorer import Scorer
from train_anomaly.spec import AnomalySpec

METHODS: dict[Method, type[Scorer]] = {
    "features": FeaturesScorer,
    "padim": PadimScorer,
    "ocsvm": OcsvmScorer,
    "autoencoder": AutoencoderScorer,
    "gan": GanScorer,
    "deepsvdd": DeepSvddScorer,
}


def new_scorer(spec: AnomalySpec, encoder: Encoder | None) -> Scorer:
    """The untrained network of the method."""
    return METHODS[spec.options.method](spec, encoder)


def needs_encoder(options: AnomalyOptions) -> bool:
    """Whether the method uses pretrained features."""
    if options.method == "deepsvdd":
        return options.begin == "pretrained"
    return options.method in {"features", "padim", "ocsvm"}
