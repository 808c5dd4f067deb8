"""Read Label Studio's JSON and JSON-MIN exports, and the files that it writes to target storage.

Source: https://labelstud.io/guide/task_format and label-studio-sdk, `label_studio_sdk/converter`. A task may have
several annotations, by several people.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import msgspec

from datasets.formats.json_values import Object, as_list, as_object, read_json_value
from datasets.formats.labelstudio_names import image_value, names_of
from datasets.formats.labelstudio_regions import read_regions
from datasets.formats.tool_export import Loss, ToolExport, ToolImage
from system.errors import InputError, collected

AnnotationChoice = Literal["first", "last", "ground-truth"]
# fields of a JSON-MIN record that never contain labels
RECORD_FIELDS = frozenset(
    {"id", "annotator", "annotation_id", "created_at", "updated_at", "lead_time", "agreement"}
)


class _LabelStudioTask(msgspec.Struct, frozen=True):
    """One task, independent of the form of the export."""

    where: str
    data: Object
    annotations: list[Object]
    predictions: list[Object]


def read_labelstudio(
    source: Path,
    annotation: AnnotationChoice = "first",
    *,
    predictions: bool = False,
    image_key: str | None = None,
    errors: list[InputError] | None = None,
) -> ToolExport:
    """Read a JSON file, or every JSON file directly in a folder.

    Of several annotations of a task, the first or last submitted is read, or the one marked as ground truth;
    cancelled ones are never read. With `predictions`, a task without annotations is read from its newest
    prediction. `image_key` is the key of the image in a task's data, where it has several. Faults of a file or a
    task are added to `errors`, if given. Raises InputError.
    """
    files = _list_files(source)
    root = source if source.is_dir() else source.parent
    tasks: list[tuple[Path, _LabelStudioTask]] = []
    for path in files:
        with collected(errors if len(files) > 1 else None):  # the error of an only file is raised
            tasks += [(path, task) for task in _read_tasks(path, errors)]
    images: list[ToolImage] = []
    for path, task in tasks:
        with collected(errors):
            images.append(_image(path, root, task, annotation, predictions, image_key))
    read = {
        "JSON files": len(files),
        "tasks": len(tasks),
        "annotations": sum(len(task.annotations) for _, task in tasks),
    }
    return ToolExport(root, images, read, boxes="corner-size", unit="percent")


def _list_files(source: Path) -> list[Path]:
    if not source.is_dir():
        return [source]
    files = sorted(p for p in source.glob("*.json") if not p.name.startswith("."))
    if not files:
        raise InputError(source, "contains no JSON file", "name Label Studio's export")
    return files


def _read_tasks(path: Path, errors: list[InputError] | None) -> list[_LabelStudioTask]:
    value = read_json_value(path)
    records = value if isinstance(value, list) else [value]
    tasks: dict[object, _LabelStudioTask] = {}
    for number, item in enumerate(records):
        where = f"$[{number}]" if isinstance(value, list) else "$"
        with collected(errors):
            record = as_object(path, where, item)
            task = _task(path, where, record)
            key = record["id"] if "annotation_id" in record and isinstance(record.get("id"), int) else (number,)
            if key in tasks:  # JSON-MIN has one record per annotation
                before = tasks[key]
                task = _LabelStudioTask(before.where, before.data, before.annotations + task.annotations, [])
            tasks[key] = task
    return list(tasks.values())


def _task(path: Path, where: str, record: Object) -> _LabelStudioTask:
    if "annotations" in record or "completions" in record or "data" in record:
        data = as_object(path, f"{where}.data", record.get("data"))
        key = "annotations" if "annotations" in record else "completions"
        annotations = list(_objects(path, f"{where}.{key}", record.get(key)))
        return _LabelStudioTask(
            where, data, annotations, list(_objects(path, f"{where}.predictions", record.get("predictions")))
        )
    if isinstance(record.get("task"), dict) and "result" in record:
        task = as_object(path, f"{where}.task", record["task"])
        return _LabelStudioTask(where, as_object(path, f"{where}.task.data", task.get("data")), [record], [])
    return _LabelStudioTask(where, record, [_from_record(record)] if "annotation_id" in record else [], [])


def _from_record(record: Object) -> Object:
    """The annotation of a JSON-MIN record: every list of objects in it is a list of regions, which have no ids."""
    result: list[object] = []
    for key, value in record.items():
        if key in RECORD_FIELDS:
            continue
        if isinstance(value, list) and all(isinstance(item, dict) for item in value):
            result += [_as_result(key, item) for item in value]
        elif isinstance(value, dict) and "choices" in value:
            result.append({"from_name": key, "type": "choices", "value": value})
    return {"created_at": record.get("created_at"), "id": record.get("annotation_id"), "result": result}


def _as_result(key: str, item: Object) -> Object:
    sizes: Object = {name: item[name] for name in ("original_width", "original_height") if name in item}
    return {"from_name": key, "value": item, **sizes}


def _objects(path: Path, where: str, value: object) -> Iterator[Object]:
    for number, item in enumerate(as_list(path, where, value)):
        if not isinstance(item, int):  # an export without annotations has their ids only
            yield as_object(path, f"{where}[{number}]", item)


def _image(
    path: Path,
    root: Path,
    task: _LabelStudioTask,
    choice: AnnotationChoice,
    use_predictions: bool,
    image_key: str | None,
) -> ToolImage:
    losses: list[Loss] = []
    chosen = _choose(path, task, choice, losses)
    predicted = chosen is None and use_predictions and bool(task.predictions)
    if predicted:
        chosen = _ordered(task.predictions)[-1]
        losses.append(Loss(task.where, "prediction-used", str(chosen.get("model_version", ""))))
    elif task.predictions and chosen is None:
        losses.append(Loss(task.where, "prediction-ignored", f"{len(task.predictions)} predictions"))
    regions = read_regions(path, task.where, chosen.get("result") if chosen is not None else None)
    losses += regions.losses
    names, remedy = names_of(path, task.where, image_value(path, task.where, task.data, image_key))
    tagged = any(loss.code == "tag-lost" for loss in regions.losses)
    return ToolImage(
        file=path.relative_to(root).as_posix(),
        where=task.where,
        names=names,
        size=regions.size,
        shapes=regions.shapes,
        losses=losses,
        reviewed=chosen is not None and not predicted and not tagged,
        remedy=remedy,
    )


def _choose(path: Path, task: _LabelStudioTask, choice: AnnotationChoice, losses: list[Loss]) -> Object | None:
    submitted = [a for a in task.annotations if not (a.get("was_cancelled") or a.get("skipped"))]
    cancelled = len(task.annotations) - len(submitted)
    if cancelled:
        losses.append(Loss(task.where, "annotation-cancelled", f"{cancelled} of {len(task.annotations)}"))
    if choice == "ground-truth":
        marked = [a for a in submitted if a.get("ground_truth")]
        if submitted and not marked:
            problem = f"no annotation of {task.where} is marked as ground truth"
            raise InputError(path, problem, "mark one, or give --annotation first or last")
        submitted, dropped = marked, len(submitted) - min(1, len(marked))
    else:
        dropped = len(submitted) - 1
    if not submitted:
        return None
    if dropped > 0:
        losses.append(Loss(task.where, "further-annotation", f"{dropped} of {dropped + 1}"))
    ordered = _ordered(submitted)
    return ordered[-1] if choice == "last" else ordered[0]


def _ordered(annotations: list[Object]) -> list[Object]:
    """Sort key: the time of submission, then the id."""

    def key(annotation: Object) -> tuple[str, int]:
        number = annotation.get("id")
        return str(annotation.get("created_at") or ""), number if isinstance(number, int) else 0

    return sorted(annotations, key=key)
