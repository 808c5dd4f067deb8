"""Folder trees of images and masks: how MVTec AD and other public datasets arrange their files."""
