"""The U-Net segmenter, the command train_seg. The only room that imports smp, albumentations and Lightning."""
