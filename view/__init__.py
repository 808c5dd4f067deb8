"""The HTML page and the overlay images of a run or a dataset."""
