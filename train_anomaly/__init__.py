"""The anomaly detector: learns from good images alone, and finds regions that differ from them."""
