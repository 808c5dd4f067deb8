import pytest

from datasets.formats.mask_pattern import parse_pattern
from system.errors import OptionError


@pytest.mark.parametrize(
    ("pattern", "image", "mask"),
    [
        ("{stem}", "a/b", "a/b"),
        ("{stem}_gt", "b", "b_gt"),
        ("img_{stem}=gt_{stem}", "a/img_1", "a/gt_1"),
        ("{stem}_{n}", "a_1", "a_1_23"),
        ("{n}-{stem}", "x.y", "7-x.y"),
        ("{stem}(+)", "a", "a(+)"),
        ("{stem}", "u\u0308", "\u00fc"),
    ],
)
def test_a_mask_and_its_image_share_a_part(pattern: str, image: str, mask: str) -> None:
    parsed = parse_pattern(pattern)
    assert parsed.common_part(image) in parsed.common_parts(mask)
    assert str(parsed) == pattern


@pytest.mark.parametrize(
    ("pattern", "mask"),
    [("{stem}_gt", "a_mask"), ("{stem}_{n}", "a_b"), ("{stem}_{n}", "a"), ("{stem}_gt", "_gt")],
)
def test_other_names_are_not_pairs(pattern: str, mask: str) -> None:
    assert parse_pattern(pattern).common_parts(mask) == []


@pytest.mark.parametrize("pattern", ["{n}", "{stem}_{n}_{n}", "{stem}_{n}={stem}", "{stem}/{n}", ""])
def test_a_pattern_that_cannot_be_meant(pattern: str) -> None:
    with pytest.raises(OptionError, match="not a pattern for the names of masks"):
        parse_pattern(pattern)
