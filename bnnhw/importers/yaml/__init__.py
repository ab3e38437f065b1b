"""Reads layers.yaml: the keys of the file, the checks of its values, and its outputs."""
