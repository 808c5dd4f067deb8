"""Checks of the pictures themselves: turned by EXIF, the same or almost the same as another."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from datasets.check.codes import Finding
from datasets.check.facts import Facts, ImageFacts

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

NEAR_THRESHOLD = (
    64  # of 2048 bits; of MVTec's bottles the one photographed twice differs in 48, all others in 89 and more
)
MIN_BITS = 64  # bits that must be set for a hash to say anything of a picture
BLOCK = 1024  # pictures compared with all others at a time


def check_duplicates(facts: Facts) -> list[Finding]:
    """Pictures with the same bytes as one before them, first of all in another split."""
    first: dict[str, list[ImageFacts]] = {}
    findings = []
    for image in facts.images:
        if not image.sha256:
            continue
        before = first.setdefault(image.sha256, [])
        if before:
            findings.append(_twins(image, before, "duplicate-across-splits", "duplicate-picture"))
        before.append(image)
    return findings


def check_near_duplicates(facts: Facts) -> list[Finding]:
    """Pictures whose difference hash is at most NEAR_THRESHOLD of 2048 bits from that of one before them."""
    import numpy as np

    images = [image for image in facts.images if image.perceptual_hash]
    if len(images) < 2:
        return []
    bits = np.unpackbits(np.frombuffer(b"".join(i.perceptual_hash for i in images), np.uint8)).reshape(
        len(images), -1
    )
    telling = bits.sum(axis=1) >= MIN_BITS
    images = [image for image, tells in zip(images, telling, strict=True) if tells]
    near: dict[int, list[ImageFacts]] = {}
    for i, j in _near_pairs(bits[telling]):
        if images[i].sha256 != images[j].sha256:
            near.setdefault(j, []).append(images[i])
    across, within = "near-duplicate-across-splits", "near-duplicate-picture"
    return [_twins(images[j], before, across, within) for j, before in sorted(near.items())]


def _near_pairs(bits: "NDArray[np.uint8]") -> Iterator[tuple[int, int]]:
    """Pairs i < j of rows that differ in at most NEAR_THRESHOLD bits."""
    import numpy as np

    signs = bits.astype(np.float32) * 2 - 1
    least = bits.shape[1] - 2 * NEAR_THRESHOLD
    for start in range(0, len(signs), BLOCK):
        alike = signs @ signs[start : start + BLOCK].T >= least
        for i, j in np.argwhere(alike):
            if i < start + j:
                yield int(i), int(start + j)


def _twins(image: ImageFacts, before: list[ImageFacts], across: str, within: str) -> Finding:
    elsewhere = [other for other in before if other.split != image.split]
    other = (elsewhere or before)[0]
    return Finding(image.name, "", across if elsewhere else within, f"like {other.name}")
