"""Checks of the built distributions."""
