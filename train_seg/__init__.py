"""The U-Net segmenter: fit, predict, evaluate. The only room that imports smp, albumentations and Lightning."""

TASK = "seg"  # of its runs, runs/seg/
