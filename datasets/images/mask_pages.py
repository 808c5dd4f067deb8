"""Open a mask file and decode its pages; every fault of the file becomes an InputError."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from datasets.images.decode_limit import DECODE_ERRORS, check_decodable, open_image
from datasets.images.file_size import check_image_file
from datasets.images.image_file import unreadable
from system.errors import InputError

if TYPE_CHECKING:
    from PIL.Image import Image

MAX_PIXELS_PER_BYTE = 8 * 1040  # of a PNG file: deflate can repeat 258 bytes with 2 bits, not more

T = TypeVar("T")
SizeCheck = Callable[[tuple[int, int]], object]  # raises an error for a width and height that do not fit


def read_pages(
    path: Path,
    decode: "Callable[[Image], T]",
    *,
    several: bool = False,
    check: SizeCheck | None = None,
) -> list[T]:
    """`decode` of each page of a mask file; only a TIFF with `several` may have more than one.

    `check` gets width and height before anything is decoded. Raises InputError for a file that cannot be decoded,
    for several pages, for pages of different sizes, and for too many pixels.
    """
    from PIL import UnidentifiedImageError

    pages = []
    try:
        check_image_file(path)
    except OSError as error:
        raise unreadable(path, error) from None
    try:
        with open_image(path) as image:
            if check is not None:
                check(image.size)
            if image.format == "PNG" and image.width * image.height > MAX_PIXELS_PER_BYTE * path.stat().st_size:
                problem = f"{image.width} x {image.height} pixels, too many for so small a file"
                raise InputError(path, problem, "replace it with an intact copy")
            count = getattr(image, "n_frames", 1)
            if count > 1 and not (several and image.format == "TIFF"):
                raise InputError(path, f"a mask with {count} pages", "save each page as a mask of its own")
            size = image.size
            check_decodable(path, *size, count)
            for page in range(count):
                if page:
                    image.seek(page)
                if image.size != size:
                    page_size = f"{image.width} x {image.height}"
                    problem = f"page 1 has {size[0]} x {size[1]} pixels, page {page + 1} {page_size}"
                    raise InputError(path, problem, "save it without reduced copies")
                pages.append(decode(image))
    except UnidentifiedImageError:
        raise InputError(path, "not an image", "replace it by a PNG mask") from None
    except DECODE_ERRORS as error:
        raise InputError(path, f"cannot be read as a mask ({error})", "replace it with an intact copy") from None
    return pages
