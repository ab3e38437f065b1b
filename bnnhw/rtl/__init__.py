"""Amaranth components that depend on numbers and arrays only, not on a Graph or a Plan."""
