"""Reads and checks user input: YAML text, the values of its keys, and the weight file."""
