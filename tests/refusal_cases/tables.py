"""All cases."""

from tests.refusal_cases import coco, labelme, masks, more_tools, trees, yolo
from tests.refusal_cases.case import Case

CASES: tuple[Case, ...] = (
    *labelme.CASES,
    *trees.CASES,
    *coco.CASES,
    *yolo.CASES,
    *more_tools.CASES,
    *masks.CASES,
)
