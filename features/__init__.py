"""Features of pretrained networks, and the distance of the features of an image from those of good images."""
