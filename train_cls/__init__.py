"""The image classifier: what type of defect an image shows, or `good`."""
