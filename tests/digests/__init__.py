"""Digests of generated designs: a net under changes that may not change any hardware."""
