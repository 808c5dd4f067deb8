"""Masks in memory: run lengths, components, outlines and painting."""
