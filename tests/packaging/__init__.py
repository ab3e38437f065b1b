"""Checks the built wheel and sdist."""
