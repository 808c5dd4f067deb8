"""Weights inside checkpoints of trainings and larger models, for all three loaders of weights."""

from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor
from torchvision.models import resnet18

from datasets.coco import Category
from features.encoder import load_encoder
from features.names import check_weights_file
from features.weights import read_state_dict
from features.wrapped_names import network_in, plain_names, prefixes, state_in
from train_cls.options import ClassifierOptions
from train_cls.pretrained import new_classifier
from train_seg.encoder_weights import load_encoder_weights
from train_seg.model import ModelSpec, SegmentationModel

State = dict[str, Tensor]


def prefixed(prefix: str, state: State) -> State:
    return {prefix + name: value for name, value in state.items()}


def larger(prefix: str, state: State) -> State:
    """A model whose head has tensors as well."""
    return {**prefixed(prefix, state), "head.conv1.weight": torch.zeros(64, 3, 7, 7), "loss.weight": torch.ones(3)}


WRAPPED: dict[str, tuple[Callable[[State], object], str]] = {  # name -> file content, the prefix that is reported
    "plain": (lambda state: state, ""),
    "DataParallel": (lambda state: prefixed("module.", state), ""),
    "torch.compile": (lambda state: prefixed("_orig_mod.", state), ""),
    "both": (lambda state: prefixed("_orig_mod.module.", state), ""),
    "torchvision's references": (lambda state: {"model": state, "epoch": 3}, ""),
    "key model_state_dict": (lambda state: {"epoch": 3, "model_state_dict": state}, ""),
    "a class of Lightning": (lambda state: {"state_dict": larger("backbone.", state), "epoch": 3}, "backbone"),
    "compiled in Lightning": (lambda state: {"state_dict": larger("network._orig_mod.", state)}, "network"),
    "a detector of torchvision": (lambda state: larger("backbone.body.", state), "backbone.body"),
    "a segmenter of smp": (lambda state: larger("encoder.", state), "encoder"),
    "an ordered dictionary": (lambda state: OrderedDict(larger("net.", state)), "net"),
}


@pytest.fixture(params=WRAPPED)
def wrapped(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Path, State, str]:
    """A file, what is in it, and the prefix."""
    torch.manual_seed(2)
    state = dict(resnet18().state_dict())
    content, prefix = WRAPPED[request.param]
    torch.save(content(state), tmp_path / "r.pt")
    return tmp_path / "r.pt", state, prefix


def test_every_loader_finds_the_network(wrapped: tuple[Path, State, str]) -> None:
    path, state, prefix = wrapped
    check_weights_file(str(path), "resnet18", "give another")
    reported = [f"the {len(state)} tensors of r.pt below {prefix}"] if prefix else []

    segmenter = SegmentationModel(ModelSpec("resnet18", 5, 64, [Category(1, "chip")])).net.encoder
    assert isinstance(segmenter, torch.nn.Module)
    lines = load_encoder_weights(segmenter, "resnet18", 5, str(path))
    assert lines == [f"encoder weights: {line}" for line in reported]
    check_equal(segmenter.state_dict(), state)

    options = ClassifierOptions(arch="resnet18", weights=str(path))
    classifier = new_classifier([Category(1, "chip"), Category(2, "scratch")], options)
    assert classifier.lines == [f"weights: {line}" for line in reported]
    check_equal(classifier.network.net.state_dict(), state)

    encoder, lines = load_encoder("resnet18", str(path), ["8"])
    assert lines == [f"encoder weights: {line}" for line in reported]
    check_equal(encoder.net.state_dict(), state)


def check_equal(filled: State, state: State) -> None:
    assert torch.equal(filled["conv1.weight"], state["conv1.weight"])
    assert all(torch.equal(v, state[name]) for name, v in filled.items() if not name.startswith("fc."))


def test_the_part_of_which_most_fit_is_taken() -> None:
    state = {"conv1.weight": 1, "encoder.conv1.weight": 2, "encoder.fc.bias": 3, "model.encoder.conv1.weight": 4}
    wanted = {"conv1.weight", "fc.bias"}
    found = network_in(state, lambda part: len(part.keys() & wanted))
    assert found == ({"conv1.weight": 2, "fc.bias": 3}, "encoder.")


def test_names_of_the_network_itself_stay() -> None:
    state = {"encoder.layers.0.weight": 1, "conv_proj.weight": 2, "encoder.ln.weight": 3}
    assert network_in(state, lambda part: len(part.keys() & state.keys())) == (state, "")


def test_two_tensors_of_one_plain_name_keep_theirs(tmp_path: Path) -> None:
    state = {"module.conv.weight": torch.zeros(1), "conv.weight": torch.ones(1)}
    assert plain_names(state) == state
    torch.save(state, tmp_path / "two.pt")
    assert read_state_dict(tmp_path / "two.pt", "").keys() == state.keys()


def test_a_word_inside_a_name_stays() -> None:
    assert plain_names({"submodule.weight": 1}) == {"submodule.weight": 1}
    assert prefixes(["mymodel.weight", "models.weight"]) == [""]


def test_a_tensor_can_have_the_name_model() -> None:
    state = {"model": 1, "weight": 2}
    assert state_in(state) is state
