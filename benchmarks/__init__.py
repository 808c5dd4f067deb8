"""What is measured and shown: the demo, and the benchmarks with their published results."""
