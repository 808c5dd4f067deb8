"""The loop of docs/loop.md on synthetic bottles with a simulated person: the number of shapes to correct.

    python -m benchmarks.loop --weights resnet18.pt --detector yolo11n.pt [--work DIR]

With --work, the results are stored in DIR, and the same command continues an interrupted one.

Round 1: good images only, `propose --from-good`, corrected. Then `labelme2coco`, both trainers, and round 2 on
new images: `propose --from` the segmenter's run, corrected. The person knows the truth and touches a shape
unless its label is right and its outline has an IoU of at least 0.75 with the true one.
"""

import argparse
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

from annotate.folder_images import FolderImage, list_folder_images, open_document, upright_size
from annotate.shape_groups import draw_together, shape_groups
from convert.to_shapes import component_to_shapes
from datasets.coco import Rle
from datasets.formats.labelme import Shape
from datasets.formats.labelme_document import raw_shapes, shape_to_raw, write_document
from datasets.formats.labelme_flags import is_unreviewed
from datasets.formats.layouts.registry import read_tree
from datasets.formats.layouts.tree import GOOD, TreeImage
from datasets.images.mask_file import read_mask
from datasets.masks.find_components import components
from datasets.masks.rle import rle_ious
from datasets.synth.synth import synth
from system.console import print_table
from system.json_file import read_json, write_json

Call = Callable[..., None]
STATE = "state.json"
RESULT = Path(__file__).with_name("results") / "loop.json"
GOOD_ENOUGH = 0.75
SAME_PLACE = 0.1


class Settings(msgspec.Struct, frozen=True):
    """Size of the loop; weights are files, or none for random ones."""

    weights: str
    detector: str = "none"
    count: int = 150
    size: int = 256
    epochs: int = 60
    imgsz: int = 160
    seed: int = 0


class Touched(msgspec.Struct, frozen=True):
    """The work of the person in one round: `accepted` proposals were right, all others needed work."""

    images: int
    defects: int
    accepted: int = 0
    relabelled: int = 0
    redrawn: int = 0
    deleted: int = 0
    drawn: int = 0

    @property
    def touched(self) -> int:
        """Number of shapes that the person had to correct, draw or delete."""
        return self.relabelled + self.redrawn + self.deleted + self.drawn


class Loop(msgspec.Struct, frozen=True):
    """Both rounds, and the queue before the second."""

    first: Touched
    second: Touched
    queued: list[str]


class State(msgspec.Struct):
    """The finished steps of a loop, kept in state.json of its folder."""

    settings: Settings
    first: Touched | None = None
    is_converted: bool = False
    trained: list[str] = []
    queued: list[str] | None = None
    second: Touched | None = None


def run_loop(root: Path, settings: Settings, call: Call) -> Loop:
    """Run the loop once in the folder `root` with the commands that a user types; `call` runs each command.

    Steps of an earlier call with the same settings are not repeated; raises ValueError for other settings.
    """
    state = read_json(root / STATE, State) if (root / STATE).is_file() else State(settings)
    if state.settings != settings:
        raise ValueError(f"{root} contains a loop with other settings: {state.settings}")
    if not (root / "bottle").exists():
        synth(root / "bottle", count=settings.count, size=settings.size, seed=settings.seed)
    tree = read_tree(root / "bottle")
    tests = [image for image in tree.images if image.split == "test"]
    coco, runs = root / "coco", root / "runs"
    if state.first is None:
        good = ("--from-good", root / "bottle/train/good", "--weights", settings.weights)
        state.first = one_round(root / "round-1", tests[::2], good, call)
        write_json(root / STATE, state)
    if not state.is_converted:
        labels = ("--labels", root / "round-1/labels.txt", "--ratios", "0.7,0.15,0.15")
        call("convert", "labelme2coco", root / "round-1", coco, *labels, "--overwrite")
        state.is_converted = True
        write_json(root / STATE, state)
    common = ("--epochs", settings.epochs, "--imgsz", settings.imgsz, "--runs", runs, "--device", "cpu")
    encoder = "none" if settings.detector == "none" else settings.weights
    weights = {"det": ("--weights", settings.detector), "seg": ("--encoder-weights", encoder)}
    for kind, start in weights.items():
        if kind not in state.trained:
            begun = any((runs / kind / "coco/weights").glob("last.*"))
            if not begun:
                shutil.rmtree(runs / kind, ignore_errors=True)
            options = ("--resume", runs / kind / "coco") if begun else (*start, *common)
            call(f"train_{kind}", "fit", coco, *options)
            state.trained.append(kind)
            write_json(root / STATE, state)
    det, seg = runs / "det/coco", runs / "seg/coco"
    if state.queued is None:
        prepare(root / "round-2", tests[1::2], call)
        call("annotate", "queue", root / "round-2", "--from", det, "--from", seg, "--out", root / "queue.txt")
        state.queued = (root / "queue.txt").read_text().splitlines()
        write_json(root / STATE, state)
    if state.second is None:
        state.second = one_round(root / "round-2", tests[1::2], ("--from", seg), call)
        write_json(root / STATE, state)
    return Loop(state.first, state.second, state.queued)


def one_round(folder: Path, images: list[TreeImage], source: Sequence[object], call: Call) -> Touched:
    """Propose shapes with `source` for unlabelled images, and correct them."""
    prepare(folder, images, call)
    call("annotate", "propose", folder, *source)
    touched = correct(folder, images)
    call("annotate", "check", folder)
    return touched


def prepare(folder: Path, images: list[TreeImage], call: Call) -> None:
    """Write `folder` with only the images, as they come from a production line."""
    shutil.rmtree(folder, ignore_errors=True)
    for image in images:
        target = folder / image.type / image.path.name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(image.path, target)
    types = sorted({image.type for image in images} - {GOOD})
    call("annotate", "init", folder, "--labels", ",".join(types))


def correct(root: Path, images: list[TreeImage]) -> Touched:
    """Simulate the person: correct each labelme file of `root`, and count the changes."""
    truth = {f"{image.type}/{image.path.name}": image for image in images}
    counts: Counter[str] = Counter()
    for listed in list_folder_images(root):
        counts += correct_image(listed, truth[listed.name])
    return Touched(
        len(images), **{field: counts[field] for field in Touched.__struct_fields__ if field != "images"}
    )


def correct_image(listed: FolderImage, image: TreeImage) -> Counter[str]:
    """Correct one image and count; an image without a defect is flagged good."""
    document, size = open_document(listed), upright_size(listed.path)
    proposed = [i for i in shape_groups(listed.label_path, document.file, size) if i.rle is not None]
    counts: Counter[str] = Counter()
    shapes: list[dict[str, object]] = []
    for group, component in enumerate((c for path in image.mask_paths for c in components(read_mask(path))), 1):
        right = component_to_shapes(component, image.type, group)
        found = max(proposed, key=lambda i: _iou(listed, i.rle, right, size), default=None)
        met = _iou(listed, found.rle, right, size) if found else 0.0
        counts["defects"] += 1
        if found is None or met < SAME_PLACE:
            counts["drawn"] += 1
        else:
            proposed.remove(found)
            counts[_work(found.label == image.type, met)] += 1
            if met >= GOOD_ENOUGH:  # the outline stays as proposed
                kept = [raw_shapes(document)[i] for i in found.indices]
                shapes += [{**raw, "label": image.type, "flags": {}} for raw in kept]
                continue
        shapes += [shape_to_raw(shape) for shape in right]
    counts["deleted"] += len(proposed)
    flags = {"good": image.type == GOOD}
    write_document(document, {**document.raw, "shapes": shapes, "flags": flags})
    return counts


def _work(label_is_right: bool, met: float) -> str:
    if met < GOOD_ENOUGH:
        return "redrawn"
    return "accepted" if label_is_right else "relabelled"


def _iou(listed: FolderImage, rle: Rle | None, shapes: list[Shape], size: tuple[int, int]) -> float:
    drawn = draw_together(listed.label_path, shapes, size)
    return 0.0 if rle is None or drawn is None else float(rle_ious([rle], [drawn])[0, 0])


def command(room: str, *arguments: object) -> None:
    """Print a command of the project and run it. Raises CalledProcessError."""
    words = [room, *(str(a) for a in arguments)]
    start = time.monotonic()
    subprocess.run([sys.executable, "-m", *words], check=True, stdout=subprocess.DEVNULL)
    print(f"{time.monotonic() - start:6.1f} s  {shlex.join(words)}", flush=True)


def unreviewed(root: Path) -> int:
    """Number of shapes below `root` that are still unreviewed."""
    documents = [open_document(listed) for listed in list_folder_images(root) if listed.labelled]
    return sum(is_unreviewed(shape) for document in documents for shape in document.file.shapes)


def main() -> None:
    """Measure, print a table and write benchmarks/results/loop.json."""
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--weights", type=Path, required=True)
    arguments.add_argument("--detector", default="none")
    arguments.add_argument("--count", type=int, default=150)
    arguments.add_argument("--epochs", type=int, default=60)
    arguments.add_argument("--out", type=Path, default=RESULT)
    arguments.add_argument("--work", type=Path, help="where to keep what is done")
    options = arguments.parse_args()
    detector = options.detector if options.detector == "none" else str(Path(options.detector).resolve())
    settings = Settings(str(options.weights.resolve()), detector, options.count, epochs=options.epochs)
    with tempfile.TemporaryDirectory(prefix="defectline-loop-") as folder:
        root = options.work or Path(folder)
        root.mkdir(parents=True, exist_ok=True)
        loop = run_loop(root, settings, command)
    settings_written = {
        **msgspec.to_builtins(settings),
        "weights": Path(settings.weights).name,
        "detector": Path(settings.detector).name,
    }
    write_json(options.out, {"settings": settings_written, "rounds": [loop.first, loop.second]})
    fields = ("images", "defects", "accepted", "relabelled", "redrawn", "deleted", "drawn", "touched")
    rounds = [("round 1", loop.first), ("round 2", loop.second)]
    rows = [(name, *(getattr(touched, field) for field in fields)) for name, touched in rounds]
    print_table(str(options.out), ("", *fields), rows)


if __name__ == "__main__":
    main()
