"""Labelling with labelme, which runs as a separate program."""
