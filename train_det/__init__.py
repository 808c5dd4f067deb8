"""The YOLO detector: fit, predict, evaluate. The only room that imports Ultralytics."""

KIND = "det"  # of its runs, runs/det/
