"""The file name ending of an image by its first bytes."""

SIGNATURES = {
    b"\x89PNG": ".png",
    b"\xff\xd8\xff": ".jpg",
    b"BM": ".bmp",
    b"RIFF": ".webp",
    b"II*\0": ".tif",
    b"MM\0*": ".tif",
}


def ending_of(start: bytes) -> str | None:
    """The ending for the first bytes of an image, None if they belong to no format that we read."""
    return next((suffix for signature, suffix in SIGNATURES.items() if start.startswith(signature)), None)
