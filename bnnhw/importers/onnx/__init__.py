"""Importer of ONNX and QONNX graphs."""
