"""What the plan of a conversion needs of a labelme file, read without the points of its shapes."""

import msgspec

from datasets.formats.labelme import PROPOSED, RECORD, LabelmeFile, parse_labelme, read_json
from datasets.formats.labelme_flags import (
    is_unreviewed,
    names_of_set_flags,
    proposed_types,
    reviewed_flags,
)
from datasets.formats.labelme_folder import embedded_suffix
from datasets.formats.labelme_suspicions import Points, ShapeValues, shape_values
from system.files import BYTE_ORDER_MARK


class _Flags(msgspec.Struct):
    unreviewed: bool = False


class _Labelled(msgspec.Struct):
    label: str
    flags: _Flags | None = None
    shape_type: str | None = None
    points: msgspec.Raw = msgspec.Raw(b"[]")

    def read_points(self) -> Points:
        """The points; none if they are not valid, which is reported when the file is converted."""
        try:
            return _POINTS.decode(self.points)
        except msgspec.ValidationError:
            return []


class _Glance(msgspec.Struct):
    """The keys of a labelme file that the plan needs."""

    shapes: list[_Labelled]
    flags: dict[str, bool] | None = None
    image_path: str | None = msgspec.field(default=None, name="imagePath")
    image_data: msgspec.Raw = msgspec.field(default=msgspec.Raw(b"null"), name="imageData")
    image_height: int | None = msgspec.field(default=None, name="imageHeight")
    image_width: int | None = msgspec.field(default=None, name="imageWidth")
    record: object = msgspec.field(default=None, name=RECORD)


class GlancedFile(msgspec.Struct, frozen=True):
    """One labelme file: (label, is unreviewed) of each shape, the image flags that are set, and proposed types.

    `values` is what is known of the points of its shapes.
    """

    shapes: list[tuple[str, bool]]
    flags: list[str]
    image_path: str | None
    data_suffix: str | None
    types: set[str]
    values: ShapeValues


def glance_labelme(file: str, root: str) -> GlancedFile:
    """Read one labelme file. Raises InputError as `read_labelme` does."""
    path = f"{root}/{file}"
    data = read_json(path)
    try:
        glance = _DECODER.decode(data.removeprefix(BYTE_ORDER_MARK))
        embedded = msgspec.json.decode(glance.image_data, type=str | None) if glance.image_data else None
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        file_read = parse_labelme(path, data)  # reports every detail of an error, or reads files of other programs
        return _glance_of(file_read)
    shapes = [(shape.label, shape.flags is not None and shape.flags.unreviewed) for shape in glance.shapes]
    if any(unreviewed for _, unreviewed in shapes) and PROPOSED.encode() in data:
        return _glance_of(parse_labelme(path, data))  # a person may have changed a proposal
    return _glanced(shapes, glance, embedded)


def _glance_of(file: LabelmeFile) -> GlancedFile:
    return _glanced([(shape.label, is_unreviewed(shape)) for shape in file.shapes], file, file.image_data)


def _glanced(shapes: list[tuple[str, bool]], file: _Glance | LabelmeFile, embedded: str | None) -> GlancedFile:
    flags = reviewed_flags(names_of_set_flags(file.flags), file.record)
    types = proposed_types(file.record)
    kinds_and_points = [(shape.shape_type, shape.read_points) for shape in file.shapes]
    values = shape_values(kinds_and_points, file.image_width or 0, file.image_height or 0)
    return GlancedFile(shapes, flags, file.image_path, embedded_suffix(embedded), types, values)


_DECODER = msgspec.json.Decoder(_Glance)
_POINTS = msgspec.json.Decoder(list[tuple[float, float]])
