"""Reads ONNX and QONNX models: every node becomes part of a layer with exact integers."""
