"""What every room stands on: errors, files, processes and the terminal; no images, no runs."""

__version__ = "0.1.0"
