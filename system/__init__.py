"""Used by every other package: errors, files, processes and the terminal. Knows nothing about images or runs."""

__version__ = "0.1.0"
