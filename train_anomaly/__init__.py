"""The anomaly detector: what differs from good images, learnt from good images alone."""
