"""Digests of generated designs, which detect unintended changes of the hardware."""
