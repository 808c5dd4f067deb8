"""Features of pretrained networks, and how far those of an image are from the features of good images."""
