"""Builds small convolutional QONNX models node by node."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from tests.importers.vector_models import DOMAIN, Builder

__all__ = ["MapBuilder", "run"]


class MapBuilder(Builder):
    """Appends nodes that work on [1, C, H, W] or [1, C, T]."""

    def __init__(self, shape: Sequence[int], seed: int = 0) -> None:
        super().__init__(shape, seed)
        self.channels = shape[1]
        self.outputs: list[str] = []

    def conv(self, outputs: int, kernel: Sequence[int] = (3, 3), bias: bool = False,
             scale: float = 1.0, group: int = 1, **attributes: Any) -> MapBuilder:
        real = self.constant(self.random.normal(size=(outputs, self.channels // group, *kernel)))
        inputs = [self.add("BipolarQuant", [real, self.constant(scale)], DOMAIN)]
        if bias:
            inputs.append(self.constant(self.random.normal(0, 3, outputs)))
        self.then("Conv", *inputs, group=group, kernel_shape=list(kernel), **attributes)
        self.channels = outputs
        return self

    def pool(self, kind: str = "MaxPool", size: int = 2, **attributes: Any) -> MapBuilder:
        self.then(kind, kernel_shape=[size, size], **{"strides": [size, size], **attributes})
        return self

    def pad(self, value: float, starts: Sequence[int], ends: Sequence[int]) -> MapBuilder:
        pads = self.constant([0, 0, *starts, 0, 0, *ends], np.int64)
        self.then("Pad", pads, self.constant(value))
        return self

    def flat(self, features: int) -> MapBuilder:
        self.then("Flatten")
        self.channels = features
        return self

    def at(self, tensor: str, channels: int) -> MapBuilder:
        """Continue from another tensor."""
        self.current, self.channels = tensor, channels
        return self

    def give(self) -> MapBuilder:
        """Add the current tensor to the outputs of the model."""
        self.outputs.append(self.current)
        return self

    def model(self) -> Any:
        names = self.outputs or [self.current]
        outputs = [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in names]
        graph = helper.make_graph(self.nodes, "net", [self.input], outputs, self.constants)
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13),
                                                       helper.make_opsetid(DOMAIN, 1)])

    def save(self, folder: Path) -> Path:
        path = folder / "model.onnx"
        path.write_bytes(self.model().SerializeToString())
        return path


def run(path: Path, x: np.ndarray) -> list[np.ndarray]:
    """Run a model on samples [n, ...]: onnxruntime, and the package qonnx for QONNX's nodes."""
    from qonnx.custom_op.general.multithreshold import multithreshold
    from qonnx.custom_op.general.quant import quant

    graph = onnx.load_model_from_string(path.read_bytes()).graph
    values = {t.name: numpy_helper.to_array(t) for t in graph.initializer}
    values[graph.input[0].name] = x.astype(np.float32)
    for node in graph.node:
        arrays = [values.get(name) for name in node.input]
        options = {a.name: helper.get_attribute_value(a) for a in node.attribute}
        if node.op_type == "BipolarQuant":
            result = np.where(arrays[0] >= 0, np.float32(1), np.float32(-1)) * arrays[1]
        elif node.op_type == "Quant":
            result = quant(*arrays, options["signed"], options["narrow"],
                           options["rounding_mode"].decode())
        elif node.op_type == "MultiThreshold":
            result = multithreshold(*arrays, options.get("out_scale"), options.get("out_bias"))
        else:
            result = _run_node(node, arrays)
        if isinstance(result, list):
            values.update(zip(node.output, result, strict=True))
        else:
            values[node.output[0]] = np.asarray(result, dtype=np.float32)
    return [values[output.name] for output in graph.output]


def _run_node(node: Any, arrays: list[np.ndarray]) -> list[np.ndarray]:
    import onnxruntime

    infos = {name: helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(a.dtype),
                                                 a.shape)
             for name, a in zip(node.input, arrays, strict=True) if name}
    graph = helper.make_graph([node], "one", list(infos.values()), [
        onnx.ValueInfoProto(name=name) for name in node.output])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    session = onnxruntime.InferenceSession(model.SerializeToString(),
                                           providers=["CPUExecutionProvider"])
    feeds = {k: v for k, v in zip(node.input, arrays, strict=True) if k}
    return [np.asarray(array) for array in session.run(None, feeds)]
