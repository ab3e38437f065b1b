"""Imports live PyTorch models: capture, conversion to ONNX, and a check against the model."""
