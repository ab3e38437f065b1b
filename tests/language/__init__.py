"""Finds and counts words that the writing standard has retired."""
