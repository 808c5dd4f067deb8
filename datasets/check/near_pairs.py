"""Pairs of hashes that differ in few bits, found without comparing every pair where hashes are far apart.

If the bits are divided into LIMIT + 1 groups, two hashes that differ in at most LIMIT bits agree in a whole group
(the pigeonhole principle; M. Norouzi, A. Punjani, D. Fleet, "Fast search in Hamming space with multi-index
hashing", CVPR 2012). So only hashes with an equal group are compared, which sorting finds. Images of one fixed
camera are so similar that most of them have an equal group; then every pair is compared, first by the bits that
vary most. Both ways find the same pairs.
"""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

GROUP_PAYS_FROM = 2048  # hashes; below, comparing every pair is quick
CANDIDATES_PER_HASH = 16  # candidate pairs; with more of them, every pair is compared
GROUPS_AT_A_TIME = 13
FILTER_DISTANCE = 2  # times the limit; mean distance in the bits that are compared first. Of 292 images of a fixed
# camera 259 bits have it, in which 1 % of the pairs are within the limit, and 0.002 % in all 2048
BLOCK = 512  # hashes of which two blocks are compared at a time
VERIFIED_AT_A_TIME = 2**14  # candidate pairs


def near_pairs(hashes: Sequence[bytes], limit: int) -> list[tuple[int, int]]:
    """Pairs i < j of `hashes`, all of one length, that differ in at most `limit` bits, sorted by j, then by i."""
    if len(hashes) < 2:
        return []
    packed = np.frombuffer(b"".join(hashes), np.uint8).reshape(len(hashes), -1)
    share = np.unpackbits(packed[:: max(1, len(packed) // 1024)], axis=1).mean(
        0
    )  # of the hashes that set each bit
    order = np.argsort(np.abs(share - 0.5), kind="stable")  # the bits that vary most come first
    codes = grouped_candidates(packed, order, limit) if len(packed) >= GROUP_PAYS_FROM else None
    if codes is None:
        distance = np.cumsum((2 * share * (1 - share))[order])  # mean distance in the first bits
        found = filtered_pairs(packed, order[: np.searchsorted(distance, FILTER_DISTANCE * limit) + 1], limit)
    else:
        found = _verified(packed, codes, limit)
    return [(code % len(packed), code // len(packed)) for code in np.unique(found).tolist()]


def grouped_candidates(
    packed: "NDArray[np.uint8]", order: "NDArray[np.int64]", limit: int
) -> "NDArray[np.int64] | None":
    """The codes j * N + i of the pairs that agree in a group of bits; None if there are too many.

    `packed` has the N hashes as rows, `order` the bits that vary most first; each group gets as many of them.
    """
    groups, codes, left = limit + 1, [np.empty(0, np.int64)], CANDIDATES_PER_HASH * len(packed)
    for first in range(0, groups, GROUPS_AT_A_TIME):
        chosen = [order[group::groups] for group in range(first, min(first + GROUPS_AT_A_TIME, groups))]
        for keys in _keys(packed, chosen):
            ranked = np.argsort(keys, kind="stable")
            ends = np.flatnonzero(np.append(np.diff(keys[ranked]) != 0, True)) + 1
            lengths = np.diff(ends, prepend=0)
            left -= int((lengths * (lengths - 1) // 2).sum())
            if left < 0:
                return None
            codes.append(_pairs_of_runs(ranked, ends - lengths, lengths))
    return np.unique(np.concatenate(codes))


def filtered_pairs(packed: "NDArray[np.uint8]", bits: "NDArray[np.int64]", limit: int) -> "NDArray[np.int64]":
    """The codes of all pairs within `limit`; every pair is compared by the given `bits` first.

    The products of the rows of two blocks at a time count the bits that agree; all rows together would take a
    hundred times the memory of the hashes.
    """
    found = [np.empty(0, np.int64)]
    for start in range(0, len(packed), BLOCK):
        columns = _signs(packed[start : start + BLOCK], bits)
        for top in range(0, start + 1, BLOCK):
            rows = columns if top == start else _signs(packed[top : top + BLOCK], bits)
            j, i = np.nonzero(columns @ rows.T >= len(bits) - 2 * limit)
            codes = (start + j) * len(packed) + top + i
            found.append(_verified(packed, codes[top + i < start + j], limit))
    return np.concatenate(found)


def _keys(packed: "NDArray[np.uint8]", chosen: "Sequence[NDArray[np.int64]]") -> "Iterator[NDArray[np.uint64]]":
    """A number for each hash and each group of at most 64 bits, equal where all its bits are equal."""
    keys = np.zeros((len(chosen), len(packed)), np.uint64)
    for top in range(0, len(packed), 2 * BLOCK):
        bits = np.unpackbits(packed[top : top + 2 * BLOCK], axis=1)
        for key, group in zip(keys, chosen, strict=True):
            padded = np.zeros((len(bits), 64), np.uint8)
            padded[:, : len(group)] = bits[:, group]
            key[top : top + len(bits)] = np.packbits(padded, axis=1).view(np.uint64)[:, 0]
    yield from keys


def _pairs_of_runs(
    ranked: "NDArray[np.int64]", starts: "NDArray[np.int64]", lengths: "NDArray[np.int64]"
) -> "NDArray[np.int64]":
    """The codes of every pair in the same run of `ranked`; `starts` and `lengths` describe the runs."""
    codes, count = [np.empty(0, np.int64)], len(ranked)
    longer = lengths > 1
    starts, lengths = starts[longer], lengths[longer]
    for k in range(1, int(lengths.max(initial=0))):  # the k-th hash of each run with all before it
        starts, lengths = starts[lengths > k], lengths[lengths > k]
        before = ranked[starts[:, None] + np.arange(k)]  # a stable sort: each is smaller than the k-th
        codes.append((ranked[starts + k][:, None] * count + before).ravel())
    return np.concatenate(codes)


def _verified(packed: "NDArray[np.uint8]", codes: "NDArray[np.int64]", limit: int) -> "NDArray[np.int64]":
    """Those of the `codes` whose two hashes differ in at most `limit` bits."""
    kept = [np.empty(0, np.int64)]
    for top in range(0, len(codes), VERIFIED_AT_A_TIME):
        some = codes[top : top + VERIFIED_AT_A_TIME]
        differing = packed[some // len(packed)] ^ packed[some % len(packed)]
        kept.append(some[np.bitwise_count(differing).sum(1, dtype=np.int64) <= limit])
    return np.concatenate(kept)


def _signs(packed: "NDArray[np.uint8]", bits: "NDArray[np.int64]") -> "NDArray[np.float32]":
    """1 and -1 for the given `bits` of N hashes, N x bits."""
    signs = np.unpackbits(packed, axis=1)[:, bits].astype(np.float32)
    signs *= 2
    signs -= 1
    return signs
