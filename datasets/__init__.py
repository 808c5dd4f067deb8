"""Datasets: value types, formats, masks, splits, checks, pasting and synthetic data."""
