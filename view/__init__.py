"""The HTML page and the overlay pictures."""
