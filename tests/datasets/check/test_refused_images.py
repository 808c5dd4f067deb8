"""`datasets check` refuses every image that a conversion refuses, in the same words, for every conversion."""

from pathlib import Path

import pytest

from tests.datasets.check.test_every_refusal import run
from tests.refusal_cases.shared import DAMAGE, WITH_IMAGES, image_case

ALWAYS = ("text", "truncated", "a flipped bit", "too many pixels", "a link to nothing")
READ_NO_IMAGE = "coco2masks"
NOT_LISTED = ("yolo2coco", "a link to nothing")  # its label file is reported as one without an image


@pytest.mark.parametrize("damage", list(DAMAGE))
@pytest.mark.parametrize("command", list(WITH_IMAGES))
def test_a_damaged_image(tmp_path: Path, command: str, damage: str) -> None:
    result = run(image_case(command, damage), tmp_path)
    assert [words for _, words in result.refused if words not in result.stated] == []
    assert bool(result.refused) != result.left_behind
    reads = command != READ_NO_IMAGE and (command, damage) != NOT_LISTED
    if damage == "a link that leads outside" or (damage in ALWAYS and reads):
        assert result.refused != []
