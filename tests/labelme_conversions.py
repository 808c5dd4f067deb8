"""Conversions of the labelme test files, and shapes that several test modules draw."""

from pathlib import Path
from typing import Any

import numpy as np

from convert.execution import Execution
from convert.labelme2coco import LabelmeOptions, labelme2coco
from convert.report import Report
from tests.labelme_files import (
    HEIGHT,
    WIDTH,
)

ONE_SPLIT = (1.0, 0.0, 0.0)
SQUARE = [[10, 10], [20, 10], [20, 20], [10, 20]]
HAND_DRAWN = [[5.3, 7.9], [31.2, 4.4], [40.7, 22.6], [22.1, 35.2], [9.8, 28.3]]
BOW_TIE = [[10.2, 9.7], [33.4, 30.9], [31.1, 10.3], [9.6, 31.8]]


def convert(source: Path, dest: Path, **options: Any) -> Report:
    run = {name: options.pop(name) for name in ("strict", "dry_run", "overwrite", "jobs") if name in options}
    return labelme2coco(source, dest, LabelmeOptions(ratios=ONE_SPLIT, **options), Execution(**run))


def codes(report: Report) -> list[str]:
    return [event.code for event in report.events]


def rectangle(x0: int, y0: int, x1: int, y1: int) -> Any:
    pixels = np.zeros((HEIGHT, WIDTH), bool)
    pixels[y0:y1, x0:x1] = True
    return pixels


MASK = [[0, 1, 1], [1, 1, 0], [1, 0, 1], [1, 1, 1]]
placed_mask = np.zeros((HEIGHT, WIDTH), bool)
placed_mask[8:12, 50:53] = np.asarray(MASK, bool)
