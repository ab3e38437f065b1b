"""Keras layers by class name, and the operations that each of them consists of."""
