"""Synthetic bottle mouths in MVTec form."""
