"""Predict scored boxes in image pixels; used by validation, predict and evaluate."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import msgspec
import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from datasets.coco import Category, Prediction, Rle
from train_det.augment import Matrix
from train_det.data import draw_square
from train_det.families import Family
from train_det.instance_masks import instance_masks
from train_det.outputs import PROTOTYPES, one_output, split_output
from train_det.test_time_augmentation import average_over_symmetries
from train_det.ultralytics_api import family_of, non_max_suppression

SCORE_DIGITS = 5
PIXEL_DIGITS = 2
Waiting = tuple[NDArray[np.uint8], Matrix, tuple[int, int]]


class DetectionOptions(msgspec.Struct, frozen=True, kw_only=True):
    """How boxes are read from a model: side of the square in pixels, minimum score, maximum boxes per image.

    If two boxes of a type overlap by more than `overlap` (IoU), the one with the lower score is dropped.
    `symmetries` averages over the eight flips and right-angle rotations of each image.
    """

    side: int
    min_score: float = 0.001
    overlap: float = 0.5
    max_boxes: int = 100
    symmetries: bool = False
    batch: int = 8


class DetectorNetwork(msgspec.Struct, frozen=True):
    """A model: squares B x 3 x side x side (0..1 RGB, on `device`) to raw output B x (4 + classes) x anchors.

    The output contains xywh of the boxes in pixels of the square, then the score of each class; those of the other
    families are in train_det.outputs. `strides` are the strides in pixels of the anchor grids, in the order of the
    output.
    """

    raw: Callable[[torch.Tensor], torch.Tensor]
    strides: list[int]
    device: torch.device
    family: Family = "yolo"


def network_of(model: nn.Module) -> DetectorNetwork:
    """A detector in eval mode as a network, on its own device."""
    family = family_of(model)

    def raw(pixels: torch.Tensor) -> torch.Tensor:
        output: Any = model(pixels.contiguous(memory_format=torch.channels_last))
        return one_output(output, family, pixels.shape[-1])

    strides: Any = model.stride
    return DetectorNetwork(raw, [int(stride) for stride in strides], next(model.parameters()).device, family)


class Detections(NamedTuple):
    """Boxes n x 6: x0, y0, x1, y1 in image pixels, score, class, best first; and the masks of a -seg model."""

    boxes: NDArray[np.float64]
    masks: list[Rle] | None = None


def detect(
    network: DetectorNetwork, images: Iterable[NDArray[np.uint8]], options: DetectionOptions
) -> Iterator[NDArray[np.float64]]:
    """The boxes of each H x W x 3 RGB image, n x 6."""
    return (found.boxes for found in detect_instances(network, images, options))


def detect_instances(
    network: DetectorNetwork, images: Iterable[NDArray[np.uint8]], options: DetectionOptions
) -> Iterator[Detections]:
    """The boxes, and the masks of a -seg model, of each H x W x 3 RGB image."""
    waiting: list[Waiting] = []
    for image in images:
        square, matrix = draw_square(image, options.side)
        waiting.append((square, matrix, (image.shape[1], image.shape[0])))
        if len(waiting) == options.batch:
            yield from _detect_batch(network, waiting, options)
            waiting.clear()
    if waiting:
        yield from _detect_batch(network, waiting, options)


def to_predictions(
    boxes: NDArray[np.float64],
    image_id: int,
    categories: Sequence[Category],
    masks: Sequence[Rle] | None = None,
) -> list[Prediction]:
    """COCO results of the boxes that `detect` found in one image, with their masks if there are any."""
    predictions = []
    for number, (x0, y0, x1, y1, score, k) in enumerate(boxes[:, :6].tolist()):
        corner = (round(x0, PIXEL_DIGITS), round(y0, PIXEL_DIGITS))
        size = (round(x1 - x0, PIXEL_DIGITS), round(y1 - y0, PIXEL_DIGITS))
        category, mask = categories[int(k)].id, masks[number] if masks is not None else None
        predictions.append(Prediction(image_id, category, (*corner, *size), round(score, SCORE_DIGITS), mask))
    return predictions


def boxes_in_squares(raw: torch.Tensor, options: DetectionOptions, extra: int = 0) -> list[torch.Tensor]:
    """Boxes n x (6 + extra) in pixels of the squares, from raw output B x (4 + classes + extra) x anchors."""
    # Ultralytics keeps scores above the limit; here a prediction counts if its rounded score reaches the minimum.
    limit = max(0.0, options.min_score - 0.5 * 10**-SCORE_DIGITS)
    found: list[torch.Tensor] = non_max_suppression(
        raw, limit, options.overlap, multi_label=True, max_det=options.max_boxes, max_time_img=10.0,
        nc=raw.shape[1] - 4 - extra,
    )  # fmt: skip
    return found


def to_image_pixels(boxes: NDArray[np.float64], matrix: Matrix, size: tuple[int, int]) -> NDArray[np.float64]:
    """Boxes n x 6, mapped from the square to pixels of the image of `size` (width, height) and clipped to it."""
    scale, offset = matrix[0, 0], matrix[:2, 2]
    moved = boxes.copy()
    moved[:, :4] = np.clip((boxes[:, :4] - np.tile(offset, 2)) / scale, 0, np.tile(size, 2))
    return moved[(moved[:, 2] > moved[:, 0]) & (moved[:, 3] > moved[:, 1])]


def _detect_batch(
    network: DetectorNetwork, waiting: list[Waiting], options: DetectionOptions
) -> Iterator[Detections]:
    squares = np.stack([square for square, _, _ in waiting])
    with torch.inference_mode():
        pixels = to_pixels(squares, network.device)
        if options.symmetries:
            raw = average_over_symmetries(network.raw, pixels, network.strides)
        else:
            raw = network.raw(pixels)
        prototypes, extra = None, 0
        if network.family == "yolo-seg":
            raw, prototypes = split_output(raw, options.side, network.strides)
            extra = PROTOTYPES
        if network.family == "rtdetr":  # each query finds one defect, so nothing is suppressed
            options = msgspec.structs.replace(options, overlap=1.0)
        found = boxes_in_squares(raw, options, extra)
    for number, (boxes, (_, matrix, size)) in enumerate(zip(found, waiting, strict=True)):
        moved = to_image_pixels(boxes.double().cpu().numpy(), matrix, size)
        masks = None
        if prototypes is not None:
            masks = instance_masks(moved, prototypes[number].cpu().numpy(), matrix, size)
        yield Detections(moved[:, :6], masks)


def to_pixels(squares: NDArray[np.uint8], device: torch.device) -> torch.Tensor:
    """Squares B x side x side x 3, uint8, as the input of a network."""
    if device.type == "cpu":  # by NumPy, so that no threads of PyTorch compete with those of an exported network
        pixels = squares.astype(np.float32)
        pixels /= 255
        return torch.from_numpy(pixels).permute(0, 3, 1, 2)
    return torch.from_numpy(squares).to(device).permute(0, 3, 1, 2).float() / 255
