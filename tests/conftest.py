"""Synthetic data that the tests of all rooms share, and the folders of real data if this machine has it."""

import os
import shutil
import signal
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from convert.mvtec2coco import MvtecOptions, mvtec2coco
from datasets.synth.synth import synth
from tests.command import run_command
from tests.preloaded import PreloadedCommands
from tests.tiny_runs import TINY, TinyRuns

HERE = Path(__file__).parent
QUICK_ROOMS = {"convert", "datasets", "evaluate", "features", "fuzz", "system"}

# A busy machine is not a failure: no test asserts a time, hypothesis included.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")

# Epochs of tiny data take milliseconds; tests that stop and resume rely on a state after each of them.
os.environ.setdefault("DEFECTLINE_SAVE_EVERY", "0")

# A shell starts background jobs with Ctrl-C ignored; tests that send it need it delivered.
signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The rooms whose files take long come first, so that all workers of a run end at about the same time."""
    items.sort(key=lambda item: item.path.relative_to(HERE).parts[0] in QUICK_ROOMS)


@pytest.hookimpl(wrapper=True)
def pytest_fixture_setup(
    fixturedef: pytest.FixtureDef[object], request: pytest.FixtureRequest
) -> Generator[None, object, object]:
    """Folders that a fixture of a module makes are removed with it, as pytest does with those of a test."""
    if fixturedef.scope != "module" or "tmp_path_factory" not in fixturedef.argnames:
        return (yield)
    base = request.getfixturevalue("tmp_path_factory").getbasetemp()
    before, made = set(base.iterdir()), list[Path]()
    fixturedef.addfinalizer(lambda: [shutil.rmtree(path, ignore_errors=True) for path in made])
    value = yield
    made += [path for path in set(base.iterdir()) - before if not path.is_symlink()]
    return value


@pytest.fixture(scope="session")
def preloaded(tmp_path_factory: pytest.TempPathFactory) -> PreloadedCommands:
    """Commands in forked processes, from one server for all workers of a run."""
    folder = tmp_path_factory.getbasetemp()
    return PreloadedCommands(folder.parent if "PYTEST_XDIST_WORKER" in os.environ else folder)


@pytest.fixture(scope="session", autouse=True)
def preloaded_trainers(preloaded: PreloadedCommands) -> Iterator[None]:
    """Trainings and predictions that a command in this process starts are forked, too."""
    with pytest.MonkeyPatch.context() as patch:
        preloaded.use_in_this_process(patch)
        yield


@pytest.fixture(scope="session")
def synth_tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """40 synthetic bottles of 96 px as an MVTec category folder; read only, copy it to change it."""
    root = tmp_path_factory.mktemp("synth") / "bottle"
    synth(root, count=40, size=96, seed=7)
    return root


@pytest.fixture
def tree(synth_tree: Path, tmp_path: Path) -> Path:
    """A copy of the synthetic category folder that a test may damage."""
    return Path(shutil.copytree(synth_tree, tmp_path / "bottle"))


@pytest.fixture(scope="session")
def coco_folder(synth_tree: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The synthetic bottles as a COCO dataset folder; read only."""
    dest = tmp_path_factory.mktemp("coco") / "bottle-coco"
    mvtec2coco([synth_tree], dest, MvtecOptions(ratios=(0.6, 0.2, 0.2)))
    return dest


@pytest.fixture(scope="session")
def good_parts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """12 good training images and a defective one; in test 2 of each type and 3 good ones; read only."""
    from tests.train_anomaly.conftest import parts_folder  # noqa: PLC0415  it imports tests.command too

    return parts_folder(tmp_path_factory.mktemp("parts") / "parts", good=12, bad=2, test_good=3)


@pytest.fixture(scope="session")
def good_parts_run(good_parts: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of train_anomaly that learnt the good images of `good_parts`; read only."""
    from tests.train_anomaly.conftest import SMALL  # noqa: PLC0415

    runs = tmp_path_factory.mktemp("anomaly")
    assert run_command("train_anomaly", "fit", good_parts, *SMALL, "--alarms", "10%", "--runs", runs) == 0
    return runs / "anomaly/parts"


def _real(variable: str) -> Path:
    if variable not in os.environ:
        pytest.skip(f"{variable} is not set, so the real data is not tested")
    return Path(os.environ[variable])


@pytest.fixture(scope="session")
def real_bottle() -> Path:
    """The real MVTec bottle category folder."""
    return _real("MVTEC_AD_ROOT") / "bottle"


@pytest.fixture(scope="session")
def reference() -> Path:
    """Folder with the measurements of an independent program on the real masks."""
    return _real("DEFECTLINE_REFERENCE")


@pytest.fixture(scope="session")
def real_weights() -> Path:
    """Folder with yolo11n.pt and resnet18.pt."""
    return _real("DEFECTLINE_WEIGHTS")


@pytest.fixture(scope="session")
def labelme_samples() -> Path:
    """Folder with labelme_examples, labelme_history and bsdata."""
    return _real("DEFECTLINE_LABELME_SAMPLES")


@pytest.fixture(scope="session")
def honest_run(coco_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run of the detector, of one epoch; read only."""
    from datasets.formats.dataset_folder import load_dataset  # noqa: PLC0415
    from tests.train_det.conftest import fit_tiny  # noqa: PLC0415  imports torch

    return fit_tiny(load_dataset(coco_folder), tmp_path_factory.mktemp("honest"), epochs=1).run.root


@pytest.fixture(scope="session")
def tiny_runs(coco_folder: Path, honest_run: Path, tmp_path_factory: pytest.TempPathFactory) -> TinyRuns:
    """The finished run of one epoch of a task, trained at the first use; read only."""
    made, runs = {"det": honest_run}, tmp_path_factory.mktemp("tiny")

    def run_of(task: str) -> Path:
        if task not in made:
            assert run_command(f"train_{task}", "fit", coco_folder, "--runs", runs, *TINY[task]) == 0
            (made[task],) = (runs / task).iterdir()
        return made[task]

    return run_of


@pytest.fixture
def small_image(coco_folder: Path) -> Path:
    """An image of the dataset."""
    return min((coco_folder / "images").rglob("*.png"))
