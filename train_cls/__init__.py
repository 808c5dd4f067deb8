"""The image classifier: predicts the type of defect in an image, or `good`."""
