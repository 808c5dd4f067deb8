"""A trained classifier from its weights file: the network that its specification describes, with the weights."""

from pathlib import Path

from features.encoder import Encoder
from features.safetensors_file import read_tensors
from features.weights import check_fits
from system.errors import OptionError, WeightsError
from system.tensors import check_tensors, raise_lack_of_memory
from train_cls.fitted_net import FittedNet
from train_cls.model import ClassifierNet, ClassifierSpec, read_classifier_spec

TypeNet = ClassifierNet | FittedNet


def new_net(spec: ClassifierSpec) -> TypeNet:
    """The network of a specification with random weights. Raises OptionError if it cannot be built."""
    return FittedNet(spec, Encoder(spec.encoder)) if spec.encoder else ClassifierNet(spec)


def load_classifier_net(path: Path) -> tuple[TypeNet, ClassifierSpec]:
    """The trained network in evaluation mode, on the CPU, and its specification. Raises WeightsError."""
    spec = read_classifier_spec(path)
    tensors = read_tensors(path)
    try:
        check_tensors(path, tensors)
        check_fits(path, tensors, lambda: new_net(spec))
        network = new_net(spec)
        network.load_state_dict(tensors)
    except (RuntimeError, OptionError) as error:
        raise_lack_of_memory(path, error)
        line = str(error).splitlines()[0]
        raise WeightsError(path, f"the weights do not fit their network ({line[:80]})", "train again") from None
    return network.eval(), spec
