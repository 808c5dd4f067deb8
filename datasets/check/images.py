"""Checks of the images themselves: equal or almost equal to another image."""

from collections import Counter
from collections.abc import Iterator
from collections.abc import Set as AbstractSet

from datasets.check.codes import Finding
from datasets.check.facts import Facts, ImageFacts

# differing bits of 2048; of MVTec's bottles the one photographed twice differs in 48, all others in 89 or more
NEAR_THRESHOLD = 64
MIN_BITS = 64  # set bits; a hash with fewer shows too little structure to be compared


def check_duplicates(facts: Facts) -> list[Finding]:
    """Images with the same bytes as an earlier one; one in another split is preferred as the twin."""
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


def check_contradictions(facts: Facts, faulty: AbstractSet[str]) -> list[Finding]:
    """Images with the same bytes as another one that has other annotations; one of the two is wrong.

    It has none, or not as many of each category. Images in `faulty` have other findings: they are unlabelled or
    unreadable, and no negatives.
    """
    annotated = {image.sha256: image.name for image in facts.images if image.sha256 and image.annotations}
    negatives = [
        Finding(image.name, "", "labelled-and-negative", f"like {annotated[image.sha256]}, which has annotations")
        for image in facts.images
        if not image.annotations and image.sha256 in annotated and image.name not in faulty
    ]
    return [*negatives, *_labelled_differently(facts)]


def _labelled_differently(facts: Facts) -> Iterator[Finding]:
    first: dict[str, ImageFacts] = {}
    for image in facts.images:
        if image.sha256 and image.annotations:
            other = first.setdefault(image.sha256, image)
            if (own := _count(image)) != (others := _count(other)):
                value = f"{own}; {other.name}, the same image: {others}"
                yield Finding(image.name, "", "labelled-differently", value)


def _count(image: ImageFacts) -> str:
    """Number of annotations of each category, such as `2 chip, 1 dent`."""
    counts = Counter(annotation.category for annotation in image.annotations)
    return ", ".join(f"{count} {category}" for category, count in sorted(counts.items()))


def check_near_duplicates(facts: Facts) -> list[Finding]:
    """Images whose hash differs in at most NEAR_THRESHOLD of 2048 bits from that of an earlier one.

    An image made from others of its split resembles them; that is only reported across splits.
    """
    from datasets.check.near_pairs import near_pairs

    images = [image for image in facts.images if _set_bits(image.perceptual_hash) >= MIN_BITS]
    near: dict[int, list[ImageFacts]] = {}
    for i, j in near_pairs([image.perceptual_hash for image in images], NEAR_THRESHOLD):
        one, other = images[i], images[j]
        is_expected = one.split == other.split and not facts.made.isdisjoint((one.name, other.name))
        if one.sha256 != other.sha256 and not is_expected:
            near.setdefault(j, []).append(images[i])
    across, within = "near-duplicate-across-splits", "near-duplicate-picture"
    return [_twins(images[j], before, across, within) for j, before in sorted(near.items())]


def _set_bits(packed: bytes) -> int:
    return int.from_bytes(packed).bit_count()


def _twins(image: ImageFacts, before: list[ImageFacts], across: str, within: str) -> Finding:
    in_other_splits = [other for other in before if other.split != image.split]
    other = (in_other_splits or before)[0]
    return Finding(image.name, "", across if in_other_splits else within, f"like {other.name}")
