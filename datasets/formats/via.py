"""Read VGG Image Annotator: projects and annotation exports of VIA 1, 2 and 3 as JSON.

Sources: https://www.robots.ox.ac.uk/~vgg/software/via/; `_via_metadata.js` of VIA 3 for the numbers of shapes.
A region has attributes, one of which is the category. makesense.ai exports the format of VIA 2.
"""

import posixpath
from collections.abc import Iterator
from pathlib import Path

import msgspec

from datasets.formats.json_values import Object, as_list, as_object, as_text, read_json_value
from datasets.formats.split_names import exact_split_name, split_of_folder
from datasets.formats.tool_export import Geometry, Loss, ToolExport, ToolImage, ToolShape
from datasets.formats.via_shapes import via2_shape, via3_shape
from system.errors import InputError, collected

IMAGE_TYPE = 2  # of a file in VIA 3; others are video, audio and text


class _ViaRegion(msgspec.Struct, frozen=True):
    where: str
    geometry: Geometry | None
    kind: str
    attributes: Object


class _ViaImage(msgspec.Struct, frozen=True):
    path: Path
    where: str
    name: str
    regions: list[_ViaRegion]


def read_via(
    source: Path,
    attribute: str | None = None,
    category: str | None = None,
    *,
    errors: list[InputError] | None = None,
) -> ToolExport:
    """Read a JSON file, or every JSON file directly in a folder, or in its folders of splits.

    The region attribute `attribute` is the category, by default the only one that regions have; with `category`
    every region has that category. An image without regions does not count as reviewed. Faults of a file or an
    image are added to `errors`, if given. Raises InputError, also if regions have several attributes and none is
    chosen.
    """
    files = _list_files(source)
    root = source if source.is_dir() else source.parent
    images: list[_ViaImage] = []
    for path in files:
        with collected(errors if len(files) > 1 else None):  # the error of an only file is raised
            images += _read_file(path, errors)
    if not images and not errors:
        raise InputError(source, "contains no images", "export the annotations as JSON")
    if category is None:
        with collected(errors):
            attribute = _the_attribute(source, images, attribute)
    converted = [_convert(root, image, attribute, category) for image in images]
    read = {
        "JSON files": len(files),
        "images": len(images),
        "regions": sum(len(image.regions) for image in images),
    }
    return ToolExport(root, converted, read, boxes="corner-size")


def list_via_files(folder: Path) -> list[Path]:
    """The JSON files of a folder, or, if it has none, those of its subfolders named like splits.

    The training code of Mask R-CNN wants train/via_region_data.json and val/via_region_data.json.
    """
    files = sorted(folder.glob("*.json")) or sorted(folder.glob("*/*.json"))
    inside = [path for path in files if path.parent == folder or exact_split_name(path.parent.name)]
    return [path for path in inside if not path.name.startswith(".")]


def _list_files(source: Path) -> list[Path]:
    if not source.is_dir():
        return [source]
    files = list_via_files(source)
    if not files:
        raise InputError(source, "contains no JSON file", "name VIA's project or export")
    return files


def _read_file(path: Path, errors: list[InputError] | None) -> list[_ViaImage]:
    root = as_object(path, "$", read_json_value(path))
    if {"metadata", "view", "file"} <= root.keys():
        return list(_read_via3(path, root, errors))
    listed = root.get("_via_img_metadata", root)
    return list(_read_via2(path, as_object(path, "$._via_img_metadata", listed), errors))


def _read_via2(path: Path, metadata: Object, errors: list[InputError] | None) -> Iterator[_ViaImage]:
    for key, value in metadata.items():
        with collected(errors):
            yield _image2(path, f"$[{key!r}]", value)


def _image2(path: Path, where: str, value: object) -> _ViaImage:
    record = as_object(path, where, value)
    if "filename" not in record:
        raise InputError(path, f"{where} has no filename", "name a project or annotation export of VIA")
    name = as_text(path, f"{where}.filename", record["filename"])
    listed = record.get("regions")
    # VIA 1 has an object of numbered regions
    regions = list(listed.values()) if isinstance(listed, dict) else as_list(path, f"{where}.regions", listed)
    return _ViaImage(
        path, where, name, [_region2(path, f"{where} region {i}", r) for i, r in enumerate(regions, 1)]
    )


def _region2(path: Path, where: str, value: object) -> _ViaRegion:
    record = as_object(path, where, value)
    shape = as_object(path, f"{where} shape_attributes", record.get("shape_attributes"))
    name, geometry = via2_shape(path, where, shape)
    attributes = as_object(path, f"{where} region_attributes", record.get("region_attributes") or {})
    return _ViaRegion(where, geometry, name, attributes)


def _read_via3(path: Path, root: Object, errors: list[InputError] | None) -> Iterator[_ViaImage]:
    files = as_object(path, "$.file", root["file"])
    views = as_object(path, "$.view", root["view"])
    names = _attribute_names(path, as_object(path, "$.attribute", root.get("attribute") or {}))
    regions: dict[str, list[_ViaRegion]] = {}
    bad_views: set[str] = set()
    for key, value in as_object(path, "$.metadata", root["metadata"]).items():
        where = f"$.metadata[{key!r}]"
        view = str(value.get("vid", "")) if isinstance(value, dict) else ""
        known = len(errors or [])
        with collected(errors):
            regions.setdefault(view, []).extend(_regions3(path, where, value, views, names))
        if len(errors or []) > known:
            bad_views.add(view)  # its image would lack a region
    for key, value in views.items():
        with collected(errors):
            image = _image3(path, f"$.view[{key!r}]", value, files, regions.get(key, []))
            if key not in bad_views:
                yield image


def _regions3(
    path: Path, where: str, value: object, views: Object, names: dict[str, tuple[str, Object]]
) -> list[_ViaRegion]:
    """The region of an entry of the metadata, none where it only describes a file."""
    record = as_object(path, where, value)
    numbers = as_list(path, f"{where}.xy", record.get("xy"))
    view = str(record.get("vid", ""))
    if view not in views:
        raise InputError(path, f"{where}.vid {view!r} is not in $.view", "save the project again")
    if not numbers:
        return []
    name, geometry = via3_shape(path, where, numbers)
    given = as_object(path, f"{where}.av", record.get("av") or {})
    return [_ViaRegion(where, geometry, name, _named(given, names))]


def _image3(path: Path, where: str, value: object, files: Object, regions: list[_ViaRegion]) -> _ViaImage:
    listed = as_list(path, f"{where}.fid_list", as_object(path, where, value).get("fid_list"))
    if len(listed) != 1:
        raise InputError(path, f"{where} shows {len(listed)} files", "make one view per image")
    file = as_object(path, f"$.file[{listed[0]!r}]", files.get(str(listed[0])))
    if file.get("type", IMAGE_TYPE) != IMAGE_TYPE:
        raise InputError(path, f"$.file[{listed[0]!r}] is not an image", "annotate images, not videos")
    return _ViaImage(path, where, as_text(path, f"{where} fname", file.get("fname")), regions)


def _attribute_names(path: Path, attributes: Object) -> dict[str, tuple[str, Object]]:
    """Name of each attribute id, and its options."""
    by_id: dict[str, tuple[str, Object]] = {}
    for key, value in attributes.items():
        record = as_object(path, f"$.attribute[{key!r}]", value)
        options = record.get("options")
        by_id[key] = (str(record.get("aname", key)), options if isinstance(options, dict) else {})
    return by_id


def _named(given: Object, names: dict[str, tuple[str, Object]]) -> Object:
    """Attribute values by name; the number of an option becomes its text."""
    named: Object = {}
    for key, value in given.items():
        name, options = names.get(key, (key, {}))
        parts = value.split(",") if isinstance(value, str) and options else [value]
        texts = [options.get(str(part), part) for part in parts]
        named[name] = {str(text): True for text in texts} if len(texts) > 1 else texts[0]
    return named


def _the_attribute(source: Path, images: list[_ViaImage], wanted: str | None) -> str:
    names = sorted({name for image in images for region in image.regions for name in region.attributes})
    if wanted is not None and wanted not in names:
        remedy = f"give one of {', '.join(names)}" if names else "give --category NAME instead"
        raise InputError(source, f"no region has the attribute {wanted!r}", remedy)
    if wanted is not None or len(names) == 1:
        return wanted or names[0]
    if names:
        problem = f"regions have the attributes {', '.join(names)}"
        raise InputError(source, problem, "give the one with the defect type with --attribute")
    if any(image.regions for image in images):
        raise InputError(source, "no region has an attribute", "give --category NAME")
    return ""


def _convert(root: Path, image: _ViaImage, attribute: str | None, category: str | None) -> ToolImage:
    shapes: list[ToolShape] = []
    losses: list[Loss] = []
    for region in image.regions:
        labels = [category] if category is not None else _labels(region.attributes.get(attribute or ""))
        if not labels:
            losses.append(Loss(region.where, "no-label", region.kind))
        elif region.geometry is None:
            losses.append(Loss(region.where, "shape-lost", region.kind))
        else:
            shapes += [ToolShape(region.where, label, region.geometry) for label in labels]
            if len(labels) > 1:
                losses.append(Loss(region.where, "several-labels", ", ".join(labels)))
    file = image.path.relative_to(root).as_posix()
    return ToolImage(
        file=file,
        where=image.where,
        names=(image.name.replace("\\", "/"),),
        size=None,
        shapes=shapes,
        losses=losses,
        reviewed=False,
        split=split_of_folder(file),
        beside=posixpath.dirname(file),
    )


def _labels(value: object) -> list[str]:
    """The chosen labels: a text, a number, or an object of check boxes."""
    if isinstance(value, dict):
        return [key for key, ticked in value.items() if ticked]
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return []
    return [str(value).strip()] if str(value).strip() else []
