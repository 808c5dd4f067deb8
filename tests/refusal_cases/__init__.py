"""Inputs that a conversion refuses, one for each place in the code that refuses input."""
