"""Near duplicates: every pair of hashes compared, in blocks and in the order of the images."""

import numpy as np
import pytest

from datasets.check.facts import Facts, ImageFacts
from datasets.check.images import NEAR_THRESHOLD, check_near_duplicates


def image(number: int, bits: np.ndarray, split: str = "train") -> ImageFacts:
    hashed = np.packbits(bits.astype(np.uint8)).tobytes()
    return ImageFacts(f"{number}.png", split, False, [], [], 8, 8, sha256=str(number), perceptual_hash=hashed)


def findings(images: list[ImageFacts]) -> list[tuple[str, str, str]]:
    return [(f.file, f.code, f.value) for f in check_near_duplicates(Facts([], images, True))]


@pytest.mark.parametrize("block", [1, 3, 1024])
def test_blocks_find_the_pairs_that_a_comparison_one_by_one_finds(
    block: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("datasets.check.near_pairs.BLOCK", block)
    rng = np.random.default_rng(0)
    bits = rng.integers(0, 2, (20, 2048))
    for k, changed in ((7, 10), (8, NEAR_THRESHOLD), (9, NEAR_THRESHOLD + 1), (15, 30)):
        bits[k] = bits[2]
        bits[k, rng.choice(2048, changed, replace=False)] ^= 1
    images = [image(k, row, "val" if k == 15 else "train") for k, row in enumerate(bits)]
    expected = []
    for j in range(20):
        near = [i for i in range(j) if (bits[i] != bits[j]).sum() <= NEAR_THRESHOLD]
        if near:
            code = "near-duplicate-across-splits" if j == 15 else "near-duplicate-picture"
            expected.append((f"{j}.png", code, f"like {near[0]}.png"))
    assert len(expected) >= 3
    assert findings(images) == expected


def test_hashes_of_flat_images_are_not_compared() -> None:
    flat = np.zeros(2048, int)
    flat[:63] = 1
    assert findings([image(1, flat), image(2, flat)]) == []
    flat[63] = 1
    assert [code for _, code, _ in findings([image(1, flat), image(2, flat)])] == ["near-duplicate-picture"]
