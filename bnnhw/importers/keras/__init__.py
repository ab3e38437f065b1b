"""Imports models of Keras with the layers of Larq and QKeras, without TensorFlow."""
