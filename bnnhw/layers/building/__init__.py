"""Building layers from YAML items and arrays: weights, windows, and folds of batch-norms."""
