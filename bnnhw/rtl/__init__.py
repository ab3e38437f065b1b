"""Amaranth components. Plain numbers and arrays in; this package knows neither Graph nor Plan."""
