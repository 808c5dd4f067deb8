"""Paste real defects onto good images."""
