"""The demo, and the benchmarks with their published results."""
