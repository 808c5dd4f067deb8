"""Check a dataset for problems that would harm training."""
