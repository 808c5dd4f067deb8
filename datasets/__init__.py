"""Formats as value types with strict readers and atomic writers, masks and boxes, splits, synthetic data."""

__version__ = "0.1.0"
