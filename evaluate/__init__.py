"""Ground truth and predictions in, numbers out; knows no model."""
