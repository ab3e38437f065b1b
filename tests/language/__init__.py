"""Counts words of the writing standard that the project no longer uses in a private sense."""
