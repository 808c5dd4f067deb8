"""What every other package uses: errors, files, processes and the terminal. Knows no images and no runs."""

__version__ = "0.1.0"
