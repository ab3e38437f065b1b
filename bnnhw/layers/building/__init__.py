"""Builds layers from YAML items and arrays: weights, windows, and folded batch-norms."""
