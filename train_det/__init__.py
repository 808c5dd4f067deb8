"""The YOLO detector: fit, predict, evaluate. The only room that imports Ultralytics."""

TASK = "det"  # of its runs, runs/det/
