"""Width, height and Pillow mode from the header of a plain JPEG or PNG, without a picture library.

None is said of anything that is not quite plain, and of what may hold an EXIF orientation: a library knows better.
"""

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
PNG_MODES = {(1, 0): "1", (8, 0): "L", (8, 2): "RGB", (8, 3): "P", (8, 4): "LA", (8, 6): "RGBA"}
JPEG_MODES = {1: "L", 3: "RGB"}
JPEG_FRAMES = frozenset({0xC0, 0xC1, 0xC2})  # baseline, extended and progressive
JPEG_TABLES = frozenset({0xC4, 0xDD, 0xFE, *range(0xE2, 0xF0)})  # what tells nothing about size and mode
JPEG_JFIF, JPEG_QUANTISATION, JPEG_SCAN = 0xE0, 0xDB, 0xDA

Header = tuple[int, int, str]


def plain_png(data: bytes) -> Header | None:
    """The header of a PNG whose chunks have been checked and hold no EXIF."""
    if data[12:16] != b"IHDR" or b"IDAT" not in data or b"acTL" in data[:1024]:
        return None
    width, height = int.from_bytes(data[16:20], "big"), int.from_bytes(data[20:24], "big")
    mode = PNG_MODES.get((data[24], data[25]))
    return (width, height, mode) if mode is not None and width and height else None


def plain_jpeg(data: bytes) -> Header | None:
    """The header of a JPEG whose segments before the first scan are all known and hold no EXIF or XMP.

    Source: ITU-T T.81, annex B.
    """
    header = None
    position = 2 if data.startswith(b"\xff\xd8\xff") else len(data)
    while data.startswith(b"\xff", position) and len(data) >= position + 10:
        kind = data[position + 1]
        length = int.from_bytes(data[position + 2 : position + 4], "big")
        if kind == JPEG_SCAN:
            return header
        if kind in JPEG_FRAMES and header is None:
            header = _frame(data[position + 4 : position + 10])
        elif kind == JPEG_QUANTISATION:
            if (length - 2) % 65:  # tables of 16 bits, or a spoilt one
                return None
        elif kind != JPEG_JFIF and kind not in JPEG_TABLES:
            return None
        position += 2 + length
    return None


def _frame(data: bytes) -> Header | None:
    height, width = int.from_bytes(data[1:3], "big"), int.from_bytes(data[3:5], "big")
    mode = JPEG_MODES.get(data[5])
    return (width, height, mode) if mode is not None and data[0] == 8 and width and height else None
