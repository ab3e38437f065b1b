"""Reads networks of several file formats into Graphs, and rejects what is not exact integers."""
