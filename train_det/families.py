"""The families of detectors, and names of weights and architectures, known without importing Ultralytics."""

import difflib
import re
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

from system.errors import WeightsError

Family = Literal["yolo", "yolo-seg", "rtdetr"]
# What the last layer of a described model finds; any other last layer is of another task.
HEADS: dict[str, Family] = {
    "Detect": "yolo", "v10Detect": "yolo", "Segment": "yolo-seg", "Segment26": "yolo-seg",
    "RTDETRDecoder": "rtdetr",
}  # fmt: skip
OTHER_TASK = re.compile(
    r"-(cls|obb|pose|worldv2|world|sem|depth)\b|^(yoloe|yolo_nas|sam|mobile_sam|FastSAM|mobileclip)", re.IGNORECASE
)
FAMILIES_REMEDY = "give a detector, a -seg model or RT-DETR, such as yolo11n.pt, yolo11n-seg.pt or rtdetr-l.yaml"
YAML = ".yaml"
EXAMPLES = "give a name like yolo11n.yaml, yolo11n-seg.yaml or rtdetr-l.yaml, or another path"


def check_task(name: str) -> None:
    """Raise WeightsError for a published model of a task that train_det does not train."""
    if (other := OTHER_TASK.search(name)) and not Path(name).is_file():
        task = next(filter(None, other.groups()))
        raise WeightsError(name, f"a model of another kind ({task})", FAMILIES_REMEDY)


@cache
def architectures() -> dict[str, Path]:
    """The architectures that Ultralytics describes, name -> file; empty if its folder cannot be found."""
    spec = find_spec("ultralytics")
    if spec is None or spec.origin is None:
        return {}
    return {path.name: path for path in sorted((Path(spec.origin).parent / "cfg/models").rglob(f"*{YAML}"))}


def architecture_file(name: str) -> tuple[Path, str]:
    """The file that describes the model `name`, and its size, one letter of n, s, m, l and x, or nothing.

    A path is taken unchanged. `yolo11s-seg.yaml` is size s of `yolo11-seg.yaml`. Raises WeightsError for an
    unknown name, with the nearest known one, and for another task.
    """
    check_task(name)
    scale = re.search(r"yolo(?:v)?\d+([nslmx])", Path(name).stem)
    size = scale.group(1) if scale else ""
    if Path(name).is_file():
        return Path(name), size
    if Path(name).name != name:
        raise WeightsError(Path(name), "no such file", EXAMPLES)
    known = architectures()
    for one in (name, re.sub(r"(\d+)([nslmx])(.*)$", r"\1\3", name)):
        if one in known:
            return known[one], size
    trainable = [one for one in known if not OTHER_TASK.search(one)]
    near = difflib.get_close_matches(name, trainable, 1, 0.6)
    remedy = f"did you mean {near[0]}?" if near else EXAMPLES
    raise WeightsError(name, "no model that Ultralytics describes", remedy)
