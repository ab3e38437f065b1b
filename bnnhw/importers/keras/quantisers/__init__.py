"""Quantisers of Larq and QKeras, and the activation functions of Keras."""
