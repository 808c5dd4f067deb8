"""Image files: their headers, their pixels, and index PNGs."""
