"""Reports what is installed, which device and weights there are, and what to do about what is missing."""
