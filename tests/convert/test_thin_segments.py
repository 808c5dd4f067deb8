"""Instances thinner than a pixel of the resized image are counted, and only those."""

import cv2
import numpy as np
import pytest

from convert.coco_source import CocoImage
from convert.yolo_labels import label_lines
from convert.yolo_segments import Style
from datasets.coco import Image
from tests.small_coco import box_annotation, mask_annotation


def thin_codes(width: int, longest: int, imgsz: int, *, segments: bool = True) -> list[str]:
    """The codes of a crack `width` pixels wide in an image with a longer side of `longest` pixels."""
    pixels = np.zeros((200, longest), np.uint8)
    cv2.polylines(pixels, [np.array([[20, 30], [60, 70], [100, 90], [180, 60]])], False, 1, width)
    item = CocoImage(Image(1, "a.png", longest, 200), "train", [mask_annotation(1, 1, 3, pixels)])
    ((_, events),) = label_lines([item], {3: 0}, Style(segments=segments, imgsz=imgsz))
    return [event.code for event in events]


@pytest.mark.parametrize(
    ("width", "longest", "expected"),
    [(1, 640, []), (1, 641, ["thin-segment"]), (2, 1280, []), (2, 2000, ["thin-segment"]), (6, 2000, [])],
)
def test_cracks_are_thin_if_no_square_of_a_resized_pixel_is_inside(
    width: int, longest: int, expected: list[str]
) -> None:
    assert thin_codes(width, longest, 640) == expected


def test_a_larger_training_size_and_boxes_draw_no_thin_segment() -> None:
    assert thin_codes(1, 2000, 2000) == []
    assert thin_codes(1, 2000, 640, segments=False) == []


def test_an_annotation_without_pixels_is_not_thin() -> None:
    image = Image(1, "a.png", 2000, 200)
    annotations = [
        mask_annotation(1, 1, 3, np.zeros((200, 2000), np.uint8)),
        box_annotation(2, 1, 3, (5, 5, 1, 1)),
    ]
    ((_, events),) = label_lines([CocoImage(image, "train", annotations)], {3: 0}, Style(segments=True))
    assert [event.code for event in events] == ["no-area", "box-as-segment"]
