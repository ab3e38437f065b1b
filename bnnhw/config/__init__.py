"""What a user writes: YAML text, the values of its keys, and the weight file, all checked."""
