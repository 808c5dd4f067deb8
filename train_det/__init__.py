"""The YOLO detector, the command train_det. The only room that imports Ultralytics."""
